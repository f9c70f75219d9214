--- Answers that are written in pieces: `return { status = 200, type = …, stream = function(out) out:write(octets) end }`.
local task = require "smpp.base.task"

local stream = {}

local QUEUE_OCTETS = 65536 -- that wait for a client
local STALL_S = 60

local ENDS = {
  connection_lost = "the client has gone",
  shutting_down = "the server shuts down",
}

--- The body of an answer.  It ends when the function that got it returns; when that raises, the connection is cut.
---@class smpp.HttpOut
---@field on_room fun()|nil  called when half of the queue is free, after an `offer` or a `write` that found it full
---@field on_end fun(code: string)|nil  called once, when the client has gone or the server shuts down; then it may `offer` its last octets
local Out = {}
local mt = { __index = Out, __name = "smpp.HttpOut" }

--- Begins an answer; nil: the client has gone.
---@param server smpp.HttpServer
---@param request smpp.HttpRequest
---@param response smpp.HttpResponse
---@param headers string[]?  name, value …, beside those of the response
---@return smpp.HttpOut?
function stream.begin(server, request, response, headers)
  local exchange, route = request.exchange, request.route
  local begun = exchange:start(response.status, response.max_queued_octets or QUEUE_OCTETS, response.stall_s or STALL_S, headers,
    route and route.headers or server.headers, response.headers)
  server:wake()
  if not begun then return nil end
  return setmetatable({
    server = server, exchange = exchange,
    code = nil,                   -- why there will be no more: a key of ENDS, or "finished"
    writer = nil, sleeper = nil,  -- tasks that wait for room, and in `wait`
    on_room = nil, on_end = nil,
  }, mt)
end

local function ended(self) return nil, ENDS[self.code] or "the answer has ended", self.code end

--- Sends octets; waits while the queue (`max_queued_octets` of the answer, 65536) is full.
---@async
---@param octets string
---@return true? written  into the queue
---@return string? message
---@return string? code  "connection_lost": the client has gone; "shutting_down": the server closes
function Out:write(octets)
  local from = 0
  while not self.code do
    local taken = self.exchange:write(octets, from)
    if not taken then return nil, ENDS.connection_lost, "connection_lost" end
    if taken > 0 then self.server:wake() end
    from = from + taken
    if from == #octets then return true end
    if self.writer then error("another task writes to this answer", 2) end
    self.writer = task.need(2)
    task.wait(self)
    self.writer = nil
  end
  return ended(self)
end

--- Sends octets if the queue has room for all of them; never waits.
---@param octets string
---@return boolean? taken  false: nothing of them was
---@return string? message
---@return string? code  as of `write`
function Out:offer(octets)
  if self.code then return ended(self) end
  local room = self.exchange:room()
  if not room then return nil, ENDS.connection_lost, "connection_lost" end
  if room < #octets or self.writer then
    self.exchange:room(true)
    return false
  end
  self.exchange:write(octets, 0)
  self.server:wake()
  return true
end

--- Waits for `out:wake()`, or the end.
---@async
---@param timeout_s number?
---@return boolean? woken  false: not within that time
---@return string? message
---@return string? code  as of `write`
function Out:wait(timeout_s)
  task.check_timeout(timeout_s, 2)
  if self.code then return ended(self) end
  if self.sleeper then error("another task waits for this answer", 2) end
  local timer
  self.sleeper = task.need(2)
  if timeout_s then
    timer = self.server.loop:timer(function() task.wake_for(self.sleeper, mt, false) end, true)
    timer:start(timeout_s)
  end
  local woken = task.wait(mt)
  self.sleeper = nil
  if timer then timer:close() end
  if self.code then return ended(self) end
  return woken
end

--- Ends a `wait`.
---@return boolean  false: no task waits
function Out:wake() return self.sleeper ~= nil and task.wake_for(self.sleeper, mt, true) end

--- Ends the writing: the client has gone, or the server closes.
---@private
---@param code string
function Out:stop(code)
  if self.code then return end
  local on_end = self.on_end
  self.on_end = nil
  if on_end then task.start(self.server.on_error, on_end, code) end
  self.code = self.code or code
  if self.writer then task.wake_for(self.writer, self) end
  if self.sleeper then task.wake_for(self.sleeper, mt, false) end
end

---@private
function Out:has_room()
  if self.writer then task.wake_for(self.writer, self) end
  if self.on_room and not self.code then self.on_room() end
end

---@private
function Out:finish()
  self.code = self.code or "finished"
  self.exchange:finish()
  self.server:wake()
end

---@private
function Out:cut()
  self.code = self.code or "finished"
  self.exchange:cut()
  self.server:wake()
end

return stream
