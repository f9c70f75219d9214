--- Makes `pairs` and `next` of LuaJIT sound; other Luas are left as they are.  LuaJIT replaces the `next` of a loop by an instruction of
--- its own and, where compiling the loop fails, takes that back in the middle of an iteration: the loop may end early (LuaJIT
--- issue 827, in what Debian 12 has) or leave out an item (issue 1510, until August 2026).  Such a beta on x64 may also crash in a
--- compiled `next` (issue 829).  Which loop and when depends on what else was compiled: a message that is forgotten now and then.
--- A loop over another function than `next` is not touched.  The globals are replaced, since files of rules, bots and the
--- libraries they use iterate, too; loops that name `next` themselves ("for key in next, t") are not protected.
local core = require "smpp.core"

local iterate = {}

--- Replacements for a LuaJIT.
---@param version string  jit.version
---@return fun(t: table, key: any): any, any next
---@return fun(t: table): fun(t: table, key: any), table pairs
function iterate.replacements(version)
  local plain, pairs = next, pairs
  local following, each = plain, core.next -- a C function is never compiled
  if version:find("beta", 1, true) then
    following = each
  else
    each = function(t, key) return plain(t, key) end
  end
  return following, function(t)
    if type(t) ~= "table" then return pairs(t) end -- an error at the caller's line
    local step, state, key = pairs(t)
    if step == plain then step = each end -- else that of __pairs, where this LuaJIT has it
    return step, state, key
  end
end

--- Takes a reference to the library of the C function that nobody gives back.  Where a program ends, libraries are unloaded among the last
--- finalizers; one that comes later, and iterates, would call what is not there any more.
local function keep_loaded()
  local ffi, path = require "ffi", package.searchpath("smpp.core", package.cpath) -- luacheck: globals package.searchpath
  if not path then return end -- part of the program
  debug.getregistry()["smpp.base.iterate"] = ffi -- the library, too, is not to be collected, whoever unloads modules
  ffi.cdef "void *dlopen(const char *name, int mode);"
  ffi.C.dlopen(path, 1)
end

local jit = rawget(_G, "jit")
if jit and debug.getinfo(pairs, "S").what == "C" then -- not yet
  next, pairs = iterate.replacements(jit.version) -- luacheck: globals next pairs
  if next == core.next then pcall(keep_loaded) end -- no ffi, or no such function
end

return iterate
