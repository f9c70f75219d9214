// The page: login, views, theme, keys.  A view is a module of its program:
//   export default { id, title, mount(root, app) { …; return { frame() {}, close() {} } } }
// `frame` is called once per animation frame when something new is there: app.state, app.feeds.NAME (Map), app.fresh.NAME (list).
import { h, text, fill, attribute } from "./dom.js"
import { Link } from "./link.js"
import { redraw } from "./chart.js"

const KEPT = 500 // items of a feed
const SAID_MS = 5000

const app = {
  state: {}, feeds: {}, fresh: {}, skipped: {}, params: {}, views: [],
  call: (action, body) => link.call(action, body),
  say, go, dialog, confirm,
}
const link = new Link(take, tell)
let instance, view, shown, pending = false
const page = {}

// ---- what comes ----

function take(frame) {
  if (frame.views) begin(frame)
  app.state = frame.state
  for (const [name, feed] of Object.entries(frame.feeds)) {
    const kept = app.feeds[name] || (app.feeds[name] = new Map())
    for (const item of feed.items) kept.set(item.id ?? item[0], item)
    const keys = kept.keys()
    while (kept.size > KEPT) kept.delete(keys.next().value)
    app.fresh[name] = (app.fresh[name] || []).concat(feed.items).slice(-KEPT)
    app.skipped[name] = (app.skipped[name] || 0) + feed.skipped
  }
  if (!pending) {
    pending = true
    requestAnimationFrame(render)
  }
}

function render() {
  pending = false
  if (shown) shown.frame(app)
  app.fresh = {}
}

/** The first frame of a connection: everything is there; of another process: what was shown is over. */
function begin(frame) {
  const again = instance === frame.instance
  instance = frame.instance
  app.feeds = {}
  app.fresh = {}
  app.skipped = {}
  if (again && shown) return
  if (shown) leave()
  Promise.all(frame.views.map((name) => import("./" + name))).then((modules) => {
    app.views = modules.map((module) => module.default)
    frame_of(frame.title)
    open()
  }, () => location.reload()) // of another version
}

function tell(status) {
  if (status === "login") {
    leave()
    return ask_token()
  }
  page.status ||= null
  if (page.status) {
    attribute(page.status, "class", "status " + status)
    text(page.status.lastChild, status === "live" ? "live" : "reconnecting")
    attribute(document.body, "data-link", status)
  }
}

// ---- views ----

