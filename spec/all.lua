-- Runs groups of tests in parallel and adds up their results:  lua5.4 spec/all.lua [group…]
-- Groups: specs c fuzz check sanitize valgrind gc slow (none given: all of them).
-- Environment: LUAS, the Luas to run (default all five); SECONDS per fuzz target (30; 5 among all groups); GC_EVERY, how many
-- instructions from one collection to the next in gc (1000; 100000 among all groups); JOBS in parallel
-- (default: processors); MAKE.  Logs are in build/log; those of failed jobs are printed.
-- Slow specs and those with other programs wait more than they compute: one of them runs beside the others.
-- Spec files that fail run once more, alone, when all else has run; of a group that hangs, all of them. If they pass then, they are
-- listed as unsteady and do not count as failed: a spec that waits too short, or a race in the product, to be found with the log of
-- the first run. Failures in more than three groups are no coincidence and count at once.
-- The last line is "N passed, N failed[, N skipped]"; exit code 1 if a test failed or none ran.
local uv = require "luv"

local MAKE = os.getenv("MAKE") or "make"
local SECONDS = tonumber(os.getenv("SECONDS")) or (#arg == 0 and 5 or 30)
local GC_EVERY = os.getenv("GC_EVERY") or (#arg == 0 and "100000" or "1000")
local TIDY_NODES = #arg == 0 and "60000" or "" -- steps of clang's analyzer per function; alone (make check) its own 225000
local JOBS = tonumber(os.getenv("JOBS")) or #(uv.cpu_info() or { 1 })
local TIMEOUT_S, SPECS_TIMEOUT_S = 900, 300 -- of a job; of a part of the everyday specs, which take a minute
local LOGS = "build/log"

local function lines(command)
  local list, pipe = {}, assert(io.popen(command))
  for line in pipe:lines() do list[#list + 1] = line end
  pipe:close()
  return list
end

local luas = {}
for name in (os.getenv("LUAS") or "lua5.1 lua5.2 lua5.3 lua5.4 luajit"):gmatch("%S+") do luas[#luas + 1] = name end
local function has_lua(wanted)
  for _, name in ipairs(luas) do if name == wanted then return true end end
end
--- Slow specs run on one of these.
local slow_luas = {}
for _, name in ipairs { "lua5.4", "luajit" } do if has_lua(name) then slow_luas[#slow_luas + 1] = name end end
if #slow_luas == 0 then slow_luas = luas end
local runs_slow = {}
for _, name in ipairs(slow_luas) do runs_slow[name] = true end

-- Reading a log: numbers of passed, failed and skipped tests; nil if the run did not finish ---------------

local function last_match(text, pattern)
  local a, b, c, d
  for line in text:gmatch("[^\r\n]+") do
    local w, x, y, z = line:match(pattern)
    if w then a, b, c, d = w, x, y, z end
  end
  return tonumber(a), tonumber(b), tonumber(c), tonumber(d)
end

local function read_busted(text)
  local passed, failed, errors, pending = last_match(text, "^(%d+) success%a* / (%d+) failures? / (%d+) errors? / (%d+) pending")
  if passed and passed + failed + errors + pending > 0 then return passed, failed + errors, pending end
end

local function read_counts(text)
  local passed, failed = last_match(text, "^(%d+) passed, (%d+) failed")
  if passed and passed + failed > 0 then return passed, failed, 0 end
end

--- The files with failures that a log of busted names, for a command line; nil: it did not come to its end.
local function failed_files(text)
  local list, seen = {}, {}
  for path in text:gmatch "\n%a+ %-> (%S+) @ " do
    if not seen[path] then
      seen[path], list[#list + 1] = true, path
    end
  end
  return read_busted(text) and list[1] and table.concat(list, " ")
end

local function log_of(name, kind) return LOGS .. "/" .. name:gsub("[^%w.]+", "-") .. "." .. kind end

local function content(path)
  local file = io.open(path, "rb")
  local text = file and file:read "*a" or ""
  if file then file:close() end
  return text
end

-- The jobs ------------------------------------------------------------------------------------------------------

local jobs = {}

--- name; command for the shell; read = how to count (default: the exit code is one test); build = true: alone, first; waits = true:
--- one of these at a time, beside the others.
local function add(job) jobs[#jobs + 1] = job end

local function make(name, arguments, build)
  add { name = name, command = MAKE .. " -s " .. arguments, build = build }
end

local function busted(name, lua, specs, options)
  options = options or {}
  local command = ("SMPP_NO_BUILD=1 SMPP_RUNNING=%s %s %s spec/run.lua "):format(log_of(name, "running"), options.environment or "", lua)
  add {
    name = name, read = read_busted, command = command .. specs, specs = command, files = specs,
    limit_s = options.limit_s, waits = options.waits,
  }
end

local groups = {}

local FEW = "SMPP_FEW=1" -- random runs and long rounds of what does not depend on the Lua: on the others, and under the sanitizers

-- The everyday specs in parts, each a process: the heap grows with the specs that a process has run.
local PARTS = 8
local ELSEWHERE = { slow = true, interop = true, packaging = true, tree = true, c = true, fixtures = true }

local function everyday()
  local parts, n = {}, 0
  for _, path in ipairs(lines("ls -d spec/*/ spec/*_spec.lua")) do
    local folder = path:match("^spec/([^/]+)/$")
    if not ELSEWHERE[folder] then
      n = n + 1
      local part = folder == "stories" and PARTS or (n - 1) % (PARTS - 1) + 1 -- the stories collect often: a part of their own
      parts[part] = (parts[part] and parts[part] .. " " or "") .. path
    end
  end
  return parts
end

function groups.specs()
  make("build", "-j2 build-all LUAS='" .. table.concat(luas, " ") .. "'", true)
  for _, lua in ipairs(luas) do
    for part, paths in ipairs(everyday()) do
      local few = #slow_luas < #luas and not runs_slow[lua]
      busted(("specs %s %d of %d"):format(lua, part, PARTS), lua, paths, { environment = few and FEW, limit_s = SPECS_TIMEOUT_S })
    end
  end
end

function groups.c()
  make("build C tests", "-j2 build-c", true)
  for _, file in ipairs(lines("find spec/c -name '*_test.c' | sort")) do
    local name = file:match("([^/]+)%.c$")
    add { name = "c " .. name, command = "build/c/" .. name, read = read_counts }
  end
end

function groups.fuzz()
  make("build fuzz targets", "-j2 build-fuzz", true)
  for _, file in ipairs(lines("find spec/c -name 'fuzz_*.c' | sort")) do
    local name = file:match("([^/]+)%.c$")
    add { name = name, command = ("sh spec/c/fuzz.sh %s %d"):format(name, SECONDS) }
  end
end

function groups.check()
  for _, target in ipairs { "check-gcc", "check-clang" } do make(target, "-j2 " .. target, true) end
  make("check-tidy", "check-tidy TIDY_NODES=" .. TIDY_NODES)
  for _, target in ipairs { "check-core", "check-cppcheck", "check-luacheck" } do make(target, target) end
  busted("specs of the tree", "lua5.4", "spec/tree")
end

--- The specs and the C tests again, under AddressSanitizer and UndefinedBehaviorSanitizer; the specs on two Luas, among all
--- groups each part on one of them.
function groups.sanitize()
  make("build sanitized", "-j2 build-asan LUAS='" .. table.concat(slow_luas, " ") .. "'", true)
  -- Lua and libuv do not free all memory at exit: leaks are checked in the C tests.
  local environment = FEW .. " SMPP_BUILD=$PWD/build/asan ASAN_OPTIONS=detect_leaks=0 UBSAN_OPTIONS=print_stacktrace=1 "
    .. "LD_PRELOAD=$(gcc -print-file-name=libasan.so):$(gcc -print-file-name=libubsan.so)"
  for part, paths in ipairs(everyday()) do
    for i, lua in ipairs(slow_luas) do -- among all groups by turns
      if #arg > 0 or (part - 1) % #slow_luas + 1 == i then
        busted(("sanitize %s %d of %d"):format(lua, part, PARTS), lua, paths, { environment = environment, limit_s = SPECS_TIMEOUT_S })
      end
    end
  end
  for _, file in ipairs(lines("find spec/c -name '*_test.c' | sort")) do
    local name = file:match("([^/]+)%.c$")
    add { name = "sanitize " .. name, command = "build/asan/c/" .. name, read = read_counts }
  end
end

function groups.valgrind()
  make("build C tests", "-j2 build-c", true)
  for _, file in ipairs(lines("find spec/c -name '*_test.c' | sort")) do
    local name = file:match("([^/]+)%.c$")
    add { name = "valgrind " .. name, read = read_counts,
      command = "valgrind -q --error-exitcode=99 --leak-check=full --show-leak-kinds=all build/c/" .. name }
  end
end

--- The specs of the binding with permanent garbage collection.
function groups.gc()
  make("build", "-j2 build-all LUAS='" .. table.concat(luas, " ") .. "'", true)
  for _, lua in ipairs { "lua5.1", "lua5.4" } do
    if has_lua(lua) then busted("gc " .. lua, lua, "spec/binding", { environment = "SMPP_GC=" .. GC_EVERY }) end
  end
end

--- Slow specs and those with other implementations: each file on one of two Luas, by turns.
function groups.slow()
  make("build", "-j2 build-all LUAS='" .. table.concat(luas, " ") .. "'", true)
  for _, kind in ipairs { "slow", "interop" } do
    local parts = {}
    for i, path in ipairs(lines("find spec/" .. kind .. " -name '*_spec.lua' 2>/dev/null | LC_ALL=C sort")) do
      local lua = slow_luas[(i - 1) % #slow_luas + 1]
      parts[lua] = (parts[lua] and parts[lua] .. " " or "") .. path
    end
    for _, lua in ipairs(slow_luas) do
      if parts[lua] then busted(kind .. " " .. lua, lua, parts[lua], { waits = true }) end
    end
  end
  -- The packaging specs iterate over all Luas themselves: run once, if all are installed.
  if #luas > 1 then busted("packaging " .. slow_luas[1], slow_luas[1], "spec/packaging") end
end

local ORDER = { "check", "specs", "c", "slow", "sanitize", "gc", "fuzz", "valgrind" }

-- Running them --------------------------------------------------------------------------------------------------

local total = { passed = 0, failed = 0, skipped = 0 }
local started = uv.hrtime()
local running, broken, again, unsteady = {}, {}, {}, {}
local AGAIN = 3 -- groups

local function seconds_since(t) return (uv.hrtime() - t) / 1e9 end

local function count(passed, failed, skipped)
  total.passed, total.failed, total.skipped = total.passed + passed, total.failed + failed, total.skipped + skipped
end

local function report(job, code, signal)
  local text = content(job.log)
  local passed, failed, skipped = 1, 0, 0
  if job.read then
    passed, failed, skipped = job.read(text)
    if not passed then -- crashed: counts as one failure
      passed, failed, skipped = 0, 1, 0
      if job.read == read_busted then text = text .. "\ndid not come to its end; ran last: " .. content(log_of(job.name, "running")) end
    end
  end
  local bad = code ~= 0 or signal ~= 0
  if bad and failed == 0 then
    failed = 1
    if not job.read then passed = 0 end
  end
  local files = failed > 0 and job.specs and (job.timed_out and job.files or failed_files(text))
  if files then
    again[#again + 1] = { name = job.name .. ", again", command = job.specs .. files, read = read_busted, failed_before = failed, limit_s = job.limit_s }
    count(passed, 0, skipped)
  elseif job.failed_before then
    count(failed > 0 and 0 or job.failed_before, failed, 0)
    if failed == 0 then unsteady[#unsteady + 1] = job.command end
  elseif not job.build or failed > 0 then
    count(passed, failed, skipped)
  end
  if job.build and failed > 0 then broken[#broken + 1] = job.name end
  print(("%-6s %-28s %6.1f s  %s%s%s"):format(failed > 0 and "FAILED" or "ok", job.name, seconds_since(job.started),
    job.build and "" or ("%5d passed"):format(passed), failed > 0 and (" %d failed"):format(failed) or "",
    skipped > 0 and (" %d skipped"):format(skipped) or ""))
  if failed > 0 then
    if job.timed_out then text = text .. ("\nstopped after %d s"):format(job.limit_s or TIMEOUT_S) end
    if signal ~= 0 then text = text .. ("\nended by signal %d"):format(signal) end
    if code ~= 0 and job.read then text = text .. ("\nexit code %d"):format(code) end
    print(("---- %s\n%s\n----"):format(job.command, (text:gsub("^[-+*.]+\n?", ""):gsub("%s+$", ""))))
  end
  io.stdout:flush()
end

local function start(job, done)
  job.log = log_of(job.name, "log")
  local fd = assert(uv.fs_open(job.log, "w", 420))
  job.started = uv.hrtime()
  local timer = uv.new_timer()
  local handle, pid
  handle, pid = uv.spawn("/bin/sh", {
    args = { "-c", job.command }, stdio = { nil, fd, fd }, detached = true, -- its own group, so that a timeout ends its children too
  }, function(code, signal)
    timer:close()
    handle:close()
    running[pid] = nil
    uv.fs_close(fd)
    report(job, code, signal)
    done()
  end)
  assert(handle, pid)
  running[pid] = true
  timer:start((job.limit_s or TIMEOUT_S) * 1000, 0, function()
    job.timed_out = true
    uv.kill(-pid, "sigkill")
  end)
end

--- Starts a list of jobs, at most `width` at a time; the loop runs the rest.
local function run(list, width)
  local next_job, active = 1, 0
  local function fill()
    while active < width and next_job <= #list do
      local job = list[next_job]
      next_job, active = next_job + 1, active + 1
      start(job, function()
        active = active - 1
        fill()
      end)
    end
  end
  fill()
end

local wanted = {}
for _, name in ipairs(arg) do
  if not groups[name] then
    io.stderr:write("spec/all.lua: no group '", name, "'\n")
    os.exit(2)
  end
  wanted[name] = true
end
for _, name in ipairs(ORDER) do
  if #arg == 0 or wanted[name] then groups[name]() end
end

os.execute("mkdir -p " .. LOGS)
for _, name in ipairs { "sigint", "sigterm" } do
  local signal = uv.new_signal()
  signal:start(name, function()
    for pid in pairs(running) do uv.kill(-pid, "sigkill") end
    os.exit(130)
  end)
  signal:unref()
end
-- In children of this run missing tools are failures; they do not share the job server of make.
uv.os_setenv("SMPP_ALL_TOOLS", "1")
for _, name in ipairs { "MAKEFLAGS", "MFLAGS", "MAKELEVEL", "LUA", "B" } do uv.os_unsetenv(name) end

local builds, waiting, tests, seen = {}, {}, {}, {}
for _, job in ipairs(jobs) do
  if not seen[job.name] then
    seen[job.name] = true
    local list = job.build and builds or job.waits and waiting or tests
    list[#list + 1] = job
  end
end
run(builds, 1)
uv.run()
run(waiting, 1)
run(tests, JOBS)
uv.run()
if #again <= AGAIN then
  run(again, 1)
  uv.run()
else
  for _, job in ipairs(again) do count(0, job.failed_before, 0) end
end

for _, command in ipairs(unsteady) do print("unsteady: failed once, passed alone: " .. command) end
if #broken > 0 then print("did not build: " .. table.concat(broken, ", ")) end
print(("%.0f s"):format(seconds_since(started)))
print(("%d passed, %d failed%s"):format(total.passed, total.failed, total.skipped > 0 and (", %d skipped"):format(total.skipped) or ""))
os.exit((total.failed > 0 or total.passed == 0) and 1 or 0)
