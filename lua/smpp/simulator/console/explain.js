// PDUs in hexadecimal, explained line by line.
import { h, fill, text, tag, field } from "./dom.js"
import { count } from "./format.js"

const EXAMPLE = "0000004300000004000000000000000700050054657374000101343931373631323334353637000000000000010000000c48656c6c6f2c203130201b65020400020005"

/** Hexadecimal digits out of what people paste: columns of a dump, "0x", "\x", commas, blanks. */
export function digits(words) {
  return words.split("\n").map((line) => {
    const dump = line.match(/^\s*[0-9a-f]{4,8}:?\s{2,}((?:[0-9a-f]{2}\s{1,2}){0,15}[0-9a-f]{2})(?:\s.*)?$/i)
    return (dump ? dump[1] : line).replace(/0x|\\x|[\s,:]/gi, "")
  }).join("")
}

const BAD = { error: "bad", warning: "warn" }

function card(pdu, number, of) {
  return h("section.card",
    h("header", h("h2", of > 1 ? `${number}. ${pdu.command}` : pdu.command), h("span.dim", `${count(pdu.length)} octets, sequence_number ${pdu.sequence_number}`),
      pdu.status ? tag(pdu.status.name, "bad") : tag("ESME_ROK", "good")),
    pdu.status && h("p.gap", pdu.status.text, pdu.status.advice && h("span.dim", " · " + pdu.status.advice)),
    pdu.content.length > 0 && h("dl.pairs.gap", pdu.content.map((line) => [h("dt", line.name), h("dd.words", line.value)])),
    pdu.problems.map((one) => h("p.gap", tag(one.severity, BAD[one.severity] || "warn"), ` at octet ${one.offset}: ${one.message}`)),
    h("div.scroll", { tabindex: 0, role: "region", "aria-label": "Parameters of " + pdu.command },
      h("table.mono", h("thead", h("tr", h("th.num", { scope: "col" }, "At"), h("th", { scope: "col" }, "Octets"), h("th", { scope: "col" }, "Parameter"), h("th", { scope: "col" }, "Value"))),
        h("tbody", pdu.lines.map((line) => h("tr", h("td.num.dim", line.offset), h("td.octets.dim", line.octets.replace(/../g, "$& ")), h("td", line.name), h("td.text", line.value)))))))
}

export default {
  id: "explain", title: "Explain",
  mount(root, app) {
    const input = h("textarea.mono", { rows: 5, spellcheck: "false", placeholder: "00 00 00 10 00 00 00 15 …", value: app.params.hex || "", oninput: () => plan() })
    const wrong = h("p.wrong", { role: "alert" }), results = h("div.stack")
    const empty = h("div.card.empty", h("strong", "Paste a PDU"), h("span", "One or several in a row, in hexadecimal: digits, or the columns of a dump."),
      h("button", { onclick: () => { input.value = EXAMPLE; run() } }, "Show an example"))
    let timer, asked = 0

    root.append(h("section.card", h("div.form", field("PDUs in hexadecimal", input), wrong)), results, empty)

    function plan() {
      clearTimeout(timer)
      timer = setTimeout(run, 250)
    }

    async function run() {
      const hex = digits(input.value), number = ++asked
      text(wrong, "")
      empty.hidden = hex !== ""
      if (!hex) return fill(results)
      try {
        const found = await app.call("explain", { hex })
        if (number !== asked) return
        fill(results, found.pdus.map((pdu, i) => card(pdu, i + 1, found.pdus.length)))
        text(wrong, found.rest ? "What follows is no PDU: " + found.rest : "")
      } catch (error) {
        if (number !== asked) return
        fill(results)
        text(wrong, error.message)
      }
    }

    if (input.value) run()
    else input.focus()
    return { close() { clearTimeout(timer) } }
  },
}
