// The whole at a glance, readable from across the room.
import { h, rows, text, attribute } from "./dom.js"
import { count, short, seconds, percent } from "./format.js"
import { Chart } from "./chart.js"
import { figure, meter, carrier_kind, show_carrier_state, empty, of_this_node } from "./parts.js"

const SPAN_S = 300

/** What is not as it should be, in words: [[kind, words] …]. */
function troubles(s) {
  const list = []
  for (const one of s.carriers) {
    const kind = carrier_kind(one.state)
    if (kind === "bad" || kind === "warn") list.push([kind, `${one.name}: ${one.words}`])
    else if (one.errors >= 0.05 && one.rate > 0) list.push(["warn", `${one.name}: ${percent(one.errors)} of what it gets is refused or not answered`])
  }
  if (s.queue.held) list.push(["warn", `${count(s.queue.held)} messages of unknown outcome`])
  if (s.webhooks.failing) list.push(["warn", `${count(s.webhooks.failing)} webhook events fail`])
  if (s.closing) list.push(["warn", "the gateway is ending"])
  const off = s.carriers.filter((one) => one.state === "off").map((one) => one.name)
  if (off.length) list.push(["calm", (off.length > 3 ? `${off.length} carriers` : off.join(", ")) + (off.length === 1 ? " is off" : " are off")])
  return list
}

function verdict(s, list) {
  const all = s.carriers.length + s.more_carriers - s.carriers.filter((one) => one.state === "off").length
  if (!s.carriers.length) return ["warn", "No carrier is in the file"]
  if (!s.available) return ["bad", "No carrier takes messages"]
  if (s.available < all) return ["bad", `${s.available} of ${all} carriers take messages`]
  return [list.some(([kind]) => kind !== "calm") ? "warn" : "good", all === 1 ? "The carrier takes messages" : `All ${all} carriers take messages`]
}

function carrier_card(one) {
  const state = h("span"), rate = h("b"), used = meter("Window used"), values = [h("dd"), h("dd"), h("dd")]
  const card = h("a.card.carrier", { href: "#/carriers" }, h("header", h("strong", { title: one.name }, one.name), state),
    h("div.big", rate, h("span", "messages / s")), used,
    h("dl", ["Errors", "99 %", "Window"].map((name, i) => h("div", h("dt", name), values[i]))))
  card.show = (carrier) => {
    attribute(card, "class", "card carrier " + carrier_kind(carrier.state))
    show_carrier_state(state, carrier)
    text(rate, short(carrier.rate))
    used.show(carrier.window_used, carrier.window)
    text(values[0], percent(carrier.errors))
    text(values[1], seconds(carrier.latency && carrier.latency.p99_s))
    text(values[2], carrier.window ? `${count(carrier.window_used)} / ${count(carrier.window)}` : "–")
  }
  return card
}

export default {
  id: "overview", title: "Overview",
  mount(root, app) {
    const words = h("strong"), details = h("ul"), head = h("section.card.verdict", { "aria-label": "State" }, words, details)
    const taken = figure("Messages per second"), sent = figure("To carriers"), answers = figure("Responses, 99 %"),
      carriers_p99 = figure("Carriers, 99 %"), waiting = figure("Waiting"), hooks = figure("Webhooks")
    const rates = new Chart({
      label: "Messages per second", span: SPAN_S, format: short, least: 10,
      series: [{ name: "taken", colour: "--c1", fill: true }, { name: "to carriers", colour: "--c2" }, { name: "failed there", colour: "--c3" }],
    })
    const times = new Chart({
      label: "Answers of carriers", span: SPAN_S, format: seconds, least: 0.001,
      series: [{ name: "median", colour: "--c1", fill: true }, { name: "99 %", colour: "--c4" }],
    })
    const cards = h("div.carriers"), none = empty("No carrier", "Add one to the file."), more = h("p.note-line")
    root.append(head, h("div.cards", taken, sent, answers, carriers_p99, waiting, hooks),
      h("div.columns", h("div.card", rates.node), h("div.card", times.node)),
      h("h2.hidden", "Carriers"), cards, none, more)
    of_this_node(app, root, "This is what goes on at this node.")
    return {
      close() { rates.close(); times.close() },
      frame() {
        const s = app.state, list = troubles(s), [kind, what] = verdict(s, list)
        attribute(head, "class", "card verdict " + kind)
        text(words, what)
        rows(details, list.slice(0, 6), (one) => one[1], (one) => h("li", one[1]))
        const from = `${count(s.sessions)} sessions, ${count(s.accounts)} accounts`
        taken.show(short(s.rate.in), s.rate.refused ? `${short(s.rate.refused)} refused` : from,
          s.rate.refused > s.rate.in ? "warn" : "")
        sent.show(short(s.rate.out), s.rate.errors ? `${short(s.rate.errors)} fail` : "none fails", s.rate.errors > 0.05 * s.rate.out ? "warn" : "")
        const customers = s.latency.customers, carriers = s.latency.carriers
        answers.show(seconds(customers && customers.p99_s), customers ? `median ${seconds(customers.p50_s)}` : `none in ${s.window_s} s`)
        carriers_p99.show(seconds(carriers && carriers.p99_s), carriers ? `median ${seconds(carriers.p50_s)}` : `none in ${s.window_s} s`)
        waiting.show(short(s.queue.messages + s.queue.outbound), `${short(s.queue.messages)} out, ${short(s.queue.outbound)} to customers`,
          s.queue.held ? "warn" : "")
        const { failing, given_up } = s.webhooks
        hooks.show(short(s.webhooks.waiting), given_up ? `${count(given_up)} given up` : failing ? `${count(failing)} fail` : "none fails",
          given_up || failing ? "warn" : "")
        const points = [...app.feeds.history.values()], now = Date.parse(s.time) / 1000
        rates.draw(points.map((p) => p.slice(0, 4)), now)
        times.draw(points.map((p) => [p[0], p[4], p[5]]), now)
        rows(cards, s.carriers, (one) => one.name, carrier_card, (card, one) => card.show(one))
        none.hidden = s.carriers.length > 0
        text(more, s.more_carriers ? `and ${count(s.more_carriers)} more` : "")
      },
    }
  },
}
