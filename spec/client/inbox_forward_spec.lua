local smpp = require "smpp"
local virtual = require "smpp.loop.virtual"

--- A carrier, a client of it whose messages go to `handler`, and a gateway's server with the account acme.
local function with(fn)
  smpp.run(function()
    local carrier = assert(smpp.server { accounts = { gw = "x" } })
    local server = assert(smpp.server { port = 2776, accounts = { acme = "x" } })
    local world = { carrier = carrier, server = server, got = {} }
    local gateway = assert(smpp.connect { "smpp://gw:x@localhost", message = function(msg) return world.handler(msg) end })
    world.customer = assert(smpp.connect { "smpp://acme:x@localhost:2776", message = function(msg)
      table.insert(world.got, msg)
      if world.refuse then return nil, world.refuse end
    end })
    fn(world)
    for _, object in ipairs { world.customer, gateway, server, carrier } do object:close(1) end
  end, { loop = virtual.new { seed = 1, limit_s = 10000 } })
end

local LONG = ("A text of many words. "):rep(20)

describe("smpp.client.inbox: msg:forward", function()
  it("hands a long text to an account, with the UDH and TLVs it came with", function()
    with(function(world)
      local results = {}
      world.handler = function(msg)
        assert.equal(3, #msg.parts)
        assert(msg:forward(world.server.accounts.acme, { done = function(ok) results[#results + 1] = ok end }))
      end
      assert(world.carrier:deliver("gw", { from = "+491701", to = "123", text = LONG, reference = 200, tlvs = { { 0x1499, "vendor" } } }))
      smpp.sleep(5)
      local msg = world.got[1]
      assert.same({ 1, LONG, "+491701", "123", { true } }, { #world.got, msg.text, msg.from, msg.to, results })
      for i, part in ipairs(msg.parts) do
        assert.same({ 200, 3, i }, { part.udh.concat.ref, part.udh.concat.total, part.udh.concat.seq })
        assert.equal("vendor", part.pdu:tlv(0x1499))
        assert.equal(part.octets, part.pdu.short_message:sub(7))
      end
    end)
  end)

  it("hands it to a session, and says which status refused it", function()
    with(function(world)
      local results = {}
      world.handler = function(msg) results[#results + 1] = { msg:forward(world.server.sessions[1]) } end
      assert(world.carrier:deliver("gw", { from = "+491701", to = "123", text = LONG }))
      smpp.sleep(5)
      assert.equal(LONG, world.got[1].text)
      world.refuse = "ESME_RX_R_APPN"
      assert(world.carrier:deliver("gw", { from = "+491701", to = "123", text = "short" }))
      smpp.sleep(5)
      assert.same({ true }, results[1])
      assert.equal("ESME_RX_R_APPN", results[2][3])
    end)
  end)

  it("needs one of these", function()
    with(function(world)
      local ok, message
      world.handler = function(msg) ok, message = pcall(msg.forward, msg, "acme") end
      assert(world.carrier:deliver("gw", { from = "1", to = "2", text = "x" }))
      smpp.sleep(1)
      assert.is_false(ok)
      assert.matches("forward: expected a session or an account", message)
    end)
  end)
end)
