// What becomes of messages, binds and responses: each change takes effect at once.
import { h, rows, text, field, fill, attribute, tag } from "./dom.js"
import { count, percent } from "./format.js"
import { state_tag } from "./message.js"

const REFUSALS = ["ESME_RTHROTTLED", "ESME_RMSGQFUL", "ESME_RSYSERR", "ESME_RSUBMITFAIL", "ESME_RINVDSTADR"]
const BINDS = ["ESME_RBINDFAIL", "ESME_RINVPASWD", "ESME_RINVSYSID", "ESME_RALYBND", "ESME_RSYSERR"]
const FAULTS = {
  drop: "no answer is sent", delay: "it comes late", duplicate: "it comes twice", reorder: "behind the next one", wrong_sequence: "another sequence_number",
  wrong_length: "a wrong command_length", unknown_command: "an unknown command", half_pdu: "the half of it", close: "the connection is closed",
  reset: "the connection is reset", unbind: "unbind follows", silence: "nothing is sent any more",
}
const SWITCHES = {
  orders: "Directives in texts, such as “sim: undelivered after 3s”", by_digit: "The first digit of the destination decides",
  receipt_tlvs: "Receipts have TLVs", loopback: "Messages come back from their destination", esme_to_esme: "Messages to a bound receiver go there",
}

/** A delay in words: 0.5, 0.1-2, normal:1,0.2. */
function delay_words(value) {
  if (value === null || typeof value !== "object") return value === null ? "" : String(value)
  const [shape, list] = Object.entries(value)[0] || []
  return shape === "uniform" ? list.join("-") : shape + ":" + list.join(",")
}

function delay_of(words) {
  const plain = words.trim()
  if (plain === "") return null
  const range = plain.match(/^([\d.]+)\s*-\s*([\d.]+)$/), shape = plain.match(/^([a-z]+):(.+)$/)
  if (range) return { uniform: [Number(range[1]), Number(range[2])] }
  if (shape) return { [shape[1]]: shape[2].split(",").map(Number) }
  return Number.isNaN(Number(plain)) ? plain : Number(plain)
}

