// All messages as they come: search, a state, an account; pause; a click shows all of one.
import { h, rows, table, text, cells, attribute } from "./dom.js"
import { count, time } from "./format.js"
import { state_tag, message_row, in_order } from "./message.js"

const SHOWN = 200

const plain = (words) => (words || "").toLowerCase()

export default {
  id: "messages", title: "Messages",
  mount(root, app) {
    const search = h("input", { type: "search", placeholder: "Number or text", "aria-label": "Search by number or text", value: app.params.q || "", oninput: changed })
    const state = h("select", { "aria-label": "State", onchange: changed }, h("option", { value: "" }, "All states"))
    const account = h("select", { "aria-label": "Account", onchange: changed }, h("option", { value: "" }, "All accounts"))
    const pause = h("button", { "aria-pressed": "false", onclick: () => { set_paused(!paused) } }, "Pause")
    const note = h("span.dim.grow", { role: "status" })
    const list = table("Messages", ["Time", "From", "To", "Text", "Encoding", "Account", "State"])
    list.classList.add("stacked", "tall")
    const empty = h("div.empty", h("strong"), h("span"))
    let paused = false, kept = [], older = [], timer, asked = 0

    root.append(h("section.card",
      h("div.toolbar", search, state, account, pause,
        h("button", { onclick: forget }, "Clear"), note),
      list, empty))

    /** Another search: what the page does not have any more is asked for. */
    function changed() {
      older = []
      const number = ++asked, wanted = {}
      if (search.value.trim()) wanted.words = search.value.trim()
      if (state.value) wanted.state = state.value
      if (account.value) wanted.system_id = account.value
      clearTimeout(timer)
      if (Object.keys(wanted).length) {
        timer = setTimeout(async () => {
          const found = await app.call("find", wanted).catch(() => null)
          if (!found || number !== asked) return
          older = found.messages
          refresh()
        }, 200)
      }
      refresh()
    }

    function set_paused(to) {
      paused = to
      attribute(pause, "aria-pressed", String(paused))
      text(pause, paused ? "Go on" : "Pause")
      refresh()
    }

    async function forget() {
      if (!await app.confirm("Clear the list", "The simulator forgets the messages that it shows here and over its API. Their receipts still come.", "Clear")) return
      app.call("forget").then(() => { app.feeds.messages.clear(); kept = older = []; refresh() }, (error) => app.say(error.message, "bad"))
    }

    /** Adds what can be chosen, when it is new. */
    function choices(select, values) {
      const known = new Set([...select.options].map((option) => option.value))
      for (const value of [...values].sort()) if (value && !known.has(value)) select.append(h("option", { value }, value))
    }

    function fits(m) {
      const words = plain(search.value.trim()), number = words.replace(/^\+/, "")
      return (!words || plain(m.text).includes(words) || plain(m.from).includes(number) || plain(m.to).includes(number) || m.id === search.value.trim())
        && (!state.value || m.state === state.value) && (!account.value || m.system_id === account.value)
    }

    const row = (m) => message_row(app, m, h("td"), h("td.from"), h("td.to"), h("td.text", h("div")), h("td.dim.encoding.wide"), h("td.dim.account.wide"), h("td.state"))

    function update(element, m) {
      cells(element, [time(m.submitted), m.from, m.to])
      text(element.children[3].firstChild, m.text ?? m.octets + " octets, binary")
      text(element.children[4], m.encoding)
      text(element.children[5], m.system_id)
      if (element.state !== m.state) element.children[6].replaceChildren(state_tag(m.state))
      element.state = m.state
    }

    function refresh() {
      if (!paused) kept = in_order(app.feeds.messages)
      choices(state, new Set(kept.map((m) => m.state)))
      choices(account, new Set(kept.map((m) => m.system_id)))
      const known = new Set(kept.map((m) => m.id))
      const found = older.filter((m) => !known.has(m.id)).concat(kept).filter(fits).sort((a, b) => a.submitted - b.submitted), shown = found.slice(-SHOWN).reverse()
      rows(list.body, shown, (m) => m.id, row, update)
      const total = app.state.log
      text(note, paused ? "paused; new messages are not shown" : (found.length > shown.length ? `the newest ${shown.length} of ${count(found.length)}`
        : `${count(found.length)} shown`) + (total > kept.length ? `; ${count(total)} came in all` : ""))
      list.hidden = !shown.length
      empty.hidden = !!shown.length
      text(empty.firstChild, kept.length ? "No message fits" : "No message yet")
      text(empty.lastChild, kept.length ? "Another search, state or account shows more." : "What ESMEs submit is shown here as it comes.")
    }

    if (search.value) changed()
    return { frame() { if (!paused) refresh() }, close() { clearTimeout(timer) } }
  },
}
