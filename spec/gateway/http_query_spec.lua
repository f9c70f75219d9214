local async = require "spec.support.async"
local support = require "spec.support.gateway_http"

local function short(status, body) return ("%d %s"):format(status, body.code or body.state or "") end

for _, store in ipairs { false, true } do
  local function world(o, fn)
    o.store = store
    return support.world(o, fn)
  end

  describe("smpp.gateway.http_query, " .. (store and "stored" or "through") .. ":", function()
    it("shows an account its own messages only", world({}, function(w)
      local _, body = w:send()
      assert.equal(200, (w:call("GET", "/v1/messages/" .. body.id)))
      assert.equal("404 not_found", short(w:call("GET", "/v1/messages/" .. body.id, nil, { token = support.OTHER })))
      assert.equal("404 not_found", short(w:call("DELETE", "/v1/messages/" .. body.id, nil, { token = support.OTHER })))
      assert.equal("404 not_found", short(w:call("GET", "/v1/messages/nosuch")))
      assert.equal("404 not_found", short(w:call("GET", "/v1/messages/a%2Fb")))
      local _, list = w:call("GET", "/v1/messages", nil, { token = support.OTHER })
      assert.equal(0, #list.messages)
    end))

    it("lists messages page by page, each once, while others come", world({}, function(w)
      local sent = {}
      for i = 1, 7 do
        local _, body = w:send { to = "+49176" .. i, reference = i % 2 == 0 and "even" or "odd" }
        sent[i] = body.id
      end
      local seen, path = {}, "/v1/messages?limit=3"
      local next_page
      repeat
        local status, body = w:call("GET", path)
        assert.equal(200, status)
        assert.is_true(#body.messages <= 3)
        for _, message in ipairs(body.messages) do seen[#seen + 1] = message.id end
        w:send()
        next_page = type(body.next) == "string" and body.next or nil
        path = "/v1/messages?limit=3&cursor=" .. (next_page or "")
      until not next_page
      local expected = {}
      for i = 7, 1, -1 do expected[#expected + 1] = sent[i] end
      assert.same(expected, seen)
    end))

    it("filters the list", world({}, function(w)
      local ids = {}
      for i = 1, 4 do
        local _, body = w:send { to = "+49176" .. i, reference = i % 2 == 0 and "even" or nil, from = i == 1 and "First" or "Shop" }
        ids[i] = body.id
        w:wait(body.id, "sent")
      end
      w:receipt "c-2"
      w:wait(ids[2], "delivered")
      local function found(query)
        local status, body = w:call("GET", "/v1/messages?" .. query)
        if status ~= 200 then return body.code .. " " .. body.field end
        local list = {}
        for i, message in ipairs(body.messages) do
          for k, id in ipairs(ids) do
            if id == message.id then list[i] = k end
          end
        end
        return table.concat(list, " ")
      end
      assert.equal("4 3 2 1", found "")
      assert.equal("2", found "state=delivered")
      assert.equal("4 3 2 1", found "state=sent,delivered")
      assert.equal("3", found "to=%2B491763")
      assert.equal("1", found "from=First")
      assert.equal("4 2", found "reference=even")
      assert.equal("", found "until=2020-01-01T00:00:00Z")
      assert.equal("4 3 2 1", found "since=2020-01-01T00:00:00Z")
      assert.equal("", found "since=2099-01-01T00:00:00Z")
      assert.equal("bad_value state", found "state=lost")
      assert.equal("bad_value limit", found "limit=0")
      assert.equal("bad_value limit", found "limit=1001")
      assert.equal("bad_value since", found "since=yesterday")
      assert.equal("bad_value cursor", found "cursor=5")
      assert.equal("unknown_field stat", found "stat=sent")
      assert.equal("stat: unknown field; did you mean 'state'?", select(2, w:call("GET", "/v1/messages?stat=sent")).detail)
      assert.matches("^limit: expected an integer", select(2, w:call("GET", "/v1/events?state=dead&limit=x")).detail)
      assert.equal("3", found "to=+491763") -- the + of a query is a blank
      local _, body = w:call("GET", "/v1/messages?limit=1")
      assert.equal("bad_value cursor", found("to=x&cursor=" .. body.next)) -- of another filter
    end))

    it("cancels at the carrier", world({}, function(w)
      local _, body = w:send()
      w:wait(body.id, "sent")
      local status, message = w:call("DELETE", "/v1/messages/" .. body.id)
      assert.same({ 200, "cancelled", true }, { status, message.state, message.final })
      assert.equal("200 cancelled", short(w:call("DELETE", "/v1/messages/" .. body.id)))
    end))

    it("says what cannot be cancelled", world({ answer = function(_, pdu, n)
      if pdu.command == "cancel_sm" then return nil, "ESME_RCANCELFAIL" end
      return "c-" .. n
    end }, function(w)
      local _, body = w:send()
      w:wait(body.id, "sent")
      assert.equal("409 not_cancellable", short(w:call("DELETE", "/v1/messages/" .. body.id)))
      w:receipt "c-1"
      w:wait(body.id, "delivered")
      assert.equal("409 already_final", short(w:call("DELETE", "/v1/messages/" .. body.id)))
    end))

    it("looks up what would be done, without doing it", world({ rules = [[
      route { to = "4910", reject = "ESME_RINVDSTADR" }
      route { to = "4911", via = "a" }]] }, function(w)
      local function ask(fields)
        local body = { to = "+4911", text = "Hello" }
        for name, value in pairs(fields) do body[name] = value end
        return select(2, w:call("POST", "/v1/lookup", body))
      end
      local answer = ask {}
      assert.same({ "gsm7", 0, 1, 5, 155 }, { answer.encoding, answer.data_coding, answer.parts, answer.units, answer.units_left })
      assert.same({ "via", "a" }, { answer.route.decision, answer.route.carriers[1] })
      assert.is_number(answer.route.line)
      answer = ask { text = "Hello 👋" }
      assert.same({ "ucs2", "👋", 7 }, { answer.encoding, answer.culprits[1].char, answer.culprits[1].position })
      answer = ask { to = "+4910" }
      assert.same({ "reject", "ESME_RINVDSTADR" }, { answer.route.decision, answer.route.status })
      answer = ask { to = "+4912" }
      assert.same({ "reject", "ESME_RINVDSTADR" }, { answer.route.decision, answer.route.status })
      assert.equal("bad_value", ask({ to = "x" }).code)
      assert.equal(0, #w.got)
    end))
  end)
end

describe("smpp.gateway.http_query", function()
  it("cancels what waits: it never goes out", support.world({ store = true }, function(w)
    local at = require("smpp.http.fields").time_text(w.loop:time() + 3600)
    local _, body = w:send { at = at }
    assert.equal("scheduled", body.state)
    local _, message = w:call("GET", "/v1/messages/" .. body.id)
    assert.same({ "scheduled", at:sub(1, 19) }, { message.state, message.at:sub(1, 19) })
    assert.equal("200 cancelled", short(w:call("DELETE", "/v1/messages/" .. body.id)))
    assert.equal(0, #w.got)
  end))

  it("counts what waits for a carrier", support.world({ store = true, down = true }, function(w)
    local _, body = w:send()
    assert.equal("queued", body.state)
    assert.equal(1, select(2, w:call("GET", "/v1/account")).waiting)
    assert.equal(0, select(2, w:call("GET", "/v1/account", nil, { token = support.OTHER })).waiting)
  end))

  it("shows what a carrier refused, and why", support.world({ store = true, answer = function() return nil, "ESME_RINVDSTADR" end }, function(w)
    local _, body = w:send()
    local message = w:wait(body.id, "refused")
    assert.same({ "ESME_RINVDSTADR", true }, { message.error.code, #message.error.text > 0 })
    assert.is_true(message.final)
  end))

  it("brings no receipt of a message by HTTP to a bind", support.world({ store = true }, function(w)
    local got, smpp = {}, require "smpp"
    local esme = assert(smpp.connect { ("smpp://acme:secret@127.0.0.1:%d"):format(w.gateway.servers[1].port), deliver_sm = function(pdu)
      got[#got + 1] = pdu
      return true
    end })
    local _, body = w:send()
    w:wait(body.id, "sent")
    assert(esme:submit_sm { source_addr = "1", destination_addr = "49170", short_message = "x", registered_delivery = 1 })
    async.wait_until(function() return #w.got == 2 end)
    w:receipt "c-1"
    w:wait(body.id, "delivered")
    w:receipt "c-2"
    async.wait_until(function() return #got == 1 end)
    assert.equal("49170", got[1].source_addr)
    esme:close()
  end))
end)
