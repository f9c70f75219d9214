local support = require "spec.support.gateway_http"

--- status and code of a problem, or of an acceptance the state.
local function short(status, body) return ("%d %s"):format(status, body.code or body.state or "") end

for _, store in ipairs { false, true } do
  local function world(o, fn)
    o.store = store
    return support.world(o, fn)
  end

  describe("smpp.gateway.http_send, " .. (store and "stored" or "through") .. ":", function()
    it("takes a message, and tells what becomes of it", world({}, function(w)
      local status, body, answer = w:send { reference = "order 7", to = "+49 176-1234567" }
      assert.equal(202, status)
      assert.equal("/v1/messages/" .. body.id, answer.headers.location)
      assert.matches("^[%w_.-]+$", body.id)
      assert.same({ id = body.id, to = "+49 176-1234567", parts = 1, encoding = "gsm7", state = store and "queued" or "sent", reference = "order 7" }, body)
      local message = w:wait(body.id, "sent")
      assert.equal("491761234567", w.got[1].destination_addr)
      assert.equal(1, w.got[1].registered_delivery)
      assert.is_false(message.final)
      w:receipt "c-1"
      message = w:wait(body.id, "delivered")
      assert.is_true(message.final)
      assert.same({ "a", "c-1", "delivered" }, { message.parts[1].carrier, message.parts[1].carrier_id, message.parts[1].state })
      assert.same({ "acme", "Shop", "+49 176-1234567", "Hello", "order 7" }, { message.account, message.from, message.to, message.text, message.reference })
    end))

    it("sends long texts in parts, whose whole is the message", world({}, function(w)
      local _, body = w:send { text = ("long "):rep(50) }
      assert.equal(2, body.parts)
      w:wait(body.id, "sent")
      assert.equal(2, #w.got)
      w:receipt "c-1"
      local message
      repeat message = select(2, w:call("GET", "/v1/messages/" .. body.id)) until message.parts[1].state == "delivered"
      assert.equal("sent", message.state)
      w:receipt("c-2", "UNDELIV", "027")
      message = w:wait(body.id, "undelivered")
      assert.same({ "delivered", "undelivered" }, { message.parts[1].state, message.parts[2].state })
      assert.equal("027", message.error.code)
    end))

    it("accepts or refuses each recipient of a list by itself", world({ rules = [[
      route { to = "4910", reject = "ESME_RINVDSTADR" }
      route { via = "a" }]] }, function(w)
      local status, body = w:send { to = { "+4911", "x", "+4910", "+4911" } }
      assert.equal(202, status)
      assert.same({ 2, 2 }, { body.accepted, body.refused })
      assert.same({ "+4911", "x", "+4910", "+4911" }, { body.messages[1].to, body.messages[2].to, body.messages[3].to, body.messages[4].to })
      assert.same({ "bad_value", "to/2", 400 }, { body.messages[2].error.code, body.messages[2].error.field, body.messages[2].error.status })
      assert.equal("ESME_RINVDSTADR", body.messages[3].error.code)
      assert.not_equal(body.messages[1].id, body.messages[4].id)
      status, body = w:send { to = { "+4910" } }
      assert.same({ 422, "none_accepted", 1 }, { status, body.code, body.refused })
      assert.equal(1, #body.messages)
    end))

    it("refuses what is wrong, with the field", world({}, function(w)
      local function refused(fields, o)
        local status, body = w:send(fields, o)
        assert.equal(status, body.status)
        return ("%s %s"):format(short(status, body), body.field or "-")
      end
      assert.equal("400 missing from", refused({}, { without = { "from" } }))
      assert.equal("400 missing to", refused({}, { without = { "to" } }))
      assert.equal("400 missing text", refused({}, { without = { "text" } }))
      assert.equal("400 bad_value data", refused { data = "AP8=" })
      assert.equal("400 bad_value data", refused({ data = "AP9=" }, { without = { "text" } }))
      assert.equal("400 bad_value to", refused { to = "twelve" })
      assert.equal("400 bad_value from", refused { from = "a name that is too long" })
      assert.equal("400 bad_value at", refused { at = "2020-01-01T00:00:00Z" })
      assert.equal("400 bad_value validity_s", refused { at = "2099-01-01T00:00:00Z", validity_s = 60 })
      assert.equal("400 bad_value priority", refused { priority = 4 })
      assert.equal("400 bad_value priority", refused { priority = "1" })
      assert.equal("400 bad_value receipt", refused { receipt = "maybe" })
      assert.equal("400 bad_value reference", refused { reference = ("x"):rep(101) })
      assert.equal("400 bad_value encoding", refused { encoding = "utf-9" })
      assert.equal("422 unmappable text", refused { text = "Привет", encoding = "gsm7" })
      assert.equal("400 unknown_field txet", refused { txet = "Hello" })
      assert.equal("400 bad_value tlvs/nosuch", refused { tlvs = { nosuch = "x" } })
      assert.equal("400 bad_value tlvs/short_message", refused { tlvs = { short_message = "x" } })
      assert.equal("400 missing to", refused { to = require("smpp.codec.json").null })
      assert.equal(0, #w.got)
      local _, body = w:call("POST", "/v1/messages", '{"to":"1","text":1,"prioriti":1}')
      assert.same({ "bad_value", "unknown_field" }, { body.errors[1].code, body.errors[2].code })
      assert.equal("400 malformed_json", short(w:call("POST", "/v1/messages", "{")))
      assert.equal("400 bad_value", short(w:call("POST", "/v1/messages", "[]")))
      assert.equal("413 too_many", short(w:send { to = { "+491", "+492", "+493", "+494", "+495" } }))
    end))

    it("takes what the fields say", world({}, function(w)
      w:send { receipt = false, priority = 2, flash = true, tlvs = { user_message_reference = 7, ["0x1400"] = { hex = "00ff" } } }
      w:send({ data = "AP8=", receipt = "failure", validity_s = 3600 }, { without = { "text" } })
      w:send { text = "", encoding = "ucs2" }
      require("spec.support.async").wait_until(function() return #w.got == 3 end)
      table.sort(w.got, function(a, b) return a.sequence_number < b.sequence_number end)
      local first, second, third = w.got[1], w.got[2], w.got[3]
      assert.same({ 0, 2, 0x10, 7, "\0\255" }, {
        first.registered_delivery, first.priority_flag, first.data_coding, first.user_message_reference, first:tlv(0x1400).octets or first:tlv(0x1400),
      })
      assert.same({ 2, "\0\255", 4 }, { second.registered_delivery, second.short_message, second.data_coding })
      assert.same({ "", 8 }, { third.short_message, third.data_coding })
    end))

    it("gives the same answer again for the same Idempotency-Key", world({}, function(w)
      local key = { headers = { "Idempotency-Key: order-7" } }
      local status, first, answer = w:send({}, key)
      local again_status, _, again = w:send({}, key)
      assert.same({ 202, 202, answer.body, "true", "/v1/messages/" .. first.id }, {
        status, again_status, again.body, again.headers["idempotency-replayed"], again.headers.location,
      })
      assert.equal("422 idempotency_mismatch", short(w:send({ text = "Other" }, key)))
      assert.equal("202", (short(w:send({}, { token = support.OTHER, headers = key.headers })):sub(1, 3))) -- another account's
      assert.equal("400 bad_value", short(w:send({}, { headers = { "Idempotency-Key: " .. ("k"):rep(256) } })))
      local list = { to = { "+4911", "x", "+4912" } }
      _, first, answer = w:send(list, { headers = { "Idempotency-Key: list" } })
      assert.equal(2, first.accepted)
      assert.equal(answer.body, (select(3, w:send(list, { headers = { "Idempotency-Key: list" } }))).body)
      -- a refusal is not kept
      assert.equal("400 bad_value", short(w:send({ to = "x" }, { headers = { "Idempotency-Key: wrong" } })))
      assert.equal(202, (w:send({}, { headers = { "Idempotency-Key: wrong" } })))
      require("spec.support.async").wait_until(function() return #w.got == 5 end)
    end))

    it("takes JSON lines, an answer for each", world({}, function(w)
      local lines = table.concat({
        '{"from":"Shop","to":"+491","text":"one"}', "", '{"from":"Shop","to":"+491"}', "{", '{"from":"Shop","to":["+491"],"text":"two"}',
        '{"from":"Shop","to":"+492","text":"three","idempotency_key":"k"}', '{"from":"Shop","to":"+492","text":"three","idempotency_key":"k"}',
        '{"from":"Shop","to":"+493","text":"' .. ("x"):rep(70000) .. '"}', '{"from":"Shop","to":"+494","text":"last"}',
      }, "\n")
      local status, body, answer = w:call("POST", "/v1/messages", lines, { type = "application/x-ndjson" })
      assert.same({ 202, "application/x-ndjson" }, { status, answer.headers["content-type"] })
      body = type(body) == "string" and body or answer.body
      local list, json = {}, require "smpp.codec.json"
      for line in body:gmatch "[^\n]+" do
        local object = json.decode(line)
        list[#list + 1] = ("%d %s"):format(object.line, object.error and object.error.code or object.to)
        assert.is_true(object.error ~= nil or object.id ~= nil)
      end
      assert.same({ "1 +491", "3 missing", "4 malformed_json", "5 bad_value", "6 +492", "7 +492", "8 too_large", "9 +494" }, list)
      require("spec.support.async").wait_until(function() return #w.got == 3 end)
    end))
  end)
end

describe("smpp.gateway.http_send", function()
  it("answers JSON lines while they come, and keeps what it answered when they are cut", support.world({}, function(w, loop)
    local async = require "spec.support.async"
    local port = w.gateway.http.servers[1].port
    local client = assert(async.await(function(done) loop:connect({ host = "127.0.0.1", port = port }, done) end))
    local got = async.collect(client)
    client:write(("POST /v1/messages HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n")
      :format(support.TOKEN))
    local ids = {}
    for i = 1, 3 do
      local line = ('{"from":"Shop","to":"+4917612345%d","text":"%d"}\n'):format(i, i)
      client:write(("%x\r\n%s\r\n"):format(#line, line))
      local pattern = ('{"line":%d,"id":"([^"]+)","to":"%%+4917612345%d","parts":1,"encoding":"gsm7","state":"sent"}\n'):format(i, i)
      async.wait_until(function() return got.octets:find(pattern) end)
      ids[i] = got.octets:match(pattern)
      assert.equal(i, #w.got)
    end
    client:write '20\r\n{"from":"Shop","to":"+491761234' -- and no more
    client:reset()
    async.wait_until(function() return w.gateway.http.servers[1].active == 0 end)
    for i = 1, 3 do assert.equal(200, (w:call("GET", "/v1/messages/" .. ids[i]))) end
    assert.equal(3, #w.got)
  end))

  it("has the limits of the account", support.world({ account = [[, credit = 2, from = "Shop", to = prefix "49", max_parts = 1, quota = { n = 3 }, rate_per_s = 100 ]] },
    function(w)
      local function answer(fields) return short(w:send(fields)) end
      assert.equal("403 source_not_allowed", answer { from = "Other" })
      assert.equal("403 destination_not_allowed", answer { to = "+331" })
      assert.equal("422 too_long", answer { text = ("x"):rep(200) })
      assert.equal("202 sent", answer {})
      local _, account = w:call("GET", "/v1/account")
      assert.same({ 1, 100, 3 }, { account.credit, account.rate_per_s, account.quota.n })
      assert.equal("202 sent", answer {})
      assert.equal("402 no_credit", answer {})
    end))

  it("has its quota and rate", support.world({ account = [[, quota = { n = 1 } ]], http = [[, accounts = { slow = { token = "slow-token-1", rate_per_s = 1, burst = 1 } } ]] },
    function(w)
      assert.equal(202, (w:send()))
      local status, body, answer = w:send()
      assert.same({ 429, "quota", "1" }, { status, body.code, answer.headers["retry-after"] })
      w.token = "slow-token-1"
      assert.equal(202, (w:send()))
      assert.equal("429 rate_limited", short(w:send()))
    end))

  it("passes on what the carrier answers", support.world({ answer = function(_, _, n)
    return nil, ({ "ESME_RINVDSTADR", "ESME_RSYSERR" })[n] or "ESME_RTHROTTLED"
  end, carrier = ", breaker = false" }, function(w)
    assert.equal("422 ESME_RINVDSTADR", short(w:send()))
    local status, body, answer = w:send()
    assert.same({ 503, "ESME_RSYSERR", "1" }, { status, body.code, answer.headers["retry-after"] })
    require("spec.support.async").wait_until(function() return w.gateway.carriers[1].client:is_ready() end)
    status, body, answer = w:send()
    assert.same({ 429, "ESME_RTHROTTLED", "1" }, { status, body.code, answer.headers["retry-after"] })
  end))

  it("says that nobody is there", support.world({ down = true }, function(w)
    local status, body, answer = w:send()
    assert.same({ 503, "no_carrier", "1" }, { status, body.code, answer.headers["retry-after"] })
    status, body = w:call("GET", "/ready")
    assert.same({ 503, "no carrier is bound" }, { status, body.reasons[1] })
  end))

  it("says that the outcome is unknown", support.world({ answer = function(session) session:reset "gone" end }, function(w)
    local status, body = w:send()
    assert.same({ 504, "outcome_unknown" }, { status, body.code })
    assert.is_string(body.id)
  end))

  it("refuses what no rule takes, and drops what one drops", support.world({ rules = 'route { to = "491", drop = true }' }, function(w)
    assert.equal("422 ESME_RINVDSTADR", short(w:send { to = "+492" }))
    assert.equal("202 sent", short(w:send { to = "+491" }))
  end))
end)
