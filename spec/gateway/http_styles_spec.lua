local async = require "spec.support.async"
local hooks = require "spec.support.hook"
local smpp = require "smpp"
local styles = require "smpp.gateway.http_styles"
local support = require "spec.support.gateway_http"

--- A world whose account has a webhook in a style; `hook` is what it calls.
local function world(style, o, answers, fn)
  return function()
    local given = { store = o.store, http = ", allow_private = true, parallel = 2, retry = { first_s = 0.02, max_s = 0.1, for_s = 60 }" }
    given.account = ', webhook = { url = "http://127.0.0.1:1/", style = "json" }, secret = "whsec-1"'
    given.rules = 'route { via = "a" }\nincoming { deliver = "acme" }'
    support.world(given, function(w, loop)
      local hook = hooks.receiver(answers, o.body)
      local webhook = ('{ url = "%s%s", style = "%s"%s }'):format(hook.url, o.query or "", style, o.method and (', method = "%s"'):format(o.method) or "")
      w.gateway.options.text = w.text:gsub('{ url = "http://127.0.0.1:1/", style = "json" }', (webhook:gsub("%%", "%%%%")))
      assert(w.gateway:reload())
      fn(w, hook, loop)
      hook.server:close(0)
    end)()
  end
end

local function mo(w, fields)
  local o = { source_addr = "491761234567", source_addr_ton = 1, destination_addr = "00777", short_message = "Hello  big World" }
  for name, value in pairs(fields or {}) do o[name] = value end
  assert(w.carrier:deliver("me", o))
end

local KANNEL = "?p=%p&P=%P&a=%a&b=%b&k=%k&s=%s&c=%c&C=%C&d=%d&i=%i&n=%n&u=%u&m=%m&q=%Q&F=%F"

