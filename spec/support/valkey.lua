--- An engine for specs on the virtual loop: it reads commands, and a function answers each with the octets of a reply.
local resp = require "smpp.valkey.resp"

local engine = {}

--- A bulk string, null, or a list of them.
---@param value string|number|table|false
---@return string octets
function engine.reply(value)
  if value == false then return "_\r\n" end
  if type(value) == "number" then return ":" .. value .. "\r\n" end
  if type(value) == "string" then return "$" .. #value .. "\r\n" .. value .. "\r\n" end
  local parts = { "*" .. #value .. "\r\n" }
  for _, element in ipairs(value) do parts[#parts + 1] = engine.reply(element) end
  return table.concat(parts)
end

--- What every engine answers to a new connection; nil: another command.
---@param words string[]
---@param role? string
---@return string? octets
function engine.greeting(words, role)
  local name = words[1]
  if name == "HELLO" then return "%1\r\n$5\r\nproto\r\n:3\r\n" end
  if name == "CLIENT" or name == "SELECT" or name == "AUTH" then return "+OK\r\n" end
  if name == "ROLE" then return engine.reply { role or "master", 0 } end
end

--- Listens.  { host, port, role, answer = fn(words, connection): octets? (nil: none yet) }; it has `commands`, the words of each
--- command as one string, `connections` (transports), `greets = false`: answer gets the first commands, too.
---@param loop smpp.Loop
---@param o table
---@return table
function engine.new(loop, o)
  local self = { commands = {}, connections = {}, role = o.role, answer = o.answer, greets = o.greets }
  self.listener = assert(loop:listen({ host = o.host or "127.0.0.1", port = o.port or 6379 }, function(transport)
    self.connections[#self.connections + 1] = transport
    local reader = resp.reader(function(words)
      self.commands[#self.commands + 1] = table.concat(words, " ")
      local octets = self.greets ~= false and engine.greeting(words, self.role) or self.answer and self.answer(words, transport)
      if octets then transport:write(octets) end
    end)
    transport:start(function(octets) assert(reader:feed(octets)) end, function() transport:close() end)
  end))
  --- Ends all connections; the listener stays.
  function self.drop()
    local list = self.connections
    self.connections = {}
    for _, transport in ipairs(list) do transport:reset() end
  end
  function self.close()
    self.drop()
    self.listener:close()
  end
  return self
end

return engine
