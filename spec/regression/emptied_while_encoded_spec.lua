-- A finalizer that ran while the binding took memory could empty the table that was being encoded; what was then
-- collected was still read.  In a Lua of its own: each allocation collects all there is.
local other_lua = require "spec.support.other_lua"

local PROGRAM = [==[
local collector = require "spec.support.collector"
local smpp = require "smpp"

local TEXT = ("a"):rep(2500)

--- Tables with something in each place where octets come from, and what empties them.
local cases = {
  parameter = function() return { command = "submit_sm", short_message = TEXT:sub(1, 200) } end,
  ["TLV by name"] = function() return { command = "submit_sm", message_payload = TEXT .. "b" } end,
  ["TLV in the list"] = function() return { command = "submit_sm", tlvs = { { 0x0424, TEXT .. "c" }, { 0x1400, TEXT .. "d" } } } end,
  destinations = function()
    local list = {}
    for i = 1, 200 do list[i] = i % 2 == 0 and { dl_name = "list " .. i } or { destination_addr = "49170" .. i } end
    return { command = "submit_multi", dest_address = list, short_message = TEXT:sub(1, 100) }
  end,
  ["message ids"] = function()
    local ids = {}
    for i = 1, 100 do ids[i] = ("message %d"):format(i) end
    return { command = "query_last_msgs_resp", message_id = ids }
  end,
  ["unknown name"] = function() return { command = "submit_sm", short_message = TEXT:sub(1, 200), ["un" .. "known"] = TEXT } end,
}

local function empty(t)
  for k, v in pairs(t) do
    if type(v) == "table" then empty(v) end
    if k ~= "command" then t[k] = nil end
  end
end

for name, make in pairs(cases) do
  for _, skip in ipairs { 0, 1, 2, 3, 5, 8, 13, 21, 34, 60 } do
    local value, count, octets = make(), 0, nil
    collector.with_finalizer(function()
      count = count + 1
      if count > skip then
        empty(value)
        collectgarbage()
        collectgarbage()
        for i = 1, 20 do local _ = ("z"):rep(2490 + i) end -- what was freed is written over
      end
      return count <= skip
    end, function() octets = smpp.encode(value) end)
    assert(not octets or not octets:find("z", 1, true), name)
  end
  print("sound: " .. name)
end
]==]

describe("a table that is emptied while it is encoded", function()
  local output = other_lua(PROGRAM)
  for _, name in ipairs { "parameter", "TLV by name", "TLV in the list", "destinations", "message ids", "unknown name" } do
    it("is encoded from what was read, or refused: " .. name, function()
      assert.is_truthy(output:find("sound: " .. name, 1, true), output)
    end)
  end
end)
