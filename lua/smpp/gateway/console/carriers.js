// Carriers: how each is, and turning it off and on.
import { h, rows, text, table } from "./dom.js"
import { count, short, seconds, percent } from "./format.js"
import { meter, section, show_carrier_state, empty, of_this_node } from "./parts.js"

export default {
  id: "carriers", title: "Carriers",
  mount(root, app) {
    const numbers = ["Queued", "Rate", "Errors", "Median", "99 %", "Sent", "Refused", "Unknown"]
    const list = table("Carriers",
      ["Carrier", "State", { num: h("span.hidden", "Turn off or on") }, { num: "Binds" }, "Window", ...numbers.map((num) => ({ num }))])
    const none = empty("No carrier", "Add one to the file."), card = section("Carriers", list, none)
    root.append(card, h("p.note-line", "A carrier that is turned off by hand gets no messages. It stays off until it is turned on, ",
      "the file says something else of ", h("code", "off"), ", or the process ends."))
    of_this_node(app, root, "This is of this node: a carrier that is turned off here gets messages from the others.")

    async function turn(name) {
      const one = app.state.carriers.find((carrier) => carrier.name === name), off = one.state !== "off"
      const words = "It gets no messages any more; those that wait for its window go elsewhere."
      if (off && !await app.confirm("Turn off " + name, words, "Turn off")) return
      app.call("carrier", { name, off }).then(
        () => app.say(`${name} is ${off ? "off" : "on"}.`, "good"), (error) => app.say(error.message, "bad"))
    }

    function make(one) {
      const state = h("span"), used = meter("Window used"), window = h("span"), button = h("button.small", { onclick: () => turn(one.name) })
      const row = h("tr", h("td", h("strong", one.name)), h("td", state), h("td", button), h("td.num"), h("td", window, used),
        ...numbers.map(() => h("td.num")))
      row.show = (carrier) => {
        show_carrier_state(state, carrier)
        used.show(carrier.window_used, carrier.window)
        text(window, `${count(carrier.window_used)} / ${count(carrier.window)}`)
        const latency = carrier.latency || {}
        const values = [count(carrier.queued), short(carrier.rate), percent(carrier.errors), seconds(latency.p50_s), seconds(latency.p99_s),
          count(carrier.sent), count(carrier.refused), count(carrier.unknown)]
        text(row.children[3], `${carrier.binds} / ${carrier.wanted}`)
        values.forEach((value, i) => text(row.children[5 + i], value))
        const off = carrier.state === "off"
        text(button, off ? "Turn on" : "Turn off")
        button.setAttribute("aria-label", (off ? "Turn on " : "Turn off ") + carrier.name)
      }
      return row
    }

    return {
      frame() {
        const s = app.state
        rows(list.body, s.carriers, (one) => one.name, make, (row, one) => row.show(one))
        list.hidden = !s.carriers.length
        none.hidden = s.carriers.length > 0
        card.say(s.more_carriers ? `and ${count(s.more_carriers)} more` : "")
      },
    }
  },
}
