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
end)
