-- Two hundred clients that come and go, for SOAK_S seconds (60), through a proxy that spoils their connections.  In the
-- end every message is accounted for, and nothing is left: no handle, no reference in the registry, no memory.
local proxies = require "spec.support.proxy"
local smpp = require "smpp"
local uv = require "luv"

local CLIENTS = tonumber(os.getenv "SOAK_CLIENTS") or 200
local SECONDS = tonumber(os.getenv "SOAK_S") or 60
local WARM_S = math.max(10, SECONDS / 4)
local MORE = 1.05      -- memory at the end, over that at the start
local HOLES_KB = 32768 -- what malloc may keep between blocks after a peak; where it can be asked (LuaJIT), used blocks count

local FAULTS = { "cut", "close", "half_close", "garble", "stall" }

local function count_handles()
  local n = 0
  uv.walk(function(handle) if not uv.is_closing(handle) then n = n + 1 end end)
  return n
end

--- What the registry holds for somebody; free references are numbers there.
local function count_references()
  local n = 0
  for key, value in pairs(debug.getregistry()) do
    if type(key) == "number" and type(value) ~= "number" then n = n + 1 end
  end
  return n
end

local function resident_kb()
  local file = io.open "/proc/self/status"
  if not file then return 0 end
  local text = file:read "*a"
  file:close()
  return tonumber(text:match "VmRSS:%s*(%d+)") or 0
end

