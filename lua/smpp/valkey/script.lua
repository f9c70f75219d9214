--- Scripts that run in the engine: their text is sent once for each connection, and then its hash.
local resp = require "smpp.valkey.resp"

local scripts = {}

---@class smpp.ValkeyScript  a Lua script that runs in the engine
---@field text string
local Script = {}
local mt = { __index = Script, __name = "smpp.ValkeyScript" }

---@param text string
---@return smpp.ValkeyScript
function scripts.new(text)
  return setmetatable({
    text = text,
    head = ("$4\r\nEVAL\r\n$%d\r\n%s\r\n"):format(#text, text),
    load = assert(resp.command({ "SCRIPT", "LOAD", text }, 3)),
  }, mt)
end

--- Tests whether a value is a script.
---@param value any
---@return boolean
function scripts.is_script(value) return getmetatable(value) == mt end

--- What each script's reply goes to; its context is the smpp.ValkeyCommand.  The engine does not know the hash (SCRIPT FLUSH): the text again.
function scripts.replied(value, message, code, entry)
  if code ~= "NOSCRIPT" or entry.connection.is_closed then return entry.done(value, message, code, entry.context) end
  entry.connection.loaded[entry.script] = nil
  entry.script:send(entry.connection, entry)
end

--- Sends it.
---@param connection smpp.ValkeyConnection
---@param entry smpp.ValkeyCommand
function Script:send(connection, entry)
  local known = connection.loaded[self]
  local count_line = "*" .. entry.words .. "\r\n"
  entry.connection = connection
  if type(known) == "string" then
    return connection:send(count_line .. "$7\r\nEVALSHA\r\n$" .. #known .. "\r\n" .. known .. "\r\n" .. entry.octets, scripts.replied, entry)
  end
  if not known then
    connection.loaded[self] = true
    connection:send(self.load, function(hash) connection.loaded[self] = hash or nil end)
  end
  connection:send(count_line .. self.head .. entry.octets, scripts.replied, entry)
end

return scripts
