-- make bench: this library on each Lua, beside node-smpp on the same work in the same run.  Rounds are interleaved
-- and medians shown; CPU is that of the side being measured.  docs/performance.md explains the sections.  Options:
--   --rounds N (3)  --luas "lua5.4 luajit"  --windows "1 10 100"  --sections the list below
--   --sessions N (10000)  --tools DIR (with refload, refsink and codeclimit, or their sources)  --json FILE  --build DIR (build)
--   --waiting N (5000000; of the section "waiting", which is not among those by default)
package.path = "bench/?.lua;" .. package.path
local process = require "process"
local report = require "report"

local options = {
  rounds = "3", luas = "lua5.4 luajit", windows = "1 10 100", sections = "throughput paths connections sessions tls gateway load start codec text",
  sessions = "10000", waiting = "5000000", tools = "", json = "", build = "build",
}
for i = 1, #arg, 2 do
  local name = arg[i]:match "^%-%-(%w+)$"
  if not options[name] or not arg[i + 1] then error("unknown option, or missing value: " .. arg[i]) end
  options[name] = arg[i + 1]
end

--- The C programs of a folder, compiled to build/bench if the folder has only sources; nil without a folder.
local function tools_of(folder)
  if folder == "" then return nil end
  local found = {}
  os.execute("mkdir -p " .. options.build .. "/bench")
  for _, name in ipairs { "refload", "refsink", "codeclimit" } do
    local path = folder .. "/" .. name
    local binary = io.open(path)
    if binary then
      binary:close()
    else
      path = options.build .. "/bench/" .. name
      local built = os.execute(("cc -std=c11 -O2 -o %s %s/%s.c"):format(path, folder, name))
      assert(built == true or built == 0, "cannot build " .. name .. " from " .. folder)
    end
    found[name] = path
  end
  return found
end

--- The subjects of the comparison: `command(program)` is the command line of bench/PROGRAM.
local function subjects_of()
  local list = {}
  for _, lua in ipairs(process.words(options.luas)) do
    if process.have(lua) then
      local id = lua == "luajit" and "jit" or lua:gsub("^lua", "")
      local run = ("env \"LUA_PATH=lua/?.lua;lua/?/init.lua;;\" \"LUA_CPATH=%s/%s/?.so;;\" %s bench/"):format(options.build, id, lua)
      list[#list + 1] = { name = "smpp, " .. lua, is_ours = true, command = function(program) return run .. program .. ".lua" end,
        smpp = ("env LUA=%s \"SMPP_BUILD=$PWD/%s\" bin/smpp"):format(lua, options.build) }
    else
      print(lua .. " is not installed: skipped")
    end
  end
  local modules = "spec/interop/node/node_modules"
  if process.have "node" and io.open(modules .. "/smpp/package.json") then
    local run = ("env NODE_PATH=%s node bench/node_"):format(modules)
    list[#list + 1] = { name = "node-smpp", command = function(program) return run .. program .. ".js" end }
  else
    print "node-smpp is not installed (apt-get install nodejs npm; make bench then fetches it): no comparison"
  end
  return list
end

local subjects = subjects_of()
local ours = #subjects
while not subjects[ours].is_ours do ours = ours - 1 end
local bench = {
  subjects = subjects,
  helper = subjects[ours], -- the peer, without the C tools
  tools = tools_of(options.tools),
  windows = process.words(options.windows),
  rounds = tonumber(options.rounds),
  sessions = tonumber(options.sessions),
  waiting = tonumber(options.waiting),
  build = options.build,
}

local sections = {}
for _, name in ipairs(process.words(options.sections)) do
  sections[#sections + 1] = { name = name, measure = require("sections." .. name)(bench) }
end
for round = 1, bench.rounds do
  for _, section in ipairs(sections) do
    io.stderr:write(("round %d of %d: %s\n"):format(round, bench.rounds, section.name))
    section.measure.round(round)
  end
end

local tables = {}
for i, section in ipairs(sections) do
  tables[i] = section.measure.result()
  tables[i].name = section.name
  report.print(tables[i])
end
print(("\npeer: %s; median of %d rounds")
  :format(bench.tools and "refload and refsink (C)" or "our own client and server on " .. bench.helper.name:match "%S+$", bench.rounds))
if options.json ~= "" then report.json(options.json, tables) end
