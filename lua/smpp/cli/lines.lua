--- Lines of a file; or of a pipe that somebody writes into meanwhile: whoever asks for one waits, and the session goes on.
local task = require "smpp.task"

local lines = {}

--- How many there are, to tell how long it takes; an estimate, for CSV cells may have several.
local function count(file)
  local n = 0
  repeat
    local piece = file:read(65536)
    n = n + select(2, (piece or ""):gsub("\n", ""))
  until not piece
  file:seek "set"
  return n
end

--- Lines of a pipe or terminal.  Who asks outside of a task, before there is a loop, blocks.
local function of_stream(uv, fd)
  local handle, waiting, ended, closed = nil, nil, false, false
  local buffer, at = "", 1

  local function read_later()
    if not handle then
      if uv.guess_handle(fd) == "tty" then
        handle = uv.new_tty(fd, true)
      else
        handle = uv.new_pipe(false)
        handle:open(fd)
      end
    end
    waiting = task.current()
    handle:read_start(function(_, piece)
      handle:read_stop()
      task.wake_for(waiting, handle, piece)
    end)
    return task.wait(handle)
  end

  local function following()
    while true do
      local stop = buffer:find("\n", at, true)
      if stop or ended then
        local line = buffer:sub(at, (stop or 0) - 1)
        at = stop and stop + 1 or #buffer + 1
        if stop or line ~= "" then return line end
        return nil
      end
      local piece
      if task.current() then piece = read_later() else piece = uv.fs_read(fd, 65536, -1) end
      ended = ended or not piece or piece == ""
      buffer, at = buffer:sub(at) .. (piece or ""), 1
    end
  end

  local function close()
    if closed then return end
    closed, ended, buffer, at = true, true, "", 1
    if not handle then
      if fd > 0 then uv.fs_close(fd) end
      return
    end
    handle:close()
    if waiting then task.wake_for(waiting, handle) end
  end
  return following, close
end

--- Opens a file, a pipe with a name, or stdin.
---@param path string  - is stdin
---@param stdin file*
---@return (fun(): string?)? following  nil at the end
---@return string|fun() close  ends also a wait that is under way; or what is wrong
---@return integer? total  where it is known beforehand
function lines.open(path, stdin)
  if path == "-" and stdin ~= io.stdin then return function() return stdin:read "*l" end, function() end end
  local uv = require "luv"
  local kind = path == "-" and uv.guess_handle(0) or (uv.fs_stat(path) or {}).type
  if kind == "pipe" or kind == "tty" then return of_stream(uv, 0) end
  if kind == "fifo" then
    local fd, message = uv.fs_open(path, "r", 0)
    if not fd then return nil, message end
    return of_stream(uv, fd)
  end
  if path == "-" then return function() return stdin:read "*l" end, function() end end
  local file, message = io.open(path, "rb")
  if not file then return nil, message end
  if kind == "directory" then
    file:close()
    return nil, path .. ": is a directory"
  end
  local total = count(file)
  local function close()
    if file then file:close() end
    file = nil
  end
  return function() return file and file:read "*l" end, close, total
end

return lines
