--- What a command tells the service manager that started it (systemd, Type=notify): ready, status, reloading, stopping, alive.
--- Without NOTIFY_SOCKET nothing is sent.
local core = require "smpp.core"

local service = {}

local STATUS_S = 1 -- a status is sent at most this often
local MICROSECONDS = 1e6

---@class smpp.Service
local Service = {}
local mt = { __index = Service, __name = "smpp.Service" }

local NOTHING = { ready = function() end, close = function() end }

--- How often the service manager is told that the loop runs: half of WATCHDOG_USEC; nil: it does not ask for that.
local function watchdog_s(getenv)
  local pid, usec = getenv "WATCHDOG_PID", tonumber(getenv "WATCHDOG_USEC" or "")
  if not usec or usec <= 0 or (pid and pid ~= "" and tonumber(pid) ~= core.process_id()) then return nil end
  return usec / 2 / MICROSECONDS
end

--- Starts telling.
---@param out smpp.CliOutput
---@param loop smpp.Loop
---@param o { status: (fun(): string), reloads: boolean? }  status: in one line, asked for once a second; reloads: on SIGHUP
---@return { ready: fun(self), close: fun(self) }
function service.start(out, loop, o)
  local address = out.getenv "NOTIFY_SOCKET"
  if not address or address == "" then return NOTHING end
  local self = setmetatable({
    out = out, loop = loop, status = o.status, address = address, failed = false,
    told = nil,            -- the last status
    is_ready = false, is_stopping = false,
    closed = false,
    signals = {}, timer = nil, watchdog = nil,
  }, mt)
  out:keep(self)
  local function on(name, fn) self.signals[#self.signals + 1] = loop:signal(name, fn) end
  on("SIGTERM", function() self:stopping() end)
  on("SIGINT", function() self:stopping() end)
  if o.reloads then on("SIGHUP", function() self:reloading() end) end
  local every_s = watchdog_s(out.getenv)
  if every_s then
    self.watchdog = loop:timer(function()
      self:send "WATCHDOG=1"
      self.watchdog:start(every_s)
    end)
    self.watchdog:start(every_s)
  end
  return self
end

---@private
function Service:send(text)
  local called, ok, message = pcall(core.notify, self.address, text)
  if called and ok or self.failed then return end
  self.failed = true
  self.out:note("%s NOTIFY_SOCKET: %s", self.out:paint_note("yellow", "warning:"), called and message or "invalid address " .. self.address)
end

---@private
function Service:tell_status()
  local status = self.status():gsub("%c", " ")
  if status == self.told then return nil end
  self.told = status
  return "STATUS=" .. status
end

--- It listens, or is bound.
function Service:ready()
  if self.is_ready then return end
  self.is_ready = true
  self:send("READY=1\n" .. self:tell_status())
  self.timer = self.loop:timer(function()
    local status = self:tell_status()
    if status and not self.is_stopping then self:send(status) end
    self.timer:start(STATUS_S)
  end)
  self.timer:start(STATUS_S)
end

---@private
function Service:reloading()
  if self.is_stopping then return end
  self:send(("RELOADING=1\nMONOTONIC_USEC=%.0f"):format(self.loop:precise() * MICROSECONDS))
  self.loop:defer(function()
    if not self.is_stopping then self:send "READY=1" end
  end)
end

---@private
function Service:stopping()
  if self.is_stopping then return end
  self.is_stopping = true
  self:send "STOPPING=1"
end

--- The command ends.
function Service:close()
  if self.closed then return end
  self.closed = true
  self:stopping()
  for _, signal in ipairs(self.signals) do signal:close() end
  if self.timer then self.timer:close() end
  if self.watchdog then self.watchdog:close() end
end

return service
