local scenarios = require "spec.support.scenarios"

local fails, on_both = scenarios.fails, scenarios.passes_on_both

describe("smpp.scenario.speaker", function()
  it("says what the script says: unbound until told, any of the binds", on_both(function(t)
    local smsc = t:smsc()
    for _, how in ipairs { "trx", "tx", "rx" } do
      local esme = t:esme { smsc, "acme:secret", scripted = true, system_type = "VMS" }
      t:go(function() smsc:expect("bind", { system_id = "acme", password = "secret", system_type = "VMS", interface_version = 0x34 }):answer() end)
      t:equal(esme:bind(how).system_id, "smsc")
    end
  end))

  it("has an inbox, and answers enquire_link by itself", on_both(function(t)
    local smsc = t:smsc { bind = true }
    local esme = t:esme { smsc, "a:x", scripted = true }
    esme:bind()
    local session = smsc:session()
    session:send("enquire_link"):expect()
    local request = session:send("deliver_sm", { short_message = "hi" })
    esme:expect("deliver_sm", { short_message = "hi" }):answer()
    request:expect()
    esme:never("deliver_sm", { for_s = 0.05 })
  end))

  it("stops, and starts with a new connection", on_both(function(t)
    local smsc = t:smsc { bind = true }
    local esme = t:esme { smsc, "a:x", scripted = true }
    esme:bind()
    esme:stop()
    t:equal(smsc:expect_closed(), "reset")
    esme:start()
    esme:bind "tx"
    t:equal(smsc:session(2).bound, "bind_transmitter")
  end))

  it("that cannot connect fails where it is used, or says so", function()
    fails("expect", "esme is not connected: .*refused", function(t)
      local smsc = t:smsc()
      smsc:stop()
      local esme = t:esme { smsc, "a:x", scripted = true }
      esme:bind()
    end, nil, 4)
    fails("script", "unknown bind 'both'", function(t) t:esme { t:smsc(), "a:x", scripted = true }:bind "both" end)
    fails("script", "esme: unknown option 'window'", function(t) t:esme { t:smsc(), "a:x", scripted = true, window = 1 } end)
    fails("script", "expected \"system_id:password\"", function(t) t:esme { t:smsc(), "a", scripted = true } end)
    fails("expect", "nobody has connected to peer", function(t) t:peer { listen = true }:read(1) end)
  end)

  it("connect: a real SMSC, on the real clock only", function()
    local smpp = require "smpp"
    scenarios.passes(function(t)
      local server = assert(smpp.server { port = 0, accounts = { me = "secret" }, submit_sm = function() return "77" end })
      local url = ("smpp://me:secret@127.0.0.1:%d"):format(server.port)
      local real = t:connect(url)
      real:bind "tx"
      real:send("submit_sm", { destination_addr = "491", short_message = "x" }):expect { message_id = "77" }
      real:send("unbind"):expect()
      t:equal(real:expect_closed(), "unbound")
      server:close(0)
    end, { virtual = false })()
    local result = scenarios.run(function(t) t:connect "smpp://me:x@localhost" end)
    assert.same({ "skip", "connect needs the real clock" }, { result.outcome, result.reason })
  end)
end)
