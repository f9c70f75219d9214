local compose = require "smpp.text.compose"
local text = require "smpp.text"

--- The fields of every part of a text.
local function fields_of(message, long, base)
  local parts, info = assert(text.split(message, { udh = long, reference = 7, encoding = "gsm7" }))
  local list = {}
  for i = 1, #parts do
    local fields = {}
    for name, value in pairs(base or {}) do fields[name] = value end
    list[i] = compose.part(fields, parts, info, i, long)
  end
  return list
end

describe("smpp.text.compose", function()
  it("keeps one short message in short_message, whatever is asked for", function()
    for _, long in ipairs { "concat_8bit", "sar", "payload" } do
      assert.same({ { short_message = "Hello", data_coding = 0 } }, fields_of("Hello", long))
    end
  end)

  it("marks the parts with a header and esm_class, and leaves other bits of it", function()
    local list = fields_of(("a"):rep(200), "concat_8bit", { esm_class = 3 })
    assert.same({ 0x43, 0x43 }, { list[1].esm_class, list[2].esm_class })
    assert.equal("\5\0\3\7\2\1", list[1].short_message:sub(1, 6))
    assert.equal(0x40, fields_of(("a"):rep(200), "concat_8bit", { esm_class = 0x40 })[1].esm_class)
  end)

  it("marks the parts with TLVs", function()
    local list = fields_of(("a"):rep(200), "sar")
    assert.same({ 7, 2, 2 }, { list[2].sar_msg_ref_num, list[2].sar_total_segments, list[2].sar_segment_seqnum })
    assert.is_nil(list[2].esm_class)
  end)

  it("puts a long text into message_payload", function()
    local list = fields_of(("a"):rep(200), "payload", { data_coding = 1 })
    assert.same({ { message_payload = ("a"):rep(200), data_coding = 1 } }, list)
  end)

  it("puts octets where they fit", function()
    assert.same({ short_message = ("a"):rep(254) }, compose.put({}, ("a"):rep(254)))
    assert.same({ message_payload = ("a"):rep(255) }, compose.put({}, ("a"):rep(255)))
    assert.same({ short_message = ("a"):rep(140) }, compose.put({}, ("a"):rep(140), true))
    assert.same({ message_payload = ("a"):rep(141) }, compose.put({}, ("a"):rep(141), true))
  end)
end)
