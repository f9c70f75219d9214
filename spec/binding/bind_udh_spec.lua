local udh = require("smpp.core").udh

describe("bind_udh", function()
  it("reads elements with their fields, and what they mean together", function()
    local header = assert(udh.decode "\11\0\3\7\3\2\5\4\11\132\35\240Hi")
    assert.equal(12, header.length)
    assert.same({ ref = 7, total = 3, seq = 2 }, { ref = header.concat.ref, total = header.concat.total, seq = header.concat.seq })
    assert.same({ 2948, 9200 }, { header.ports.dest, header.ports.orig })
    assert.same({ "concat_8bit", "port_16bit" }, { header.elements[1].name, header.elements[2].name })
    assert.equal("\7\3\2", header.elements[1].octets)
  end)

  it("writes what it reads, by name or number", function()
    local octets = assert(udh.encode { { name = "concat_8bit", ref = 7, total = 3, seq = 2 }, { iei = 0x70, octets = "\9\8" } })
    assert.equal("\9\0\3\7\3\2\112\2\9\8", octets)
    local header = assert(udh.decode(octets))
    assert.equal(octets, udh.encode(header.elements))
  end)

  it("says what is wrong with a header, and which element it was", function()
    local header, message, code = udh.decode "\5\0\3"
    assert.is_nil(header)
    assert.is_string(message)
    assert.equal("truncated", code)
    assert.equal("bad_length", (select(3, udh.decode "\3\0\9\1\1\1\1")))
    header, message = udh.decode "\5\0\3\7\3\9"
    assert.is_nil(header.concat)
    assert.same({ "bad_value", 0 }, { message[1].code, message[1].iei })
    local octets, why = udh.encode { { name = "concat_8bit", ref = 7, total = 3, seq = 2 }, { name = "concat_8bit", ref = 256, total = 3, seq = 2 } }
    assert.is_nil(octets)
    assert.matches("element 2 %(concat_8bit%)", why)
    assert.equal("bad_length", (select(3, udh.encode { { iei = 0x70, octets = ("x"):rep(255) } })))
  end)

  it("raises where the program is wrong", function()
    for _, elements in ipairs { { { name = "nonsense" } }, { {} }, { 5 } } do assert.has_error(function() udh.encode(elements) end) end
    assert.has_error(function() udh.row(256) end)
    assert.same({ "concat_8bit", 3, 3 }, { (udh.row(0)), (select(2, udh.row(0))), (select(3, udh.row(0))) })
  end)
end)
