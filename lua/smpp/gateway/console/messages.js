// Messages: found by id, number and text; the newest as they come.
import { h, rows, text, table, field } from "./dom.js"
import { count, moment } from "./format.js"
import { poll, unix, when, section, state_tag, account_names } from "./parts.js"
import { show_message, send_form } from "./message.js"

const FIELDS = ["number", "text", "id", "account"]

export default {
  id: "messages", title: "Messages",
  mount(root, app) {
    const asked = Object.fromEntries(FIELDS.filter((name) => app.params[name]).map((name) => [name, app.params[name]]))
    const is_search = Object.keys(asked).length > 0
    const accounts = account_names(root, app)
    const input = (name, more) => h("input", { name, value: asked[name] || "", autocomplete: "off", spellcheck: "false", ...more })
    const form = h("form.card.filters", {
      role: "search",
      onsubmit: (event) => {
        event.preventDefault()
        const values = [...new FormData(form)].filter(([, value]) => value.trim() !== "").map(([name, value]) => [name, value.trim()])
        app.go("messages", Object.fromEntries(values))
      },
    },
    field("Number, from or to", input("number", { type: "search" })), field("Text", input("text")), field("Id, ours or the carrier's", input("id")),
    field("Account", input("account", { list: accounts })),
    h("div.toolbar", h("button.primary", { type: "submit" }, "Search"),
      is_search && h("button", { type: "button", onclick: () => app.go("messages") }, "Clear"), h("span.grow"),
      h("button", { type: "button", onclick: () => send_form(app, accounts) }, "Send a test message")))
    const list = table("Messages", ["Time", "State", "Account", "From", "To", "Text", "Carrier"])
    const none = h("div.empty", { hidden: true }, h("strong"), h("span")), further = h("button", { hidden: true }, "Look further back")
    const card = section(is_search ? "Found" : "The newest", list, none)
    root.append(form, card, h("div.toolbar", further))
    let found = [], next = null, looked = 0, closed = false

    function make(one) {
      const open = () => show_message(app, one.key), at = unix(one.submitted)
      const button = h("button.plain.small", { onclick: open, title: moment(at), "aria-label": `${when(at)}, message ${one.id}` }, when(at))
      return h("tr.link", { onclick: (event) => { if (event.target !== button) open() } },
        h("td", button), h("td"), h("td", one.account), h("td", one.from), h("td", one.to), h("td.text", h("div", one.text)), h("td"))
    }

    function note(since) {
      if (!is_search || !looked) return ""
      return `Looked at ${count(looked)} messages${since ? ", back to " + moment(unix(since)) : ""}${next ? "; older ones were not looked at" : ""}.`
    }

    function show(answer) {
      rows(list.body, found, (one) => one.key, make, (row, one) => {
        const [, state] = row.children
        if (row.state !== one.state) state.replaceChildren(state_tag(one.state))
        row.state = one.state
        state.title = one.error || ""
        text(row.lastChild, one.carrier || "–")
      })
      list.hidden = !found.length
      none.hidden = found.length > 0
      text(none.firstChild, is_search ? "Nothing found" : "No message yet")
      text(none.lastChild, answer.is_stored ? "" : "Without a store messages by SMPP are not kept; those by HTTP are, and ids are known for a while.")
      next = answer.next
      further.hidden = !(is_search && next)
      card.say(note(answer.since))
    }

    async function search(after) {
      further.disabled = true
      try {
        const answer = await app.call("messages", after ? { ...asked, after } : asked)
        if (closed) return
        found = after ? found.concat(answer.messages) : answer.messages
        looked = (after ? looked : 0) + answer.looked
        show(answer)
      } catch (error) {
        app.say(error.message, "bad")
      }
      further.disabled = false
    }

    further.onclick = () => search(next)
    const again = is_search ? { close() {} } : poll(2000, async () => {
      if (!list.matches(":hover")) return search()
      card.say("these stay while the pointer is on them")
    })
    if (is_search) search()
    return { close() { closed = true; again.close() } }
  },
}