for _, store in ipairs { false, true } do
  describe("smpp.gateway.http_styles, " .. (store and "stored" or "in memory") .. ":", function()
    it("tells of a message as Kannel does", world("kannel", { store = store, query = KANNEL }, nil, function(w, hook)
      mo(w)
      hook.wait(1)
      assert.same({
        p = "+491761234567", P = "00777", a = "Hello big World", b = "Hello  big World", k = "Hello", s = "big", c = "0", C = "UTF-8", d = "-1",
        i = "a", n = "acme", u = "", m = "-1", q = "+777", F = "",
      }, hook.got[1].query)
      assert.same({ "GET", "" }, { hook.got[1].method, hook.got[1].body })
      mo(w, { data_coding = 8, short_message = "\4\31\0 \0a", source_addr_ton = 0 })
      hook.wait(2)
      local query = hook.got[2].query
      assert.same({ "491761234567", "\4\31\0 \0a", "2", "UTF-16BE" }, { query.p, query.b, query.c, query.C })
      mo(w, { data_coding = 0xF5, esm_class = 0x40, short_message = "\6\5\4\21\138\0\0\1\2\3" })
      hook.wait(3)
      query = hook.got[3].query
      assert.same({ "\1\2\3", "1", "8-BIT", "\6\5\4\21\138\0\0", "1" }, { query.b, query.c, query.C, query.u, query.m })
      async.wait_until(function() return w.gateway.http.webhooks.count == 0 end)
    end))

    it("posts a message as Kannel does", world("kannel", { store = store, query = "?p=%p", method = "POST" }, nil, function(w, hook)
      mo(w)
      hook.wait(1)
      local call = hook.got[1]
      assert.same({ "POST", "+491761234567", "Hello  big World", 'text/plain; charset="UTF-8"' }, {
        call.method, call.query.p, call.body, call.headers["content-type"],
      })
      local h = call.headers
      assert.same({ "491761234567", "00777", "a", "0", "0", "acme" }, {
        h["x-kannel-from"], h["x-kannel-to"], h["x-kannel-smsc"], h["x-kannel-coding"], h["x-kannel-pid"], h["x-kannel-service"],
      })
      assert.matches("^%d%d%d%d%-%d%d%-%d%d %d%d:%d%d:%d%d$", h["x-kannel-time"])
      mo(w, { data_coding = 0xF5, esm_class = 0x40, short_message = "\6\5\4\21\138\0\0\1\2\3" })
      hook.wait(2)
      h = hook.got[2].headers
      assert.same({ "\1\2\3", "application/octet-stream", "%06%05%04%15%8A%00%00", "1", "1" }, {
        hook.got[2].body, h["content-type"], h["x-kannel-udh"], h["x-kannel-mclass"], h["x-kannel-coding"],
      })
      assert.matches("^t=%d+,v1=%x+$", h["smpp-signature"])
    end))

    it("tells of a message as Jasmin does, until it is acknowledged", world("jasmin", { store = store, body = "ACK/Jasmin" },
      { { status = 200, body = "thanks" } }, function(w, hook)
        mo(w, { priority_flag = 1, short_message = "Gr\126\126e" })
        hook.wait(2)
        smpp.sleep(0.05)
        assert.equal(2, #hook.got)
        local form = hook.got[2].form
        assert.same({ "491761234567", "00777", "a", "1", "0", "Grüüe", "47727e7e65" }, {
          form.from, form.to, form["origin-connector"], form.priority, form.coding, form.content, form.binary,
        })
        assert.matches("^m%w+$", form.id)
        assert.equal(hook.got[1].body, hook.got[2].body)
      end))

    it("tells webhooks in these styles of messages by /v1, too", world("kannel", { store = store, query = "?d=%d&a=%A&i=%I" }, nil, function(w, hook)
      local _, body = w:send {}
      w:wait(body.id, "sent")
      w:receipt "c-1"
      hook.wait(1)
      assert.same({ "1", body.id }, { hook.got[1].query.d, hook.got[1].query.i })
      assert.matches("stat:DELIVRD", hook.got[1].query.a)
      local _, account = w:call("GET", "/v1/account")
      assert.equal(hook.url .. "?d=%d&a=%A&i=%I", account.webhooks[1].url)
    end))

    it("tells Jasmin's of messages by /v1, too", world("jasmin", { store = store, method = "GET", body = "ACK/Jasmin" }, nil, function(w, hook)
      local _, body = w:send {}
      w:wait(body.id, "sent")
      w:receipt("c-1", "UNDELIV", "027")
      hook.wait(1)
      local query = hook.got[1].query
      assert.same({ "GET", body.id, "2", "UNDELIV", "c-1", "027" }, {
        hook.got[1].method, query.id, query.level, query.message_status, query.id_smsc, query.err,
      })
    end))
  end)
end

describe("smpp.gateway.http_styles", function()
  it("counts the calls of a URL with codes together", world("kannel", { store = true, query = "?a=%a" }, setmetatable({}, { __index = function()
    return function()
      smpp.sleep(0.02)
      return 200
    end
  end }), function(w, hook)
    for i = 1, 6 do mo(w, { short_message = "n" .. i }) end
    hook.wait(6)
    assert.equal(2, hook.most)
    async.wait_until(function() return w.gateway.http.webhooks.count == 0 end)
  end))

  it("says which bits of a DLR are due", function()
    local function part(state, carrier_id) return { state = state, carrier = carrier_id and "a", carrier_id = carrier_id } end
    local function due(dlr, what, is_over, parts, told) return table.concat(styles.due(dlr, what, is_over, parts, told or 0), " ") end
    local all = { style = "kannel", mask = 31 }
    assert.equal("", due(all, { state = "queued" }, false, { part "queued" }))
    assert.equal("8", due(all, { state = "sent" }, false, { part("sent", "c") }))
    assert.equal("", due(all, { state = "sent" }, false, { part("sent", "c"), part "queued" }))
    assert.equal("8 4", due(all, { state = "accepted", is_on_its_way = true }, false, { part("accepted", "c") }))
    assert.equal("4", due(all, { state = "accepted", is_on_its_way = true }, false, { part("accepted", "c") }, 8))
    assert.equal("8 1", due(all, { state = "delivered" }, true, { part("delivered", "c") }))
    assert.equal("1", due(all, { state = "delivered" }, true, { part("delivered", "c") }, 12))
    assert.equal("", due(all, { state = "delivered" }, true, { part("delivered", "c") }, 9))
    for _, state in ipairs { "undelivered", "expired", "cancelled", "rejected", "unknown" } do
      assert.equal("2", due(all, { state = state }, true, { part(state, "c") }, 8), state)
      assert.equal("2", due(all, { state = state }, true, { part(state) }), state)
    end
    assert.equal("16", due(all, { state = "refused" }, true, { part "refused" }))
    assert.equal("", due({ style = "kannel", mask = 3 }, { state = "refused" }, true, { part "refused" }))
    for mask, bits in pairs { [1] = "1", [2] = "", [3] = "1", [8] = "8", [9] = "8 1", [24] = "8", [31] = "8 1" } do
      assert.equal(bits, due({ style = "kannel", mask = mask }, { state = "delivered" }, true, { part("delivered", "c") }), "mask " .. mask)
    end
    for mask, bits in pairs { [1] = "1", [2] = "2", [3] = "1 2" } do
      assert.equal(bits, due({ style = "jasmin", mask = mask }, { state = "delivered" }, true, { part("delivered", "c") }), "level " .. mask)
    end
    for mask, bits in pairs { [1] = "1", [2] = "2", [3] = "1" } do
      assert.equal(bits, due({ style = "jasmin", mask = mask }, { state = "refused" }, true, { part "refused" }), "level " .. mask)
    end
  end)

  it("judges answers", function()
    local function verdict(style, status, body) return { styles.of(style).verdict { status = status, body = body or "" } } end
    assert.same({ true }, verdict(nil, 204))
    assert.same({ false, "status 302", false }, verdict("kannel", 302))
    assert.same({ false, "status 410", true }, verdict("json", 410))
    assert.same({ true }, verdict("jasmin", 200, "\r\n ACK/Jasmin\t"))
    assert.same({ false, "200, but the body is not ACK/Jasmin" }, verdict("jasmin", 200, "ack/jasmin"))
    assert.same({ false, "status 201", false }, verdict("jasmin", 201, "ACK/Jasmin"))
    assert.same({ false, "status 404", true }, verdict("jasmin", 404))
    assert.same({ false, "status 500", false }, verdict("jasmin", 500, "ACK/Jasmin"))
  end)
end)
