// What the views of a gateway share.
import { h, text, attribute, tag } from "./dom.js"
import { moment, time } from "./format.js"

const style = h("link", { rel: "stylesheet", href: "gateway.css" })
await new Promise((done) => { // else the first view would move when it comes
  style.onload = style.onerror = done
  document.head.append(style)
})

/** Unix time of an RFC 3339 text; null: none. */
export const unix = (words) => words ? Date.parse(words) / 1000 : null

/** A time of today, else with its day: for lists, whose `title` has it in full. */
export function when(unix_time) {
  if (!unix_time) return "–"
  const day = moment(unix_time).slice(0, 10)
  return (day === moment(Date.now() / 1000).slice(0, 10) ? "" : day.slice(5) + " ") + time(unix_time)
}

/** A card of a list: its title, more words beside it, what it shows. */
export function section(title, ...content) {
  const note = h("span.dim")
  const card = h("section.card", h("header", h("h2", title), note), ...content)
  card.say = (words) => text(note, words)
  return card
}

/** A line below a view of one of several nodes: what is of this node alone. */
export function of_this_node(app, root, words) {
  if (app.views.some((one) => one.id === "nodes")) root.append(h("p.note-line", words + " ", h("a", { href: "#/nodes" }, "All nodes")))
}

/** A card with a large number: `show(value, note, kind)`. */
export function figure(label) {
  const value = h("b", "–"), note = h("small")
  const card = h("div.card.figure", h("span", label), value, note)
  card.show = (words, more, kind) => {
    text(value, words)
    text(note, more || "")
    attribute(card, "class", "card figure" + (kind ? " " + kind : ""))
  }
  return card
}

const CARRIER = {
  up: ["up", "good"], partly: ["partly up", "warn"], off: ["off", "calm"], closing: ["closing", "calm"], open: ["breaker open", "bad"],
  half_open: ["probing", "warn"], backing_off: ["backing off", "warn"], down: ["not bound", "bad"],
}
export const carrier_kind = (state) => (CARRIER[state] || ["", "calm"])[1]

/** The state of a carrier, kept as it is while that is the same. */
export function show_carrier_state(place, carrier) {
  const [words, kind] = CARRIER[carrier.state] || [carrier.state, "calm"]
  const left = carrier.left_s ? " " + carrier.left_s + " s" : ""
  const all = words + left + (carrier.switched ? ", by hand" : "")
  if (place.textContent !== all) place.replaceChildren(tag(all, kind))
  attribute(place, "title", carrier.words)
}

const MESSAGE = {
  delivered: "good", sent: "calm", accepted: "calm", queued: "calm", scheduled: "calm", held: "warn", unknown: "warn", expired: "bad",
  undelivered: "bad", cancelled: "calm", rejected: "bad", refused: "bad",
}
export const message_kind = (state) => MESSAGE[state] || "calm"
export const state_tag = (state) => tag(state, message_kind(state))

/** A bar: how much of something is used. */
export function meter(label) {
  const bar = h("i"), node = h("span.meter", { role: "img", "aria-label": label }, bar)
  node.show = (used, most) => {
    const share = most > 0 ? Math.min(1, used / most) : 0
    bar.style.width = (100 * share).toFixed(0) + "%"
    attribute(node, "class", "meter" + (share > 0.9 ? " full" : ""))
    attribute(node, "aria-label", `${label}: ${used} of ${most}`)
  }
  return node
}

/** Runs `fn` now and again some time after it has ended, as long as the view is open and seen.  `.now()` runs it at once. */
export function poll(ms, fn) {
  let timer, ended = false, turn = 0
  const run = async () => {
    clearTimeout(timer)
    const own = ++turn
    if (!document.hidden) await fn().catch(() => null)
    if (!ended && own === turn) timer = setTimeout(run, ms)
  }
  run()
  return { now: run, close() { ended = true; turn++; clearTimeout(timer) } }
}

/** An empty place: what it means that there is nothing. */
export const empty = (title, words) => h("div.empty", h("strong", title), words && h("span", words))

/** Names of the accounts for an input: returns the id of the list, which is appended to `root`. */
export function account_names(root, app) {
  const list = h("datalist", { id: "account-names" })
  root.append(list)
  app.call("accounts", {}).then((all) => list.append(...all.accounts.map((one) => h("option", { value: one.name }))), () => null)
  return list.id
}

/** Shows at its field what is wrong with a form, else in words. */
export function show_problem(form, words, error) {
  for (const input of form.elements) attribute(input, "aria-invalid", null)
  text(words, error ? error.message : "")
  const input = error && error.field && form.elements[error.field]
  if (input && input.focus) {
    attribute(input, "aria-invalid", "true")
    input.focus()
  }
}

/** A rule-by-rule explanation. */
export function explanation(why) {
  return [
    h("p.decision", why.decision.what, h("span.dim", why.decision.line ? ` · line ${why.decision.line}` : " · no rule matches")),
    h("ol.steps", why.steps.map((step) => h(step.matched ? "li.yes" : "li.no",
      h("span", step.line ? "line " + step.line : ""), h("b", { "aria-hidden": "true" }, step.matched ? "✓" : "·"), h("p", step.why)))),
  ]
}
