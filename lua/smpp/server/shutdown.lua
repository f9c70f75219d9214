--- Shutdown of a server: refuses new requests, waits for running handlers, unbinds each session, and closes the rest at the
--- timeout.
local run = require "smpp.loop.run"
local task = require "smpp.base.task"

---@class smpp.Left  what a server has not finished
---@field sessions integer  without unbind_resp in time
---@field unanswered integer  requests of ESMEs without an answer
---@field unacknowledged integer  requests of the server without a response: outcome unknown
---@field waiting integer  receipts and MO messages not sent

---@class smpp.Shutdown
---@field left smpp.Left
---@field finished boolean
local Shutdown = {}
local mt = { __index = Shutdown, __name = "smpp.Shutdown" }

local shutdown = { class = Shutdown }

local STEP_S = 0.05 -- interval of checking the sessions

local BOUND = { BOUND_TX = true, BOUND_RX = true, BOUND_TRX = true }

---@param server smpp.Server
---@param timeout_s? number  default 10
---@return smpp.Shutdown
function shutdown.new(server, timeout_s)
  local self = setmetatable({
    server = server,
    loop = server.loop,
    left = { sessions = 0, unanswered = 0, unacknowledged = 0, waiting = 0 },
    deadline = server.loop:now() + (timeout_s or 10),
    timer = nil,      -- next check of the sessions
    token = nil,      -- the task in close()
    given_up = {},    -- sessions counted in `left`
    finished = false,
  }, mt)
  self.timer = self.loop:timer(function() self:step() end, true)
  return self
end

--- Shuts the server down; in a task, waits until it is closed.
---@async
---@return smpp.Left left
function Shutdown:run()
  local server = self.server
  server.acceptor:close()
  server.outbound:stop()
  if server.signal then server.signal:close() end
  self.token = task.current()
  self:step()
  if self.token and not self.finished then return task.wait(self) end
  return self.left
end

--- Closes a session at the timeout, and counts what it has not finished.
local function give_up(self, session, info)
  local left = self.left
  left.sessions = left.sessions + (session.owner.serial and 1 or 0)
  left.unanswered, left.unacknowledged = left.unanswered + info.unanswered, left.unacknowledged + info.in_flight
  self.given_up[session] = true
  session:close("shutting down")
end

--- A receiver's session ended with a message in flight: outcome unknown.
---@param session smpp.Session
function Shutdown:lost(session)
  if not self.given_up[session] then self.left.unacknowledged = self.left.unacknowledged + 1 end
end

---@private
function Shutdown:step()
  local now, connections = self.loop:now(), self.server.connections
  for _, session in ipairs(connections:list()) do
    local info = session:info()
    if now >= self.deadline then
      give_up(self, session, info)
    elseif info.unanswered > 0 and BOUND[info.state] and not info.unbinding then
      session:pause() -- no new requests, so that all can be answered
    elseif not (info.unbinding and (BOUND[info.state] or info.unanswered > 0)) then
      session:resume()
      task.start(nil, session.unbind, session, self.deadline - now)
    end
  end
  if connections.count == 0 then return self:finish() end
  self.timer:start(math.min(STEP_S, math.max(self.deadline - now, 0.001)))
end

--- All connections are closed.
function Shutdown:finish()
  if self.finished then return end
  self.finished = true
  self.timer:close()
  local server = self.server
  self.left.waiting = server.outbound:left()
  server.outbound:close()
  if server.capture then server.capture:close() end
  server:log("stopped", nil, self.left)
  if server.close_log then server.close_log() end
  server:emit("stopped", self.left)
  run.closed(server)
  if self.token then task.wake_for(self.token, self, self.left) end
end

return shutdown