export default {
  id: "behaviour", title: "Behaviour",
  mount(root, app) {
    const shown = []        // functions that show the options as they are
    const options = () => app.state.options

    async function change(changes, words) {
      try {
        const now = await app.call("options", changes)
        app.state.options = now
        app.say(words || "Changed.", "good")
      } catch (error) {
        app.say(error.message, "bad")
      }
      frame()
    }

    /** Sliders for shares of an option that is a table of numbers. */
    function shares(option, names, label, is_weight) {
      const list = h("div.shares")
      const slider = new Map()
      function value_of(name) { return (options()[option] || {})[name] || 0 }
      async function set(name, value) {
        const all = { ...options()[option] }
        if (value > 0) all[name] = value
        else delete all[name]
        await change({ [option]: is_weight && !Object.keys(all).length ? null : all }, `${label(name)}: ${value} %`)
      }
      shown.push(() => {
        const all = [...names, ...Object.keys(options()[option] || {}).filter((name) => !names.includes(name) && name !== "delay_s")]
        const sum = Object.values(options()[option] || {}).reduce((a, b) => a + b, 0)
        rows(list, all, (name) => name, (name) => {
          const range = h("input", { type: "range", min: 0, max: 100, step: 1, "aria-label": label(name) + ", percent",
            oninput: () => text(number, range.value + " %"), onchange: () => set(name, Number(range.value)) })
          const number = h("output.num")
          slider.set(name, range)
          return h("div.share", h("span", is_weight ? state_tag(name) : h("span.name", label(name))), range, number)
        }, (row, name) => {
          const range = slider.get(name), value = value_of(name)
          if (document.activeElement === range && range.matches(":active")) return
          if (Number(range.value) !== Math.round(value)) range.value = value
          text(row.lastChild, is_weight ? percent(sum ? value / sum : 0) : value + " %")
        })
      })
      return list
    }

    /** A control of one option; it shows the option as it is unless somebody types in it. */
    function bound(control, option, show, read, words) {
      control.addEventListener("change", () => change({ [option]: read(control) }, words && words()))
      shown.push(() => { if (document.activeElement !== control) show(control, options()[option]) })
      return control
    }

    function delay(option) {
      return bound(h("input", { autocomplete: "off", spellcheck: "false" }), option, (input, value) => { input.value = delay_words(value) }, (input) => delay_of(input.value))
    }

    function choice(option, none, list) {
      return bound(h("select", h("option", { value: "" }, none), list.map((name) => h("option", { value: name }, name))), option, (select, value) => {
        if (value && ![...select.options].some((one) => one.value === value)) select.append(h("option", { value }, value))
        select.value = value || ""
      }, (select) => select.value || null)
    }

    function toggle(option, words) {
      const box = h("input", { type: "checkbox" })
      bound(box, option, (input, value) => { input.checked = value === true }, (input) => input.checked)
      return h("label.check", box, words)
    }

    const throttle = bound(h("input", { type: "number", min: 0, step: "any", placeholder: "no limit" }), "throttle",
      (input, value) => { input.value = value ? value.rate_per_s : "" }, (input) => input.value === "" ? null : { rate_per_s: Number(input.value) })

    // ---- the next messages ----

    const what = h("select", { "aria-label": "What happens to them", onchange: () => kinds() },
      h("option", { value: "status" }, "are refused with"), h("option", { value: "state" }, "end in the state"), h("option", { value: "fault" }, "are answered with the fault"))
    const which = h("select", { "aria-label": "Status, state or fault" })
    const number = h("input", { type: "number", min: 1, max: 1000000, value: 1, "aria-label": "How many messages" })
    const to = h("input", { placeholder: "any number", "aria-label": "Only to this number", autocomplete: "off" })
    const waiting = h("span.dim.grow")
    let all = { statuses: [], states: [], faults: [] }

    function kinds() {
      const list = { status: all.statuses.filter((name) => name !== "ESME_ROK"), state: all.states, fault: all.faults }[what.value]
      fill(which, list.map((name) => h("option", { value: name }, name)))
      if (what.value === "status") which.value = "ESME_RTHROTTLED"
      if (what.value === "state") which.value = "UNDELIVERABLE"
    }

    async function order(event) {
      event.preventDefault()
      try {
        const wanted = { [what.value]: which.value, count: Number(number.value) }
        if (to.value.trim()) wanted.to = to.value.trim().replace(/^\+/, "")
        await app.call("order", wanted)
        app.say(number.value === "1" ? "The next message." : `The next ${number.value} messages.`, "good")
      } catch (error) {
        app.say(error.message, "bad")
      }
    }

    async function reset() {
      if (!await app.confirm("As at the start", "Options, counts, orders and messages are as at the start; sessions stay.", "Reset")) return
      app.call("reset", {}).then(() => app.say("As at the start.", "good"), (error) => app.say(error.message, "bad"))
    }

    const behaviour = h("div")
    const faults = h("div")
    root.append(
      h("section.card",
        h("h2", "The next messages"),
        h("form.toolbar.order", { onsubmit: order }, h("span", "The next"), number, h("span", "to"), to, what, which, h("button.primary", { type: "submit" }, "Set"), waiting)),
      h("div.columns",
        h("div.stack",
          h("section.card", h("h2", "Final states"), shares("outcomes", ["DELIVERED", "UNDELIVERABLE", "EXPIRED", "REJECTED", "DELETED", "ACCEPTED", "UNKNOWN", "ENROUTE"], (name) => name.toLowerCase(), true)),
          h("section.card", h("h2", "Times"), h("div.form", h("div.pair",
            field("Response after", delay("latency_s"), "seconds; 0.1-2; normal:1,0.2"),
            field("Final state after", delay("deliver_after_s"), "seconds from the submit"),
            field("Receipt after", delay("receipt_after_s"), "seconds from the final state")))),
          h("section.card", h("h2", "Binds and rates"), h("div.form", h("div.pair",
            field("Binds", choice("bind_status", "are accepted", BINDS)), field("Messages per second", throttle, "above: ESME_RTHROTTLED"), field("Behaviour", behaviour, "a set of options"))))),
        h("div.stack",
          h("section.card", h("h2", "Refused submits"), shares("refusals", REFUSALS, (name) => name)),
          h("section.card", h("h2", "Faults of responses"), faults),
          h("section.card", h("h2", "Switches"), h("div.form", Object.entries(SWITCHES).map(([option, words]) => toggle(option, words)))))),
      h("div.buttons", h("button.danger", { onclick: reset }, "Reset to the start")))

    function frame() {
      for (const show of shown) show()
      text(waiting, app.state.orders ? `${count(app.state.orders)} set and not used up` : "")
    }

    app.call("choices").then((found) => {
      all = found
      kinds()
      fill(faults, shares("faults", found.faults, (name) => FAULTS[name] ? `${name}: ${FAULTS[name]}` : name))
      fill(behaviour, choice("behaviour", "none", found.behaviours))
      frame()
    }, (error) => app.say(error.message, "bad"))

    return { frame }
  },
}
