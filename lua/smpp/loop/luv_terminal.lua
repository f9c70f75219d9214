--- The terminal of the process for a view that is redrawn in place: size, keys, suspension.
local guards = require "smpp.loop.guard"
local uv = require "smpp.loop.uv"

local terminal = {}

---@class smpp.LuvTerminal: smpp.Terminal
local Terminal = {}
local mt = { __index = Terminal, __name = "smpp.Terminal" }

-- What the terminal itself would have done with these keys, which it leaves to us while it reports each.
local SIGNAL_OF = { ["\3"] = "sigint", ["\26"] = "sigtstp", ["\28"] = "sigquit" }

--- The process group of this process and the one in the foreground of its terminal, from Linux or from ps.
local function groups()
  local file = io.open("/proc/self/stat", "rb")
  if file then
    local group, foreground = (file:read "*a"):match "^%d+ %(.*%) %S+ %d+ (%d+) %d+ %d+ (%-?%d+)"
    file:close()
    if group then return tonumber(group), tonumber(foreground) end
  end
  local pipe = io.popen(("ps -o pgid=,tpgid= -p %d 2>/dev/null"):format(uv.os_getpid()))
  local group, foreground = (pipe and pipe:read "*a" or ""):match "(%d+)%s+(%-?%d+)"
  if pipe then pipe:close() end
  return tonumber(group), tonumber(foreground)
end

--- Is this process in the foreground, so that it may draw on the terminal and read its keys?
---@return boolean
function terminal.is_foreground()
  local group, foreground = groups()
  return group ~= nil and group == foreground
end

--- Takes the terminal of stdout.
---@param loop smpp.LuvLoop
---@param on smpp.TerminalCallbacks
---@return smpp.LuvTerminal?  nil: stdout is none
function terminal.open(loop, on)
  local screen = uv.guess_handle(1) == "tty" and uv.new_tty(1, false)
  if not screen then return nil end
  local self = setmetatable({ loop = loop, guard = guards.guard(loop), on = on, screen = screen, keys = nil, raw = false, signals = {} }, mt)
  local function dying(name)
    return function()
      on.die()
      self:set_raw(false)
      for _, signal in ipairs(self.signals) do signal:close() end
      loop:defer(function() loop:defer(function() uv.kill(uv.os_getpid(), name) end) end) -- once the handles are closed
    end
  end
  for name, fn in pairs {
    SIGWINCH = on.resize,
    SIGTSTP = function()
      on.suspend()
      self:set_raw(false)
      uv.kill(uv.os_getpid(), "sigstop") -- this signal cannot be handled: execution goes on after SIGCONT
    end,
    SIGCONT = on.resume,
    SIGQUIT = dying "sigquit",
    SIGHUP = not on.survives_hangup and dying "sighup" or nil,
  } do
    self.signals[#self.signals + 1] = loop:signal(name, fn)
  end
  return self
end

--- Columns and rows.
function Terminal:size()
  local columns, rows = self.screen:get_winsize()
  return columns and columns > 0 and columns or 80, rows and rows > 0 and rows or 24
end

--- May this process draw now?
function Terminal:is_foreground() return terminal.is_foreground() end -- luacheck: no self

--- Each key is reported, or the terminal handles lines and signals itself again.
---@param raw boolean
function Terminal:set_raw(raw)
  if raw == self.raw then return end
  self.raw = raw
  if raw then
    self.keys = uv.guess_handle(0) == "tty" and uv.new_tty(0, true) or nil
    if not self.keys then return end
    self.keys:set_mode(1)
    uv.unref(self.keys)
    self.keys:read_start(function(_, octets)
      for key in (octets or ""):gmatch "." do
        if SIGNAL_OF[key] then uv.kill(0, SIGNAL_OF[key]) else self.guard(self.on.key, key) end
      end
    end)
  elseif self.keys then
    self.keys:set_mode(0)
    self.keys:close()
    self.keys = nil
  end
end

--- Gives the terminal back.
function Terminal:close()
  self:set_raw(false)
  for _, signal in ipairs(self.signals) do signal:close() end
  self.screen:close()
  -- A handle whose closing is not over when the Lua state ends makes luv 1.44 read freed memory.
  if not self.loop:is_running() then uv.run "nowait" end
end

return terminal
