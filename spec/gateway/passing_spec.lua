local smpp = require "smpp"
local support = require "spec.support.gateways"

local submit, world = support.submit, support.world

local function code_of(client, command, fields)
  local response, _, code = client[command](client, fields)
  return response and "ESME_ROK" or code, response
end

describe("smpp.gateway.passing", function()
  it("passes query_sm, cancel_sm and replace_sm on to the carrier that has the message, under its id and source", function()
    world(support.FILE:gsub("route.*", "route { set = { source_addr = '777' }, via = 'a' }"), function(w)
      local acme = w:customer()
      local id = submit(acme)
      w.carriers[1].answer = function(_, pdu)
        if pdu.command == "query_sm" then return { message_id = pdu.message_id, message_state = 2, error_code = 7, final_date = "231114221320000+" } end
        return true
      end
      local code, response = code_of(acme, "query_sm", { message_id = id, source_addr = "12345" })
      assert.same({ "ESME_ROK", id, 2, 7, "231114221320000+" }, { code, response.message_id, response.message_state, response.error_code, response.final_date })
      assert.equal("ESME_ROK", (code_of(acme, "cancel_sm", { message_id = id, source_addr = "12345", destination_addr = "491" })))
      assert.equal("ESME_ROK", (code_of(acme, "replace_sm", { message_id = id, source_addr = "12345", short_message = "new" })))
      for i, command in ipairs { "query_sm", "cancel_sm", "replace_sm" } do
        local got = w.carriers[1].got[i + 1]
        assert.same({ command, "a-1", "777" }, { got.command, got.message_id, got.source_addr })
      end
    end)
  end)

  it("gives the carrier's refusal back", function()
    world(nil, function(w)
      local acme = w:customer()
      local id = submit(acme)
      w.carriers[1].answer = function() return nil, "ESME_RCANCELFAIL" end
      assert.equal("ESME_RCANCELFAIL", (code_of(acme, "cancel_sm", { message_id = id, source_addr = "12345" })))
      w.carriers[1].answer = function() return nil, 0x401 end
      assert.equal("0x00000401", (code_of(acme, "query_sm", { message_id = id, source_addr = "12345" })))
    end)
  end)

  it("refuses unknown ids, those of others, another source, and messages without an id", function()
    world(nil, function(w)
      local acme, bank = w:customer(), w:customer { url = "smpp://bank:hidden@localhost:2775" }
      local id = submit(acme)
      assert.equal("ESME_RINVMSGID", (code_of(acme, "query_sm", { message_id = "x", source_addr = "12345" })))
      assert.equal("ESME_RINVMSGID", (code_of(bank, "query_sm", { message_id = id, source_addr = "12345" })))
      assert.equal("ESME_RQUERYFAIL", (code_of(acme, "query_sm", { message_id = id, source_addr = "1" })))
      assert.equal("ESME_RCANCELFAIL", (code_of(acme, "cancel_sm", { source_addr = "12345", destination_addr = "491" })))
      w.carriers[1].server:close(0)
      smpp.sleep(0.1)
      assert.equal("ESME_RREPLACEFAIL", (code_of(acme, "replace_sm", { message_id = id, source_addr = "12345" })))
      assert.equal(1, #w.carriers[1].got)
    end)
  end)

  it("knows a message for 48 hours", function()
    world(nil, function(w)
      local acme = w:customer()
      local id = submit(acme)
      w.carriers[1].answer = function() return { message_state = 2 } end
      smpp.sleep(47 * 3600)
      assert.equal("ESME_ROK", (code_of(acme, "query_sm", { message_id = id, source_addr = "12345" })))
      smpp.sleep(2 * 3600)
      assert.equal("ESME_RINVMSGID", (code_of(acme, "query_sm", { message_id = id, source_addr = "12345" })))
    end)
  end)
end)
