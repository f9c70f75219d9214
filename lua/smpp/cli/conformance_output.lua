--- The reports of `smpp conformance`: on the terminal, as JUnit's XML, and as a page.
local json = require "smpp.codec.json"
local shown = require "smpp.base.shown"

local output = {}

local MARKS = { pass = "ok", fail = "FAIL", warn = "warn", skip = "skip" }
local STYLES = { pass = "green", fail = "bold_red", warn = "yellow", skip = "dim" }

--- A case, as it is over.
---@param out smpp.CliOutput
---@param result table
function output.case(out, result)
  local mark = out:paint(STYLES[result.outcome], ("%-4s"):format(MARKS[result.outcome]))
  out:print(("%s  %-44s %-7s %s"):format(mark, result.id, result.level, result.section))
  if result.outcome == "pass" then return end
  if result.outcome == "skip" then return out:print("      " .. shown.text(result.detail)) end
  out:print("      " .. out:paint("yellow", shown.text(result.detail)))
  out:print("      why: " .. result.why)
end

--- The end: how many, and which option runs those that were skipped.
---@param out smpp.CliOutput
---@param report table
function output.summary(out, report)
  local summary = report.summary
  for _, option in ipairs { "--submit-to NUMBER", "--broadcast-to AREA" } do
    local need = 0
    for _, case in ipairs(report.cases) do
      if case.detail == "needs " .. option:match "^%S+" then need = need + 1 end
    end
    if need > 0 then out:print(("%d cases need %s"):format(need, option)) end
  end
  out:print(("%d passed, %d failed, %d warnings, %d skipped"):format(summary.pass, summary.fail, summary.warn, summary.skip))
end

local ENTITIES = { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;" }
local function escaped(value) return (shown.lines(json.text(tostring(value))):gsub('[&<>"]', ENTITIES)) end

local XML = [[
<?xml version="1.0" encoding="UTF-8"?>
<testsuites>
  <testsuite name="smpp conformance" tests="%d" failures="%d" skipped="%d" time="%.6g">
%s
  </testsuite>
</testsuites>
]]

--- The report as JUnit's XML.
---@param report table
---@return string
function output.junit(report)
  local lines, total = {}, 0
  for _, case in ipairs(report.cases) do
    total = total + case.seconds
    local head = ('    <testcase classname="conformance" name="%s" time="%.6g"'):format(escaped(case.id), case.seconds)
    if case.outcome == "fail" then
      lines[#lines + 1] = ('%s>\n      <failure message="%s" type="%s">%s</failure>\n    </testcase>'):format(head, escaped(case.detail), case.level,
        escaped(case.section .. ": " .. case.why))
    elseif case.outcome == "skip" then
      lines[#lines + 1] = ('%s>\n      <skipped message="%s"/>\n    </testcase>'):format(head, escaped(case.detail))
    elseif case.outcome == "warn" then
      lines[#lines + 1] = ('%s>\n      <system-out>warning: %s</system-out>\n    </testcase>'):format(head, escaped(case.detail))
    else
      lines[#lines + 1] = head .. "/>"
    end
  end
  local summary = report.summary
  return XML:format(#report.cases, summary.fail, summary.skip, total, table.concat(lines, "\n"))
end

local PAGE = [[
<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>SMPP conformance of %s</title>
<style>
body { font: 15px/1.5 sans-serif; max-width: 60em; margin: 2em auto; padding: 0 1em; color: #222 }
table { border-collapse: collapse } td, th { padding: .2em .8em; text-align: left; border-bottom: 1px solid #ddd; vertical-align: top }
.fail { color: #b00 } .warn { color: #a60 } .skip { color: #777 } .pass { color: #070 } pre { background: #f5f5f5; padding: .7em; overflow-x: auto }
</style></head><body>
<h1>SMPP conformance of %s</h1>
<p>%d passed, <span class="fail">%d failed</span>, <span class="warn">%d warnings</span>, <span class="skip">%d skipped</span>.
A failed MUST or ROBUST case is a fault; a failed SHOULD is a warning.</p>
%s
<h2>All cases</h2>
<table><tr><th>case</th><th>section</th><th>level</th><th>outcome</th></tr>
%s
</table></body></html>
]]

--- The PDUs of a case, each on a line with its octets.
local function pdus_of(case)
  local lines = {}
  for _, one in ipairs(case.pdus) do
    lines[#lines + 1] = escaped(("%8.3f  %s > %s  %s %s\n          %s"):format(one.t_s, one.from, one.to, one.pdu.command,
      one.pdu.command_status ~= 0 and ("status 0x%02X"):format(one.pdu.command_status) or "", one.pdu.hex))
  end
  return #lines > 0 and "<pre>" .. table.concat(lines, "\n") .. "</pre>" or ""
end

--- The report as a page that explains each failure with its PDUs.
---@param report table
---@return string
function output.html(report)
  local found, rows, summary = {}, {}, report.summary
  for _, case in ipairs(report.cases) do
    rows[#rows + 1] = ('<tr><td>%s</td><td>%s</td><td>%s</td><td class="%s">%s</td></tr>'):format(escaped(case.id), escaped(case.section), case.level,
      case.outcome, case.outcome .. (case.outcome == "skip" and ": " .. escaped(case.detail) or ""))
    if case.outcome == "fail" or case.outcome == "warn" then
      found[#found + 1] = ('<h2 class="%s">%s</h2>\n<p>%s, SMPP %s. %s</p>\n<p><b>%s</b></p>\n%s'):format(case.outcome, escaped(case.id), case.level,
        escaped(case.section), escaped(case.why), escaped(case.detail), pdus_of(case))
    end
  end
  local peer = escaped(report.peer.url or report.peer.command)
  return PAGE:format(peer, peer, summary.pass, summary.fail, summary.warn, summary.skip, table.concat(found, "\n"), table.concat(rows, "\n"))
end

return output
