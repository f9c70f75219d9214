-- A TON or NPI that is given with a message counts more than what its address looks like.
local smpp = require "smpp"
local virtual = require "smpp.loop.virtual"

it("a TON given to send is sent", function()
  local seen
  smpp.run(function()
    local server = assert(smpp.server { port = 2775, submit_sm = function(_, pdu) seen = pdu end })
    local esme = assert(smpp.connect "smpp://me@127.0.0.1")
    assert(esme:send { from = "12345", to = "+491", text = "x", source_addr_ton = "abbreviated", dest_addr_npi = 9 })
    esme:close()
    server:close()
  end, { loop = virtual.new { seed = 1 } })
  assert.same({ 6, 0, 1, 9 }, { seen.source_addr_ton, seen.source_addr_npi, seen.dest_addr_ton, seen.dest_addr_npi })
end)
