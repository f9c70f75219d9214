--- Lines of a file, or of a pipe that is still written to: a task that asks for a line waits, the session goes on.
local charset = require "smpp.cli.charset"
local loops = require "smpp.loop"
local task = require "smpp.base.task"

local lines = {}

--- Lines of a pipe, a terminal or a file.  Outside of a task reading blocks.
---@param stream table  read_now; read, where a task can wait; close
---@param o smpp.LineOptions
---@param encoding? "utf-8"|"cp1252"  of the file, where it could be surveyed
local function of_stream(stream, o, encoding)
  local waiting, ended, closed = nil, false, false
  local buffer, at, number = "", 1, 0
  local decode, decode_line = charset.decoders(o.charset, encoding)

  local function decoded(line)
    local words, was_odd = decode_line(line)
    number = number + 1
    if was_odd and o.on_not_utf8 then o.on_not_utf8(number) end
    return words
  end

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
        if stop or line ~= "" then return decoded(line) end
        return nil
      end
      local piece
      if stream.read and task.current() then piece = read_later() else piece = stream:read_now() end
      ended = ended or not piece or piece == ""
      buffer, at = buffer:sub(at) .. decode(not ended and piece or nil), 1
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

--- A file as a stream; reading never waits.
local function of_file(file, is_ours)
  return {
    read_now = function() return file and file:read(65536) end,
    close = function()
      if file and is_ours then file:close() end
      file = nil
    end,
  }
end

---@class smpp.LineOptions
---@field charset? string  of charset.names
---@field on_not_utf8? fun(number: integer)  a line that is not UTF-8 was read as Windows-1252

--- Opens a file, a pipe with a name, or stdin.
---@param path string  - is stdin
---@param stdin file*
---@param o? smpp.LineOptions
---@return (fun(): string?)? following  nil at the end
---@return string|fun() close  also ends a wait; or the error message
---@return integer? total  number of lines, where it is known; CSV cells may have several
function lines.open(path, stdin, o)
  o = o or {}
  local stream, message, file
  if path ~= "-" or stdin == io.stdin then stream, message = loops.current():open_stream(path) end
  if stream then return of_stream(stream, o) end
  if path == "-" then return of_stream(of_file(stdin, false), o) end
  if message then return nil, message end
  file, message = io.open(path, "rb")
  if not file then return nil, message end
  if not file:read(0) and file:seek "end" ~= 0 then
    file:close()
    return nil, path .. ": cannot be read"
  end
  file:seek "set"
  local encoding, total = charset.survey(file:lines())
  file:seek "set"
  local following, close = of_stream(of_file(file, true), o, encoding)
  return following, close, total
end

return lines
