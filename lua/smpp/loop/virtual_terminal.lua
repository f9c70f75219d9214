--- A terminal of the virtual loop, whose screen, size and keys belong to the spec.
local terminals = { methods = {} }
local methods = terminals.methods

---@class smpp.VirtualTerminal: smpp.Terminal
local Terminal = {}
local TERMINAL = { __index = Terminal, __name = "smpp.VirtualTerminal" }

--- Gives the loop a terminal, which open_terminal finds.
---@param columns integer
---@param rows integer
---@return smpp.VirtualTerminal
function methods:terminal(columns, rows)
  self.tty = setmetatable({ loop = self, kind = "terminal", columns = columns, rows = rows, foreground = true, raw = false, on = nil }, TERMINAL)
  return self.tty
end

function methods:open_terminal(on)
  local terminal = self.tty
  if not terminal then return nil end
  self:opened(terminal)
  terminal.on = on
  return terminal
end

function Terminal:size() return self.columns, self.rows end
function Terminal:is_foreground() return self.foreground end
function Terminal:set_raw(raw) self.raw = raw end

--- Presses a key.
---@param key string
function Terminal:press(key) self.on.key(key) end

--- Changes the size.
function Terminal:resize(columns, rows)
  self.columns, self.rows = columns, rows
  self.on.resize()
end

--- Suspends the program, and resumes it.
function Terminal:suspend()
  self.on.suspend()
  self.raw = false
end
function Terminal:resume() self.on.resume() end

function Terminal:close()
  self.raw, self.on = false, nil
  self.loop:forget(self)
end

return terminals
