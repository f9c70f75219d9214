local smpp = require "smpp"
local text = require "smpp.text"
local unhex = require "spec.support.util".unhex

describe("smpp.text.read", function()
  it("cuts the header off and heeds it", function()
    local words, info = text.read { short_message = "plain \0", data_coding = 0 }
    assert.same({ "plain @", "gsm7", "plain \0" }, { words, info.encoding, info.octets })
    assert.is_nil(info.header or info.problems)
    words, info = text.read { short_message = unhex "03250101" .. "\7\28", data_coding = 0, esm_class = 0x40 }
    assert.same({ "ıŞ", 1, 4 }, { words, info.header.locking, info.header.length })
    words = text.read { short_message = unhex "03240101" .. "\27\105", data_coding = 0, esm_class = 0x43 }
    assert.equal("ı", words)
    -- Without UDHI the same octets are text.
    assert.equal(4, #text.read({ short_message = unhex "03250101", data_coding = 3 }))
  end)

  it("prefers message_payload, takes views, and knows the peer", function()
    local view = smpp.decode(assert(smpp.encode { command = "submit_sm", message_payload = "\233", short_message = "" }))
    assert.equal("é", (text.read(view, { default_alphabet = "latin1" })))
    local data = smpp.decode(assert(smpp.encode { command = "data_sm", message_payload = "\0a", data_coding = 8 }))
    assert.equal("a", (text.read(data)))
    assert.equal("é", (text.read({ short_message = "\233\0", data_coding = 8 }, { data_codings = { [8] = "ucs2_le" } })))
  end)

  it("finds packed septets behind their fill bits", function()
    for _, elements in ipairs { unhex "0003010201", unhex "0804000a0201", unhex "2401012501" .. "\1" } do
      local peer = { default_alphabet = "gsm7_packed" }
      local parts = assert(text.split("Hello world, 12", { encoding = "gsm7_packed", elements = { { iei = 0xC0, octets = elements } } }))
      local words, info = text.read({ short_message = parts[1].octets, data_coding = 0, esm_class = 0x40 }, peer)
      assert.same({ "Hello world, 12", "gsm7_packed" }, { words, info.encoding })
    end
  end)

  it("takes all of it for text where the header is none, and tells what is odd", function()
    local words, info = text.read { short_message = "\200abc", data_coding = 3, esm_class = 0x40 }
    assert.equal("Èabc", words)
    assert.is_nil(info.header)
    words, info = text.read { short_message = "\200", data_coding = 0 }
    assert.equal("\239\191\189", words)
    assert.equal("high_bit", info.problems[1].code)
    assert.same({ "" }, { (text.read {}) })
    assert.has_error(function() text.read({}, { encoding = "gsm7" }) end)
  end)

  it("takes data_coding 1 with control characters for GSM 03.38, with a problem on the PDU", function()
    local function read(octets, peer)
      local pdu = smpp.decode(assert(smpp.encode { command = "submit_sm", data_coding = 1, short_message = octets }))
      local words, info = text.read(pdu, peer)
      local problem = pdu:problems()[1]
      return { words, info.encoding, problem and problem.field }
    end
    assert.same({ "a@b_c$d", "gsm7", "data_coding" }, read "a\0b\17c\2d")
    assert.same({ "äöü €", "gsm7", "data_coding" }, read "{|~ \27e")
    assert.same({ "{|~\t\r\n", "ascii" }, read "{|~\t\r\n")
    assert.equal("ascii", read("\2\233")[2]) -- of neither
    assert.same({ "äöü", "gsm7" }, read("{|~", smpp.profile.options "node-smpp"))
    assert.equal("latin1", read("\2x", { data_codings = { [1] = "latin1" } })[2])
  end)

  it("lets byte order marks decide, and drops them", function()
    for _, octets in ipairs { "\254\255\0H\0i", "\255\254H\0i\0" } do
      local words, info = text.read { short_message = octets, data_coding = 8 }
      assert.equal("Hi", words)
      assert.matches("^ucs2", info.encoding)
      assert.equal("Hi", (text.read { short_message = unhex "0500030102 01" .. octets, data_coding = 8, esm_class = 0x40 }))
    end
  end)

  it("reads headers whose length is one too large, where one element fits, and none where it would halve a character", function()
    local function read(octets, data_coding)
      local words, info = text.read { short_message = unhex(octets), data_coding = data_coding or 8, esm_class = 0x40 }
      return words, info.header and info.header.concat and info.header.concat.seq, info.header and info.header.length
    end
    assert.same({ "رم", 1, 6 }, { read "060003f3020106310645" })
    assert.same({ "Hi", 1, 7 }, { read("0708040001020148 69", 0) })
    assert.same({ "Hi" }, { (read("0600030102014869", 0)) })
    assert.same({ "Hello" }, { read "00480065006c006c006f" })
    assert.same({ "H", nil, 1 }, { read "000048" })
    assert.equal(nil, select(2, read("07990301020148", 0))) -- no element of the standard
    assert.equal(nil, select(2, read("0800030102014869", 0))) -- two too large
  end)
end)

describe("smpp.text.body", function()
  it("is what stands behind the header, with the fill bits of packed septets", function()
    local octets, header, fill = text.body { short_message = "\5\0\3\7\2\1abc", esm_class = 0x40 }
    assert.same({ "abc", 1 }, { octets, fill })
    assert.same({ reference = 7, total = 2, seq = 1, width = 8 }, text.part({}, header))
    assert.equal("\5\0\3\7\2\1abc", (text.body { short_message = "\5\0\3\7\2\1abc" }))
    local whole, none, _, problems = text.body { message_payload = "\9x", esm_class = 0x40 }
    assert.equal("\9x", whole)
    assert.is_nil(none)
    assert.is_truthy(problems)
  end)
end)
