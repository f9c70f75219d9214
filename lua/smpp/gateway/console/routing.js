// Where a message would go and why; the rules, and what they have matched.
import { h, rows, table, field, cells } from "./dom.js"
import { count } from "./format.js"
import { poll, section, account_names, show_problem, explanation, empty, of_this_node } from "./parts.js"

export default {
  id: "routing", title: "Routing",
  mount(root, app) {
    const accounts = account_names(root, app), given = app.params
    const wrong = h("p.wrong", { role: "alert" })
    const answer = h("div.stack", h("p.dim", "Nothing is sent, and nothing is counted; rates count as not used up."))
    const input = (name, more) => h("input", { name, value: given[name] || "", autocomplete: "off", spellcheck: "false", ...more })
    const carriers = h("select", { name: "carrier" }, h("option", { value: "" }, "a customer"),
      app.state.carriers.map((one) => h("option", { value: one.name }, "carrier " + one.name)))
    const form = h("form.form", {
      onsubmit: async (event) => {
        event.preventDefault()
        const values = Object.fromEntries([...new FormData(form)].filter(([name, value]) => value !== "" || name === "text"))
        try {
          const why = await app.call("explain", values)
          show_problem(form, wrong, null)
          answer.replaceChildren(...explanation(why))
        } catch (error) {
          show_problem(form, wrong, error)
        }
      },
    },
    h("div.pair", field("It comes from", carriers), field("Account", input("account", { list: accounts }))),
    h("div.pair", field("From", input("from")), field("To", input("to"))),
    field("Text", h("textarea", { name: "text", rows: 2, value: given.text || "" })),
    wrong, h("div.buttons", h("button.primary", { type: "submit" }, "Explain")))
    const list = table("Rules", [{ num: "Line" }, "For", "Condition", "Does", { num: "Matched" }])
    const none = empty("No rule", "All messages are refused."), card = section("Rules, since the file was loaded", list, none)
    root.append(h("div.columns", h("section.card", h("h2", "Where would it go?"), form),
      h("section.card", { "aria-live": "polite" }, h("h2", "Rule by rule"), answer)), card)
    of_this_node(app, root, "Messages by rule are counted at this node.")
    const again = poll(2000, async () => {
      const all = await app.call("rules", {})
      rows(list.body, all.rules, (rule) => [rule.kind, rule.line, rule.conditions, rule.does].join(" "),
        () => h("tr", h("td.num"), h("td"), h("td.wrap"), h("td.wrap"), h("td.num")),
        (row, rule) => cells(row, [rule.line, rule.kind === "route" ? "customers" : "carriers", rule.conditions, rule.does, count(rule.count)]))
      list.hidden = !all.rules.length
      none.hidden = all.rules.length > 0
      const unmatched = all.unmatched.route + all.unmatched.incoming
      card.say([all.more && `and ${count(all.more)} more rules`, unmatched && `${count(unmatched)} messages matched none`].filter(Boolean).join("; "))
    })
    return { close: again.close }
  },
}
