--- Conformance of a message centre: cases with section, level and reason, each a scenario against a real connection.
local clients = require "smpp.conformance.client"
local context = require "smpp.conformance.context"
local json = require "smpp.codec.json"
local runner = require "smpp.scenario.runner"
local task = require "smpp.base.task"
local urls = require "smpp.client.url"

local conformance = {}

--- The files of cases, in the order of reports.
local FILES = {
  smsc = {
    "smpp.conformance.bind", "smpp.conformance.state", "smpp.conformance.framing", "smpp.conformance.message", "smpp.conformance.receipt",
    "smpp.conformance.broadcast",
  },
  esme = { "smpp.conformance.esme" },
}

local LEVELS = { MUST = true, SHOULD = true, ROBUST = true }
local CASE_LIMIT_S = 120
local MOST_SUBMITS = 500
local GONE = 3 -- after so many cases in a row with a dead peer the others are skipped ("peer gone")

---@class smpp.ConformanceCase
---@field id string        area.name, never another case's
---@field section string   of the standard: "3.4 4.4.1; 5.0 4.2"
---@field level "MUST"|"SHOULD"|"ROBUST"
---@field why string       why it matters, and to whom
---@field submits integer  messages that it submits at most
---@field broadcasts integer?  broadcasts that it sends
---@field version integer?   interface_version of its binds, default 0x34
---@field malformed boolean?  it sends requests that cannot be routed, without --submit-to
---@field optional boolean?  an operation that need not be offered: ESME_RINVCMDID skips it
---@field receipts boolean?
---@field second_bind boolean?
---@field fn fun(c: smpp.ConformanceContext)

local cases = {} -- by the role of the peer

--- All cases against a peer.
---@param role? "smsc"|"esme"  default smsc
---@return smpp.ConformanceCase[]
function conformance.cases(role)
  role = role or "smsc"
  if cases[role] then return cases[role] end
  local list, seen = {}, {}
  local function add(id, section, level, why, o, fn)
    if fn == nil then o, fn = {}, o end
    assert(LEVELS[level] and not seen[id] and why:find "%.$", id)
    seen[id] = true
    list[#list + 1] = {
      id = id, section = section, level = level, why = why, submits = o.submits or 0, broadcasts = o.broadcasts, version = o.version,
      malformed = o.malformed, optional = o.optional,
      receipts = o.receipts, second_bind = o.second_bind, client = o.client or role == "esme" and "plain" or nil, fn = fn,
    }
  end
  for _, module in ipairs(FILES[role]) do require(module)(add) end
  cases[role] = list
  return list
end

--- A glob as a pattern of the whole id: * is anything.
local function matches(glob, id)
  return id:find("^" .. glob:gsub("[%^%$%(%)%%%.%[%]%+%-%?]", "%%%0"):gsub("%*", ".*") .. "$") ~= nil
end

