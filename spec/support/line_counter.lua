--- Counts which lines of lua/ a run of specs reaches: a hook for each line, and a file of "path line" for each one seen.
--- spec/coverage.lua reads the file.
local counter = {}

--- The hook for debug.sethook; the lines are appended to the file when the process ends.
---@param path string
---@return fun(event: string, line: integer) hook
function counter.start(path)
  local getinfo = debug.getinfo
  local files = {} -- "@lua/smpp/…" -> line -> true
  local ignored = {}
  local lines_of = setmetatable({}, { __mode = "k" }) -- function -> the lines of its file, or `ignored`

  local function find(fn)
    local source = getinfo(fn, "S").source
    local lines = ignored
    if source:find "^@lua/smpp/" then
      lines = files[source] or {}
      files[source] = lines
    end
    lines_of[fn] = lines
    return lines
  end

  local function save()
    debug.sethook()
    local file = assert(io.open(path, "a"))
    for source, lines in pairs(files) do
      for line in pairs(lines) do file:write(source:sub(2), " ", line, "\n") end
      files[source] = {}
    end
    file:close()
  end
  -- busted calls os.exit on failure, else the script ends.
  local exit = os.exit
  os.exit = function(...) -- luacheck: ignore 122
    save()
    exit(...)
  end
  counter.at_end = setmetatable({}, { __gc = save })

  return function(_, line)
    local fn = getinfo(2, "f").func
    local lines = lines_of[fn] or find(fn)
    if lines ~= ignored then lines[line] = true end
  end
end

return counter
