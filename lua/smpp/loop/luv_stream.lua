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
  if not streams.is_terminal(fd) then return nil end -- luv 1.44 crashes at the end of the Lua state after a new_tty that failed
  local terminal = uv.new_tty(fd, false)
  if not terminal then return nil end
  local columns = terminal:get_winsize()
  terminal:close()
  if not uv.loop_mode() and not rawget(_G, "vim") then uv.run "nowait" end -- its closing must be over when the Lua state ends
  return type(columns) == "number" and columns > 0 and columns or nil
end

--- Can others than its owner write a file?
---@param path string
---@return boolean
function streams.is_writable_by_others(path)
  local mode = (uv.fs_stat(path) or {}).mode or 0
  return math.floor(mode / 0x10) % 2 == 1 or math.floor(mode / 2) % 2 == 1
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

---@class smpp.LuvWriter
local Writer = {}
local WRITER = { __index = Writer, __name = "smpp.LuvWriter" }

--- Writes to a descriptor that is a pipe or a terminal without blocking the loop.
---@param fd integer
---@return smpp.LuvWriter? writer  nil: another kind of file
function streams.writer(fd)
  local kind = uv.guess_handle(fd)
  if kind ~= "pipe" and kind ~= "tty" then return nil end
  local handle
  if kind == "tty" then
    handle = uv.new_tty(fd, false)
  else
    handle = uv.new_pipe(false)
    handle:open(fd)
  end
  return handle and setmetatable({ handle = handle, broken = false }, WRITER) or nil
end

--- Writes; a reader that is gone is seen in `broken`.
---@param octets string
function Writer:write(octets)
  uv.write(self.handle, octets, function(err) self.broken = self.broken or err ~= nil end)
end

--- Octets that wait for the reader.
---@return integer
function Writer:pending() return uv.stream_get_write_queue_size(self.handle) end

--- Closes the handle, and with it the descriptor.
function Writer:close() self.handle:close() end

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
