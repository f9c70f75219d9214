--- Requests of ours: who waits for which response, and what they are told.
local commands = require "smpp.codec.commands"
local explain = require "smpp.codec.explain"
local task = require "smpp.base.task"

local asking = { methods = {} }
local Connection = asking.methods

local GENERIC_NACK = commands.ids.generic_nack

local start, wake, wait, need = task.start, task.wake, task.wait, task.need

local function new_cookie(self)
  local n = self.cookie_count
  if n > 0 then
    self.cookie_count = n - 1
    return self.cookies[n]
  end
  self.last_cookie = self.last_cookie + 1
  return self.last_cookie
end

local function free_cookie(self, cookie)
  local n = self.cookie_count + 1
  self.cookie_count, self.cookies[n] = n, cookie
end

--- Gives results to whoever waits for a cookie.
local function settle(self, cookie, ...)
  local waiter = self.waiting[cookie]
  self.waiting[cookie] = nil
  free_cookie(self, cookie)
  if not waiter then return end
  if type(waiter) == "function" then
    start(self.sink, waiter, ...)
  else
    wake(waiter, ...)
  end
end

--- Counts a response for the owner.
local function count(self, cookie, pdu, status)
  local started = self.started[cookie]
  if not started then return end
  self.started[cookie] = nil
  local latency_s, stats = self.now - started, self.stats
  stats:note_latency(latency_s)
  if status == 0 then stats.answered = stats.answered + 1 else stats:note_refusal(pdu.status) end
  if self.observe then self.observe(latency_s, pdu) end
end

function Connection:complete(cookie, pdu, status, reason)
  if self.stats then count(self, cookie, pdu, status) end
  if reason then
    settle(self, cookie, nil, reason .. ", outcome unknown", "timeout", pdu)
  elseif status == 0 then
    settle(self, cookie, pdu)
  else
    local row = explain.status(status)
    if row.class == "throttle" and self.on_throttled then self.on_throttled(status) end
    local name = pdu.command_id == GENERIC_NACK and " (generic_nack)" or ""
    settle(self, cookie, nil, ("%s%s: %s"):format(row.name, name, row.meaning), row.name, pdu)
  end
end

function Connection:fail(cookie, message, code)
  if self.started[cookie] then
    self.started[cookie] = nil
    self.stats.unknown = self.stats.unknown + 1
    if self.on_unknown then self.on_unknown(self.asked_id[cookie], self.asked[cookie], code) end
  end
  if code == "connection_lost" and self.lost_reason then message = "connection lost (" .. self.lost_reason .. "), outcome unknown" end
  settle(self, cookie, nil, message, code)
end

--- Sends a request; `waiter` (a task or a function) gets the response, or nil, message, code, response.
---@param command_id integer
---@param fields table|smpp.Pdu
---@param waiter thread|function|false
---@return integer? cookie  nil, message, code: nothing was sent
function Connection:send(command_id, fields, waiter)
  local cookie, now, stats = new_cookie(self), self.processing and self.now or self.loop:now(), self.stats
  local sequence, message, code = self.core:request(command_id, fields, cookie, now)
  if not sequence then
    free_cookie(self, cookie)
    return nil, message, code
  end
  self.waiting[cookie] = waiter
  if stats then
    self.started[cookie], self.asked[cookie], self.asked_id[cookie] = now, fields, command_id
    stats.requests = stats.requests + 1
  end
  if not self.processing and not self.dirty then self:touch() end
  return cookie
end

--- A wait's own timeout ends the wait, not the request: its response is still matched.
function Connection:limit(cookie, token, timeout_s)
  local timer
  timer = self.loop:timer(function()
    timer:close()
    if self.waiting[cookie] == token then
      self.waiting[cookie] = false
      if type(token) == "function" then
        start(self.sink, token, nil, "no response in time, outcome unknown", "timeout")
      else
        wake(token, nil, "no response in time, outcome unknown", "timeout")
      end
    end
  end, true)
  timer:start(timeout_s)
  return timer
end

local function wait_limited(timer, ...)
  timer:close()
  return ...
end

--- Sends a request and waits for its response; with a function as last argument calls that instead.
---@async
---@param command_id integer
---@param fields table|smpp.Pdu
---@param timeout_s? number|function
---@param callback? function
---@return smpp.Pdu? response
---@return string? message
---@return string? code  the peer's ESME_ status, "timeout", "connection_lost", or what says that nothing was sent:
---  "window_full", "closed", "not_sent", "too_long", "bad_value", "missing", "unknown_field"
---@return smpp.Pdu? refused  the response that refused
function Connection:request(command_id, fields, timeout_s, callback)
  if type(timeout_s) == "function" then timeout_s, callback = nil, timeout_s end
  local timer
  local token = callback and timeout_s and function(...)
    timer:close()
    return callback(...)
  end or callback or need(3)
  local cookie, message, code = self:send(command_id, fields or {}, token)
  if callback then
    if not cookie then
      start(self.sink, callback, nil, message, code)
    elseif timeout_s then
      timer = self:limit(cookie, token, timeout_s)
    end
    return cookie ~= nil
  end
  if not cookie then return nil, message, code end
  if timeout_s then return wait_limited(self:limit(cookie, token, timeout_s), wait()) end
  return wait()
end

for _, command in ipairs(commands.requests) do
  local id = command.id
  --- Every request by its name: session:deliver_sm{ ... } -> response | nil, message, code, refusing response.
  ---@async
  Connection[command.name] = function(self, fields, timeout_s, callback) return self:request(id, fields, timeout_s, callback) end
end

-- Requests that nothing answers are sent, and that is all.
for id in pairs(commands.roles.unanswered) do
  Connection[commands.rows[id].name] = function(self, fields)
    local sequence, message, code = self.core:request(id, fields or {}, 0, self.loop:now())
    if not sequence then return nil, message, code end
    self:touch()
    return true
  end
end

--- Sends a received request on, octet for octet but for its sequence number and `changes`.
---@async
---@param pdu smpp.Pdu
---@param changes? table
---@return smpp.Pdu? response
---@return string? message
---@return string? code
function Connection:forward(pdu, changes)
  local token, cookie = need(2), new_cookie(self)
  local sequence, message, code = self.core:forward(pdu, changes, cookie, self.loop:now())
  if not sequence then
    free_cookie(self, cookie)
    return nil, message, code
  end
  self.waiting[cookie] = token
  self:touch()
  return wait()
end

Connection.forward = task.waits(Connection.forward, function(self) return self.sink end)

return asking
