// The gateway's file: loading it again, and the problems that it has.
import { h, text, tag } from "./dom.js"
import { moment } from "./format.js"
import { unix, of_this_node } from "./parts.js"

export default {
  id: "file", title: "File",
  mount(root, app) {
    const path = h("dd.mono"), started = h("dd"), result = h("div.stack", { role: "status", "aria-live": "polite" })
    const button = h("button.primary", { onclick: load }, "Load again")
    root.append(h("section.card", h("h2", "The gateway's file"), h("dl.pairs", h("dt", "File"), path, h("dt", "Running since"), started),
      h("p.dim", "It is loaded between two messages. One with mistakes changes nothing. What needs a restart (listen, http, store) is in the log."),
      h("div.buttons", button)),
    h("section.card", h("h2", "The last loading from here"), result))
    of_this_node(app, root, "The file is loaded again at this node only.")
    result.append(h("p.dim", "None yet."))

    function problem(one) {
      const is_error = one.severity === "error"
      return h("div.problem", tag(is_error ? "mistake" : "doubt", is_error ? "bad" : "warn"), h("span.dim", one.line ? "line " + one.line : ""),
        h("p", one.message, one.file !== app.state.file && h("span.dim", " · " + one.file)))
    }

    async function load() {
      button.disabled = true
      try {
        const answer = await app.call("reload", {})
        const is_mistake = (one) => one.severity === "error", mistakes = answer.problems.filter(is_mistake)
        result.replaceChildren(
          h("p.decision", answer.ok ? "Loaded" : "Not loaded: nothing has changed", h("span.dim", " · " + moment(Date.now() / 1000))),
          h("div", mistakes.concat(answer.problems.filter((one) => !is_mistake(one))).map(problem)),
          ...(answer.problems.length ? [] : [h("p.dim", answer.ok ? "No mistakes, no doubts." : answer.message || "")]))
        app.say(answer.ok ? "The file is loaded." : "The file is not loaded: it has mistakes.", answer.ok ? "good" : "bad")
      } catch (error) {
        app.say(error.message, "bad")
      }
      button.disabled = false
    }

    return {
      frame() {
        text(path, app.state.file)
        text(started, moment(unix(app.state.started)))
      },
    }
  },
}