--- Octets that C holds, of glibc; nil where there is no way to ask.
local c_octets
do
  local has_ffi, ffi = pcall(require, "ffi")
  if has_ffi and pcall(ffi.cdef, [[
    struct soak_mallinfo { size_t arena, ordblks, smblks, hblks, hblkhd, usmblks, fsmblks, uordblks, fordblks, keepcost; };
    struct soak_mallinfo mallinfo2(void);
    void *malloc(size_t); void free(void *);]]) and pcall(function() return ffi.C.mallinfo2 end) then
    c_octets = function()
      local blocks = {}
      for size = 24, 1032, 16 do -- what a thread keeps for reuse counts as used: all of it, always
        for _ = 1, 7 do blocks[#blocks + 1] = ffi.C.malloc(size) end
      end
      for _, block in ipairs(blocks) do ffi.C.free(block) end
      local info = ffi.C.mallinfo2()
      return tonumber(info.uordblks + info.hblkhd)
    end
  end
end

local function measure()
  if jit then jit.flush() end -- compiled code counts as Lua's memory
  local last
  repeat -- each round may halve what was too large
    last = collectgarbage "count"
    collectgarbage()
  until collectgarbage "count" >= last
  return { handles = count_handles(), references = count_references(), lua_kb = collectgarbage "count", resident_kb = resident_kb(),
    c_kb = c_octets and c_octets() / 1024 or 0 }
end

--- The books of a soak.
local function new_books()
  return { last = 0, taken = {}, never_sent = {}, outcomes = { response = 0, refused = 0, never_sent = 0, unknown = 0 }, open = 0, wrong = {}, clients = 0 }
end

local CODES = { timeout = "unknown", connection_lost = "unknown", closed = "never_sent", not_sent = "never_sent", queue_full = "never_sent" }

--- Notes the outcome of message n; a status that nobody gave came out of the garbler, and says nothing.
local function settle(books, n, response, code)
  local what = response and "response" or CODES[code] or (code == "ESME_RINVDSTADR" and "refused") or "unknown"
  books.outcomes[what], books.open = books.outcomes[what] + 1, books.open - 1
  if what == "never_sent" then books.never_sent[n % 100000] = n end
  local taken = books.taken[n] or 0
  books.taken[n] = nil
  if taken > 1 or (taken == 1) ~= (what == "response") and what ~= "unknown" then
    table.insert(books.wrong, ("message %d: %s, taken %d times"):format(n, what, taken))
  end
end

--- One life of a client.
local function live(books, loop, port, until_s)
  local random = function(n) return math.floor(loop:random() * n) + 1 end
  local o = {
    host = "127.0.0.1", port = port, system_id = "soak" .. random(20), bind = ({ "trx", "tx+rx", "tx" })[random(3)],
    window = random(20), queue_limit = 20, response_timeout_s = 2, enquire_link_s = 1, enquire_link_response_s = 1, bind_timeout_s = 2,
    pdu_read_s = 1, reconnect = { min_s = 0.05, max_s = 1 }, message = random(2) == 1 and function() end or nil,
    rate_per_s = random(4) == 1 and 200 or nil, order = random(4) == 1 and "destination" or nil,
  }
  local esme = smpp.connect(o)
  if not esme then return smpp.sleep(0.2) end
  books.clients = books.clients + 1
  esme:on("error", function() end)
  local ends = math.min(until_s, loop:now() + 1 + 4 * loop:random())
  local working = 0
  while loop:now() < ends and esme.state ~= "closed" do
    for _ = 1, math.min(random(30), 30 - working) do
      books.last = books.last + 1
      local n = books.last
      books.open = books.open + 1
      local fields = { source_addr = "A", destination_addr = "49" .. random(50), short_message = "m" .. n .. "." }
      if random(2) == 1 then
        esme:submit_sm(fields, function(response, _, code) settle(books, n, response, code) end)
      else
        working = working + 1
        smpp.spawn(function()
          local response, _, code = esme:submit_sm(fields, random(10) == 1 and 0.05 or nil)
          settle(books, n, response, code)
          working = working - 1
        end)
      end
    end
    smpp.sleep(0.3 * loop:random())
  end
  esme:close(random(3) - 1)
end

--- Clients live one life after the other until the time is over.
local function soak(loop, seconds, books)
  local server = assert(smpp.server {
    port = 0, max_connections = 5000, enquire_link_s = 1, enquire_link_response_s = 1, bind_timeout_s = 2, pdu_read_s = 1,
    submit_sm = function(session, pdu)
      local n = tonumber(pdu.short_message:match "^m(%d+)%.$")
      if not n then return nil, "ESME_RSUBMITFAIL" end
      if n % 17 == 0 then return nil, "ESME_RINVDSTADR" end
      if n % 5 == 0 then smpp.sleep(0.02 * loop:random()) end
      if n % 100 == 1 then session:deliver_sm({ source_addr = "1", destination_addr = "2", short_message = "x" }, function() end) end
      books.taken[n] = (books.taken[n] or 0) + 1
      if books.never_sent[n % 100000] == n then table.insert(books.wrong, ("message %d: taken after it was given up"):format(n)) end
      return tostring(n)
    end,
  })
  server:on("error", function() end)
  local proxy = proxies.open(loop, server.port, function()
    local random = loop:random()
    return {
      what = random < 0.7 and FAULTS[math.floor(loop:random() * #FAULTS) + 1] or nil, direction = loop:random() < 0.5 and "up" or "down",
      after = math.floor(30000 * loop:random() ^ 3), delay_s = random < 0.2 and 0.1 * loop:random() or 0,
    }
  end)
  local until_s = loop:now() + seconds
  local every = {}
  for i = 1, CLIENTS do every[i] = i end
  smpp.each(every, CLIENTS, function()
    smpp.sleep(loop:random())
    while loop:now() < until_s do live(books, loop, proxy.port, until_s) end
  end)
  smpp.sleep(0.5) -- callbacks of the last ones
  proxy:close()
  server:close(1)
  return proxy
end

--- More tasks, handles and strings at once than a soak has, however busy the machine: what only grows (tables, luv's
--- references, Lua's table of strings) has its size afterwards, and what grows beyond it was left behind.
local function peak(loop)
  local every = {}
  for i = 1, 40000 do every[i] = "task " .. i end
  smpp.run(function() smpp.each(every, 20000, function() smpp.sleep(0.1) end) end, { loop = loop, signals = false })
end

describe("a soak", function()
  it(("of %g seconds with %d clients leaves nothing behind, and the books balance"):format(SECONDS, CLIENTS), function()
    local loop = require("smpp.loop.luv").default()
    local before, after, books, proxy
    local function phase(seconds)
      books = new_books()
      local stderr = io.stderr
      io.stderr = { write = function() end } -- luacheck: ignore (what garbled binds have to say, thousands of times)
      local ok, message = pcall(smpp.run, function() proxy = soak(loop, seconds, books) end, { loop = loop, signals = false })
      io.stderr = stderr -- luacheck: ignore
      if not ok then error(message, 0) end
      uv.run "nowait"
      books.taken, books.never_sent = nil, nil -- what is measured is not our own notes
      return measure()
    end
    peak(loop)
    before = phase(WARM_S)
    after = phase(SECONDS)
    local outcomes = books.outcomes
    local summary = ("%d messages of %d clients over %d connections: %d responses, %d refused, %d never sent, %d unknown; Lua %.0f to %.0f kB, C %.0f to %.0f kB, resident %d to %d kB"):format(
      books.last, books.clients, proxy.count, outcomes.response, outcomes.refused, outcomes.never_sent, outcomes.unknown,
      before.lua_kb, after.lua_kb, before.c_kb, after.c_kb, before.resident_kb, after.resident_kb)
    if os.getenv "SOAK_S" then io.stderr:write("\n", summary, "\n") end
    assert.same({}, books.wrong, summary)
    assert.equal(0, books.open, summary)
    assert.equal(books.last, outcomes.response + outcomes.refused + outcomes.never_sent + outcomes.unknown)
    assert.is_true(outcomes.response > 100 * SECONDS and outcomes.unknown > SECONDS and outcomes.never_sent > 0, summary)
    for _, what in ipairs(FAULTS) do
      if what ~= "garble" then assert.is_true((proxy.spoilt[what] or 0) > 0, what .. " never happened; " .. summary) end
    end
    assert.equal(before.handles, after.handles, summary)
    assert.equal(before.references, after.references, summary)
    assert.is_true(after.lua_kb + after.c_kb <= (before.lua_kb + before.c_kb) * MORE, summary)
    assert.is_true(after.resident_kb <= before.resident_kb * MORE + HOLES_KB, summary)
  end)
end)
