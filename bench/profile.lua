-- make profile PATH=WORD: profiles one path on Lua 5.4, by function: Lua with a hook (bench/hook.lua), C with
-- callgrind.  WORD: sim, or a path of bench/path.lua (send, send_unicode, send_receipt, submit_sm, message, message_3, receipt,
-- deliver_sm, answer, bot).
package.path = "bench/?.lua;" .. package.path
local process = require "process"

local WORDS = {
  sim = true, submit_sm = true, send = true, send_unicode = true, send_receipt = true,
  deliver_sm = "pushed", message = "pushed", message_3 = "pushed", receipt = "pushed", answer = "pushed", bot = "pushed",
}
local MESSAGES, MESSAGES_UNDER_VALGRIND = 42000, 6000 -- of three parts each, too
local C_FUNCTIONS = 30

local word, build = arg[1], arg[2] or "build"
if not WORDS[word] then
  local words = {}
  for name in pairs(WORDS) do words[#words + 1] = name end
  table.sort(words)
  io.stderr:write("make profile PATH=", table.concat(words, "|"), "\n")
  os.exit(2)
end

local lua = ("env \"LUA_PATH=lua/?.lua;lua/?/init.lua;;\" \"LUA_CPATH=%s/5.4/?.so;;\" \"SMPP_BUILD=$PWD/%s\" "):format(build, build)

--- Runs the path under a command that precedes the program's.
local function run(before, count)
  if word == "sim" then
    local sim = process.start(lua .. before .. " bin/smpp sim -q --port 0", "listening on [%d.]+:(%d+)\n")
    process.capture(("%s lua5.4 bench/client.lua %s %d 100 1 0 %s receipts"):format(lua, sim.found, count, sim.pid))
    return sim:stop()
  end
  local pushed = WORDS[word] == "pushed" and (" %s %d"):format(word, count) or ""
  local mc = process.start(lua .. "lua5.4 bench/mc.lua" .. pushed, "(%d+)\n")
  local path = process.start(("%s%s bench/path.lua %s %s %d 0"):format(lua, before, word, mc.found, count), "[%d.]+ [%d.]+\n")
  path:join()
  mc:stop()
end

os.execute("mkdir -p " .. build)
local report, calls = build .. "/profile.txt", build .. "/profile.callgrind"
run(("lua5.4 bench/hook.lua %s"):format(report), MESSAGES)
print(("%s, %d messages: %s"):format(word, MESSAGES, process.capture("cat " .. report)))
if not process.have "valgrind" then return print "valgrind is not installed: no profile of C" end
run(("valgrind --tool=callgrind --callgrind-out-file=%s lua5.4"):format(calls), MESSAGES_UNDER_VALGRIND)
print(("%d messages, including program start"):format(MESSAGES_UNDER_VALGRIND))
local shown = 0
for line in process.capture("callgrind_annotate " .. calls .. " 2>/dev/null"):gmatch "[^\n]+" do
  if line:find "^%s*[%d,]+ %(" then
    print((line:gsub("%[.*/", "["):gsub("%?%?%?:", ""))) -- Debian's Lua has no symbols: its functions are addresses
    shown = shown + 1
    if shown > C_FUNCTIONS then break end
  end
end
