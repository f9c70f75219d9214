--- A client in a cluster follows one slot: commands that a node refuses since the slot is elsewhere (they were not run) go to where it is.
---
--- MOVED: the client leaves the connection.  What is under way there is answered; what is refused goes to the new one, in its order and before what
--- came later.  ASK, while a slot is being moved, a key at a time: a command goes to the other node.  A script does not: it may touch keys that it
--- does not name, and would find there what has come so far.  It waits until the whole slot has moved, and what is sent after it waits, too.
local net = require "smpp.base.net"
local resp = require "smpp.valkey.resp"
local scripts = require "smpp.valkey.script"
local slots = require "smpp.valkey.slots"
local task = require "smpp.base.task"

local follow = {
  TRANSACTION = {}, -- context of the commands of a transaction, which go together or not at all
}

local REFUSED = { MOVED = true, ASK = true, TRYAGAIN = true, CLUSTERDOWN = true }
local PING, ASKING = assert(resp.command({ "PING" }, 1)), assert(resp.command({ "ASKING" }, 1))

-- ---- leaving a connection ----

--- All that was sent is answered: what was refused is first in the queue of what waits.
local function left(client, connection)
  client.leaving = nil
  connection:close("left", "closed")
  local list = client.refused
  client.refused = {}
  for i = #list, 1, -1 do
    client.queue_first = client.queue_first - 1
    client.queue[client.queue_first] = list[i]
  end
  if client.state == "closed" then return end
  client:expire()
  task.wake_for(client.keeper, client.LEFT)
end

--- Uses a connection no more, but for replies.
local function leave(client, connection, why, place)
  if client.leaving == connection then
    client.hint = place or client.hint
    return
  end
  client.connection, client.address, client.leaving, client.hint = nil, nil, connection, place
  client.state, client.failure, client.moves = "connecting", why, client.moves + 1
  connection:send(PING, function() left(client, connection) end)
  client:emit("lost", why)
  task.wake_for(client.keeper, client.LOST)
end

local function host_of(address) return address:match "^%[(.*)%]:%d+$" or address:match "^(.*):%d+$" end

-- ---- ASK ----

--- Ends the connection to where a slot is being moved.
---@param client smpp.ValkeyClient
---@param code string?  default: when all is answered
function follow.end_aside(client, code)
  local aside = client.aside
  client.aside = nil
  if not aside then return end
  aside.is_over = true
  local connection = aside.connection
  if not connection then
    if not code then return end
    for _, entry in ipairs(aside.waiting) do entry.done(nil, "not sent: the client is closed", code, entry.context) end
    aside.waiting = {}
  elseif code then
    connection:close("closed", code)
  else
    connection:send(PING, function() connection:close("done", "closed") end)
  end
end

local function ask(connection, entry)
  connection:send(ASKING, function() end)
  connection:send(entry.octets, entry.done, entry.context)
end

local function open_aside(client, aside, place)
  local connection, message = client.dial(client, place, client.o)
  aside.connection = connection
  for _, entry in ipairs(aside.waiting) do
    if connection then ask(connection, entry) else entry.done(nil, "not sent: " .. message, "not_sent", entry.context) end
  end
  aside.waiting = {}
  if not connection then
    if client.aside == aside then client.aside = nil end
  elseif aside.is_over then
    connection:send(PING, function() connection:close("done", "closed") end)
  else
    function connection.on_closed()
      if client.aside == aside then client.aside = nil end
    end
  end
end

--- Sends a command to where its slot is being moved.
local function send_aside(client, place, entry)
  local address, aside = net.address(place.host, place.port), client.aside
  if aside and aside.address == address then
    if aside.connection then ask(aside.connection, entry) else aside.waiting[#aside.waiting + 1] = entry end
    return
  end
  follow.end_aside(client)
  aside = { address = address, connection = nil, waiting = { entry }, is_over = false }
  client.aside = aside
  task.spawn(open_aside, client, aside, place)
end

-- ---- refused commands ----

local function refused(client, connection, err, octets, done, context)
  local code, is_script = err.code, done == scripts.replied
  if not REFUSED[code] and not (code == "NOSCRIPT" and is_script and client.leaving == connection) then return false end
  local slot, place = slots.redirection(err.message, host_of(connection.address))
  if slot and slot ~= client.slot then
    done(nil, ("%s: its key is in another slot than the tag '%s', which this client follows"):format(err.message, client.o.tag), code, context)
    return true
  end
  if not is_script and (code == "TRYAGAIN" or code == "ASK" and context == follow.TRANSACTION) then return false end
  if not is_script and code == "ASK" and place then
    send_aside(client, place, { octets = octets, done = done, context = context })
    return true
  end
  client.is_moving = client.is_moving or code == "ASK" or code == "TRYAGAIN"
  leave(client, connection, err.message, code == "MOVED" and place or nil)
  if context == follow.TRANSACTION then return false end
  local entry = is_script and context or { octets = octets, size = #octets, done = done, context = context }
  local now = client.loop:now()
  entry.deadline = entry.deadline or now + client.o.timeout_s
  if entry.deadline <= now then
    entry.done(nil, err.message, code, entry.context)
  else
    client.queue_octets = client.queue_octets + entry.size
    client.refused[#client.refused + 1] = entry
  end
  return true
end

--- Was a command refused, and not run, since its slot is elsewhere?
---@param code string?
---@return boolean
function follow.is_elsewhere(code) return code == "MOVED" or code == "CLUSTERDOWN" end

--- Says of what a client without a cluster is told that it has reached one.
local function told(err, _, done, context)
  if err.code ~= "MOVED" and err.code ~= "ASK" then return false end
  done(nil, err.message .. follow.HINT, err.code, context)
  return true
end

follow.HINT = ": a cluster: expected a URL like valkey+cluster://host"

--- Watches a connection of a client.
---@param client smpp.ValkeyClient
---@param connection smpp.ValkeyConnection
function follow.watch(client, connection)
  if not client.o.cluster then
    connection.on_refused = told
    return
  end
  function connection.on_refused(err, octets, done, context) return refused(client, connection, err, octets, done, context) end
end

return follow
