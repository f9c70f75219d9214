--- smpp sim: a message centre to try things on.
local address = require "smpp.address"
local content = require "smpp.cli.content"
local dial = require "smpp.cli.dial"
local exit = require "smpp.cli.exit"
local explain = require "smpp.explain"
local json = require "smpp.cli.json"
local loops = require "smpp.loop"
local smpp = require "smpp"
local task = require "smpp.task"

local sim = {
  summary = "Play the message centre.",
  description = "A message centre for trying things out: takes binds, answers every request an ESME sends, and delivers a receipt "
    .. "after a second when one was asked for. Without --account any system_id and password are welcome.",
  epilog = [[
Examples:
   smpp sim
   smpp sim --port 0 --account me:secret --account other:geheim
   smpp sim -v --deliver-after 0.1 --for 60]],
}

local function number(least, most)
  return function(word)
    local n = tonumber(word)
    if not n or n < least or n > most then return nil, ("'%s': a number from %d to %s expected"):format(word, least, most) end
    return n
  end
end

--- The command's arguments and options.
---@param command table  of argparse
function sim.define(command)
  command:option("--host", "Where to listen.", "127.0.0.1"):argname "HOST"
  command:option("--port", "0 picks a free one.", "2775"):hidden_name "-p":convert(number(0, 65535)):argname "PORT"
  command:option("--account", "Who may bind; more than one is fine."):hidden_name "-a":count "*":argname "ID:PASSWORD"
  command:option("--deliver-after", "Seconds from a message to its receipt.", "1"):convert(number(0, 1e9)):argname "S"
  command:option("--for", "End after so many seconds."):target "duration":convert(number(0, 1e9)):argname "S"
  dial.define_watching(command)
end

--- Accounts by system_id; nil and a message for one that is none.
local function accounts_of(words)
  if #words == 0 then return nil end
  local accounts = {}
  for _, word in ipairs(words) do
    local id, password = word:match "^([^:]+):(.*)$"
    if not id then return nil, ("--account %s: ID:PASSWORD expected"):format((word:gsub(":.*", ":***"))) end
    if #id > 15 then return nil, ("--account %s: a system_id has at most 15 octets"):format(id) end
    accounts[id] = { password = password }
  end
  return accounts
end

local TYPES = { BOUND_TX = "tx", BOUND_RX = "rx", BOUND_TRX = "trx" }

local function who(session) return session.system_id or "-" end

local function peer_of(session) return loops.address(session.peer.host, session.peer.port) end

local function content_of(message)
  return content.of {
    command = message.command or "submit_sm", short_message = message.octets, data_coding = message.data_coding,
    esm_class = message.esm_class,
  }
end

--- Event, its words for people, and its fields for JSON.
local function say(out, loop, style, event, words, fields)
  if out.json then
    local list = { "event", event, "time", os.date("!%Y-%m-%dT%H:%M:%SZ", math.floor(loop:time())) }
    for i = 1, fields.n do list[4 + i] = fields[i] end
    return out:object(json.object(list, 4 + fields.n))
  end
  out:print(("%s %s %s"):format(out:paint("dim", os.date("!%H:%M:%S", math.floor(loop:time()))), out:paint(style, ("%-8s"):format(event)), words))
end

local function pack(...) return { n = select("#", ...), ... } end

