local mc = require "spec.support.mc"

local TYPES = { receiver = "rx", transmitter = "tx", transceiver = "trx" }

--- Binds; the answer's system_id and sc_interface_version, or the status.
local function bind(w, o)
  local esme, _, code = w:bind(o)
  if not esme then return code end
  local response = esme.bind_resp
  esme:close()
  return response.system_id, response.sc_interface_version
end

describe("smpp.server.bind", function()
  it("answers with the server's name and the version both speak, which 3.3 is not told", function()
    for server_version, rows in pairs {
      ["3.3"] = { [0x33] = false, [0x34] = false, [0x50] = false },
      ["3.4"] = { [0x00] = false, [0x33] = false, [0x34] = 0x34, [0x50] = 0x34 },
      ["5.0"] = { [0x33] = false, [0x34] = 0x34, [0x35] = 0x34, [0x50] = 0x50, [0x51] = 0x50 },
    } do
      for asked, expected in pairs(rows) do
        mc.world(function(w)
          local server = w:server { version = server_version, system_id = "centre" }
          local name, version = bind(w, { type = "transmitter", interface_version = asked })
          assert.same({ "centre", expected or nil }, { name, version }, ("%s %x"):format(server_version, asked))
          server:close()
        end)
      end
    end
  end)

  it("knows the three types, and no transceiver in 3.3", function()
    for kind, name in pairs(TYPES) do
      for allowed in pairs { rx = true, tx = true, trx = true } do
        mc.world(function(w)
          local server = w:server { accounts = { esme1 = { password = "secret", bind = allowed } } }
          assert.equal(allowed == name and "smpp" or "ESME_RBINDFAIL", (bind(w, { type = kind })), kind .. " " .. allowed)
          server:close()
        end)
      end
    end
    mc.world(function(w)
      local server = w:server { version = "3.3" }
      assert.equal("ESME_RINVCMDID", (bind(w, { type = "transceiver" })))
      server:close()
    end)
  end)

  it("tells the session who it is, and counts a refusal", function()
    mc.world(function(w)
      local server, refused = w:server { accounts = { esme1 = "secret" }, max_failed_binds = 2 }, {}
      server:on("refused", function(session, system_id, status, reason) refused[#refused + 1] = { session.peer.host, system_id, status, reason } end)
      assert.equal("ESME_RINVPASWD", (bind(w, { password = "wrong" })))
      assert.equal("ESME_RINVSYSID", (bind(w, { system_id = "nobody" })))
      local esme = assert(w:bind { address_range = "^49" })
      local session = server.sessions[1]
      assert.same({ "esme1", "^49", "secret" }, { session.system_id, session.address_range, session.account.password })
      assert.same({
        { "127.0.0.1", "esme1", "ESME_RINVPASWD", "wrong password" }, { "127.0.0.1", "nobody", "ESME_RINVSYSID", "unknown system_id" },
      }, refused)
      esme:close()
      server:close()
    end)
  end)
end)