function read_hash() {
  const [, id, query] = location.hash.match(/^#\/([\w-]*)\??(.*)$/) || []
  return { id, params: Object.fromEntries(new URLSearchParams(query || "")) }
}

function leave() {
  if (shown && shown.close) shown.close()
  shown = view = null
}

function open() {
  if (!page.main) return
  for (const node of document.querySelectorAll("dialog")) node.close()
  const { id, params } = read_hash()
  const chosen = app.views.find((one) => one.id === id) || app.views[0]
  leave()
  view = chosen
  app.params = params
  const root = h("div.view", { id: "view-" + view.id })
  fill(page.main, h("h1.hidden", view.title), root)
  for (const item of page.nav.children) attribute(item, "aria-current", item.dataset.id === view.id ? "page" : null)
  page.nav.querySelector("[aria-current]").scrollIntoView({ block: "nearest", inline: "nearest" })
  document.title = view.title + " · " + page.title
  shown = view.mount(root, app) || {}
  shown.frame ||= () => {}
  shown.frame(app)
}

/** Shows a view: go("messages", { to: "491…" }). */
function go(id, params) {
  const query = new URLSearchParams(params || {}).toString()
  const hash = "#/" + id + (query ? "?" + query : "")
  if (location.hash === hash) open()
  else location.hash = hash
}

function frame_of(title) {
  page.title = title
  page.nav = h("nav", { "aria-label": "Views" }, app.views.map((one, i) =>
    h("a", { href: "#/" + one.id, "data-id": one.id, title: `key ${i + 1}` }, one.title)))
  page.status = h("span.status.live", { role: "status" }, h("i"), h("span", "live"))
  page.main = h("main", { id: "main" })
  page.said = h("div.said", { role: "status", "aria-live": "polite" })
  fill(document.body,
    h("header.top",
      h("div.brand", logo(), h("strong", title)),
      page.nav,
      h("div.tools", page.status,
        h("button.plain", { onclick: next_theme, title: "Light or dark (key T)", "aria-label": "Light or dark" }, "◐"),
        h("button.plain", { onclick: help, title: "Keys (key ?)", "aria-label": "Keys" }, "?"),
        h("button.plain", { onclick: () => link.logout(), title: "Log out" }, "Log out"))),
    page.main, page.said)
}

function logo() { return h("img", { src: "icon.svg", alt: "", width: 22, height: 22 }) }

// ---- login ----

function ask_token(problem) {
  page.main = page.nav = page.status = null
  const input = h("input", { type: "password", name: "token", autocomplete: "off", spellcheck: "false", required: true, "aria-describedby": "wrong" })
  const wrong = h("p.wrong", { id: "wrong", role: "alert" }, problem || "")
  const form = h("form.card.login", {
    onsubmit: async (event) => {
      event.preventDefault()
      const token = input.value.trim().replace(/^.*#token=/, "")
      text(wrong, "")
      await link.login(token).catch((error) => {
        text(wrong, error.status === 401 ? "This is not the token." : error.message)
        input.select()
      })
    },
  },
  h("div.brand", logo(), h("strong", "smpp console")),
  h("label.field", h("span", "Token"), input),
  h("p.dim", "It stands in the address that the program printed at its start: ", h("code", "console on http://…/console/#token=…")),
  wrong, h("button.primary", { type: "submit" }, "Log in"))
  fill(document.body, h("main.middle", h("h1.hidden", "Log in"), form))
  document.title = "Log in · smpp console"
  input.focus()
}

// ---- words, questions ----

/** Says something for a few seconds: "good", "bad" or nothing special. */
function say(words, kind) {
  if (!page.said) return
  const note = h("div.note" + (kind ? "." + kind : ""), words)
  page.said.append(note)
  setTimeout(() => note.remove(), SAID_MS)
}

/** A dialog; it is removed when it is closed. */
function dialog(title, ...content) {
  const close = () => node.close()
  const node = h("dialog", { "aria-label": title, onclick: (event) => { if (event.target === node) close() }, onclose: () => node.remove() },
    h("div.sheet", h("header", h("h2", title), h("button.plain", { onclick: close, "aria-label": "Close" }, "✕")), ...content))
  document.body.append(node)
  node.showModal()
  return node
}

/** Asks before something that cannot be taken back. */
function confirm(title, words, yes) {
  return new Promise((done) => {
    const node = dialog(title, h("p", words), h("div.buttons",
      h("button", { onclick: () => node.close() }, "Cancel"),
      h("button.danger", { onclick: () => { done(true); node.close() } }, yes)))
    node.addEventListener("close", () => done(false))
  })
}

function help() {
  const keys = [...app.views.map((one, i) => [String(i + 1), one.title]), ["/", "search"], ["t", "light or dark"], ["Esc", "close"], ["?", "these keys"]]
  dialog("Keys", h("dl.keys", keys.map(([key, words]) => [h("dt", h("kbd", key)), h("dd", words)])))
}

// ---- theme, keys ----

const darkness = matchMedia("(prefers-color-scheme: dark)")

function next_theme() {
  const theme = document.documentElement.dataset.theme === "dark" ? "light" : "dark"
  if ((theme === "dark") === darkness.matches) localStorage.removeItem("theme")
  else localStorage.setItem("theme", theme)
  window.smpp_theme()
  redraw()
}

darkness.addEventListener("change", () => { window.smpp_theme(); redraw() })

addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return
  if (event.key === "Escape") return document.activeElement.blur()
  if (/^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName)) return
  const chosen = app.views[Number(event.key) - 1]
  if (chosen) go(chosen.id)
  else if (event.key === "t") next_theme()
  else if (event.key === "?") help()
  else if (event.key === "/") {
    const search = document.querySelector("main input[type=search]")
    if (search) {
      event.preventDefault()
      search.focus()
    }
  }
})

addEventListener("hashchange", open)

// ---- begin ----

const given = location.hash.match(/^#token=(.+)$/)
if (given) {
  history.replaceState(null, "", location.pathname)
  link.login(decodeURIComponent(given[1])).catch((error) => ask_token(error.status === 401 ? "The token of this address is of another run." : error.message))
} else {
  link.start()
}
