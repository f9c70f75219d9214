--- Rules that are written once: lists of commands, statuses and message states come from csrc/tables, a back-off from
--- smpp.base.backoff, and no program decides by the words of a message.
local core = require "smpp.core"
local shell = require "spec.support.shell"

local commands, statuses, states = {}, {}, {}
for _, row in ipairs(core.protocol.commands()) do commands[row.name] = true end
for _, name in ipairs(core.protocol.statuses()) do statuses[name] = true end
for _, row in ipairs(core.protocol.values().message_state) do states[row.name:upper()] = true end

--- The smallest number of different names in one table that makes it a list of its own.
local LIST = 4

--- Sources that may: what they say is of their own, and in no table.
local ALLOWED = {
  commands = {
    ["lua/smpp/conformance/context.lua"] = true, -- what the client of a case may be sent meanwhile
  },
  statuses = {
    ["lua/smpp/simulator/behaviours.lua"] = true, -- which refusals a behaviour makes
    ["lua/smpp/server/checks.lua"] = true,        -- which check answers with which status
    ["lua/smpp/conformance/esme.lua"] = true,     -- which refusals a case tries
    ["lua/smpp/simulate/plan.lua"] = true,        -- which refusals are drawn
    ["lua/smpp/gateway/http_send.lua"] = true,    -- which refusals have a status of HTTP of their own
  },
  states = {
    ["lua/smpp/simulator/outcome.lua"] = true,    -- the outcome by the last digit of a destination
    ["lua/smpp/simulator/behaviours.lua"] = true, -- how often a behaviour has which outcome
    ["lua/smpp/cli/output.lua"] = true,           -- colours
    ["lua/smpp/cli/receipt_terms.lua"] = true,    -- explanations
    ["lua/smpp/simulate/plan.lua"] = true,        -- which outcomes are drawn
    ["lua/smpp/gateway/http_book.lua"] = true,    -- what the API calls them
  },
  words = {
    ["lua/smpp/loop/luv_tcp.lua"] = true,  -- luv's own messages have no other form
    ["lua/smpp/base/luafile.lua"] = true,  -- so have Lua's
    ["lua/smpp/client/dialer.lua"] = true, -- leaves words out, decides nothing
    ["lua/smpp/bot/init.lua"] = true,         -- Lua's messages
    ["lua/smpp/gateway/file.lua"] = true,     -- Lua's messages
    ["lua/smpp/cli/sim_options.lua"] = true,  -- Lua's messages
    ["lua/smpp/receipt/init.lua"] = true,  -- err of a receipt, which is no message
  },
}

local function without_comments(source) return (source:gsub("%-%-[^\n]*", "")) end

--- Tests whether a table of the source, without the tables inside it, has so many of the names as strings or keys.
local function has_list(source, names)
  for block in source:gmatch "%b{}" do
    local inside, seen, count = block:sub(2, -2), {}, 0
    if has_list(inside, names) then return true end
    local own = inside:gsub("%b{}", "")
    local function add(name)
      if names[name] and not seen[name] then seen[name], count = true, count + 1 end
    end
    for name in own:gmatch '"([%w_]+)"' do add(name) end
    for name in own:gmatch "%f[%w_]([%w_]+) =%f[^=]" do add(name) end
    if count >= LIST then return true end
  end
  return false
end

local RULES = {
  commands = function(source) return has_list(source, commands) end,
  statuses = function(source) return has_list(source, statuses) end,
  states = function(source) return has_list(source, states) end,
  backoffs = function(source) return source:find "math%.min%([%w_.]+_s %* 2" or source:find "_s = [%w_.]+_s %* 2" end,
  words = function(source)
    for _, name in ipairs { "message", "err", "wrong", "reason" } do
      for _, method in ipairs { "match", "find", "gsub" } do
        if source:find("%f[%w_]" .. name .. ":" .. method .. "%f[^%w_]") or source:find("%.message:" .. method) then return true end
      end
    end
  end,
}

describe("a rule is written once:", function()
  local sources = {}
  for path in shell.must("find lua/smpp -name '*.lua' | grep -v /meta/ | LC_ALL=C sort"):gmatch "%S+" do
    local file = assert(io.open(path))
    sources[path] = without_comments(file:read "*a")
    file:close()
  end

  for rule, breaks in pairs(RULES) do
    it(("no source has %s of its own"):format(rule), function()
      local found = {}
      for path, source in pairs(sources) do
        if not (ALLOWED[rule] or {})[path] and breaks(source) then found[#found + 1] = path end
      end
      table.sort(found)
      assert.same({}, found)
    end)
  end

  it("the rules find what breaks them", function()
    assert.is_true(RULES.commands 'local LIMITED = { submit_sm = true, submit_multi = true, data_sm = true, broadcast_sm = true }')
    assert.is_true(RULES.commands 'local x = { a = { "submit_sm", "data_sm", "query_sm", "cancel_sm" } }')
    assert.is_true(RULES.statuses 'local TOO_MUCH = { ESME_RTHROTTLED = 1, ESME_RMSGQFUL = 1, ESME_RSYSERR = 1, ESME_RSUBMITFAIL = 1 }')
    assert.is_true(RULES.states 'local FINAL = { "DELIVERED", "EXPIRED", "DELETED", "REJECTED" }')
    assert.truthy(RULES.backoffs "retry_s = math.min(retry_s * 2, 60)")
    assert.truthy(RULES.words 'if message:find "^no response" then return end')
    for rule, breaks in pairs(RULES) do assert.is_falsy(breaks 'local x = { 1, message = "submit_sm" }', rule) end
  end)
end)
