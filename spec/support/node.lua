--- node-smpp as a peer: spec/interop/node/peer.js, driven over its stdin and stdout.
local json = require "dkjson"
local peers = require "spec.support.peers"
local util = require "spec.support.util"

local node = {}

local FOLDER = "spec/interop/node/"
node.folder = FOLDER

---@class spec.Node
---@field port integer?   it listens on
---@field pdus table[]    received requests and responses that were not taken yet, each with `session`
---@field errors string[] what node-smpp reported
---@field connected integer  number of connections so far
---@field closed integer     number of those that have ended
local Node = {}
local mt = { __index = Node }

--- Skips the spec where node or node-smpp is missing.
function node.need()
  peers.need("node", "nodejs")
  peers.need_file(FOLDER .. "node_modules/smpp/package.json", "cd " .. FOLDER .. " && npm ci")
end

local function object(fields) return setmetatable(fields or {}, { __jsontype = "object" }) end

--- Octets for node-smpp: a Buffer.
function node.octets(octets) return { hex = util.hex(octets) } end

local function start(role, port, tls)
  local self = setmetatable({ pdus = {}, answers = {}, errors = {}, closed = 0, connected = 0, last_id = 0 }, mt)
  self.process = peers.start("node-smpp", { "node", FOLDER .. "peer.js", role, ("%d"):format(port), tls and json.encode(tls) }, function(line)
    local event = assert(json.decode(line))
    if event.id then
      self.answers[event.id] = event.pdu
    elseif event.pdu then
      event.pdu.session = event.session
      table.insert(self.pdus, event.pdu)
    elseif event.error then
      table.insert(self.errors, event.error)
    end
    if event.closed then self.closed = self.closed + 1 end
    if event.connected then self.connected = self.connected + 1 end
    self.port = event.listening or self.port
  end)
  return self
end

--- An ESME that is connected and not bound.  tls: options of Node's; cert, key and ca are files.
---@async
function node.connect(port, tls)
  local self = start("connect", port, tls)
  peers.wait("node-smpp to connect", function() return self.connected > 0 end)
  return self
end

--- An MC; port 0: the system chooses.
---@async
function node.listen(port, tls)
  local self = start("listen", port or 0, tls)
  peers.wait("node-smpp to listen", function() return self.port end)
  return self
end

function Node:tell(what) self.process:write(json.encode(what)) end

--- Sends a request: its response as a table, by the names of node-smpp.
---@async
function Node:request(command, fields, session)
  local id = self:post(command, fields, session)
  return self:answer_to(id, command)
end

--- Sends a request without waiting.
function Node:post(command, fields, session)
  self.last_id = self.last_id + 1
  self:tell { id = self.last_id, request = command, fields = object(fields), session = session }
  return self.last_id
end

--- The response to what `post` sent.
---@async
function Node:answer_to(id, command)
  return peers.wait("the answer to node-smpp's " .. (command or "request"), function() return self.answers[id] end)
end

--- Sets how requests of that name are answered; nil: not at all.
---@async
function Node:answer(command, fields)
  self.last_id = self.last_id + 1
  self:tell { id = self.last_id, answer = command, fields = fields and object(fields) or json.null }
  self:answer_to(self.last_id)
end

--- Waits for the next PDU of that name, and removes it.
---@async
function Node:take(command)
  return peers.wait("node-smpp to get a " .. command, function()
    for i, pdu in ipairs(self.pdus) do
      if pdu.command == command then return table.remove(self.pdus, i) end
    end
  end)
end

--- Binds: the bind's response.
---@async
function Node:bind(kind, fields)
  local all = { system_id = "node", password = "secret", interface_version = 0x34 }
  for name, value in pairs(fields or {}) do all[name] = value end
  return self:request("bind_" .. kind, all)
end

--- close: FIN; destroy: at once.
function Node:act(what, session) self:tell { ["do"] = what, session = session } end

--- Waits until its connections have ended.
---@async
function Node:wait_closed()
  peers.wait("the connection to node-smpp to end", function() return self.closed == self.connected end)
end

--- Ends the connection, makes a new one.
---@async
function Node:reconnect()
  self:act "close"
  self:wait_closed()
  self:tell { ["do"] = "connect" }
  peers.wait("node-smpp to connect again", function() return self.closed < self.connected end)
end

return node
