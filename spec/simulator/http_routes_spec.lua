local async = require "spec.support.async"
local smpp = require "smpp"
local with = require "spec.support.simulator_http"

local function submit(esme, o)
  local fields = { source_addr = "12345", destination_addr = "491761234567", dest_addr_ton = 1, short_message = "Hello" }
  for name, value in pairs(o or {}) do fields[name] = value end
  return esme:submit_sm(fields)
end

describe("smpp.simulator.http_routes", function()
  it("lists messages, waits for them, and forgets them", with({}, function(ask, esme)
    assert.same({ 200, { messages = {} } }, { ask("GET", "/v1/messages") })
    local response = assert(submit(esme, { short_message = "@ü\27e", registered_delivery = 1, service_type = "CMT" }))
    local status, found = ask("GET", "/v1/messages/wait?state=DELIVERED&to=491761234567&from=12345&text=%E2%82%AC&system_id=me&timeout_s=5")
    local message = found.messages[1]
    assert.equal(200, status)
    assert.same({ response.message_id, "12345", "+491761234567", "DELIVERED", "me", "gsm7", 0 },
      { message.id, message.from, message.to, message.state, message.system_id, message.encoding, message.data_coding })
    assert.equal("CMT", message.fields.service_type)
    assert.is_truthy(message.submitted:find "^%d%d%d%d%-%d%d%-%d%dT.*Z$" and message.done)
    assert.equal("submit_sm", smpp.decode((message.octets:gsub("..", function(hex) return string.char(tonumber(hex, 16)) end))).command)
    status, found = ask("GET", "/v1/messages/" .. message.id)
    assert.same({ 200, message.id }, { status, found.id })
    assert.equal(404, (ask("GET", "/v1/messages/none")))
    status, found = ask("GET", "/v1/messages/wait?count=2&timeout_s=0.05")
    assert.same({ 408, "timeout" }, { status, found.code })
    local waited
    smpp.spawn(function() waited = { ask("GET", "/v1/messages/wait?after=" .. message.id .. "&count=2") } end)
    smpp.sleep(0.02)
    for i = 1, 3 do assert(submit(esme, { short_message = "number " .. i })) end
    async.wait_until(function() return waited end)
    assert.equal("number 1", waited[2].messages[1].text)
    local seen, cursor = {}, nil
    repeat
      status, found = ask("GET", "/v1/messages?limit=2&text=number" .. (cursor and "&cursor=" .. cursor or ""))
      assert.equal(200, status)
      for _, one in ipairs(found.messages) do seen[#seen + 1] = one.text end
      cursor = found.next
    until not cursor
    assert.same({ "number 1", "number 2", "number 3" }, seen)
    assert.equal(204, (ask("DELETE", "/v1/messages")))
    assert.same({ messages = {} }, (select(2, ask("GET", "/v1/messages"))))
    for path, field in pairs {
      ["/v1/messages?limit=0"] = "limit", ["/v1/messages?limit=x"] = "limit", ["/v1/messages?state=GONE"] = "state", ["/v1/messages?too=1"] = "too",
      ["/v1/messages?after=none"] = "after", ["/v1/messages?cursor=none"] = "cursor", ["/v1/messages/wait?timeout_s=-1"] = "timeout_s",
    } do
      status, found = ask("GET", path)
      assert.same({ 400, field }, { status, found.field }, path)
    end
  end))

  it("sends MO messages, with SMPPSim's form, too", with({}, function(ask, _, _, got)
    local status, answer = ask("POST", "/v1/mo", { from = "+491761234567", to = "12345", text = "Grüße", priority_flag = 2 })
    assert.same({ 202, 1 }, { status, answer.parts })
    assert.equal(202, (ask("POST", "/v1/mo", { from = "49", to = "12345", data = "AAH/", system_id = "me", data_coding = 4 })))
    assert.equal(2, (select(2, ask("POST", "/v1/mo", { from = "49", to = "12345", text = ("x"):rep(200) }))).parts)
    async.wait_until(function() return got[4] end)
    assert.same({ "491761234567", 2, "\0\1\255", 4 }, { got[1].source_addr, got[1].priority_flag, got[2].short_message, got[2].data_coding })
    local words
    status, words = ask("GET", "/inject_mo?short_message=4869&format=hex&source_addr=49176&destination_addr=12345&service_type=&protocol_ID=5"
      .. "&tlv1_tag=0x0204&tlv1_val=0007&submit=Submit")
    assert.equal(200, status)
    assert.is_truthy(words:find("Message added to SMPPSim InboundQueue OK", 1, true))
    async.wait_until(function() return got[5] end)
    assert.same({ "Hi", 5, 7 }, { got[5].short_message, got[5].protocol_id, got[5].user_message_reference })
    assert.equal(200, (ask("POST", "/inject_mo", "short_message=a+b%21&source_addr=1&destination_addr=12345")))
    async.wait_until(function() return got[6] end)
    assert.equal("a b!", got[6].short_message)
    assert.equal("submittedok=0,deliveredok=6", (select(2, ask("GET", "/?stats"))))
    for body, field in pairs {
      ['{"from":"1","to":"2","txt":"x"}'] = "txt", ['{"from":1,"to":"2"}'] = "from", ['{"to":"2","text":"x","priority_flag":[]}'] = "priority_flag",
      ['{"to":"2","data":"x"}'] = "data",
    } do
      status, answer = ask("POST", "/v1/mo", body)
      assert.same({ 400, field }, { status, answer.field }, body)
    end
    assert.equal(400, (ask("GET", "/inject_mo?nonsense=1")))
    assert.equal(400, (ask("GET", "/inject_mo?esm_class=x")))
    assert.equal(415, (ask("POST", "/v1/mo", nil)))
    assert.equal("malformed_json", (select(2, ask("POST", "/v1/mo", "{"))).code)
  end))

  it("changes options at once, and those of the next messages only", with({}, function(ask, esme)
    local status, options = ask("GET", "/v1/options")
    assert.same({ 200, 0.02, {} }, { status, options.deliver_after_s, options.refusals })
    local _, told = ask("PATCH", "/v1/options", { outbind = { host = "127.0.0.1", port = 1, system_id = "a", password = "hidden", when = "waiting" } })
    assert.equal("***", told.outbind.password)
    ask("PATCH", "/v1/options", '{"outbind":null}')
    status, options = ask("PATCH", "/v1/options", { refusals = { ESME_RSYSERR = 100 }, latency_s = 0.01 })
    assert.same({ 200, 100, 0.01 }, { status, options.refusals.ESME_RSYSERR, options.latency_s })
    assert.equal("ESME_RSYSERR", (select(3, submit(esme))))
    assert.equal(200, (ask("PATCH", "/v1/options", '{"refusals":null}')))
    assert(submit(esme))
    for body, field in pairs {
      ['{"latency":1}'] = "latency", ['{"latency_s":"x"}'] = "latency_s", ['{"store":"x.db"}'] = "store", ['{"refusals":{"ESME_RSYSER":1}}'] = "refusals",
    } do
      local wrong
      status, wrong = ask("PATCH", "/v1/options", body)
      assert.equal(400, status, body)
      assert.equal(field, wrong.field:match "^[%w_]+", body)
    end
    assert.equal(202, (ask("POST", "/v1/orders", { status = "ESME_RINVDSTADR", count = 2, to = "+4930" })))
    assert.equal(202, (ask("POST", "/v1/orders", { state = "REJECTED" })))
    local rejected = assert(submit(esme))
    assert.equal("ESME_RINVDSTADR", (select(3, submit(esme, { destination_addr = "4930" }))))
    assert.equal("ESME_RINVDSTADR", (select(3, submit(esme, { destination_addr = "4930" }))))
    assert(submit(esme, { destination_addr = "4930" }))
    assert.equal(200, (ask("GET", "/v1/messages/wait?state=REJECTED")))
    assert.equal("REJECTED", (select(2, ask("GET", "/v1/messages/" .. rejected.message_id))).state)
    for body, field in pairs {
      ["{}"] = "status", ['{"status":"NO"}'] = "status", ['{"state":"NO"}'] = "state", ['{"fault":"NO"}'] = "fault", ['{"count":0}'] = "count",
    } do
      local wrong
      status, wrong = ask("POST", "/v1/orders", body)
      assert.same({ 400, field }, { status, wrong.field }, body)
    end
  end))

  it("lists and ends sessions, counts, and begins anew", with({}, function(ask, esme)
    assert(submit(esme))
    local status, list = ask("GET", "/v1/sessions")
    local session = list.sessions[1]
    assert.same({ "me", "BOUND_TRX", "3.4", 0 }, { session.system_id, session.bind, session.version, session.outstanding })
    assert.equal(404, (ask("DELETE", "/v1/sessions/none")))
    assert.same({ 1, 1 }, { select(2, ask("GET", "/v1/counts")).messages, select(2, ask("GET", "/v1/counts")).sessions })
    ask("PATCH", "/v1/options", { latency_s = 0.5 })
    ask("POST", "/v1/orders", { status = "ESME_RSYSERR" })
    assert.equal(200, (ask("POST", "/v1/reset")))
    assert.equal(0, (select(2, ask("GET", "/v1/counts"))).messages)
    assert.equal(0, (select(2, ask("GET", "/v1/options"))).latency_s)
    assert(submit(esme))
    assert.equal(1, #(select(2, ask("GET", "/v1/messages"))).messages)
    assert.same({ 200, { seed = 5 } }, { ask("PUT", "/v1/seed", { seed = 5 }) })
    assert.is_false((select(2, ask("GET", "/v1/clock"))).virtual)
    assert.equal(409, (ask("POST", "/v1/clock", { advance_s = 1 })))
    local _, pdu = ask("POST", "/v1/explain", { hex = "00000010 00000015 00000000 00000001" })
    assert.equal("enquire_link", pdu.command)
    assert.equal(400, (ask("POST", "/v1/explain", { hex = "0" })))
    assert.equal(400, (ask("POST", "/v1/explain", { hex = "00" })))
    assert.same({ 200, { status = "ok" } }, { ask("GET", "/health") })
    local document
    status, document = ask("GET", "/openapi.json")
    assert.same({ 200, "3.1.0" }, { status, document.openapi })
    assert.equal("base64", document.paths["/v1/mo"].post.requestBody.content["application/json"].schema.properties.data.contentEncoding)
    assert.equal("count", document.paths["/v1/messages/wait"].get.parameters[7].name)
    assert.is_truthy((select(2, ask("GET", "/metrics"))):find "smpp_requests_total")
    assert.same({ 200, { dropped = 1 } }, { ask("DELETE", "/v1/sessions/" .. session.id .. "?how=reset") })
    async.wait_until(function() return esme.state ~= "bound" end)
    assert.same({ 200, { dropped = 0 } }, { ask("DELETE", "/v1/sessions?system_id=me") })
    assert.equal(400, (ask("DELETE", "/v1/sessions?how=kill")))
  end))
end)
