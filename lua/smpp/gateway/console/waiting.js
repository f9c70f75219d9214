// What waits, and why.
import { h, rows, text, table, cells } from "./dom.js"
import { count, moment } from "./format.js"
import { poll, unix, when, section, figure, empty, of_this_node } from "./parts.js"
import { show_message } from "./message.js"

const GROUPS = {
  again: ["Tried again later", "no carrier could take them"], parked: ["In the store", "their carriers take nothing now, or have enough"],
  scheduled: ["Scheduled", "held until their time"], held: ["Unknown outcome", "sent, and not answered"],
  sending: ["Being sent", "with a carrier, or for its window"],
  parts: ["Parts", "of long messages that are not complete"],
}

const words_of = (group) => group ? GROUPS[group] || [group, ""] : ["", "on their way, or soon"]

export default {
  id: "waiting", title: "Waiting",
  mount(root, app) {
    const cards = h("div.cards")
    const list = table("Messages that wait", ["Since", "Why", "Account", "From", "To", "Id", "Until"]), none = empty("No message waits")
    const customers = table("What waits for customers", ["Account", { num: "Receipts and MO" }, "Why"])
    const nobody = empty("Nothing waits for a customer")
    for (const one of [none, nobody]) one.hidden = true
    const card = section("The oldest messages that wait", list, none)
    root.append(cards, card, section("Receipts and messages for customers", customers, nobody))
    of_this_node(app, root, "Messages are of all nodes; what is in memory, and what waits for customers, is of this node.")
    const total = figure("Messages in memory")

    function make(one) {
      const open = () => show_message(app, one.key), since = unix(one.submitted), till = unix(one.expires)
      const button = h("button.plain.small.mono", { onclick: open }, one.id)
      return h("tr.link", { onclick: (event) => { if (event.target !== button) open() } }, h("td", { title: moment(since) }, when(since)),
        h("td.wrap"), h("td", one.account), h("td", one.from), h("td", one.to), h("td", button), h("td", { title: moment(till) }, when(till)))
    }

    function note(all) {
      if (!all.is_stored) return "no store: messages pass through, and do not wait here"
      return all.all ? "" : `among the ${count(all.looked)} oldest open messages; newer ones were not looked at`
    }

    const again = poll(3000, async () => {
      const all = await app.call("waiting", {})
      const groups = [{ group: "", count: all.in_memory }, ...all.groups]
      rows(cards, groups, (one) => one.group, (one) => one.group ? figure(words_of(one.group)[0]) : total,
        (figure_of, one) => figure_of.show(count(one.count), words_of(one.group)[1], one.group === "held" ? "warn" : ""))
      rows(list.body, all.messages, (one) => one.key, make,
        (row, one) => text(row.children[1], one.due ? "held until " + when(unix(one.due)) : one.why))
      list.hidden = !all.messages.length
      none.hidden = all.messages.length > 0
      card.say(note(all))
      rows(customers.body, all.outbound, (one) => one.account, () => h("tr", h("td"), h("td.num"), h("td.wrap")),
        (row, one) => cells(row, [one.account, count(one.count), one.why]))
      customers.hidden = !all.outbound.length
      nobody.hidden = all.outbound.length > 0
    })
    return { close: again.close }
  },
}
