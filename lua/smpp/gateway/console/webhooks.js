// Webhooks that fail: for each URL, and event by event; sent again by hand.
import { h, rows, text, table, cells, attribute, tag } from "./dom.js"
import { count, moment } from "./format.js"
import { poll, unix, when, section, empty, of_this_node } from "./parts.js"

export default {
  id: "webhooks", title: "Webhooks",
  mount(root, app) {
    const urls = table("URLs",
      ["Account", "URL", { num: "Waiting" }, { num: "Given up" }, "Fails since", "Last error", { num: h("span.hidden", "Send again") }])
    const none = empty("No event waits", "All webhooks have got what they should.")
    const list = table("Events that fail",
      ["Time", "Account", "Type", "Message", { num: "Attempts" }, "Last error", "State", { num: h("span.hidden", "Send again") }])
    const nothing = empty("No event fails"), card = section("Events that fail or were given up", list, nothing)
    for (const one of [none, nothing]) one.hidden = true
    root.append(section("By URL", urls, none), card)
    of_this_node(app, root, "These are the events that this node works on.")

    const retry = (account, id) => app.call("retry", id ? { account, id } : { account }).then(
      (answer) => {
        app.say(answer.count === 1 ? "One event is sent again." : `${count(answer.count)} events are sent again.`, "good")
        again.now()
      },
      (error) => app.say(error.message, "bad"))

    function url_row(one) {
      const button = h("button.small", { onclick: () => retry(one.account), "aria-label": "Send again: events of " + one.account }, "Send again")
      return h("tr", h("td"), h("td.wrap"), h("td.num"), h("td.num"), h("td"), h("td.wrap"), h("td.num", button))
    }

    function event_row(one) {
      const button = h("button.small", { onclick: () => retry(one.account, one.id), "aria-label": "Send again: event " + one.id }, "Send again")
      return h("tr", h("td", { title: moment(unix(one.created)) }, when(unix(one.created))), h("td", one.account), h("td", one.type),
        h("td.mono", one.message), h("td.num"), h("td.wrap"), h("td"), h("td.num", button))
    }

    const again = poll(3000, async () => {
      const all = await app.call("events", {})
      rows(urls.body, all.urls, (one) => one.account + " " + one.url, url_row, (row, one) => {
        cells(row, [one.account, one.url, count(one.pending), count(one.dead), when(unix(one.failing_since)), one.last_error || "–"])
        row.lastChild.firstChild.disabled = !one.dead
      })
      urls.hidden = !all.urls.length
      none.hidden = all.urls.length > 0
      rows(list.body, all.events, (one) => one.id, event_row, (row, one) => {
        text(row.children[4], count(one.attempts))
        text(row.children[5], one.last_error || "–")
        const dead = one.state === "dead"
        if (row.state !== one.state) row.children[6].replaceChildren(tag(dead ? "given up" : "tried again", dead ? "bad" : "warn"))
        row.state = one.state
        attribute(row.children[6], "title", one.next_attempt ? "next attempt " + moment(unix(one.next_attempt)) : null)
      })
      list.hidden = !all.events.length
      nothing.hidden = all.events.length > 0
      card.say(all.all ? "" : `among the ${count(all.looked)} newest events; older ones were not looked at`)
    })
    return { close: again.close }
  },
}
