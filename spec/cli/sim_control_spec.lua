local async = require "spec.support.async"
local cli = require "spec.support.cli"
local dkjson = require "dkjson"
local shell = require "spec.support.shell"
local sim_control = require "smpp.cli.sim_control"
local smpp = require "smpp"

--- A simulator that is driven: `ask { do = … }` returns the reply, `send` only writes a line; `lines` is what came.
local function driven(o, fn)
  return async.virtual(function(loop)
    local mc = assert(smpp.simulator(o))
    local got, buffer, code = {}, "", nil
    local out = {
      stdout = {
        write = function(_, ...)
          buffer = buffer .. table.concat { ... }
          for line, at in buffer:gmatch "([^\n]*)\n()" do
            got[#got + 1] = assert(dkjson.decode(line))
            got.last = at
          end
          if got.last then buffer, got.last = buffer:sub(got.last), nil end
        end,
      },
      note = function() end, fail = function() end, object = function(self, value) self.stdout:write(dkjson.encode(value), "\n") end,
    }
    local pipe = loop:pipe "-"
    smpp.spawn(function() code = sim_control.serve(mc, out) end)
    local world = { got = got, pipe = pipe, mc = mc, out = out, loop = loop }
    local number = 0
    function world.send(request) pipe:write(type(request) == "string" and request or dkjson.encode(request) .. "\n") end
    function world.reply(id)
      for _ = 1, 1000 do
        for _, object in ipairs(got) do
          if object.id == id then return object end
        end
        smpp.sleep(0.05)
      end
      error("no reply to " .. tostring(id))
    end
    function world.ask(request)
      number = number + 1
      request.id = number
      world.send(request)
      return world.reply(number)
    end
    fn(world)
    if not code then pipe:eof() end
    smpp.sleep(3)
    assert.equal(0, code)
  end)
end

local function event(world, name)
  for _, object in ipairs(world.got) do
    if object.event == name then return object end
  end
end

describe("smpp.cli.sim_control", function()
  it("says where it listens, and answers each request once", driven({ port = 0 }, function(world)
    assert.same({ id = 1, ok = true, result = {} }, world.ask { ["do"] = "ping" })
    assert.same({ event = "listening", host = "127.0.0.1", port = world.mc.port, control = 1 }, world.got[1])
    world.send '{"id":"a","do":"pi'
    world.send 'ng"}\n{"id":"b","do":"ping"}\n'
    assert.is_true(world.reply("a").ok and world.reply("b").ok)
  end))

  it("tells what it got, and waits", driven({ port = 0 }, function(world)
    local esme = assert(smpp.connect(("smpp://me:secret@127.0.0.1:%d"):format(world.mc.port)))
    world.send { id = "w", ["do"] = "await", filter = { to = "491761234567" } }
    assert.is_true(world.ask({ ["do"] = "ping" }).ok) -- overtakes it
    assert(esme:send { from = "Shop", to = "+491761234567", text = "Grüße", receipt = true })
    assert(esme:send { to = "1", data = "\1\255" })
    local message = world.reply("w").result.message
    assert.same({ "Shop", "+491761234567", "Grüße", "me", "ENROUTE", 1, true }, {
      message.from, message.to, message.text, message.system_id, message.state, message.parts, message.receipt,
    })
    local list = world.ask({ ["do"] = "messages" }).result.messages
    assert.same({ 2, "01ff" }, { #list, list[2].data })
    assert.equal(1, #world.ask({ ["do"] = "messages", filter = { system_id = "me", text = "Grüße" } }).result.messages)
    local late = world.ask { ["do"] = "await", filter = { to = "5" }, within_s = 1 }
    assert.same({ false, "timeout" }, { late.ok, late.code })
    local pdus = world.ask({ ["do"] = "pdus", limit = 2 }).result.pdus
    assert.same({ 2, "bind_transceiver", "in", "***" }, { #pdus, pdus[1].pdu.command, pdus[1].direction, (pdus[1].pdu.fields.password:gsub("%*+", "***")) })
    assert.equal(3, world.ask({ ["do"] = "pdus", since = 2, limit = 1 }).result.pdus[1].number)
    local session = world.ask({ ["do"] = "sessions" }).result.sessions[1]
    assert.same({ 1, "me", "BOUND_TRX" }, { session.session, session.system_id, session.state })
    assert.equal(2, world.ask({ ["do"] = "stats" }).result.messages)
    esme:close()
  end))

  it("sends messages and receipts, and says how they were acknowledged", driven({ port = 0, deliver_after_s = 100 }, function(world)
    local got, receipts, code = {}, {}, nil
    local esme = assert(smpp.connect {
      ("smpp://me:secret@127.0.0.1:%d"):format(world.mc.port),
      message = function(message)
        got[#got + 1] = message.text
        return code
      end,
      receipt = function(receipt) receipts[#receipts + 1] = receipt.id .. receipt.state end,
    })
    local reply = world.ask { ["do"] = "deliver", from = "491", to = "1", text = ("long "):rep(60), system_id = "me" }
    assert.equal("ESME_ROK", reply.result and reply.result.status, reply.message)
    assert.equal(("long "):rep(60), got[1])
    assert.equal("bad_value", world.ask({ ["do"] = "deliver", to = "1", text = "x", system_id = "me", data = "zz" }).code)
    assert.equal("bad_value", world.ask({ ["do"] = "deliver", to = "1", text = "x", system_id = "me", data = "0" }).code)
    local id = assert(esme:send { to = "+491", text = "x" }).message_id
    assert.is_true(world.ask({ ["do"] = "receipt", message_id = id, state = "EXPIRED", error = 7 }).ok)
    assert.is_true(world.ask({ ["do"] = "receipt", message_id = id, state = "DELIVERED" }).ok)
    smpp.sleep(1)
    assert.same({ id .. "EXPIRED", id .. "DELIVERED" }, receipts)
    assert.equal("EXPIRED", world.ask({ ["do"] = "messages" }).result.messages[1].state)
    assert.equal("bad_value", world.ask({ ["do"] = "receipt", message_id = "none", state = "DELIVERED" }).code)
    assert.equal("bad_value", world.ask({ ["do"] = "receipt", message_id = id, state = "delivered" }).code)
    esme:close()
  end))

  it("changes options, all or nothing, and begins anew", driven({ port = 0, latency_s = 1 }, function(world)
    local esme = assert(smpp.connect(("smpp://me:secret@127.0.0.1:%d"):format(world.mc.port)))
    local wrong = world.ask { ["do"] = "set", latency_s = 0, throtle = {} }
    assert.same({ false, "unknown_field" }, { wrong.ok, wrong.code })
    assert.truthy(wrong.message:find "did you mean 'throttle'")
    assert.equal(1, world.mc.settings.latency_s)
    assert.equal("bad_value", world.ask({ ["do"] = "set", latency_s = "x" }).code)
    assert.is_true(world.ask({ ["do"] = "set", latency_s = 0, refusals = { ESME_RSYSERR = 100 } }).ok)
    assert.equal("ESME_RSYSERR", select(3, esme:submit_sm { destination_addr = "1" }))
    world.send '{"id":"null","do":"set","refusals":null}\n'
    assert.is_true(world.reply("null").ok)
    assert(esme:submit_sm { destination_addr = "1" })
    assert.is_true(world.ask({ ["do"] = "reset" }).ok)
    assert.same({ 1, 0 }, { world.mc.settings.latency_s, #world.ask({ ["do"] = "messages" }).result.messages })
    esme:close()
  end))

  it("has faults: the next responses, lost sessions, refused connections", driven({ port = 0 }, function(world)
    local url = ("smpp://me:secret@127.0.0.1:%d"):format(world.mc.port)
    local esme = assert(smpp.connect { url, response_timeout_s = 2, retry = false })
    assert.is_true(world.ask({ ["do"] = "fault", name = "drop", count = 2 }).ok)
    for i = 1, 3 do
      local response, _, code = esme:submit_sm { destination_addr = "1" }
      assert.same({ i == 3, i < 3 and "timeout" or nil }, { response ~= nil, code })
    end
    assert.equal("bad_value", world.ask({ ["do"] = "fault", name = "dorp" }).code)
    esme:close()
    local states = {}
    esme = assert(smpp.connect { url, reconnect = false })
    esme:on("error", function() end)
    local number = world.ask({ ["do"] = "sessions" }).result.sessions[1].session
    assert.is_true(world.ask({ ["do"] = "drop", session = number, how = "reset" }).ok)
    smpp.sleep(1)
    assert.same({}, world.ask({ ["do"] = "sessions" }).result.sessions)
    assert.equal("bad_value", world.ask({ ["do"] = "unbind", session = number }).code)
    esme:close()
    assert.is_true(world.ask({ ["do"] = "refuse", seconds = 5 }).ok)
    assert.equal("connect_failed", select(3, smpp.connect { url, reconnect = false }))
    smpp.sleep(6)
    esme = assert(smpp.connect(url))
    assert.is_true(world.ask({ ["do"] = "unbind", session = world.ask({ ["do"] = "sessions" }).result.sessions[1].session }).ok)
    smpp.sleep(1)
    esme:close()
    assert.same({}, states)
  end))

  it("gives events only when asked", driven({ port = 0 }, function(world)
    local url = ("smpp://me:secret@127.0.0.1:%d"):format(world.mc.port)
    assert(smpp.connect(url)):close()
    assert.is_nil(event(world, "bind"))
    assert.equal("unknown_field", world.ask({ ["do"] = "events", on = { "binds" } }).code)
    assert.is_true(world.ask({ ["do"] = "events", on = { "message" } }).ok)
    local esme = assert(smpp.connect(url))
    assert(esme:send { to = "+491", text = "hi" })
    assert.same({ "hi", "number" }, { event(world, "message").text, type(event(world, "message").at_s) })
    assert.is_nil(event(world, "bind"))
    world.out.stdout.pending = nil
    esme:close()
  end))

  it("refuses what it does not understand, and goes on", driven({ port = 0 }, function(world)
    world.send "{ no json\n"
    world.send '[]\n{"do":"ping"}\n{"id":true,"do":"ping"}\n\n'
    world.send { id = "x", ["do"] = "pong" }
    world.send { id = "y", ["do"] = "ping", more = 1 }
    world.send(("x"):rep(700000))
    world.send(("x"):rep(700000) .. "\n")
    world.send { id = "z", ["do"] = "ping" }
    assert.is_true(world.reply("z").ok)
    local codes = {}
    for _, object in ipairs(world.got) do
      if object.ok == false then codes[#codes + 1] = object.code end
    end
    assert.same({ "bad_value", "bad_value", "bad_value", "bad_value", "unknown_field", "unknown_field", "too_long" }, codes)
    assert.truthy(world.reply("x").message:find "did you mean 'ping'")
  end))

  it("drops events, never replies, while the reader is slow", function()
    local pending = 0
    async.virtual(function(loop)
      local mc = assert(smpp.simulator { port = 0 })
      local got = {}
      local out = { stdout = {
        write = function(_, line) got[#got + 1] = assert(dkjson.decode(line)) end, pending = function() return pending end,
      }, note = function() end }
      local pipe = loop:pipe "-"
      smpp.spawn(function() sim_control.serve(mc, out) end)
      pipe:write '{"id":1,"do":"events","on":["message"]}\n'
      local esme = assert(smpp.connect(("smpp://me:secret@127.0.0.1:%d"):format(mc.port)))
      pending = 2000000
      for _ = 1, 3 do assert(esme:send { to = "+491", text = "x" }) end
      pipe:write '{"id":2,"do":"ping"}\n'
      smpp.sleep(0.1)
      assert.equal(2, got[#got].id)
      pending = 0
      assert(esme:send { to = "+491", text = "y" })
      smpp.sleep(0.1)
      assert.same({ "lost", 3, "message", "y" }, { got[#got - 1].event, got[#got - 1].count, got[#got].event, got[#got].text })
      esme:close()
      pipe:write '{"id":3,"do":"close"}\n'
      smpp.sleep(3)
      assert.is_true(got[#got].ok)
    end)()
  end)

  it("is `smpp sim --control -`, from any language", function()
    local interpreter = jit and "luajit" or "lua" .. _VERSION:match "%d%.%d"
    local output = shell.must(([[printf '{"id":1,"do":"ping"}\n{"id":2,"do":"stats"}\n' | LUA=%s bin/smpp sim --control - --latency 1; echo "code $?"]]):format(interpreter))
    local list = cli.lines(output)
    assert.truthy(list[1]:find '^{"event":"listening","host":"127.0.0.1","port":%d+,"control":1}$')
    assert.equal('{"id":1,"ok":true,"result":{}}', list[2])
    assert.equal("code 0", list[4])
    output = shell.must(([[d=$(mktemp -d); mkfifo $d/in; LUA=%s bin/smpp sim --control - <$d/in >$d/out & pid=$!
exec 3>$d/in; wait_for listening $d/out; kill -TERM $pid; wait $pid; echo "code $?"; rm -r $d]]):format(interpreter))
    assert.equal("code 0\n", output)
    output = shell.must(([[LUA=%s bin/smpp sim --control - --host 192.0.2.1 </dev/null; echo "code $?"]]):format(interpreter))
    assert.truthy(output:find '^{"event":"error","code":"connect_failed","message":"cannot listen', output)
    assert.truthy(output:find "code 3")
  end)
end)
