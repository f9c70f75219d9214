// What happens now: figures, the last five minutes, sessions, the newest messages.
import { h, rows, text, attribute, table, cells } from "./dom.js"
import { count, short, seconds, time, percent } from "./format.js"
import { Chart } from "./chart.js"
import { state_tag, message_row, in_order } from "./message.js"

const SPAN_S = 300, NEWEST = 12

function figure(label) {
  const value = h("b", "–"), note = h("small")
  const card = h("div.card.figure", h("span", label), value, note)
  card.show = (words, more, kind) => {
    text(value, words)
    text(note, more || "")
    attribute(card, "class", "card figure" + (kind ? " " + kind : ""))
  }
  return card
}

const BINDS = { BOUND_TX: "transmitter", BOUND_RX: "receiver", BOUND_TRX: "transceiver", OPEN: "not bound" }

export default {
  id: "live", title: "Live",
  mount(root, app) {
    const rate = figure("Messages per second"), p50 = figure("Median response time"), p99 = figure("99th percentile"),
      bound = figure("Sessions"), refused = figure("Refused"), out = figure("Receipts and MO")
    const rates = new Chart({
      label: "Messages per second", span: SPAN_S, format: short, least: 10,
      series: [{ name: "accepted", colour: "--c1", fill: true }, { name: "refused", colour: "--c3" }, { name: "receipts, MO", colour: "--c2" }],
    })
    const times = new Chart({
      label: "Response time", span: SPAN_S, format: seconds, least: 0.001,
      series: [{ name: "median", colour: "--c1", fill: true }, { name: "99 %", colour: "--c4" }],
    })
    const sessions = table("Sessions", ["Account", "Bind", "From", "Version", { num: "Unanswered" }, ""])
    const no_session = h("div.empty", h("strong", "No ESME is connected"), h("span", "Connect one, or send a message:"), h("code"))
    const session_count = h("span.dim")
    const states = h("div.bars"), no_state = h("p.dim", "No message has a final state yet.")
    const newest = table("Newest messages", ["Time", "From", "To", "Text", "State"])
    newest.classList.add("stacked")
    sessions.classList.add("stacked")
    const no_message = h("div.empty", h("strong", "No message yet"), h("span", "What ESMEs submit is shown here as it comes."))

    root.append(
      h("div.cards", rate, p50, p99, bound, refused, out),
      h("div.columns", h("div.card", rates.node), h("div.card", times.node)),
      h("div.columns.wide-left",
        h("section.card", h("header", h("h2", "Sessions"), session_count), sessions, no_session),
        h("section.card", h("h2", "Final states"), states, no_state)),
      h("section.card", h("header", h("h2", "Newest messages"), h("span.grow"), h("a", { href: "#/messages" }, "All messages")), newest, no_message))

    function drop(session) {
      const how = (name, words, what) => h("div.choice", h("button.danger", { onclick: () => end(name) }, words), h("span.dim", what))
      const end = (name) => {
        node.close()
        app.call("drop", { id: session.id, how: name }).then(() => app.say("The session is ended.", "good"), (error) => app.say(error.message, "bad"))
      }
      const node = app.dialog("End the session", h("p", `${session.system_id || "A client that is not bound"}, ${session.peer}`),
        how("unbind", "Unbind", "as a message centre that shuts down"), how("close", "Close", "the connection is closed"), how("reset", "Reset", "the connection is reset"))
    }

    function session_row(session) {
      return h("tr", h("td"), h("td"), h("td.mono"), h("td.wide"), h("td.num.wide"),
        h("td.num.end", h("button.small.danger", { onclick: () => drop(session), "aria-label": "End the session of " + (session.system_id || session.peer) }, "End")))
    }

    return {
      close() { rates.close(); times.close() },
      frame() {
        const s = app.state, c = s.counts
        const points = [...app.feeds.history.values()], last = points[points.length - 1] || []
        rate.show(short(last[1] ?? 0), count(c.messages) + " since the start")
        p50.show(seconds(last[4]), last[4] === null || last[4] === undefined ? "no response in the last second" : "of the last second")
        p99.show(seconds(last[5]), s.options.latency_s ? "with the latency that is set" : "of the last second")
        bound.show(count(s.session_count), c.refused_binds ? count(c.refused_binds) + " binds refused" : count(c.sessions) + " since the start")
        refused.show(count(c.refused), percent(c.refused / Math.max(1, c.refused + c.messages)) + " of what came", c.refused ? "warn" : "")
        out.show(count(c.receipts + c.mo), s.waiting ? count(s.waiting) + " wait for a receiver" : count(c.receipts) + " receipts, " + count(c.mo) + " MO")
        rates.draw(points, s.now)
        times.draw(points.map((p) => [p[0], p[4], p[5]]), s.now)

        text(session_count, s.session_count > s.sessions.length ? `the first ${s.sessions.length} of ${count(s.session_count)}` : "")
        rows(sessions.body, s.sessions, (session) => session.id, session_row, (row, session) => cells(row, [
          session.system_id || "–", BINDS[session.bind] || session.bind, session.peer, session.version, count(session.outstanding)]))
        sessions.hidden = !s.sessions.length
        no_session.hidden = !!s.sessions.length
        text(no_session.lastChild, `smpp send smpp://me:secret@${s.address} --to 491700000000 Hello`)

        const all = Object.entries(s.states).sort((a, b) => b[1] - a[1]), most = all.reduce((sum, [, n]) => sum + n, 0)
        rows(states, all.flatMap(([name, n]) => [["name", name, n], ["bar", name, n], ["count", name, n]]), (item) => item[0] + item[1],
          ([what, name]) => what === "name" ? h("span", state_tag(name)) : what === "bar" ? h("span.bar", h("i")) : h("span.num"),
          (element, [what, , n]) => {
            if (what === "bar") element.firstChild.style.width = (100 * n / most).toFixed(1) + "%"
            else if (what === "count") text(element, count(n) + " · " + percent(n / most))
          })
        no_state.hidden = all.length > 0

        const list = in_order(app.feeds.messages).slice(-NEWEST).reverse()
        rows(newest.body, list, (m) => m.id, (m) => message_row(app, m,
          h("td", time(m.submitted)), h("td", m.from), h("td", m.to), h("td.text", h("div", m.text ?? m.octets + " octets, binary")), h("td.state")),
        (row, m) => {
          if (row.state !== m.state) row.lastChild.replaceChildren(state_tag(m.state))
          row.state = m.state
        })
        newest.hidden = !list.length
        no_message.hidden = !!list.length
      },
    }
  },
}
