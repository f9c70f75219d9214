// One message: its life from the customer to the receipt, why it went there; and a form that sends one.
import { h, text, tag, field } from "./dom.js"
import { moment, dump } from "./format.js"
import { unix, state_tag, message_kind, show_problem, explanation } from "./parts.js"

const FINAL = ["delivered", "undelivered", "expired", "cancelled", "rejected", "refused", "unknown"]
const KINDS = { held: "warn", maybe_twice: "warn", attempts: "warn", scheduled: "open", expires: "open" }
const TITLES = { maybe_twice: "maybe twice", expires: "valid until", attempts: "attempts" }

function step(one) {
  const kind = KINDS[one.what] || (FINAL.includes(one.what) ? message_kind(one.what) : "")
  return h("li" + (kind ? "." + kind : ""), h("div", h("strong", TITLES[one.what] || one.what),
    one.time && h("span.dim", moment(unix(one.time))), h("p", one.words)))
}

function pair(name, value) { return value === null || value === undefined || value === "" ? [] : [h("dt", name), h("dd", value)] }

/** Shows a message in a dialog. */
export async function show_message(app, id) {
  let found
  try {
    found = await app.call("message", { id })
  } catch (error) {
    return app.say(error.message, "bad")
  }
  const m = found.message
  app.dialog("Message " + m.id,
    h("dl.pairs", h("dt", "State"), h("dd", state_tag(m.state)), pair("From", m.from), pair("To", m.to), pair("Account", m.account),
      pair("Carrier", m.carrier), pair("Error", m.error), pair("Encoding", found.encoding)),
    found.text !== "" && h("div", h("h3", "Text"), h("p.words", found.text)),
    h("div", h("h3", "Life"), h("ul.life", found.life.map(step))),
    found.events.length > 0 && h("div", h("h3", "Webhooks"), h("ul", found.events.map((one) =>
      h("li", `${one.type}, ${one.state}, ${one.attempts} attempts${one.error ? ": " + one.error : ""}`)))),
    found.why && h("div", h("h3", "Why there: the rules as they are now"), explanation(found.why)),
    found.octets && h("details", h("summary", "Octets of its PDU"), h("pre.dump", { tabindex: 0 }, dump(found.octets))))
}

/** A dialog that sends a test message. */
export function send_form(app, accounts) {
  const wrong = h("p.wrong", { role: "alert" }), button = h("button.primary", { type: "submit" }, "Send")
  const form = h("form.form", {
    onsubmit: async (event) => {
      event.preventDefault()
      const values = Object.fromEntries(new FormData(form))
      for (const name of Object.keys(values)) if (values[name] === "" && name !== "text") delete values[name]
      button.disabled = true
      try {
        const sent = await app.call("send", values)
        sheet.close()
        app.say(`Accepted as ${sent.id}.`, "good")
        show_message(app, sent.id)
      } catch (error) {
        show_problem(form, wrong, error)
      }
      button.disabled = false
    },
  },
  h("div.pair", field("Account", h("input", { name: "account", required: true, list: accounts, autocomplete: "off" })),
    field("From", h("input", { name: "from", autocomplete: "off" }), "left out: the account's default"),
    field("To", h("input", { name: "to", required: true, autocomplete: "off" }))),
  field("Text", h("textarea", { name: "text", rows: 3 })),
  wrong, h("div.buttons", h("span.dim.grow", "Rules, limits and credit of the account apply."), button))
  const sheet = app.dialog("Send a test message", form)
  text(wrong, "")
  return sheet
}
