--- The base class of filters: a filter is a transport on top of another one that changes the octets passing through it.
--- Every method delegates to the transport below, so that a class overrides only those that it changes.
local filter = {}

---@class smpp.Filter : smpp.Transport
---@field name string
---@field inner smpp.Transport  the one below, nearer to the socket
---@field loop smpp.Loop
---@field establish (fun(self, done: fun(ok: boolean?, message: string?, code: string?)))?  runs before a
---  session may start: a header, a handshake.  done is called once; a failure has a message and a code
---@field awaits string?   what `establish` waits for, in the message of a timeout
---@field limit_s number?   time limit of `establish`, nil or 0: that of all steps together
---@field late_code string? the code when the limit is exceeded, default "timeout"
local Filter = {}

--- Starts reading.  After `establish` the transport below is paused until now.
function Filter:start(on_data, on_close)
  self.inner:start(on_data, on_close)
  self.inner:resume()
end

function Filter:write(octets) self.inner:write(octets) end
function Filter:pending() return self.inner:pending() end
function Filter:pause() self.inner:pause() end
function Filter:resume() self.inner:resume() end
function Filter:shutdown() self.inner:shutdown() end
function Filter:close() self.inner:close() end
function Filter:reset() self.inner:reset() end
function Filter:close_after_flush(timeout_s) self.inner:close_after_flush(timeout_s) end

--- `establish` failed or took too long: the connection ends.
function Filter:abandon() self:reset() end

--- The transport below has written all that was pending.
function Filter:drained()
  if self.on_drain then self.on_drain() end
end

filter.Filter = Filter

--- Makes a class of filters.
---@param name string
---@param methods table  those that are not delegated; all others are inherited from Filter
---@return fun(inner: smpp.Transport, fields: table?): smpp.Filter new  fields: of the class itself, one table per filter
function filter.class(name, methods)
  for method, fn in pairs(Filter) do methods[method] = methods[method] or fn end
  local mt = { __index = methods, __name = "smpp.Transport" }
  function mt:__tostring() return ("%s over %s"):format(name, tostring(self.inner)) end
  return function(inner, fields)
    local self = setmetatable(fields or {}, mt)
    self.name, self.inner, self.loop = name, inner, inner.loop
    self.peer, self.local_port, self.tls = inner.peer, inner.local_port, inner.tls
    self.on_drain = nil -- set by the owner
    inner.on_drain = function() self:drained() end
    return self
  end
end

return filter
