--- Runs a command of the shell without blocking the loop, and reads its output.
local guards = require "smpp.loop.guard"
local uv = require "smpp.loop.uv"

local process = {}

local MOST_OCTETS = 65536 -- of output that is kept

--- Runs a command; its stdin and stderr are ours.
---@param loop smpp.LuvLoop
---@param command string  for /bin/sh
---@param timeout_s number  then it is terminated
---@param callback fun(output: string?, code: integer|string)  its stdout and exit code (128 + number of the signal that ended
---  it); nil and "timeout", or nil and the reason why it could not be started
function process.run(loop, command, timeout_s, callback)
  local guard = guards.guard(loop)
  local pipe, timer = uv.new_pipe(false), uv.new_timer()
  local pieces, octets, code, ended, handle = {}, 0, nil, false, nil
  local function finish(...)
    if not callback then return end
    local done, output, result = callback, ...
    callback = nil
    timer:close()
    pipe:close()
    if handle then handle:close() end
    guard(function() done(output, result) end)
  end
  local function check()
    -- A process that the command left in the background may keep the pipe open.
    if code and (ended or pieces[1] and table.concat(pieces):find("\n", 1, true)) then finish(table.concat(pieces), code) end
  end
  local pid
  handle, pid = uv.spawn("/bin/sh", { args = { "-c", command }, stdio = { 0, pipe, 2 } }, function(status, signal)
    code = signal ~= 0 and 128 + signal or status
    check()
  end)
  if not handle then return finish(nil, tostring(pid)) end
  timer:start(math.ceil(timeout_s * 1000), 0, function()
    handle:kill "sigterm"
    finish(nil, "timeout")
  end)
  pipe:read_start(function(_, piece)
    if piece and octets < MOST_OCTETS then
      pieces[#pieces + 1], octets = piece, octets + #piece
    end
    ended = ended or not piece
    check()
  end)
end

return process
