// A phone: what came to a number, what it writes to ESMEs.
import { h, rows, text, field, attribute } from "./dom.js"
import { count, time } from "./format.js"
import { state_tag } from "./message.js"

const PHONES = 40

const bare = (number) => (number || "").replace(/^\+/, "")

export default {
  id: "phone", title: "Phone",
  mount(root, app) {
    let phone = bare(app.params.number) || null
    const phones = h("div.phones", { role: "group", "aria-label": "Numbers" }), no_phone = h("p.dim", "Numbers that get messages are listed here.")
    const talk = h("div.talk", { tabindex: 0, role: "log", "aria-label": "Conversation" })
    const empty = h("div.empty", h("strong", "Nothing yet"), h("span", "Write a message as a phone would, or submit one to this number."))
    const from = h("input", { name: "from", inputmode: "tel", placeholder: "491700000000", autocomplete: "off", required: true, oninput: () => choose(bare(from.value), true) })
    const to = h("input", { name: "to", placeholder: "12345", autocomplete: "off", required: true })
    const account = h("select", { name: "system_id" }, h("option", { value: "" }, "whose address_range has the number"))
    const words = h("textarea", { name: "text", rows: 2, placeholder: "Text", "aria-label": "Text", required: true })
    const note = h("span.dim.grow", { role: "status" })
    const send = h("button.primary", { type: "submit" }, "Send")
    words.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit()
    })

    const form = h("form.form", { onsubmit: submit },
      h("div.pair", field("From (the phone)", from), field("To (the service)", to), field("Account", account)),
      words, h("div.buttons", note, send))

    root.append(h("div.columns.phone-columns",
      h("section.card", h("h2", "Phones"), phones, no_phone),
      h("section.card", h("h2", "Conversation"), talk, empty, form)))

    async function submit(event) {
      event.preventDefault()
      const message = { from: bare(from.value.trim()), to: to.value.trim(), text: words.value }
      if (account.value) message.system_id = account.value
      send.disabled = true
      try {
        const done = await app.call("mo", message)
        text(note, `${done.parts === 1 ? "sent" : done.parts + " parts sent"}` + (done.waiting ? `; ${count(done.waiting)} wait for a receiver` : ""))
        words.value = ""
        choose(message.from, true)
      } catch (error) {
        text(note, "")
        app.say(error.message, "bad")
      }
      send.disabled = false
      words.focus()
    }

    function choose(number, is_typed) {
      phone = number || null
      if (!is_typed) from.value = number
      const last = messages().filter((m) => bare(m.to) === phone).pop()
      if (last && (!is_typed || !to.value)) to.value = last.from
      show()
    }

    const messages = () => [...app.feeds.messages.values()]

    /** Both directions, in the order of time. */
    function lines() {
      const came = messages().filter((m) => bare(m.to) === phone).map((m) => ({ key: "m" + m.id, at: m.submitted, other: m.from, text: m.text ?? m.octets + " octets, binary", state: m.state }))
      const went = [...app.feeds.mo.values()].filter((m) => bare(m.from) === phone)
        .map((m) => ({ key: "o" + m.id, at: m.time, other: m.to, text: m.text ?? "binary", mine: true }))
      return came.concat(went).sort((a, b) => a.at - b.at)
    }

    function show() {
      const numbers = new Map()
      for (const m of messages()) numbers.set(bare(m.to), { number: bare(m.to), at: m.submitted, text: m.text })
      for (const m of app.feeds.mo.values()) {
        const one = numbers.get(bare(m.from))
        if (!one || one.at < m.time) numbers.set(bare(m.from), { number: bare(m.from), at: m.time, text: m.text })
      }
      const list = [...numbers.values()].sort((a, b) => b.at - a.at).slice(0, PHONES)
      if (!phone && list[0] && !from.value) return choose(list[0].number)
      rows(phones, list, (one) => one.number, (one) => h("button.phone", { onclick: () => choose(one.number) }, h("b", one.number), h("small.dim"), h("span.dim")),
        (element, one) => {
          attribute(element, "aria-pressed", String(one.number === phone))
          text(element.children[1], time(one.at))
          text(element.children[2], one.text ?? "binary")
        })
      no_phone.hidden = !!list.length
      const said = lines(), at_end = talk.scrollTop + talk.clientHeight >= talk.scrollHeight - 30
      rows(talk, said, (line) => line.key, (line) => h("div.bubble" + (line.mine ? ".mine" : ""), h("small.dim", (line.mine ? "to " : "from ") + line.other + " · " + time(line.at)), h("p", line.text), h("span.mark")),
        (element, line) => {
          if (line.state && element.state !== line.state) element.lastChild.replaceChildren(state_tag(line.state))
          element.state = line.state
        })
      if (at_end) talk.scrollTop = talk.scrollHeight
      talk.hidden = !said.length
      empty.hidden = !!said.length
      const known = new Set([...account.options].map((option) => option.value))
      for (const session of app.state.sessions) {
        if (session.system_id && !known.has(session.system_id)) account.append(h("option", { value: session.system_id }, session.system_id))
        known.add(session.system_id)
      }
    }

    if (phone) choose(phone)
    return { frame: show }
  },
}
