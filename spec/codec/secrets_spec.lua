local pdus = require "smpp.codec"
local secrets = require "smpp.codec.secrets"

local function pdu(fields) return assert(pdus.decode(assert(pdus.encode(fields)))) end

describe("smpp.codec.secrets", function()
  it("replaces each octet of a password by an asterisk, in every bind and in outbind", function()
    for _, command in ipairs { "bind_transmitter", "bind_receiver", "bind_transceiver", "outbind" } do
      local view = pdu { command = command, system_id = "me", password = "s3cret" }
      local octets, hidden = secrets.mask(view)
      assert.is_true(hidden)
      assert.equal(#view:octets(), #octets)
      assert.is_nil(octets:find("s3cret", 1, true))
      local masked = assert(pdus.decode(octets))
      assert.equal("******", masked.password)
      assert.equal("me", masked.system_id)
    end
  end)

  it("leaves alone what has no password", function()
    for _, fields in ipairs { { command = "bind_receiver", system_id = "me" }, { command = "submit_sm", short_message = "password" }, { command = "unbind" } } do
      local view = pdu(fields)
      local octets, hidden = secrets.mask(view)
      assert.is_false(hidden)
      assert.equal(view:octets(), octets)
    end
  end)

  it("masks what is there of a password that lacks its end", function()
    local whole = assert(pdus.encode { command = "bind_receiver", system_id = "me", password = "s3cret" })
    local cut = "\0\0\0" .. string.char(23) .. whole:sub(5, 23) -- ends inside the password
    local octets = secrets.mask((assert(pdus.decode(cut))))
    assert.is_nil(octets:find("s3c", 1, true))
  end)

  it("masks whatever may be a password in a PDU that ends early, at every octet", function()
    for _, command in ipairs { "bind_transmitter", "bind_receiver", "bind_transceiver", "outbind" } do
      local whole = assert(pdus.encode { command = command, system_id = "smppclient1", password = "s3cr3t!X", system_type = command ~= "outbind" and "VMS" or nil })
      for length = 16, #whole do
        local view = assert(pdus.decode("\0\0\0" .. string.char(length) .. whole:sub(5, length)))
        local octets = secrets.mask(view)
        assert.equal(length, #octets)
        for _, text in ipairs { octets, tostring(view), view:dump() } do assert.is_nil(text:find "s3c") end
        assert.is_nil(view:dump():find "73 33 63")
      end
    end
  end)

  it("suspects octets whose beginning is not known, and those with the header of a bind", function()
    local bind = assert(pdus.encode { command = "bind_receiver", system_id = "me", password = "s3cret" })
    assert.is_true(secrets.may_hold("cret\0", true))
    assert.is_true(secrets.may_hold("noise" .. bind:sub(1, 20), false))
    assert.is_false(secrets.may_hold("GET / HTTP/1.1\r\n", false))
  end)
end)
