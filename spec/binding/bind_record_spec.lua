local property = require "spec.support.property"
local core = require "smpp.core"
local smpp = require "smpp.codec"

local NAMES = { "key", "state", "text", "at" }

describe("bind_record", function()
  local codec = core.record(NAMES)

  it("gives back what was written, under declared names and others", function()
    local record = {
      key = "1", state = "ENROUTE", text = ("x"):rep(70000), at = 1700000000.125, small = 127, large = 9007199254740991, negative = -1,
      least = -9007199254740991, yes = true, no = false, empty = "", octets = "\0\255", list = { "a", { b = 2 } }, none = {},
      half = -0.5, huge = math.huge, [("long name"):rep(20)] = 128,
    }
    assert.same(record, codec.read(codec.write(record)))
    assert.equal("3", tostring(codec.read(codec.write { a = 3 }).a)) -- not 3.0
    assert.same({}, codec.read(codec.write {}))
  end)

  it("writes a declared name and a small number in two octets", function()
    assert.equal("\4\7", codec.write { at = 7 })
    assert.equal(2 + 3, #codec.write { key = "abc" })
  end)

  it("writes all but some fields", function()
    local record = { key = "1", at = 0.5, other = "o", state = "S", text = "t" }
    assert.same({ at = 0.5, other = "o", text = "t" }, codec.read(codec.writer { "key", "state" }(record)))
    assert.same(record, codec.read(codec.writer {}(record)))
    assert.same(record, codec.read(codec.writer { "other" }(record))) -- not in the list
    assert.error_matches(function() codec.writer { "key" } { text = print } end, "invalid value")
    assert.error_matches(function() codec.writer { "key" } "text" end, "table expected")
  end)

  it("reads one field without the others", function()
    local octets = codec.write { key = "1", text = ("x"):rep(100), list = { { 1 }, -5, 0.5, true, "y" }, other = "o", state = "S", none = false }
    for name, value in pairs { key = "1", state = "S", other = "o", none = false } do assert.equal(value, codec.field(octets, name)) end
    assert.same({ { 1 }, -5, 0.5, true, "y" }, codec.field(octets, "list"))
    assert.is_nil(codec.field(octets, "at"))
    assert.is_nil(codec.field(octets, "unknown"))
  end)

  it("changes fields and takes some out, without growing", function()
    local octets = codec.write { key = "1", state = "ENROUTE", text = "hello", extra = 1, more = 2, at = 300 }
    for _ = 1, 3 do
      octets = codec.change(octets, { state = "FINAL", extra = "e", fresh = 5 }, { "at", "more", "absent" })
      assert.same({ key = "1", state = "FINAL", text = "hello", extra = "e", fresh = 5 }, codec.read(octets))
      assert.equal(#codec.write(codec.read(octets)), #octets)
    end
  end)

  it("takes parameters from a PDU, but those that the table has", function()
    local named = core.record { "key", "source_addr", "destination_addr", "esm_class", "data_coding", "octets" }
    local pdu = smpp.decode(smpp.encode {
      command = "submit_sm", sequence_number = 1, source_addr = "1", destination_addr = "49", esm_class = 3, data_coding = 200,
      short_message = "Hi", message_payload = "x",
    })
    assert.same({ key = "k", source_addr = "1", destination_addr = "49", esm_class = 64, data_coding = 200, more = 1 },
      named.read(named.write({ key = "k", esm_class = 64, more = 1 }, pdu)))
    local multi = smpp.decode(smpp.encode { command = "submit_multi", sequence_number = 1, source_addr = "1", dest_address = { { dl_name = "a" } } })
    assert.same({ source_addr = "1", esm_class = 0, data_coding = 0 }, named.read(named.write({}, multi)))
    assert.error_matches(function() named.write({}, {}) end, "expected a PDU")
  end)

  it("reads some fields, and all that are not declared", function()
    local octets = codec.write { key = "1", text = ("x"):rep(100), at = 0.5, other = "o", state = "S" }
    assert.same({ key = "1", at = 0.5, other = "o" }, codec.reader { "at", "key" }(octets))
    assert.same({ other = "o" }, codec.reader {}(octets))
    assert.equal("malformed", select(3, codec.reader { "key" }(octets:sub(1, -2))))
  end)

  it("refuses what is not plain data", function()
    assert.error_matches(function() codec.write { session = io.stdout } end, "session is a userdata")
    assert.error_matches(function() codec.write { f = { print } } end, "function")
    assert.error_matches(function() codec.write { "no name" } end, "fields have names")
    assert.error_matches(function() codec.change(codec.write {}, { 1 }) end, "fields have names")
    assert.error_matches(function() codec.change(codec.write {}, {}, { 1 }) end, "names to clear")
    local deep = {}
    deep.deep = deep
    assert.error_matches(function() codec.write(deep) end, "more than 16 deep")
  end)

  it("reads what was written with a shorter list of names", function()
    local longer = core.record { "key", "state", "text", "at", "new" }
    assert.same({ key = "1", new = 2 }, longer.read(codec.write { key = "1", new = 2 }))
    assert.equal("malformed", select(3, codec.read(longer.write { new = 2 })))
  end)

  it("takes any octets without harm", function()
    property.holds(500, function(random, case)
      local record, values = {}, { 5, -70, 1e10, 0.25, "abc", true, false, { 1, { "x" } }, ("y"):rep(100) }
      local names = { "key", "state", "a", "b", "c" }
      for _ = 1, random(6) - 1 do record[names[random(#names)]] = values[random(#values)] end
      local octets = codec.write(record)
      case.octets = octets
      assert.same(record, codec.read(octets))
      local at = random(#octets + 1)
      for _, damaged in ipairs { octets:sub(1, at - 1), octets:sub(1, at - 1) .. string.char(random(256) - 1) .. octets:sub(at + 1) } do
        codec.read(damaged)
        codec.field(damaged, "absent")
        codec.change(damaged, { a = 1 })
      end
    end)
  end)

  it("leaves out no octet that is cut off", function()
    local octets = codec.write { key = "abc", list = { 1, 2 }, at = 0.5 }
    local failed = 0
    for cut = 1, #octets - 1 do
      local record, _, code = codec.read(octets:sub(1, cut))
      if not record then
        failed = failed + 1
        assert.equal("malformed", code)
      end
    end
    assert.is_true(failed >= #octets - 4) -- but between two fields
  end)
end)
