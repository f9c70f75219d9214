-- Which lines the specs reach:  lua5.4 spec/coverage.lua BUILD [file or folder…]
-- Reads the output of `make coverage` in BUILD (build/coverage): lua.txt, lines of "path line" by spec/support/line_counter.lua,
-- and gcov's counts of the C files.  Prints covered and possible lines of each file, and totals; with files, only
-- their lines that were not reached.
local BUILD = assert(arg[1], "usage: spec/coverage.lua BUILD [file or folder…]")

local function lines_of(command)
  local list, pipe = {}, assert(io.popen(command))
  for line in pipe:lines() do list[#list + 1] = line end
  pipe:close()
  return list
end

local function source_of(path)
  local list = {}
  for line in io.lines(path) do list[#list + 1] = line end
  return list
end

-- A file is { path, covered, possible, missing = { line numbers }, branches_covered, branches }.

--- The lines of a Lua file with instructions, all functions in it included; without the implicit return at an `end`.
local function possible_lines(path)
  local source, possible = source_of(path), {}
  for _, line in ipairs(lines_of("luac5.4 -l -p " .. path)) do
    local number, op = line:match "^%s+%d+%s+%[(%d+)%]%s+(%u%w+)"
    number = tonumber(number)
    if number and op ~= "VARARGPREP" and not source[number]:find "^%s*end[%s,)}]*$" then possible[number] = true end
  end
  return possible
end

local function lua_files(seen)
  local list = {}
  for _, path in ipairs(lines_of "find lua/smpp -name '*.lua' -not -path '*/meta/*' | LC_ALL=C sort") do
    local file, possible, reached = { path = path, covered = 0, possible = 0, missing = {} }, possible_lines(path), seen[path] or {}
    for number = 1, #source_of(path) do
      if possible[number] then
        file.possible = file.possible + 1
        if reached[number] then file.covered = file.covered + 1 else table.insert(file.missing, number) end
      end
    end
    list[#list + 1] = file
  end
  return list
end

local function c_file(path, objects)
  local file, number = { path = path, covered = 0, possible = 0, missing = {}, branches_covered = 0, branches = 0 }, nil
  local name = path:match "([^/]+)%.c$"
  for _, line in ipairs(lines_of(("gcov -b --stdout -o %s %s/%s.gcda 2>/dev/null"):format(objects, objects, name))) do
    local source = line:match "^%s+-:%s+0:Source:(.*)"
    if source then number = source == path and 0 or nil end -- headers are files of their own
    if number then
      local count, at = line:match "^%s*([%d#=*-]+)%*?:%s*(%d+):"
      if at then number = tonumber(at) end
      if at and number > 0 and count ~= "-" then
        file.possible = file.possible + 1
        if count:find "[#=]" then table.insert(file.missing, number) else file.covered = file.covered + 1 end
      end
      local taken = line:match "^branch%s+%d+ taken (%d+)%%" or line:match "^branch%s+%d+ (never) executed"
      if taken then
        file.branches = file.branches + 1
        if taken ~= "never" and taken ~= "0" then file.branches_covered = file.branches_covered + 1 end
      end
    end
  end
  return file
end

local function c_files(folder, objects)
  local list = {}
  for _, path in ipairs(lines_of(("ls %s/*.c"):format(folder))) do list[#list + 1] = c_file(path, objects) end
  return list
end

local function percent(covered, possible) return possible == 0 and "-" or ("%.1f %%"):format(100 * covered / possible) end

local function row(name, file)
  print(("%-40s %6d of %6d lines  %8s%s"):format(name, file.covered, file.possible, percent(file.covered, file.possible),
    file.branches and ("  branches %8s"):format(percent(file.branches_covered, file.branches)) or ""))
end

local function total(name, files)
  local sum = { covered = 0, possible = 0 }
  for _, file in ipairs(files) do
    row(file.path, file)
    for key, value in pairs(file) do
      if type(value) == "number" then sum[key] = (sum[key] or 0) + value end
    end
  end
  row(name, sum)
  print ""
end

local function is_named(path)
  for i = 2, #arg do
    if path == arg[i] or path:sub(1, #arg[i] + 1) == arg[i]:gsub("/$", "") .. "/" then return true end
  end
end

local function show_missing(files)
  for _, file in ipairs(files) do
    if is_named(file.path) and #file.missing > 0 then
      local source = source_of(file.path)
      for _, number in ipairs(file.missing) do print(("%s:%d: %s"):format(file.path, number, source[number])) end
    end
  end
end

local seen = {}
for line in io.lines(BUILD .. "/lua.txt") do
  local path, number = line:match "^(%S+) (%d+)$"
  seen[path] = seen[path] or {}
  seen[path][tonumber(number)] = true
end

local groups = {
  { "lua/smpp", lua_files(seen) },
  { "csrc/smpp", c_files("csrc/smpp", BUILD .. "/core") },
  { "csrc/binding", c_files("csrc/binding", BUILD .. "/5.4/binding") },
}
for _, group in ipairs(groups) do
  if arg[2] then show_missing(group[2]) else total(group[1], group[2]) end
end
