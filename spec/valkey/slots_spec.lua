local slots = require "smpp.valkey.slots"

describe("smpp.valkey.slots", function()
  it("are those of the specification, of the hash tag where a key has one", function()
    for key, slot in pairs {
      ["123456789"] = 0x31C3, foo = 12182, bar = 5061, hello = 866, [""] = 0, ["{user1000}.following"] = 3443, ["user1000"] = 3443,
      ["{user1000}.followers"] = 3443, ["smpp:{gw}:message"] = 7373, gw = 7373, ["\255\0"] = slots.of "{\255\0}",
    } do
      assert.equal(slot, slots.of(key), key)
    end
    assert.equal(slots.of "{bar", slots.of "foo{{bar}}zap") -- as the specification has it: the first }, the first {
    assert.equal(slots.of "bar", slots.of "foo{bar}{zap}")
    for _, key in ipairs { "foo{}{bar}", "foo{}", "{}", "foo{", "}foo{", "{foo" } do -- no tag: all of it
      local all = slots.of(key)
      assert.is_true(all ~= slots.of "foo" and all ~= slots.of "bar" and all < 16384, key)
    end
    assert.equal(8363, slots.of "foo{}{bar}")
  end)

  it("reads what MOVED and ASK say", function()
    for message, wanted in pairs {
      ["MOVED 3999 127.0.0.1:6381"] = { 3999, { host = "127.0.0.1", port = 6381 } },
      ["ASK 3999 127.0.0.1:6381"] = { 3999, { host = "127.0.0.1", port = 6381 } },
      ["MOVED 3999 :6381"] = { 3999, { host = "me", port = 6381 } },                 -- the sender's own
      ["MOVED 3999 2001:db8::1:6381"] = { 3999, { host = "2001:db8::1", port = 6381 } },
      ["MOVED 3999 [::1]:6381"] = { 3999, { host = "::1", port = 6381 } },
      ["MOVED 3999 ?:6381"] = { 3999 },                                               -- it is not known
      ["MOVED 3999"] = { 3999 }, ["MOVED"] = {}, ["CLUSTERDOWN The cluster is down"] = {},
    } do
      assert.same(wanted, { slots.redirection(message, "me") }, message)
    end
  end)

  it("reads CLUSTER SLOTS: the owner, and all nodes, those of the slot first", function()
    local reply = {
      { 0, 99, { "a", 1, "ida", {} }, { "b", 2, "idb", {} } },
      { 100, 199, { "", 3, "idc" }, { "d", 4, "idd" } },
      { 200, 299, { false, 3, "idc" }, { "?", 5, "ide" }, { "a", 1, "ida" } },
    }
    local function names(slot)
      local owner, places = slots.places(reply, slot, "me")
      local list = { owner and owner.host .. owner.port or "none" }
      for _, place in ipairs(places) do list[#list + 1] = place.host .. place.port end
      return table.concat(list, " ")
    end
    assert.equal("a1 a1 b2 me3 d4", names(0))
    assert.equal("me3 me3 d4 a1 b2", names(100))
    assert.equal("me3 me3 a1 b2 d4", names(299))
    assert.equal("none a1 b2 me3 d4", names(300))
    assert.same({ nil, {} }, { slots.places(false, 1, "me") })
  end)
end)
