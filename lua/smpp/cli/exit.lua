--- Exit codes of the commands.
local exit = {
  DONE = 0,
  FAILED = 1,      -- refused, failed or undelivered
  USAGE = 2,
  UNREACHABLE = 3, -- cannot connect, bind or listen
  UNKNOWN = 4,     -- timeout, or outcome unknown
  INTERRUPTED = 130,
}

local BY_CODE = { timeout = exit.UNKNOWN, connection_lost = exit.UNKNOWN, connect_failed = exit.UNREACHABLE, tls = exit.UNREACHABLE }

--- The exit code for the failure code of a request.
---@param code string?
---@return integer
function exit.of(code) return BY_CODE[code] or exit.FAILED end

return exit
