local async = require "spec.support.async"
local engines = require "spec.support.valkey"
local smpp = require "smpp"
local valkey = require "smpp.valkey"

local reply = engines.reply

--- A body with an engine that answers from a table, and a client of it.
local function with(o, fn)
  return async.virtual(function(loop, errors)
    local data = {}
    local engine = engines.new(loop, { answer = o.answer or function(words)
      local name = words[1]
      if name == "SET" then
        data[words[2]] = words[3]
        return "+OK\r\n"
      elseif name == "GET" then
        return data[words[2]] and reply(data[words[2]]) or "_\r\n"
      elseif name == "ECHO" then
        return reply(words[2])
      end
      return ("-ERR unknown command '%s'\r\n"):format(name)
    end })
    local given = { "valkey://127.0.0.1" }
    for name, value in pairs(o.client or {}) do given[name] = value end
    local client = assert(valkey.connect(given))
    if not o.fails then client:on("error", function(message) errors[#errors + 1] = message end) end
    fn(client, engine, loop)
    client:close()
    engine.close()
  end)
end

describe("smpp.valkey", function()
  it("sends commands, and waits for replies: null is false, an error is nil, message, code", with({}, function(client)
    assert.equal("valkey 127.0.0.1:6379 ready", tostring(client))
    assert.same({ "OK" }, { client:call("SET", "a", 1) })
    assert.same({ "1" }, { client:call("GET", "a") })
    assert.same({ false }, { client:call("GET", "b") })
    assert.same({ nil, "ERR unknown command 'NOPE'", "ERR" }, { client:call "NOPE" })
    local got
    assert.is_true(client:call("GET", "a", function(...) got = { ... } end))
    smpp.sleep(0.01)
    assert.same({ "1" }, { got[1] })
  end))

  it("raises for what is no command, at the caller's line", with({}, function(client)
    for _, wrong in ipairs {
      function() client:call() end, function() client:call("SET", "a", {}) end, function() client:pipeline {} end, function() client:pipeline { "GET" } end,
      function() client:transaction { {} } end, function() client:eval("return 1", {}) end, function() client:subscribe(1, print) end,
      function() valkey.script(1) end, function() client:call(print) end,
    } do
      local ok, message = pcall(wrong)
      assert.is_false(ok)
      assert.is_truthy(tostring(message):find "^spec/valkey/init_spec.lua:", tostring(message))
    end
  end))

  it("writes the commands of a turn at once", with({}, function(client, engine)
    local writes, transport = 0, engine.connections[1]
    local replies = client:pipeline { { "SET", "a", "x" }, { "NOPE" }, { "GET", "a" } }
    assert.same({ "OK", "ERR", "x" }, { replies[1], replies[2].code, replies[3] })
    assert.is_true(valkey.is_error(replies[2]))
    assert.equal("ERR unknown command 'NOPE'", tostring(replies[2]))
    local write = transport.write
    transport.write = function(...)
      writes = writes + 1
      return write(...)
    end
    local left = 10
    for i = 1, 10 do client:call("ECHO", i, function() left = left - 1 end) end
    smpp.sleep(0.1)
    assert.equal(0, left)
  end))

  it("keeps a transaction together", with({ answer = function(words)
    local name = words[1]
    if name == "MULTI" then return "+OK\r\n" elseif name == "EXEC" then return "*2\r\n:1\r\n-WRONGTYPE no\r\n" end
    return "+QUEUED\r\n"
  end }, function(client, engine)
    engine.commands = {}
    local replies
    smpp.spawn(function() replies = client:transaction { { "INCR", "a" }, { "INCR", "b" } } end)
    client:call("ECHO", "x")
    smpp.sleep(0.01)
    assert.same({ "MULTI", "INCR a", "INCR b", "EXEC", "ECHO x" }, engine.commands)
    assert.same({ 1, "WRONGTYPE" }, { replies[1], replies[2].code })
  end))

  it("says which command of a transaction is invalid", with({ answer = function(words)
    local name = words[1]
    if name == "MULTI" then return "+OK\r\n" elseif name == "EXEC" then return "-EXECABORT discarded\r\n" end
    return name == "NOPE" and "-ERR unknown command 'NOPE'\r\n" or "+QUEUED\r\n"
  end }, function(client)
    assert.same({ nil, "EXECABORT discarded (ERR unknown command 'NOPE')", "EXECABORT" }, { client:transaction { { "INCR", "a" }, { "NOPE" } } })
  end))

  it("sends the text of a script once for each connection, then its hash; again where the engine forgot it", function()
    local sha, knows = ("a"):rep(40), false
    with({ answer = function(words)
      local name = words[1]
      if name == "SCRIPT" then
        knows = true
        return reply(sha)
      elseif name == "EVAL" then
        return reply { "text", words[4], words[5] }
      elseif name == "EVALSHA" then
        if not knows then return "-NOSCRIPT No matching script.\r\n" end
        return reply { "hash", words[4], words[5] }
      end
    end }, function(client, engine)
      local script = valkey.script "return 1"
      assert.same({ "text", "k", "1" }, client:eval(script, { "k" }, { 1 }))
      assert.same({ "hash", "k", "2" }, client:eval(script, { "k" }, { 2 }))
      knows = false
      assert.same({ "text", "k", "3" }, client:eval(script, { "k" }, { 3 }))
      local got
      client:eval(script, { "k" }, { 4 }, function(value) got = value end)
      smpp.sleep(0.01)
      assert.same({ "hash", "k", "4" }, got)
      engine.drop()
      smpp.sleep(1)
      assert.same({ "text", "k", "5" }, client:eval(script, { "k" }, { 5 }))
    end)()
  end)

  it("makes another connection where one is lost; what was sent has an unknown outcome, what waits is sent", function()
    local silent = false
    with({ answer = function(words) if not silent then return reply(words[2]) end end, client = { timeout_s = 2 } }, function(client, engine)
      local told = {}
      client:on("lost", function(message) told[#told + 1] = "lost: " .. message end)
      client:on("ready", function(address) told[#told + 1] = "ready: " .. address end)
      silent = true
      local first
      smpp.spawn(function() first = { client:call("ECHO", "1") } end)
      smpp.sleep(0.01)
      engine.drop()
      smpp.sleep(0.01)
      silent = false
      assert.same({ nil, "connection_lost" }, { first[1], first[3] })
      assert.is_truthy(first[2]:find("^127.0.0.1:6379: "))
      assert.equal("2", (client:call("ECHO", "2"))) -- asked for while there is no connection
      assert.equal(2, #told)
      assert.is_truthy(told[1]:find "^lost: ")
      assert.equal("ready: 127.0.0.1:6379", told[2])
    end)()
  end)

  it("reports commands that were not sent for want of a connection", with({ client = { timeout_s = 2, queue_octets = 100 } }, function(client, engine, loop)
    engine.close()
    smpp.sleep(0.01)
    local start = loop:now()
    local value, message, code = client:call("ECHO", "1")
    assert.same({ nil, "not_sent" }, { value, code })
    assert.is_truthy(message:find("^not sent: no connection within 2 s: .*127.0.0.1:6379: .*refused"), message)
    assert.is_true(math.abs(loop:now() - start - 2) < 0.01)
    value, message, code = client:call("ECHO", ("x"):rep(200))
    assert.same({ nil, "not sent: more than 100 octets of commands wait", "queue_full" }, { value, message, code })
    local replies = client:pipeline { { "ECHO", "1" }, { "ECHO", ("x"):rep(200) } }
    assert.same({ "not_sent", "queue_full" }, { replies[1].code, replies[2].code })
    assert.equal("queue_full", (select(3, client:transaction { { "ECHO", ("x"):rep(200) } })))
    assert.equal("queue_full", (select(3, client:eval(valkey.script(("x"):rep(200)), {}))))
    local last
    smpp.spawn(function() last = { client:call("ECHO", "1") } end)
    client:close()
    smpp.sleep(0.01)
    assert.same({ nil, "not sent: the client is closed", "closed" }, last)
    assert.same({ nil, "not sent: the client is closed", "closed" }, { client:call("ECHO", "1") })
  end))

  it("closes a connection whose engine does not reply", function()
    local silent = true
    with({ answer = function(words) if not silent then return reply(words[2]) end end, client = { timeout_s = 1.5 } }, function(client, engine)
      assert.same({ nil, "127.0.0.1:6379: no reply within 1.5 s", "timeout" }, { client:call("ECHO", "1") })
      silent = false
      assert.equal("2", (client:call("ECHO", "2")))
      assert.equal(2, #engine.connections)
    end)()
  end)

  it("closes a connection on malformed replies, and on one too many", function()
    for _, octets in ipairs { "x\r\n", "+OK\r\n+OK\r\n+OK\r\n" } do
      with({ answer = function(words)
        if words[2] == "odd" then return octets end
        return reply(words[2])
      end }, function(client)
        client:call("ECHO", "odd")
        smpp.sleep(1)
        assert.equal("2", (client:call("ECHO", "2")))
      end)()
    end
  end)

  it("falls back to RESP 2, and sends no password in an error message", function()
    async.virtual(function(loop)
      local password
      local engine = engines.new(loop, { greets = false, answer = function(words)
        if words[1] == "HELLO" then return "-ERR unknown command 'HELLO', with args beginning with: '3' 'AUTH' 'default' 's3cret'\r\n" end
        if words[1] == "AUTH" then
          password = words[#words]
          return password == "s3cret" and "+OK\r\n" or "-ERR bad password s3cret2\r\n"
        end
        return engines.greeting(words) or reply(words[1])
      end })
      local client = assert(valkey.connect "valkey://:s3cret@127.0.0.1/2")
      assert.same({ "HELLO 3 AUTH default s3cret SETNAME smpp", "AUTH s3cret", "CLIENT SETNAME smpp", "SELECT 2" }, engine.commands)
      assert.same({ "PING" }, { client:call "PING" })
      client:close()
      assert.same({ nil, "127.0.0.1:6379: ERR bad password ***", "ERR" }, { valkey.connect "valkey://:s3cret2@127.0.0.1" })
      client = assert(valkey.connect { "valkey://me:s3cret@127.0.0.1", protocol = 2 })
      assert.equal("AUTH me s3cret", engine.commands[#engine.commands - 1])
      assert.is_false((pcall(client.subscribe, client, "c", print)))
      client:close()
      engine.close()
    end)()
  end)

  it("connects once, or with wait = true until there is an engine", async.virtual(function(loop)
    local client, message, code = valkey.connect "valkey://127.0.0.1"
    assert.is_nil(client)
    assert.equal("connect_failed", code)
    assert.is_truthy(message:find("cannot connect to 127.0.0.1:6379", 1, true))
    client = assert(valkey.connect { "valkey://127.0.0.1", wait = true, reconnect = { min_s = 1, max_s = 4 } })
    local failed = 0
    client:on("failed", function() failed = failed + 1 end)
    smpp.sleep(12) -- attempts at 0, 1, 3, 7, 11
    assert.equal(5, failed)
    assert.equal("waiting", client.state)
    local engine = engines.new(loop, { answer = function(words) return reply(words[1]) end })
    smpp.sleep(4)
    assert.equal("ready", client.state)
    engine.drop()
    smpp.sleep(0.01)
    client:close() -- during an attempt, or before it
    engine.close()
    client = assert(valkey.connect { "valkey://127.0.0.1", wait = true })
    smpp.sleep(0.05)
    client:close() -- during a pause
    client:close()
  end))

  it("hands messages to subscriptions, also after another connection was made", with({ fails = true }, function(client, engine)
    local got, codes = {}, {}
    engine.answer = function(words, transport)
      if words[1] == "SUBSCRIBE" and words[2] == "forbidden" then return "-NOPERM no\r\n" end
      if words[1] == "SUBSCRIBE" or words[1] == "UNSUBSCRIBE" then
        return (">3\r\n$%d\r\n%s\r\n+%s\r\n:1\r\n"):format(#words[1], words[1]:lower(), words[2])
      elseif words[1] == "PUBLISH" then
        transport:write((">3\r\n+message\r\n%s%s"):format(reply(words[2]), reply(words[3])))
        return ":1\r\n"
      end
      return reply(words[2])
    end
    client:on("error", function(message, code) codes[#codes + 1] = code or message end)
    client:subscribe("c", function(payload, channel) got[#got + 1] = channel .. " " .. payload end)
    client:subscribe("forbidden", function() end)
    assert.is_true(client.has_handlers)
    assert.equal("1", (client:call("ECHO", "1"))) -- replies and push data do not mix
    client:call("PUBLISH", "c", "one")
    client:call("PUBLISH", "other", "two")
    engine.drop()
    smpp.sleep(0.01)
    client:call("PUBLISH", "c", "three")
    client:unsubscribe "c"
    client:unsubscribe "never"
    client:call("PUBLISH", "c", "four")
    assert.equal("2", (client:call("ECHO", "2")))
    assert.same({ "c one", "c three" }, got)
    client:unsubscribe "forbidden"
    assert.is_false(client.has_handlers)
    smpp.sleep(0.01)
    assert.same({ "NOPERM", "NOPERM" }, codes)
  end))

  it("loses, doubles and mixes no reply, whatever breaks", async.virtual(function(loop)
    local random = require("spec.support.util").random(7)
    local taken, stuck = {}, {}
    local function answer(words, transport)
      taken[words[2]] = (taken[words[2]] or 0) + 1
      local fate = stuck[transport] and 2 or random(60)
      if fate == 1 then
        loop:defer(function() transport:reset() end)
        return reply(words[2])
      elseif fate == 2 then
        stuck[transport] = true
        return nil
      elseif fate == 3 then
        return "?\r\n"
      end
      return reply(words[2])
    end
    local engine = engines.new(loop, { answer = answer })
    local client = assert(valkey.connect { "valkey://127.0.0.1", timeout_s = 1, reconnect = { min_s = 0.01, max_s = 0.1 } })
    local counts, ended, asked = {}, {}, 0
    smpp.spawn(function()
      for _ = 1, 20 do
        smpp.sleep(random(100) / 20)
        engine.drop()
      end
    end)
    smpp.each({ 1, 2, 3, 4, 5, 6, 7, 8 }, 8, function()
      for _ = 1, 250 do
        asked = asked + 1
        local id = "id" .. asked
        local value, _, code = client:call("ECHO", id)
        assert(not ended[id])
        ended[id] = value and "done" or code
        counts[ended[id]] = (counts[ended[id]] or 0) + 1
        if value then assert(value == id, value .. " for " .. id) end
        if value or code == "not_sent" then assert((taken[id] or 0) == (value and 1 or 0), id .. " " .. tostring(code)) end
        if random(10) == 1 then smpp.sleep(random(10) / 100) end
      end
    end)
    smpp.sleep(30)
    assert.is_true(counts.done > 1000 and (counts.connection_lost or 0) > 0 and (counts.timeout or 0) > 0 and (counts.malformed or 0) > 0)
    assert.equal(2000, counts.done + counts.connection_lost + counts.timeout + counts.malformed + (counts.not_sent or 0))
    client:close()
    engine.close()
  end))
end)
