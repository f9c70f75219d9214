--- One connection to an engine: commands out in order, replies back in the same order.
local resp = require "smpp.valkey.resp"
local task = require "smpp.base.task"

---@class smpp.ValkeyConnection
---@field address string      host:port
---@field protocol integer    version of RESP that is in use
---@field mode string?        of the engine, in RESP 3: "standalone", "cluster", "sentinel"
---@field on_push fun(list: any[])?
---@field on_closed fun(message: string, code: string)?
---@field on_error fun(code: string)?  of error replies
---@field on_refused (fun(err: smpp.ValkeyError, octets: string, done: function, context: any): boolean)?  of error replies, with
---  their command; true: `done` is called by it, now or later
---@field pending_octets integer  of commands that await replies
---@field loaded table<smpp.ValkeyScript, string|true>  scripts that this engine has: their hash; true: it is not known yet
local Connection = {}
local mt = { __index = Connection, __name = "smpp.ValkeyConnection" }

local connection = {}

-- In RESP 3 these commands are answered by push data, in the order of replies; only their errors are replies.
local REPLIES = { subscribe = true, unsubscribe = true }

--- Takes over a transport, and reads.
---@param loop smpp.Loop
---@param transport smpp.Transport
---@param address string
---@param o { timeout_s: number, reply_octets: integer }
---@return smpp.ValkeyConnection
function connection.new(loop, transport, address, o)
  local self = setmetatable({
    loop = loop, transport = transport, address = address, timeout_s = o.timeout_s, protocol = 2, mode = nil,
    first = 1, last = 0,               -- commands that await replies
    done = {}, deadlines = {}, sent = {}, contexts = {},
    pending_octets = 0,
    out = {}, out_count = 0,           -- octets of this turn
    loaded = {},
    on_push = nil, on_closed = nil, on_error = nil, on_refused = nil,
    is_closed = false,
  }, mt)
  self.reader = resp.reader(function(value) self:reply(value) end, function(list)
    if REPLIES[list[1]] then return self:reply(list) end
    if self.on_push then self.on_push(list) end
  end, { octets = o.reply_octets })
  self.timer = loop:timer(function() self:late() end)
  self.flush = function()
    local octets = table.concat(self.out, "", 1, self.out_count)
    self.out, self.out_count = {}, 0
    if not self.is_closed then transport:write(octets) end
  end
  transport:start(function(octets)
    local ok, message = self.reader:feed(octets)
    if not ok then self:close(message, "malformed") end
  end, function(message) self:close(message or "closed by the engine", "connection_lost") end)
  return self
end

--- Sends a command.
---@param octets string  of smpp.valkey.resp
---@param done fun(value: any, message: string?, code: string?, context: any)  false is null; nil: no reply.  code: "timeout",
---  "connection_lost", "malformed", "closed"
---@param context any
---@param timeout_s number?
function Connection:send(octets, done, context, timeout_s)
  local n = self.last + 1
  self.last = n
  self.done[n], self.contexts[n], self.sent[n] = done, context, octets
  self.deadlines[n] = self.loop:now() + (timeout_s or self.timeout_s)
  self.pending_octets = self.pending_octets + #octets
  self.out_count = self.out_count + 1
  self.out[self.out_count] = octets
  if self.out_count == 1 then self.loop:defer(self.flush) end
  if n == self.first then self:arm() end
end

---@private
function Connection:arm()
  if self.first > self.last then return self.timer:stop() end
  self.timer:start(math.max(0, self.deadlines[self.first] - self.loop:now()))
end

--- The oldest command is without a reply: so are all behind it.  A timer is not moved with each reply.
---@private
function Connection:late()
  if self.first > self.last then return end
  if self.loop:now() < self.deadlines[self.first] then return self:arm() end
  self:close(("no reply within %.3g s"):format(self.timeout_s), "timeout")
end

---@private
---@return fun(...) done
---@return any context
---@return string octets
function Connection:take()
  local n = self.first
  local done, context, octets = self.done[n], self.contexts[n], self.sent[n]
  self.pending_octets = self.pending_octets - #octets
  self.done[n], self.contexts[n], self.sent[n], self.deadlines[n] = nil, nil, nil, nil
  self.first = n + 1
  return done, context, octets
end

---@private
function Connection:reply(value)
  if self.is_closed then return end
  if self.first > self.last then return self:close("a reply to no command", "malformed") end
  local done, context, octets = self:take()
  if resp.is_error(value) then
    if self.on_error then self.on_error(value.code) end
    if self.on_refused and self.on_refused(value, octets, done, context) then return end
    return done(nil, value.message, value.code, context)
  end
  done(value, nil, nil, context)
end

--- Sends a command, and waits for its reply.
---@async
---@param ... string|number
---@return any value
---@return string? message
---@return string? code
function Connection:call(...)
  local octets = assert(resp.command({ ... }, select("#", ...)))
  local token, key = task.need(2), {}
  self:send(octets, function(value, message, code) task.wake_for(token, key, value, message, code) end)
  return task.wait(key)
end

--- Closes it.  Commands without a reply end with `code`; whether the engine took them is unknown.
---@param message string
---@param code string
function Connection:close(message, code)
  if self.is_closed then return end
  self.is_closed = true
  self.timer:close()
  self.transport:close()
  if self.on_closed then self.on_closed(message, code) end
  while self.first <= self.last do
    local done, context = self:take()
    done(nil, ("%s: %s"):format(self.address, message), code, context)
  end
end

return connection
