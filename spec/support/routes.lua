--- Specs of routing: messages of tables of fields, rules of tables, files of texts.
local codec = require "smpp.codec"
local route = require "smpp.route"

local routes = {}

--- The words of rules; files are those of the table, by name.
function routes.words(files)
  return route.words(function(path, level) return (files or {})[path] or error("cannot open " .. path, level + 1) end)
end

--- A message: fields of a submit_sm (or `command`), and account, bind, carrier, peer_text.
function routes.message(o)
  local fields, own = { command = "submit_sm", destination_addr = "491", short_message = "Hi" }, {}
  for name, value in pairs(o or {}) do
    local is_own = name == "account" or name == "bind" or name == "carrier" or name == "peer_text"
    if is_own then own[name] = value else fields[name] = value end
  end
  if fields.message_payload then fields.short_message = nil end
  own.pdu = assert(codec.decode(assert(codec.encode(fields))))
  return route.message(own)
end

--- A state of noon on Thursday, 1 January 1970, UTC.
function routes.state(o)
  local state = { time = 12 * 3600, now = 0, counters = {} }
  for name, value in pairs(o or {}) do state[name] = value end
  return state
end

--- Compiles rules without mistakes; their lines are their places.
function routes.compile(list, o)
  for i, rule in ipairs(list) do rule.line = rule.line or i end
  local rules, problems = route.compile(list, o)
  if problems[1] then error(problems[1].message, 2) end
  return rules
end

--- The messages of the mistakes of rules.
function routes.mistakes(list, o)
  for i, rule in ipairs(list) do rule.line = rule.line or i end
  local _, problems = route.compile(list, o)
  local out = {}
  for i, problem in ipairs(problems) do out[i] = ("%s: %s"):format(tostring(problem.line), problem.message) end
  return out
end

--- Does a rule of these matchers match the message?
function routes.matches(matchers, message, state)
  local rule = { drop = true, line = 1 }
  for name, value in pairs(matchers) do rule[name] = value end
  local kind = (matchers.carrier or (message and message.command == "deliver_sm")) and "incoming" or "route"
  local rules = routes.compile({ rule }, { kind = kind })
  local msg, at = routes.message(message), state or routes.state()
  local explained = rules:explain(routes.message(message), routes.state(state and { time = state.time, now = state.now } or nil))
  local matched = rules:decide(msg, at).action == "drop"
  if matched ~= (explained.action == "drop") then error("explain and decide differ", 2) end
  return matched
end

return routes
