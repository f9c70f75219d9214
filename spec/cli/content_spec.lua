local content = require "smpp.cli.content"
local pdus = require "smpp.codec"

local encode = pdus.encode

describe("smpp.cli.content", function()
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
    assert.same({ reference = 7, total = 2, seq = 1 },
      of({ short_message = "a", sar_msg_ref_num = 7, sar_total_segments = 2, sar_segment_seqnum = 1 }).part)
    local ports = of { esm_class = 0x40, data_coding = 4, short_message = "\6\5\4\11\132\35\240\1\2" }
    assert.equal("\1\2", ports.data)
    local lies = of { esm_class = 0x40, short_message = "\200abc" }
    assert.truthy(lies.problems[1]:find "UDH")
    assert.truthy(of({ esm_class = 4, short_message = "no receipt" }).problems[1]:find "^receipt: ")
  end)

  it("quotes on one line", function()
    assert.equal([["a\"b\\c\nd\re\x00"]], content.quote('a"b\\c\nd\re\0'):gsub("\r", "\\r"))
  end)
end)
