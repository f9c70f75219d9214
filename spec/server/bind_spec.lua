local mc = require "spec.support.mc"

describe("smpp.server.bind", function()
  it("answers with the version that both speak, to peers of 3.4 and later", function()
    for _, row in ipairs { -- the server's, the peer's, sc_interface_version
      { "5.0", 0x50, 0x50 }, { "5.0", 0x34, 0x34 }, { "5.0", 0x33, nil }, { "5.0", 0, nil }, { "3.4", 0x50, 0x34 }, { "3.4", 0x34, 0x34 }, { "5.0", 0x51, 0x50 },
      { "3.3", 0x34, nil },
    } do
      mc.world(function(w)
        local server = w:server { version = row[1], system_id = "MC" }
        local esme = assert(w:bind { type = "transmitter", interface_version = row[2] })
        assert.equal(row[3], esme.bind_resp.sc_interface_version, row[1] .. " " .. row[2])
        assert.equal("MC", esme.bind_resp.system_id)
        server:close()
      end)
    end
  end)

  it("knows no transceivers where it offers 3.3", function()
    mc.world(function(w)
      local server = w:server { version = "3.3" }
      assert.equal("ESME_RINVCMDID", (select(3, w:bind { interface_version = 0x34 })))
      server:close()
    end)
  end)

  it("refuses first what refuse_bind refuses, and tells why", function()
    mc.world(function(w)
      local refused = {}
      local server = w:server { accounts = { esme1 = "other" }, refuse_bind = function(_, pdu)
        if pdu.system_type == "x" then return "ESME_RINVSYSTYP" end
      end }
      server:on("refused", function(_, system_id, status, reason) refused[#refused + 1] = { system_id, status, reason } end)
      assert.equal("ESME_RINVSYSTYP", (select(3, w:bind { system_type = "x" })))
      assert.equal("ESME_RINVPASWD", (select(3, w:bind {})))
      assert.same({ { "esme1", "ESME_RINVSYSTYP", "refused by refuse_bind" }, { "esme1", "ESME_RINVPASWD", "wrong password" } }, refused)
      server:close()
    end)
  end)

  it("closes the connection behind the answer to the last of max_failed_binds", function()
    mc.world(function(w)
      local server, closed = w:server { accounts = { esme1 = "other" }, max_failed_binds = 2 }, false
      local esme = w:esme()
      esme:on("closed", function() closed = true end)
      local fields = { system_id = "esme1", password = "wrong", system_type = "", interface_version = 0x34, address_range = "" }
      assert.equal("ESME_RINVPASWD", (select(3, esme:bind_receiver(fields))))
      assert.is_false(closed)
      assert.equal("ESME_RINVPASWD", (select(3, esme:bind_receiver(fields))))
      w:sleep(1)
      assert.is_true(closed)
      server:close()
    end)
  end)

  it("gives no account to a peer that is gone when authenticate has decided", function()
    mc.world(function(w)
      local server
      server = w:server { authenticate = function()
        w:sleep(5)
        return true
      end }
      local esme = w:esme()
      esme:bind_receiver({ system_id = "a", password = "", system_type = "", interface_version = 0x34, address_range = "" }, function() end)
      w:sleep(1)
      esme:close()
      w:sleep(10)
      assert.equal(0, #server.sessions)
      assert.is_nil(next(server.directory.by_id))
      server:close()
    end)
  end)
end)
