-- `make conformance`: runs `smpp conformance` against our message centre, node-smpp's server, our ESME and Kannel's; the table of the
-- README.
local function run(command)
  local pipe = assert(io.popen(command))
  local text = pipe:read "*a"
  pipe:close()
  return text
end

local NUMBER = "491761234567"

local function counts(report)
  local worst = {}
  for level in report:gmatch "FAIL  %S+%s+(%u+)" do worst[level] = (worst[level] or 0) + 1 end
  local pass, _, warn, skip = report:match "(%d+) passed, (%d+) failed, (%d+) warnings, (%d+) skipped"
  return { pass = pass or "-", must = worst.MUST or 0, robust = worst.ROBUST or 0, warn = warn or "-", skip = skip or "-" }
end

--- Starts a message centre on a port, and runs the cases: the counts of the summary.
local function measure(start, port, url)
  local report = run(([[
%s >/dev/null 2>&1 & server=$!
for i in 1 2 3 4 5 6 7 8 9 10; do sleep 0.2; bin/smpp conformance %s --only bind.transmitter --timeout 1 >/dev/null 2>&1; [ $? = 3 ] || break; done
bin/smpp conformance %s --submit-to %s --broadcast-to here --timeout 2 --receipt-wait 3 --color never
kill $server 2>/dev/null]]):format(start:format(port), url, url, NUMBER))
  return counts(report)
end

local function say(name, got)
  print(("| %s | %s | %d | %d | %s | %s |"):format(name, got.pass, got.must, got.robust, got.warn, got.skip))
end

local port = 20000 + os.time() % 10000
local rows = {
  { "`smpp sim`", "bin/smpp sim --port %d --account me:secret --deliver-after 0.2", port },
  { "node-smpp, a server that accepts everything", "sh -c 'sleep 60 | node spec/interop/node/peer.js listen %d'", port + 1 },
}
print "| peer | passed | MUST failed | ROBUST failed | SHOULD (warnings) | skipped |"
print "|---|---|---|---|---|---|"
for _, row in ipairs(rows) do say(row[1], measure(row[2], row[3], ("smpp://me:secret@127.0.0.1:%d"):format(row[3]))) end

--- The counts of an ESME: commands by the options of `smpp conformance`.
local function measure_client(commands)
  local words = { "bin/smpp conformance --color never" }
  for _, kind in ipairs { "client", "client-receipt", "client-many", "client-listen", "client-keepalive" } do
    words[#words + 1] = ("--%s '%s'"):format(kind, commands[kind])
  end
  return counts(run(table.concat(words, " ")))
end

local URL = "smpp://{system_id}:{password}@{host}:{port}"
local SEND = "bin/smpp send " .. URL .. " --from {from} --to {to} {text}"
say("ESME: `smpp send`, `smpp listen`", measure_client {
  client = SEND, ["client-receipt"] = SEND .. " --receipt --wait 5", ["client-many"] = SEND .. " --count {count} --window {window}",
  ["client-listen"] = "bin/smpp listen " .. URL .. " --for {seconds}",
  ["client-keepalive"] = "bin/smpp listen " .. URL .. "?enquire_link_s=1 --for {seconds}",
})

local KANNEL = (os.getenv "LUA" or "lua5.4") .. " spec/interop/kannel_client.lua {port} {system_id} {password}"
local KANNEL_SEND = KANNEL .. " --from {from} --to {to} --text {text}"
say("ESME: Kannel 1.4.5 (bearerbox, smsbox)", measure_client {
  client = KANNEL_SEND, ["client-receipt"] = KANNEL_SEND .. " --receipt", ["client-many"] = KANNEL_SEND .. " --count {count} --window {window}",
  ["client-listen"] = KANNEL .. " --for {seconds}", ["client-keepalive"] = KANNEL .. " --for {seconds}",
})
