--- Reads pipes and terminals without blocking the loop.
local uv = require "smpp.loop.uv"

local streams = {}

---@class smpp.LuvStream
local Stream = {}
local mt = { __index = Stream, __name = "smpp.LuvStream" }

--- Returns true if a descriptor is a terminal.
---@param fd integer
---@return boolean
function streams.is_terminal(fd) return uv.guess_handle(fd) == "tty" end

--- The number of columns of a terminal.
---@param fd integer
---@return integer?
function streams.columns(fd)
  local terminal = uv.new_tty(fd, false)
  if not terminal then return nil end
  local columns = terminal:get_winsize()
  terminal:close()
  return type(columns) == "number" and columns > 0 and columns or nil
end

--- Opens a pipe with a name, or stdin where that is a pipe or a terminal.
---@param path string  - is stdin
---@return smpp.LuvStream? stream  nil: not a pipe or terminal
---@return string? message  why it cannot be opened
function streams.open(path)
  local kind = path == "-" and uv.guess_handle(0) or (uv.fs_stat(path) or {}).type
  local fd, message
  if kind == "pipe" or kind == "tty" then
    fd = 0
  elseif kind == "fifo" then
    fd, message = uv.fs_open(path, "r", 0)
  end
  if not fd then return nil, message end
  return setmetatable({ fd = fd, handle = nil }, mt) -- handle: once the loop reads
end

--- Reads the next piece; nil or "" at the end.  Blocks.
---@return string? piece
function Stream:read_now() return uv.fs_read(self.fd, 65536, -1) end

--- Calls back with the next piece; nil at the end.
---@param callback fun(piece: string?)
function Stream:read(callback)
  if not self.handle then
    if uv.guess_handle(self.fd) == "tty" then
      self.handle = uv.new_tty(self.fd, true)
    else
      self.handle = uv.new_pipe(false)
      self.handle:open(self.fd)
    end
  end
  self.handle:read_start(function(_, piece)
    self.handle:read_stop()
    callback(piece)
  end)
end

--- Closes it; a pending callback is not called any more.
function Stream:close()
  if self.handle then
    self.handle:close()
  elseif self.fd > 0 then
    uv.fs_close(self.fd)
  end
end

return streams
