-- A receipted_message_id of 64 KiB was taken for an id, and its NULs were cut off in quadratic time.
local smpp = require "smpp"

local function receipt(octets)
  local pdu = assert(smpp.decode(assert(smpp.encode {
    command = "deliver_sm", esm_class = 4, short_message = "id:7 stat:DELIVRD", tlvs = { { 0x001E, octets } },
  })))
  return assert(smpp.receipt.parse(pdu))
end

describe("receipted_message_id", function()
  it("is an id up to the 65 octets of the standard, its NUL included", function()
    local id = ("a"):rep(64)
    assert.equal(id, receipt(id .. "\0").tlvs.receipted_message_id)
    assert.equal(id, receipt(id).tlvs.receipted_message_id) -- the NUL left out
  end)

  it("is none beyond them: the text's id counts", function()
    for _, octets in ipairs { ("a"):rep(65) .. "\0", ("a"):rep(65000), ("\0"):rep(65533) .. "x" } do
      assert.equal("7", receipt(octets).id)
      assert.is_true((receipt(octets).tlvs.receipted_message_id or "") == "")
    end
  end)
end)
