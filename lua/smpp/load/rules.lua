--- Thresholds: "p99 > 500ms", "errors > 0.1%", "abort: rate < 900/s".
local explain = require "smpp.codec.explain"
local grammar = require "smpp.load.grammar"
local strings = require "smpp.base.strings"

local rules = {}

---@class smpp.LoadRule
---@field text string     as it was given
---@field abort boolean   ends the run when it holds
---@field metric string
---@field op string
---@field value number
---@field is_share boolean?  the value is a share of 0 to 1

local COMPARE = {
  [">"] = function(a, b) return a > b end, [">="] = function(a, b) return a >= b end,
  ["<"] = function(a, b) return a < b end, ["<="] = function(a, b) return a <= b end,
  ["=="] = function(a, b) return a == b end, ["!="] = function(a, b) return a ~= b end,
}

local LATENCIES = { min = "min", mean = "mean", p50 = "p50", p90 = "p90", p95 = "p95", p99 = "p99", ["p99.9"] = "p999", p999 = "p999", max = "max" }
local GROUPS = { service = "service_time_s", receipt = "receipt_s" }

--- metric -> (figures) -> the count, and what it is a share of; nothing: no data
local COUNTS = {
  errors = function(f) return f.errors, f.due end,
  throttled = function(f) return f.throttled, f.due end,
  unknown = function(f) return f.unknown, f.due end,
  not_sent = function(f) return f.not_sent, f.due end,
  receipts = function(f) return f.receipts.final, f.receipts.wanted end,
  delivered = function(f) return f.receipts.delivered, f.receipts.wanted end,
  reconnections = function(f) return f.reconnections end,
  late = function(f) return f.late.count, f.sent end,
}

local METRICS = "min mean p50 p90 p95 p99 p99.9 max (also service. and receipt.), rate, errors, throttled, unknown, not_sent, receipts, "
  .. "delivered, checks.NAME, status.ESME_X, reconnections, late, cpu"

--- Reads a rule.
---@param text string
---@return smpp.LoadRule? rule
---@return string? message
function rules.read(text)
  local abort, start = text:match "^%s*(abort:)%s*()"
  start = start or text:match "^%s*()"
  local metric, place = text:match("^([%a_][%w_.%-]*)()", start)
  if not metric then return grammar.error_at("rule", text, start, "METRIC OP VALUE; METRIC is one of " .. METRICS) end
  local op, after = text:match("^%s*([<>=!]=?)%s*()", place)
  if not op or not COMPARE[op] then return grammar.error_at("rule", text, place, "one of > >= < <= == !=") end
  local word = strings.trim_end(text:sub(after))
  local rule = { text = text, abort = abort ~= nil, metric = metric, op = op, value = nil, is_share = nil }
  local group, inner = metric:match "^(%a+)%.(.+)$"
  local wrong
  if LATENCIES[metric] or GROUPS[group] and LATENCIES[inner] then
    rule.of, rule.key = GROUPS[group] or "latency_s", LATENCIES[inner] or LATENCIES[metric]
    rule.value, wrong = grammar.duration(word, { unit = true, zero = true, what = "duration" })
  elseif metric == "rate" then
    rule.value, wrong = grammar.rate(word, { zero = true })
  elseif metric == "cpu" or COUNTS[metric] or group == "checks" or group == "status" then
    if group == "status" then
      local row = explain.status(inner)
      if not row then return grammar.error_at("rule", text, place, "a status by its name, as status.ESME_RTHROTTLED") end
      rule.key = row.name
    elseif group == "checks" then
      rule.key = inner
    end
    local share = word:find "%%$" and grammar.share(word)
    rule.is_share, rule.value = share and true, share or tonumber(word)
    if not rule.value then return grammar.error_at("rule", text, after, "a number or a percentage") end
  else
    return grammar.error_at("rule", text, start, "one of " .. METRICS)
  end
  if not rule.value then return nil, wrong end
  return rule
end

local function share_or_count(rule, count, of)
  if not count then return nil end
  if not rule.is_share then return count end
  if not of or of == 0 then return nil end
  return count / of
end

--- The value of a rule's metric in some figures; nil: there are no data.
---@param rule smpp.LoadRule
---@param figures table  of the recorder
---@return number?
function rules.value(rule, figures)
  local metric = rule.metric
  if rule.of then return figures[rule.of] and figures[rule.of][rule.key] end
  if metric == "rate" then return figures.rate end
  if metric == "cpu" then return figures.cpu end
  if COUNTS[metric] then return share_or_count(rule, COUNTS[metric](figures)) end
  if metric:find "^status%." then return share_or_count(rule, figures.statuses[rule.key] or 0, figures.answered) end
  local check = figures.checks[rule.key]
  if not check then return nil end
  return share_or_count(rule, check.passed, check.passed + check.failed)
end

--- Does it hold?  A rule about latency or a share holds without data, so that a test that measured nothing does not pass.
---@param rule smpp.LoadRule
---@param figures table
---@return boolean holds
---@return number? value
function rules.holds(rule, figures)
  local value = rules.value(rule, figures)
  if value == nil then return rule.of ~= nil or rule.metric == "receipts" or rule.metric == "delivered", nil end
  return COMPARE[rule.op](value, rule.value), value
end

return rules
