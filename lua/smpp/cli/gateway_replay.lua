--- smpp gateway --replay: what the rules would do with recorded traffic, and what another file would change.
local capture = require "smpp.capture"
local exit = require "smpp.cli.exit"
local json = require "smpp.codec.json"
local route = require "smpp.route"

local replay = {}

local BINDS = { bind_transceiver = "trx", bind_transmitter = "tx", bind_receiver = "rx" }
local MESSAGES = { submit_sm = true, data_sm = true }

--- Calls fn(msg, time) for each message of a customer in a capture.
local function each_message(path, fn)
  local handle, message = io.open(path, "rb")
  if not handle then return nil, message end
  local bound = {} -- connection -> { account, bind, host and port of the ESME }
  local summary
  summary, message = capture.read(capture.source(handle), function(item)
    local pdu = item.kind == "pdu" and item.pdu
    if not pdu then return end
    if BINDS[pdu.command] then
      bound[item.connection] = { account = pdu.system_id, bind = BINDS[pdu.command] }
    elseif MESSAGES[pdu.command] then
      local who = bound[item.connection] or {}
      fn(route.message { account = who.account or "", bind = who.bind or "trx", pdu = pdu }, item.time)
    end
  end)
  handle:close()
  return summary, not summary and path .. ": " .. message or nil
end

--- A state of the rules in which all carriers are available.
local function new_state() return { time = 0, now = 0, counters = {} } end

local function add(counts, order, what)
  if not counts[what] then order[#order + 1] = what end
  counts[what] = (counts[what] or 0) + 1
end

local function lines(counts, order)
  table.sort(order, function(a, b)
    if counts[a] ~= counts[b] then return counts[a] > counts[b] end
    return a < b
  end)
  local list = {}
  for i, what in ipairs(order) do list[i] = json.object { "count", counts[what], "what", what } end
  return list
end

--- Runs it.
---@param options table
---@param out smpp.CliOutput
---@param read fun(path: string, out: smpp.CliOutput): smpp.GatewayConfig?, integer?
---@param describe fun(decision: smpp.Decision): string
---@return integer exit_code
function replay.run(options, out, read, describe)
  local config, code = read(options.file, out)
  local other
  if config and options.against then other, code = read(options.against, out) end
  if not config or options.against and not other then return code end
  local state, other_state, total = new_state(), new_state(), 0
  local counts, order, changes, changed = {}, {}, {}, {}
  local summary, message = each_message(options.replay, function(msg, time)
    total = total + 1
    state.time, state.now, other_state.time, other_state.now = time, time, time, time
    local again = route.message { account = msg.account, bind = msg.bind, pdu = msg.pdu }
    local decision = describe(config.route:decide(msg, state))
    add(counts, order, decision)
    if not other then return end
    local second = describe(other.route:decide(again, other_state))
    if second:gsub("^line %d+: ", "") ~= decision:gsub("^line %d+: ", "") then add(changes, changed, ("%s  =>  %s"):format(decision, second)) end
  end)
  if not summary then
    out:fail("%s", message)
    return exit.USAGE
  end
  local decisions, differences = lines(counts, order), lines(changes, changed)
  if out.json then
    out:object(json.object({ "messages", total, "decisions", json.list(decisions), "changes", other and json.list(differences) or nil }, 6))
    return exit.DONE
  end
  out:print(("%d messages"):format(total))
  for _, one in ipairs(decisions) do out:print(("%8d  %s"):format(one.count, one.what)) end
  if other then
    out:print(("changes with %s:%s"):format(options.against, #differences == 0 and " none" or ""))
    for _, one in ipairs(differences) do out:print(("%8d  %s"):format(one.count, one.what)) end
  end
  return exit.DONE
end

return replay
