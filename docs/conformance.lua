--- docs/conformance.md, made from the cases: `lua docs/conformance.lua` writes it anew, and spec/docs/conformance_spec.lua fails where
--- it differs.
if arg and arg[0] and arg[0]:find "docs/conformance%.lua$" then
  package.path = "lua/?.lua;lua/?/init.lua;" .. package.path
  package.cpath = (os.getenv "SMPP_BUILD" or "build") .. "/" .. (jit and "jit" or _VERSION:match "%d%.%d") .. "/?.so;" .. package.cpath
end
local conformance = require "smpp.conformance"

local page = {}

local HEAD = [[
# Conformance

    $ smpp conformance smpp://me:secret@smsc.example

tests a message centre: %d cases of the standard (and an ESME: %d), each with its section, its level, and why it matters to whom. It needs an account, and is polite: nothing is submitted unless
`--submit-to NUMBER` names the one number that messages go to (needed for loopback, too: tunnels end there), and nothing is broadcast unless `--broadcast-to AREA` names an area; without them those cases are skipped, and the summary says how many. Cases marked
*malformed* submit nothing that could be routed. At most 500 messages are submitted in a run.

| level | a failure is | |
|---|---|---|
| MUST | `fail` | the standard demands it |
| SHOULD | `warn` | it is usual, or the standard can be read in two ways: the case says so |
| ROBUST | `fail` | the standard does not speak of it; an MC that fails here can be disturbed or stopped by a peer |

A case whose peer no longer accepts a connection and a bind afterwards has failed ("died"); after three in a row the rest is skipped. ESME_RINVCMDID means that an operation is not offered: the case is skipped
where the standard lets it. A second bind that is refused lowers `--jobs` to 1.

| on the command line | |
|---|---|
| `--submit-to NUMBER` | the number that messages are submitted to |
| `--broadcast-to AREA` | the area, an alias, that broadcasts of SMPP 5.0 go to; they are scheduled in an hour, and cancelled at once |
| `--second URL` | a second account, for the case that needs two binds |
| `--receipts yes\|no\|auto`, `--receipt-wait S` | auto: no receipt for the first message within 30 seconds skips the receipt cases |
| `--timeout S`, `--jobs N`, `--max-binds N` | seconds to wait for an answer (5); cases at a time (4) |
| `--only GLOB`, `--skip GLOB`, `--level L`, `--list` | which cases |
| `--strict` | warnings fail, too |
| `--json FILE`, `--junit FILE`, `--html FILE` | reports; the page explains each failure with its PDUs |
| `--ca`, `--pin`, `--cert`, … | TLS, as of `smpp send` (docs/tls.md) |

Exit codes: 0 no MUST and no robustness case failed; 1 one did; 2 usage; 3 nothing could be tested. `--json` is `{ peer: { url, role, system_id, version }, cases: [{ id, section, level, outcome, why, expected, got,
detail, pdus, seconds }], summary: { pass, fail, warn, skip } }`; ids are never given to another case.

An ESME is tested by the commands that run it, each case with a fresh process against a scripted message centre: `--client CMD` binds (as a transmitter or transceiver), submits one message, unbinds, and
ends, with 0 only when the message was accepted; `--client-receipt` waits for its receipt; `--client-many` sends `{count}` messages with at most `{window}` unanswered; `--client-listen` receives for `{seconds}`;
`--client-keepalive` the same with an enquire_link every second or two. `{host} {port} {system_id} {password} {from} {to} {text}` are filled in; there is no shell. A command that is missing skips its cases; one that
takes longer than `--patience` seconds (35) for a step has failed.

    $ smpp conformance --client 'node client.js {host} {port} {system_id} {password} {from} {to} {text}'

## The cases against a message centre
]]

local function cell(text) return (text:gsub("|", "\\|")) end

--- The page.
---@return string
function page.text()
  local lines, area = { (HEAD:format(#conformance.cases(), #conformance.cases "esme")) }, nil
  local all = {}
  for _, role in ipairs { "smsc", "esme" } do
    for _, case in ipairs(conformance.cases(role)) do all[#all + 1] = case end
  end
  for _, case in ipairs(all) do
    local its_area = case.id:match "^[^.]+"
    if its_area ~= area then
      area = its_area
      if area == "esme" then lines[#lines + 1] = "\n## The cases against an ESME" end
      lines[#lines + 1] = "\n### " .. area .. "\n\n| case | section | level | why | submits |\n|---|---|---|---|---|"
    end
    lines[#lines + 1] = ("| `%s` | %s | %s | %s | %s |"):format(case.id, cell(case.section), case.level, cell(case.why),
      case.submits > 0 and case.submits or case.broadcasts and case.broadcasts .. " broadcast" or case.malformed and "malformed" or "")
  end
  return table.concat(lines, "\n"):gsub("\n\n\n", "\n\n") .. "\n"
end

if arg and arg[0] and arg[0]:find "docs/conformance%.lua$" then
  local file = assert(io.open("docs/conformance.md", "wb"))
  file:write(page.text())
  file:close()
end

return page
