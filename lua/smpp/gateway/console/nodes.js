// The nodes of the gateway: who lives, who holds which bind, what waits for all of them, and the engine.
import { h, rows, text, table, cells, tag, fill, attribute } from "./dom.js"
import { count, seconds } from "./format.js"
import { poll, section, figure, empty } from "./parts.js"

const KINDS = { live: "good", draining: "warn", dead: "bad" }

function octets(n) { return n >= 1e9 ? (n / 1e9).toFixed(1) + " GB" : (n / 1e6).toFixed(1) + " MB" }

export default {
  id: "nodes", title: "Nodes",
  mount(root, app) {
    const nodes = figure("Nodes that live"), engine = figure("Engine answers in"), memory = figure("Memory of the engine"), binds = figure("Binds of carriers")
    const list = table("Nodes", ["Node", "State", "File", { num: "Binds" }, { num: "Works on" }, { num: "Last sign of life" }, "Address", "Version"])
    const leases = table("Binds by carrier", ["Carrier", { num: "Binds" }, "Slots"])
    const queues = table("What waits for carriers", ["For", { num: "Messages" }, { num: "The oldest" }]), none = empty("Nothing waits for a carrier")
    const accounts = table("Accounts", ["Account", { num: "Receipts and MO that wait" }, { num: "Credit" }])
    const no_account = empty("Nothing waits for a customer", "and no account has credit")
    const away = h("p.decision", { role: "alert" }), card = section("Nodes", list)
    const all_cards = [h("div.cards.long", nodes, engine, memory, binds), card, section("Binds by carrier", leases),
      section("What waits in the engine for carriers", queues, none), section("Accounts in the engine", accounts, no_account)]
    root.append(away, ...all_cards)
    for (const one of [none, no_account, away]) one.hidden = true
    let is_known = false // something was read: until then there is nothing to show

    function node_row(one) {
      return h("tr", h("td", h("strong", one.name), one.is_self && [" ", tag("serves this page", "calm")]), h("td"), h("td"), h("td.num"), h("td.num"),
        h("td.num"), h("td"), h("td"))
    }

    function show_node(row, one) {
      const places = row.children
      if (places[1].textContent !== one.state) fill(places[1], tag(one.state, KINDS[one.state]))
      const values = [count(one.binds), count(one.working), seconds(one.beat_s), one.address, one.version]
      values.forEach((value, i) => text(places[3 + i], value))
      const file = one.differs ? "differs" : "the same"
      if (places[2].textContent !== file) fill(places[2], one.differs ? tag(file, "warn") : file)
      attribute(places[2], "title", one.config)
    }

    function show_lease(row, one) {
      text(row.children[1], `${one.slots.length} / ${count(one.binds)}`)
      const words = one.slots.map((slot) => `${slot.slot} ${slot.node}`)
      if (row.words !== words.join()) fill(row.children[2], h("span.slots", words.map((each) => tag(each, "calm"))))
      row.words = words.join()
    }

    function show(all) {
      const dead = all.nodes.filter((one) => one.state === "dead").length, own = all.nodes.find((one) => one.is_self)
      nodes.show(`${all.nodes.length - dead} of ${all.nodes.length}`, own ? `${own.name} serves this page` : "", dead ? "bad" : "")
      const replicas = all.engine.replicas === 1 ? "1 replica" : all.engine.replicas + " replicas"
      engine.show(seconds(all.engine.round_trip_s), `${all.engine.address}, ${all.engine.version}, ${all.engine.role}, ${replicas}`)
      memory.show(octets(all.engine.used), `${all.engine.max ? "of " + octets(all.engine.max) : "no limit"}, fsync ${all.engine.fsync}`,
        all.engine.max && all.engine.used > 0.9 * all.engine.max ? "bad" : "")
      const held = all.carriers.reduce((sum, one) => sum + one.slots.length, 0), wanted = all.carriers.reduce((sum, one) => sum + (one.binds || 0), 0)
      binds.show(`${held} / ${wanted}`, "held by all nodes", held < wanted ? "warn" : "")
      rows(list.body, all.nodes, (one) => one.name, node_row, show_node)
      rows(leases.body, all.carriers, (one) => one.name, (one) => h("tr", h("td", h("strong", one.name)), h("td.num"), h("td.wrap")), show_lease)
      rows(queues.body, all.queues, (one) => one.carriers, () => h("tr", h("td.wrap"), h("td.num"), h("td.num")), (row, one) =>
        cells(row, [one.carriers.split(",").join(" or "), count(one.waiting), seconds(one.oldest_s)]))
      rows(accounts.body, all.accounts, (one) => one.name, () => h("tr", h("td"), h("td.num"), h("td.num")), (row, one) =>
        cells(row, [one.name, count(one.waiting), one.credit === null ? "–" : String(one.credit)]))
      queues.hidden = !all.queues.length
      none.hidden = all.queues.length > 0
      accounts.hidden = !all.accounts.length
      no_account.hidden = all.accounts.length > 0
      card.say(all.nodes.some((one) => one.differs) ? "files differ" : "")
    }

    const again = poll(3000, () => app.call("nodes", {}).then((all) => {
      is_known = away.hidden = true
      show(all)
      for (const one of all_cards) one.hidden = false
    }, (error) => {
      text(away, error.message.replace(/^./, (first) => first.toUpperCase()) + (is_known ? ". What follows was true before." : ""))
      away.hidden = false
      for (const one of all_cards) one.hidden = !is_known
    }))
    return { close: again.close }
  },
}
