--- `next` and `pairs` for code that runs once per message or PDU.  LuaJIT on x64 before April 2022, which Debian 12 has, may
--- compile them to code that cuts a pointer to 32 bits, and the process crashes (LuaJIT issue 829).  There these are functions
--- that it does not compile; everywhere else they are Lua's own.
local core = require "smpp.core"

local iterate = { next = next, pairs = pairs }

local jit = rawget(_G, "jit")

--- Tests whether a LuaJIT may have the fault: later ones are not called beta any more.
---@param version string  jit.version
---@param arch string     jit.arch
---@return boolean
function iterate.has_fault(version, arch) return arch == "x64" and version:find("beta", 1, true) ~= nil end

if jit and iterate.has_fault(jit.version, jit.arch) then
  local following = core.next
  iterate.next = following
  iterate.pairs = function(t) return following, t end
end

return iterate
