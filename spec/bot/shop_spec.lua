local esme = require "spec.support.esme"
local logs = require "smpp.base.log"
local shell = require "spec.support.shell"
local shops = require "spec.support.shop"
local smpp = require "smpp"

local NUMBER = "491761234567"

local function echo(o) return shops.new(o, function(shop) shop:otherwise(function(chat) chat:say("%s: %s", chat.number, chat.text) end) end) end

describe("smpp.bot.shop", function()
  it("takes several carriers, and answers by the one that a message came by", function()
    local shop = shops.new({ carriers = { one = "smpp://a:b@x.example", two = "smpps://a:b@y.example?tls.ca=x.pem&window=3" } }, function(s)
      s:otherwise(function(chat) chat:say("by %s", chat.carrier) end)
    end)
    for _, name in ipairs { "one", "two" } do shop:test { number = NUMBER, carrier = name }:says "x":hears("by " .. name) end
    shop:test_end()
  end)

  it("runs until it is stopped, or the bind is refused for good", function()
    esme.run(function(loop)
      local server = assert(smpp.server { port = 2775, accounts = { me = { password = "secret" } } })
      server:on("error", function() end)
      local good = echo { "smpp://me:secret@127.0.0.1:2775", loop = loop }
      local bound = {}
      good:on("bind", function(what) bound[#bound + 1] = what end)
      assert(good:start())
      assert.has_error(function() good:start() end)
      smpp.sleep(1)
      assert.equal(1, #server.sessions)
      assert.same({ "up" }, bound)
      good:stop()
      smpp.sleep(1)
      assert.equal(0, #server.sessions)
      local bad = echo { "smpp://me:wrong@127.0.0.1:2775", loop = loop }
      assert(bad:start())
      smpp.sleep(5)
      assert.truthy(shops.logged(bad, "bind refused"))
      assert.equal("ESME_RINVPASWD", bad.failure[2])
      bad:stop()
      server:close()
    end)
  end)

  it("runs in smpp.run until SIGTERM", function()
    local loop = require("smpp.loop.virtual").new { limit_s = 1000000 }
    local shop = echo { "smpp://me:secret@127.0.0.1:2775", loop = loop }
    loop:timer(function() loop:raise "SIGTERM" end):start(100)
    local ok, message, code = shop:run()
    assert.same({ nil, "interrupted by SIGTERM", "interrupted" }, { ok, message, code })
    assert.equal("nothing", (loop:describe():gsub("^timer$", "nothing")))
  end)

  it("waits for its message centre, and goes on after it was away", function()
    esme.run(function(loop)
      local shop = echo { "smpp://me:secret@127.0.0.1:2775", loop = loop, reconnect = { fixed_s = 1 } }
      assert(shop:start())
      smpp.sleep(30)
      local server, seen = esme.server()
      smpp.sleep(5)
      server:deliver("me", { from = NUMBER, to = "12345", text = "x", source_addr_ton = 1 })
      smpp.sleep(1)
      assert.equal(1, #seen.submits)
      shop:stop()
      server:close()
    end)
  end)

  it("logs events by the names of docs/logging.md, and says in words what happened", function()
    local records = {}
    local shop = shops.new({
      log = { level = "debug", mask = "numbers", write = function(record) table.insert(records, (logs.line(record):match "event=.*")) end },
    }, function(shop)
      shop:hear("ASK", function(chat) chat:ask("What?", { within_s = 60 }) end)
      shop:otherwise(function() end)
    end)
    local p = shop:test(NUMBER)
    p:says "ASK":hears "What?":waits "2 min":says "x":waits "1 s":says "STOP":hears(function() return true end)
    assert.same({
      'event=no_store message="no store: opt-outs and memory do not survive a restart"',
      'event=dialogue_ended from="+4917******67" message="dialogue ended: timeout"',
      'event=dialogue_done from="+4917******67" message="dialogue ended: done"',
      'event=opted_out from="+4917******67" message="opted out"',
    }, records)
    local seen = 0
    for path in shell.must("find lua/smpp/bot -name '*.lua'"):gmatch "%S+" do
      local file = assert(io.open(path))
      local source = file:read "*a"
      file:close()
      for argument in source:gmatch ':log%((%b"")' do
        assert.truthy(logs.events[argument:sub(2, -2)], path .. ": " .. argument)
        seen = seen + 1
      end
    end
    assert.is_true(seen > 20)
    assert.has_error(function() shop:log("opted out", "x") end)
  end)
end)
