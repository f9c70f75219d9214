local content = require "smpp.receipt.content"
local pdus = require "smpp.codec"

local encode = pdus.encode

describe("smpp.receipt.content", function()
  local function of(fields)
    fields.sequence_number, fields.command = 1, fields.command or "deliver_sm"
    return content.of((pdus.decode(encode(fields))))
  end

  it("nothing, data, payload, parts by TLV", function()
    assert.is_nil(of { command = "enquire_link" })
    assert.is_nil(of {})
    assert.equal("\1\2", of({ data_coding = 4, short_message = "\1\2" }).data)
    assert.equal("long", of({ message_payload = "long" }).text)
    local both = of { short_message = "a", message_payload = "b" }
    assert.equal("b", both.text)
    assert.equal(1, #both.problems)
    assert.same({ reference = 7, total = 2, seq = 1, width = "sar" },
      of({ short_message = "a", sar_msg_ref_num = 7, sar_total_segments = 2, sar_segment_seqnum = 1 }).part)
    local ports = of { esm_class = 0x40, data_coding = 4, short_message = "\6\5\4\11\132\35\240\1\2" }
    assert.equal("\1\2", ports.data)
    local lies = of { esm_class = 0x40, short_message = "\200abc" }
    assert.truthy(lies.problems[1]:find "UDH")
    assert.truthy(of({ esm_class = 4, short_message = "no receipt" }).problems[1]:find "^receipt: ")
  end)

  it("tells what a message to a port says", function()
    local function words_of(port, octets, more)
      local fields = { esm_class = 0x40, data_coding = 4,
        short_message = "\6\5\4" .. string.char(math.floor(port / 256), port % 256) .. "\35\240" .. octets }
      for name, value in pairs(more or {}) do fields[name] = value end
      local lines, words = content.lines(of(fields)), {}
      for _, line in ipairs(lines) do words[line[1]] = line[2] end
      return words
    end
    local words = words_of(2948, "\1\6\1\174\2\5\106\0\69\198\12\3a.example\0\1\3Ne\27ws\0\1\1")
    assert.equal("port_16bit: dest_port 2948 (WAP push), orig_port 9200 (WAP connectionless session)", words.udh)
    assert.equal([[WAP push (SI): http://a.example, "Ne\x1bws"]], words.content)
    assert.equal("MMS notification: http://mms/1, 1000 octets",
      words_of(2948, "\1\6\1\190\140\130\142\2\3\232\131http://mms/1\0").content)
    assert.equal('vCard: "Ada"', words_of(9204, "BEGIN:VCARD\nFN:Ada\nEND:VCARD").content)
    assert.is_nil(words_of(16500, "x").content)
    -- the TLV has the port as well, and a second part does not begin as the whole
    local pdu = { data_coding = 4, short_message = "\1\6\1\176\2\6\106\0\133\9\3a.b\0\1", destination_port = 2948 }
    assert.equal("http://a.b", of(pdu).application.url)
    pdu.sar_msg_ref_num, pdu.sar_total_segments, pdu.sar_segment_seqnum = 1, 2, 2
    assert.same({ kind = "other", name = "WAP push" }, of(pdu).application)
  end)

  it("quotes on one line", function()
    assert.equal([["a\"b\\c\nd\re\x00"]], content.quote('a"b\\c\nd\re\0'):gsub("\r", "\\r"))
  end)
end)
