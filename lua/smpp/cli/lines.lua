--- Lines of a file; or of a pipe that somebody writes into meanwhile: whoever asks for one waits, and the session goes on.
local loops = require "smpp.loop"
local task = require "smpp.base.task"

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
local function of_stream(stream)
  local waiting, ended, closed = nil, false, false
  local buffer, at = "", 1

  local function read_later()
    waiting = task.current()
    stream:read(function(piece) task.wake_for(waiting, stream, piece) end)
    return task.wait(stream)
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
      if task.current() then piece = read_later() else piece = stream:read_now() end
      ended = ended or not piece or piece == ""
      buffer, at = buffer:sub(at) .. (piece or ""), 1
    end
  end

  local function close()
    if closed then return end
    closed, ended, buffer, at = true, true, "", 1
    stream:close()
    if waiting then task.wake_for(waiting, stream) end
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
  local stream, message, file
  if path ~= "-" or stdin == io.stdin then stream, message = loops.current():open_stream(path) end
  if stream then return of_stream(stream) end
  if path == "-" then return function() return stdin:read "*l" end, function() end end
  if message then return nil, message end
  file, message = io.open(path, "rb")
  if not file then return nil, message end
  if not file:read(0) and file:seek "end" ~= 0 then
    file:close()
    return nil, path .. ": cannot be read"
  end
  file:seek "set"
  local total = count(file)
  local function close()
    if file then file:close() end
    file = nil
  end
  return function() return file and file:read "*l" end, close, total
end

return lines