--- The cases that globs and a level select.
---@param o { only: string[]?, skip: string[]?, level: string?, role: string? }
---@return smpp.ConformanceCase[]
function conformance.select(o)
  local out = {}
  for _, case in ipairs(conformance.cases(o.role)) do
    local wanted = not o.only or #o.only == 0
    for _, glob in ipairs(o.only or {}) do wanted = wanted or matches(glob, case.id) end
    for _, glob in ipairs(o.skip or {}) do wanted = wanted and not matches(glob, case.id) end
    if wanted and (not o.level or o.level == case.level) then out[#out + 1] = case end
  end
  return out
end

--- Why a case is not run, nil: it is.
local function reason_of(case, o)
  if case.client then
    local option = case.client == "plain" and "--client" or "--client-" .. case.client
    return not o.commands[case.client] and "needs " .. option or nil
  end
  if case.submits > 0 and not o.submit_to then return "needs --submit-to" end
  if case.broadcasts and not o.broadcast_to then return "needs --broadcast-to" end
  if case.receipts and o.receipts == "no" then return "--receipts no" end
end

local function micro(seconds) return math.floor(seconds * 1000 + 0.5) / 1000 end

--- The result of a case, with the keys of the JSON.
local function result_of(case, outcome, detail, run)
  local failure = run and run.failure
  local expected
  if failure and failure.expected then
    local words = { failure.expected.command }
    for name, value in pairs(failure.expected.fields) do words[#words + 1] = name .. " " .. value end
    expected = table.concat(words, ", ")
  end
  local differs = failure and failure.nearest and failure.nearest.differs[1]
  return json.object({
    "id", case.id, "section", case.section, "level", case.level, "outcome", outcome, "why", case.why, "expected", expected,
    "got", differs and differs.got or nil, "detail", detail, "pdus", failure and failure.pdus or json.list {},
    "seconds", run and micro(run.duration_s) or 0,
  }, 20)
end

--- Does the peer still accept a connection and a bind?
local function is_alive(o)
  local result = runner.run(context.case("alive", function(t) context.new(t, o):bind "tx" end, 15), {})
  return result.outcome == "pass", result
end

--- Runs one case.
---@async
local function run_case(case, o)
  local reason = reason_of(case, o)
  if reason then return result_of(case, "skip", reason) end
  local run, _, world = runner.run(context.case(case.id, function(t)
    local c = case.client and clients.new(t, o) or context.new(t, o)
    c.case = case
    case.fn(c)
  end, o.commands and o.patience_s + CASE_LIMIT_S or CASE_LIMIT_S, o.timeout_s), {})
  if run.outcome == "pass" then return result_of(case, "pass", nil, run) end
  if run.outcome == "skip" then return result_of(case, "skip", run.reason, run) end
  local failed = case.level == "SHOULD" and "warn" or "fail"
  local result = result_of(case, failed, run.failure.message, run)
  getmetatable(result).world = world
  if not case.client and not is_alive(o) then
    result.outcome, result.detail, result.died = "fail", "died: " .. run.failure.message, nil
    getmetatable(result).died = true
  end
  return result
end

--- Runs cases, several at a time; the results are in their order.
---@async
---@return table[] results
---@return table summary
local function perform(list, o)
  local results, next_case, shown, running, gone, submits, alone = {}, 1, 1, 0, 0, 0, false
  local token = task.need()
  local summary = { pass = 0, fail = 0, warn = 0, skip = 0 }
  local function finish(i, result)
    results[i] = result
    gone = getmetatable(result).died and gone + 1 or (result.outcome ~= "skip" and 0 or gone)
  end
  while shown <= #list do
    local jobs = (o.shared.one_bind or gone > 0) and 1 or o.jobs or 4
    while running < jobs and next_case <= #list do
      local i, case = next_case, list[next_case]
      -- Receipts go to any receiver of the account: these cases run alone.
      if (case.receipts or alone) and running > 0 then break end
      alone = case.receipts
      next_case = next_case + 1
      submits = submits + (o.submit_to and case.submits or 0) + (o.broadcast_to and case.broadcasts or 0)
      if gone >= GONE then
        finish(i, result_of(case, "skip", "peer gone"))
      elseif submits > MOST_SUBMITS then
        finish(i, result_of(case, "skip", ("more than %d submits"):format(MOST_SUBMITS)))
      else
        running = running + 1
        task.start(function(trace)
          running = running - 1
          finish(i, result_of(case, "fail", "internal error: " .. tostring(trace)))
          task.wake_for(token, list)
        end, function()
          local result = run_case(case, o)
          running = running - 1
          finish(i, result)
          task.wake_for(token, list)
        end)
      end
    end
    local result = results[shown]
    if result then
      summary[result.outcome] = summary[result.outcome] + 1
      if o.done then o.done(result) end
      shown = shown + 1
    elseif running > 0 then
      task.wait(list)
    end
  end
  return results, json.object { "pass", summary.pass, "fail", summary.fail, "warn", summary.warn, "skip", summary.skip }
end

---@class smpp.ConformanceOptions
---@field url string
---@field submit_to string?
---@field broadcast_to string?  alias of an area
---@field receipts "yes"|"no"|"auto"|nil
---@field receipt_wait_s number?
---@field timeout_s number?
---@field jobs integer?
---@field second string?
---@field tls any
---@field done (fun(result: table))?  called after each case, in their order

--- Runs cases against an ESME.
---@async
---@param list smpp.ConformanceCase[]
---@param o { commands: table<string, string>, patience_s: number?, jobs: integer?, done: (fun(result: table))? }  commands: plain,
---  receipt, many, listen, keepalive
---@return table results
function conformance.run_client(list, o)
  o.patience_s, o.timeout_s, o.shared = o.patience_s or 35, o.timeout_s or 5, {}
  local results, summary = perform(list, o)
  return json.object {
    "peer", json.object({ "command", o.commands.plain, "role", "esme", "version", o.shared.version }, 6),
    "cases", json.list(results), "summary", summary,
  }
end

--- Runs cases against a message centre.
---@async
---@param list smpp.ConformanceCase[]
---@param o smpp.ConformanceOptions
---@return table? results  { peer, cases, summary } with the keys of the JSON
---@return string? message  nothing could be tested
---@return string? code  "bad_value": the URL is invalid
function conformance.run(list, o)
  local parsed, wrong = urls.parse(o.url)
  if not parsed then return nil, wrong, "bad_value" end
  o.parsed, o.timeout_s, o.receipt_wait_s = parsed, o.timeout_s or 5, o.receipt_wait_s or 30
  o.shared = { no_receipts = false, one_bind = false, bound = 0, changes = {} }
  local alive, first = is_alive(o)
  if not alive then return nil, first.failure and first.failure.message or first.reason end
  local results, summary = perform(list, o)
  local host = parsed.hosts[1]
  local words = ("%s://%s@%s:%d"):format(parsed.tls and "smpps" or "smpp", parsed.system_id or "", host.host, host.port)
  return json.object {
    "peer", json.object({ "url", words, "role", "smsc", "system_id", o.shared.system_id, "version", o.shared.version }, 8),
    "cases", json.list(results),
    "summary", summary,
  }
end


return conformance
