-- A table whose length Lua says is 2^61 made the binding take memory for 2^61 entries modulo 2^64, and write behind it.
local core = require "smpp.core"
local smpp = require "smpp"

--- A sparse list in which Lua's search for the length goes up to its last power of two.
local function sparse(bits, make)
  local t = {}
  for k = 0, bits do t[2 ^ k] = make() end
  for i = 1, 40 do t[i] = make() end
  return t
end

describe("a list that is too long", function()
  local function destination() return { dest_addr_ton = 1, dest_addr_npi = 1, destination_addr = "49176" } end

  for _, bits in ipairs { 15, 30, 31, 32, 53, 58, 59, 60, 61, 62 } do
    it("of 2^" .. bits .. " is refused", function()
      for _, t in ipairs {
        { command = "submit_multi", dest_address = sparse(bits, destination) },
        { command = "submit_multi_resp", unsuccess_sme = sparse(bits, destination) },
        { command = "query_last_msgs_resp", message_id = sparse(bits, function() return "id" end) },
        { command = "submit_sm", tlvs = sparse(bits, function() return { 0x1400, "x" } end) },
      } do
        local octets, _, code = smpp.encode(t)
        if octets then assert.is_true(#octets < 4000) else assert.truthy(code == "too_long" or code == "bad_value") end
      end
      local ok, header = pcall(core.udh.encode, sparse(bits, function() return { iei = 0x70, octets = "x" } end))
      assert.is_true(not ok or not header or #header < 256)
    end)
  end

  it("of one entry more than a count can say is refused, of as many as it can is not", function()
    local list = {}
    for i = 1, 255 do list[i] = destination() end
    assert(smpp.encode { command = "submit_multi", dest_address = list })
    list[256] = destination()
    assert.same({ nil, "dest_address too long: 256 entries, at most 255", "too_long" }, { smpp.encode { command = "submit_multi", dest_address = list } })
  end)
end)
