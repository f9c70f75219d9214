// Accounts: binds, rates, what waits for them, credit and quota.
import { h, rows, table, cells } from "./dom.js"
import { count, short, seconds } from "./format.js"
import { poll, section, empty, of_this_node } from "./parts.js"

function binds(one) {
  const parts = ["trx", "tx", "rx"].filter((kind) => one[kind]).map((kind) => `${one[kind]} ${kind}`)
  if (one.by_http) parts.push("HTTP")
  return parts.join(", ") || "none"
}

const SPANS = { 1: "s", 60: "minute", 3600: "hour", 86400: "day" }

function quota(q) {
  return q ? `${q.used === null ? "–" : count(q.used)} / ${count(q.n)} per ${SPANS[q.per_s] || seconds(q.per_s)}` : "–"
}

const credit = (amount) => amount === null ? "–" : amount.toLocaleString("en", { maximumFractionDigits: 2 })

export default {
  id: "accounts", title: "Accounts",
  mount(root, app) {
    const search = h("input", {
      type: "search", placeholder: "Name of an account", "aria-label": "Name of an account", autocomplete: "off", oninput: () => again.now(),
    })
    const numbers = ["Rate", "Most per second", "Waiting for it", "Credit", "Quota", "Webhooks"]
    const list = table("Accounts", ["Account", "Binds", ...numbers.map((num) => ({ num })), { num: h("span.hidden", "Messages") }])
    const none = empty("No account"), card = section("Accounts", list, none)
    root.append(h("div.toolbar", search), card)
    of_this_node(app, root, "Credit and quota are of all nodes, the rest is of this node.")

    function make(one) {
      const messages = h("a", { href: "#/messages?account=" + encodeURIComponent(one.name), "aria-label": "Messages of " + one.name }, "Messages")
      return h("tr", h("td", h("strong", one.name)), h("td"), ...numbers.map(() => h("td.num")), h("td.num", messages))
    }

    const again = poll(2000, async () => {
      const all = await app.call("accounts", { name: search.value })
      rows(list.body, all.accounts, (one) => one.name, make, (row, one) => cells(row, [row.firstChild, binds(one), short(one.rate),
        one.rate_per_s ? count(one.rate_per_s) : "–", count(one.waiting), credit(one.credit), quota(one.quota), count(one.webhooks)]))
      list.hidden = !all.accounts.length
      none.hidden = all.accounts.length > 0
      card.say(all.more ? `and ${count(all.more)} more: search by name` : "")
    })
    return { close: again.close }
  },
}