local function follow(mc, out, counts)
  local loop = mc.loop
  mc:on("session", function(session)
    counts.binds = counts.binds + 1
    say(out, loop, "green", "bind", ("%s as %s from %s, SMPP %d.%d"):format(who(session), TYPES[session.state] or session.state,
      peer_of(session), math.floor(session.version / 16), session.version % 16),
      pack("system_id", who(session), "bind", TYPES[session.state], "peer", peer_of(session), "version", session.version))
  end)
  mc:on("closed", function(session, reason)
    say(out, loop, "yellow", "closed", ("%s from %s: %s"):format(who(session), peer_of(session), reason),
      pack("system_id", who(session), "peer", peer_of(session), "reason", reason))
  end)
  mc:on("message", function(message)
    local c = content_of(message)
    local from, to = address.format(message.source_addr, message.source_addr_ton), address.format(message.destination_addr, message.dest_addr_ton)
    local words = c and (c.text and content.quote(c.text) or ("%d octets of data"):format(#c.data)) or '""'
    if c and c.part then words = ("%s part %d/%d"):format(words, c.part.seq, c.part.total) end
    say(out, loop, "cyan", "message", ("%s  %s > %s  %s"):format(message.id, from ~= "" and from or "-", to, out:paint("bold", words)),
      pack("message_id", message.id, "system_id", message.system_id, "from", json.text(from), "to", json.text(to),
        "text", c and c.text, "data", c and c.data and json.hex(c.data), "encoding", c and c.coding.encoding,
        "registered_delivery", message.registered_delivery))
  end)
  mc:on("receipt", function(message)
    say(out, loop, "blue", "receipt", ("%s  %s"):format(message.id, message.state), pack("message_id", message.id, "state", message.state))
  end)
  mc:on("error", function(problem) out:note("%s %s", out:paint_note("yellow", "warning:"), problem) end)
end

local function follow_refused(mc, out, counts)
  mc:on("refused", function(session, system_id, status, reason)
    counts.refused_binds = counts.refused_binds + 1
    local name = status
    if type(status) == "number" then name = explain.status(status).name end
    say(out, mc.loop, "red", "refused", ("%s from %s: %s%s"):format(system_id ~= "" and system_id or "-", peer_of(session), name,
      reason and ", " .. reason or ""), pack("system_id", json.text(system_id), "peer", peer_of(session), "status", name, "reason", reason))
  end)
end

local COUNTS = { "binds", "refused_binds", "messages", "receipts" }

local function summary(out, mc, counts)
  counts.messages, counts.receipts = mc.counts.messages, mc.counts.receipts
  if out.json then
    local list = { "event", "summary" }
    for _, name in ipairs(COUNTS) do
      list[#list + 1] = name
      list[#list + 1] = counts[name]
    end
    return out:object(json.object(list))
  end
  local words = {}
  for i, name in ipairs(COUNTS) do words[i] = ("%d %s"):format(counts[name], (name:gsub("_", " "))) end
  out:print(table.concat(words, ", "))
end

local function work(options, out, accounts, counts, started)
  local watch, trace = dial.watch(options, out, function(session) return who(session) .. " " .. peer_of(session) end)
  if options.trace and not watch then
    out:fail("%s", trace)
    return exit.USAGE
  end
  local mc, message = smpp.simulator { host = options.host, port = options.port, accounts = accounts, deliver_after_s = options.deliver_after }
  if not mc then
    out:fail("%s", message)
    return exit.UNREACHABLE
  end
  started(mc)
  if out.json then
    out:object(json.object { "event", "listening", "host", mc.host, "port", mc.port })
  else
    out:print("listening on " .. loops.address(mc.host, mc.port))
  end
  follow(mc, out, counts)
  follow_refused(mc, out, counts)
  if watch then mc:on("pdu", function(session, pdu, direction) watch(pdu, direction, session) end) end
  local token = task.need()
  out.on_broken = function() task.wake_for(token, sim) end
  local timer = options.duration and mc.loop:timer(function() task.wake_for(token, sim) end, true)
  if timer then timer:start(options.duration) end
  task.wait(sim)
  if timer then timer:close() end
  mc:close()
  if trace then trace:close() end
  return out.broken and exit.FAILED or exit.DONE
end

--- Runs the command.
---@param options table  as argparse gives them
---@param out smpp.CliOutput
---@return integer exit_code
function sim.run(options, out)
  local accounts, wrong = accounts_of(options.account)
  if wrong then
    out:fail("%s", wrong)
    return exit.USAGE
  end
  out.live = true
  local mc
  local counts = { binds = 0, refused_binds = 0 }
  local code, _, interrupted = out.run(function()
    return work(options, out, accounts, counts, function(started) mc = started end)
  end)
  if mc and not out.broken then summary(out, mc, counts) end
  return interrupted == "interrupted" and exit.INTERRUPTED or code
end

return sim
