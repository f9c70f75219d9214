-- Profiles Lua functions and lines:  lua5.4 bench/hook.lua REPORT PROGRAM ARGUMENTS…
-- Notes every 997th instruction of the virtual machine and writes to the file REPORT when the program ends.
local EVERY, SHOWN = 997, 30 -- a prime: a message may take the same number of instructions each time

local report_path, program = table.remove(arg, 1), table.remove(arg, 1)
arg[0] = program -- luacheck: ignore 122

local functions, lines, total = {}, {}, 0

local function note()
  local info = debug.getinfo(2, "Sl")
  if not info then return end
  total = total + 1
  local fn, line = ("%s:%d"):format(info.short_src, info.linedefined), ("%s:%d"):format(info.short_src, info.currentline)
  functions[fn], lines[line] = (functions[fn] or 0) + 1, (lines[line] or 0) + 1
end

-- Hooks are per coroutine.
local create, wrap = coroutine.create, coroutine.wrap
coroutine.create = function(fn) -- luacheck: ignore 122
  local co = create(fn)
  debug.sethook(co, note, "", EVERY)
  return co
end
coroutine.wrap = function(fn) -- luacheck: ignore 122
  return wrap(function(...)
    debug.sethook(note, "", EVERY)
    return fn(...)
  end)
end

local function report()
  debug.sethook()
  local out = assert(io.open(report_path, "w"))
  out:write(("%.1f million instructions of the virtual machine\n"):format(total * EVERY / 1e6))
  for _, list in ipairs { { "by function", functions }, { "by line", lines } } do
    local counts, keys = list[2], {}
    for key in pairs(counts) do keys[#keys + 1] = key end
    table.sort(keys, function(a, b) return counts[a] > counts[b] end)
    out:write("\n", list[1], "\n")
    for i = 1, math.min(SHOWN, #keys) do out:write(("  %5.1f %%  %s\n"):format(counts[keys[i]] / total * 100, keys[i])) end
  end
  out:close()
end

-- The command line ends with os.exit.
local exit = os.exit
os.exit = function(...) -- luacheck: ignore 122
  report()
  exit(...)
end

debug.sethook(note, "", EVERY)
dofile(program)
os.exit()
