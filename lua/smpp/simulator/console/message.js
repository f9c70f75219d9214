// A message: its state in a colour, and all that is known of it.
import { h, tag } from "./dom.js"
import { moment, dump } from "./format.js"

const KINDS = { DELIVERED: "good", ACCEPTED: "good", ENROUTE: "calm", SCHEDULED: "calm", UNKNOWN: "warn", SKIPPED: "warn" }

export function state_tag(state) { return tag(state.toLowerCase(), KINDS[state] || "bad") }

/** The messages of a feed in the order of their submits: one that comes again, in another state, may come late. */
export function in_order(feed) { return [...feed.values()].sort((a, b) => a.submitted - b.submitted) }

/** A row of a table that shows its message when it is clicked, or with Enter. */
export function message_row(app, m, ...cells) {
  const show = () => show_message(app, m.id)
  return h("tr.link", { tabindex: 0, onclick: show, onkeydown: (event) => { if (event.key === "Enter") show() } }, ...cells)
}

function pair(name, value) { return value === null || value === undefined || value === "" ? [] : [h("dt", name), h("dd", value)] }

const shown = (value) => typeof value === "object" ? JSON.stringify(value) : String(value)

/** Shows a message in a dialog; what the list does not have is asked for. */
export async function show_message(app, id) {
  let m
  try {
    m = await app.call("message", { id })
  } catch (error) {
    return app.say(error.message, "bad")
  }
  const octets = atob(m.data), hex = [...octets].map((c) => c.charCodeAt(0).toString(16).padStart(2, "0")).join("")
  app.dialog("Message " + m.id,
    h("dl.pairs",
      h("dt", "State"), h("dd", state_tag(m.state)),
      pair("From", m.from), pair("To", m.to), pair("Account", m.system_id),
      pair("Submitted", moment(Date.parse(m.submitted) / 1000)), pair("Done", m.done && moment(Date.parse(m.done) / 1000)),
      pair("Encoding", `${m.encoding}, data_coding ${m.data_coding}, ${octets.length} octets`)),
    m.text !== null && [h("h3", "Text"), h("p.words", m.text)],
    h("h3", "Octets of the message"), h("pre.dump", { tabindex: 0 }, hex ? dump(hex) : "none"),
    m.fields && [h("h3", "Parameters"), h("dl.pairs.mono", Object.entries(m.fields).map(([name, value]) =>
      [h("dt", name), h("dd", shown(value) === "" ? h("span.dim", "empty") : shown(value))]))],
    m.octets && [h("h3", "The PDU"), h("pre.dump", { tabindex: 0 }, dump(m.octets)),
      h("div.buttons", h("button", { onclick: () => app.go("explain", { hex: m.octets }) }, "Explain this PDU"))])
}
