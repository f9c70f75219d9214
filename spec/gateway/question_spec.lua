local cli = require "spec.support.cli"
local question = require "smpp.gateway.question"
local smpp = require "smpp"

local CONFIG = { carriers = { { name = "telco_a" } }, accounts = { acme = {} } }

describe("smpp.gateway.question", function()
  it("makes a message of JSON", function()
    local msg = assert(question.message('{"account":"acme","from":"Test","to":"+49 151","text":"H\195\164llo","protocol_id":7,"bind":"tx"}', CONFIG))
    assert.same({ "acme", "tx", "Test", 5, "49151", "H\195\164llo", 7 }, { msg.account, msg.bind, msg.from, msg.from_ton, msg.to, msg.text, msg.pdu.protocol_id })
    msg = assert(question.message(('{"to":"49151","text":"%s"}'):format(("x"):rep(400)), CONFIG))
    assert.same({ 400, 3, "" }, { msg.length, msg.parts, msg.account })
    msg = assert(question.message('{"carrier":"telco_a","from":"49151","to":"100","text":"STOP"}', CONFIG))
    assert.same({ "telco_a", "deliver_sm" }, { msg.carrier, msg.pdu.command })
    assert.is_nil(msg.account)
    assert.equal("49151", question.message('{"to":49151}', CONFIG).to)
    assert.equal("http", question.message('{"to":"49151","bind":"http"}', CONFIG).bind)
  end)

  it("makes one of fields", function()
    local msg = assert(question.of({ account = "acme", from = "Test", to = "49151", text = "Hi" }, CONFIG))
    assert.same({ "acme", "trx", "Test", "49151", "Hi" }, { msg.account, msg.bind, msg.from, msg.to, msg.text })
    assert.equal("unknown carrier 'x'", select(2, question.of({ carrier = "x", to = "1" }, CONFIG)))
    assert.truthy(select(2, question.of({ to = ("1"):rep(30) }, CONFIG)):find "^to: ")
  end)

  it("makes one of a PDU in hex", function()
    local octets = assert(smpp.encode { command = "submit_sm", destination_addr = "491", short_message = "Hi" })
    local hex = octets:gsub(".", function(c) return ("%02X "):format(c:byte()) end)
    assert.equal("Hi", question.message(hex, CONFIG).text)
    assert.equal("expected a submit_sm, data_sm or deliver_sm, got enquire_link", select(2, question.message("00000010000000150000000000000001", CONFIG)))
    assert.truthy(select(2, question.message("00000010", CONFIG)):find "^malformed PDU")
  end)

  it("says what is wrong with the question", function()
    for _, case in ipairs {
      { "hello", "--explain: expected a JSON object or a PDU in hex" }, { "[1", "--explain: expected a JSON object or a PDU in hex" },
      { '{"too":"1"}', "too" }, { '{"from":"a name that is too long"}', "from: alphanumeric address" },
      { '{"carrier":"telco_b"}', "unknown carrier 'telco_b'; did you mean 'telco_a'?" },
      { '{"account":"acm"}', "unknown account 'acm'; did you mean 'acme'?" }, { '{"account":5}', "account: expected a string, got 5" },
      { '{"to":true}', "--explain: to: expected a string, got true" }, { '{"from":["1"]}', "from: expected a string, got a table" },
      { '{"text":{}}', "text: expected a string, got a table" }, { '{"bind":"both"}', "bind: expected \"trx\", \"tx\", \"rx\" or \"http\", got 'both'" },
      { '["acme"]', "--explain: expected an object, got a list" },
    } do
      local msg, wrong = question.message(case[1], CONFIG)
      assert.is_nil(msg)
      cli.has(wrong, case[2])
    end
  end)

  it("reads a time", function()
    assert.equal(os.time { year = 2026, month = 3, day = 4, hour = 5, min = 6, sec = 0 }, (question.time "2026-03-04T05:06"))
    assert.equal("--at: expected YYYY-MM-DDTHH:MM", select(2, question.time "noon"))
    assert.is_number(question.time(nil))
  end)
end)
