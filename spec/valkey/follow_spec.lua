local async = require "spec.support.async"
local clusters = require "spec.support.valkey_cluster"
local engines = require "spec.support.valkey"
local smpp = require "smpp"
local valkey = require "smpp.valkey"

local URL = "valkey+cluster://127.0.0.1"

--- A body with a cluster, whose slot is of the tag "gw", and a client that follows it.
local function with(fn, o)
  return async.virtual(function(loop, errors)
    o = o or {}
    local cluster = clusters.new(loop, o.cluster)
    local given = { URL, tag = "gw", timeout_s = 2 }
    for name, value in pairs(o.client or {}) do given[name] = value end
    local client = assert(valkey.connect(given))
    client:on("error", function(message) errors[#errors + 1] = message end)
    local told = {}
    client:on("lost", function(why) told[#told + 1] = "lost: " .. why end)
    client:on("ready", function(address) told[#told + 1] = "ready: " .. address end)
    fn(client, cluster, loop, told)
    client:close()
    cluster.close()
  end)
end

--- Sends RPUSH {gw}l I for I from 1 to n, each in its task, and a script every third time; returns what they got.
local function push(client, n, script)
  local got = { left = n }
  for i = 1, n do
    smpp.spawn(function()
      local value, message
      if script and i % 3 == 0 then value, message = client:eval(script, { "{gw}l" }, { i }) else value, message = client:call("RPUSH", "{gw}l", i) end
      got[i], got.left = value or message, got.left - 1
    end)
  end
  return got
end

local APPEND = "return redis.call('RPUSH', KEYS[1], ARGV[1])"

local function numbers(n)
  local list = {}
  for i = 1, n do list[i] = tostring(i) end
  return list
end

describe("smpp.valkey.follow", function()
  it("goes where MOVED says, with all that was refused, in its order, and what came later behind it", with(function(client, cluster, loop, told)
    local script = valkey.script(APPEND)
    assert.equal("127.0.0.1:6379", client.address)
    for _ = 1, 2 do client:eval(script, { "{gw}z" }, { 0 }) end -- its hash is known there
    local got = push(client, 30, script)
    cluster.tells = function(words)
      if words[1] == "RPUSH" and words[3] == "10" then -- in the middle of what was sent at once
        cluster.move(2)
        cluster.moved()
      elseif words[1] == "CLUSTER" then -- while the client looks
        cluster.tells = nil
        for i = 31, 40 do
          client:call("RPUSH", "{gw}l", i, function(value) got[i] = value end)
        end
      end
    end
    smpp.sleep(1)
    assert.equal(0, got.left)
    assert.same(numbers(40), (client:call("LRANGE", "{gw}l", 0, -1)))
    for i = 1, 40 do assert.equal(i, got[i]) end
    assert.equal("127.0.0.2:6379", client.address)
    assert.same({ ("lost: MOVED %d 127.0.0.2:6379"):format(cluster.slot), "ready: 127.0.0.2:6379" }, told)
    assert.equal(0, client.queue_octets)
    assert.equal(1, #cluster.nodes[2].connections)
    assert.is_true(loop:now() < 1.1)
  end))

  it("lets a command without a place for a connection fail, where its time is over", with(function(client, cluster)
    cluster.is_down = true
    local results = {}
    client:run(valkey.script(APPEND), { 1, "{gw}l", 1 }, 3, function(...) results[1] = { ... } end, nil, 0)
    client:call("GET", "{gw}x", function(...) results[2] = { ... } end)
    smpp.sleep(1)
    assert.same({ nil, "CLUSTERDOWN" }, { results[1][1], results[1][3] })
    assert.is_nil(results[2])
    assert.is_true(client.queue_octets > 0)
    smpp.sleep(1.1)
    assert.equal(0, client.queue_octets)
    assert.same({ nil, "not_sent" }, { results[2][1], results[2][3] })
    assert.truthy(results[2][2]:find("CLUSTERDOWN", 1, true), results[2][2])
    cluster.is_down = false
    assert.equal(1, (client:call("RPUSH", "{gw}l", 1)))
  end))

  it("asks at the other node where a slot is being moved, a key at a time", with(function(client, cluster)
    client:call("SET", "{gw}a", "1")
    client:call("SET", "{gw}b", "2")
    cluster.move(2)
    cluster.move_keys "a$"
    assert.equal("1", (client:call("GET", "{gw}a")))
    assert.equal("2", (client:call("GET", "{gw}b")))
    local replies = client:pipeline { { "GET", "{gw}a" }, { "GET", "{gw}b" }, { "SET", "{gw}c", "3" }, { "GET", "{gw}a" } }
    assert.same({ "1", "2", "OK", "1" }, replies)
    assert.equal("127.0.0.1:6379", client.address)
    assert.is_nil(cluster.nodes[1].data["{gw}c"])
    assert.equal(1, #cluster.nodes[2].connections)
    cluster.moved()
    assert.same({ "1", "2", "3" }, client:pipeline { { "GET", "{gw}a" }, { "GET", "{gw}b" }, { "GET", "{gw}c" } })
    assert.equal("127.0.0.2:6379", client.address)
    smpp.sleep(0.1)
    assert.is_nil(client.aside)
  end))

  it("says that a command was not sent where the other node is away, and when it is closed", with(function(client, cluster)
    cluster.move(2)
    cluster.nodes[2].close()
    assert.equal("not_sent", (select(3, client:call("GET", "{gw}a"))))
    local code
    client:call("GET", "{gw}a", function(_, _, failure) code = failure end)
    smpp.sleep(0.0001)
    client:close()
    smpp.sleep(0.1)
    assert.truthy(code == "closed" or code == "not_sent")
  end))

  it("lets a script wait until the whole slot has moved: it would find there what has come so far", with(function(client, cluster)
    local script = valkey.script "return (redis.call('GET', KEYS[1] .. 'a') or '-') .. (redis.call('GET', KEYS[1] .. 'b') or '-')"
    client:call("SET", "{gw}a", "1")
    client:call("SET", "{gw}b", "2")
    cluster.move(2)
    cluster.move_keys "a$"
    local got = {}
    smpp.spawn(function() got[1] = client:eval(script, { "{gw}" }) end)
    smpp.sleep(0.1)
    smpp.spawn(function() got[2] = client:call("GET", "{gw}a") end)
    smpp.sleep(1)
    assert.same({}, got)
    assert.equal("waiting", client.state)
    assert.truthy(client.failure:find("is being moved", 1, true), client.failure)
    cluster.moved()
    smpp.sleep(0.2)
    assert.same({ "12", "1" }, got)
    assert.equal("127.0.0.2:6379", client.address)
  end))

  it("leaves a script that is refused as its text is forgotten to the new node", with(function(client, cluster)
    local script = valkey.script(APPEND)
    for _ = 1, 2 do client:eval(script, { "{gw}l" }, { 1 }) end
    local got = push(client, 3, script)
    cluster.tells = function(words, i)
      if words[3] == "2" and i == 1 then
        cluster.move(2)
        cluster.moved()
      elseif words[1] == "EVALSHA" and i == 1 then -- as if it had come back
        cluster.owner = 1
        cluster.nodes[1].forget_scripts()
        cluster.tells = function(_, j) if j == 2 then cluster.owner, cluster.tells = 2, nil end end
      end
    end
    smpp.sleep(1)
    assert.same({ 3, 4, 5 }, { got[1], got[2], got[3] })
  end))

  it("refuses keys of other slots plainly, and stays", with(function(client, cluster)
    local value, message, code = client:call("GET", "other")
    assert.same({ nil, "MOVED" }, { value, code })
    assert.truthy(message:find("its key is in another slot than the tag 'gw'", 1, true), message)
    assert.equal("127.0.0.1:6379", client.address)
    assert.equal(1, #cluster.nodes[1].connections)
  end))

  it("runs a transaction again, all of it, where its slot has moved", async.virtual(function(loop)
    local owner, ran = 1, {}
    local nodes = {}
    for i = 1, 2 do
      nodes[i] = engines.new(loop, { host = "127.0.0." .. i, answer = function(words, transport)
        if words[1] == "CLUSTER" then return engines.reply { { 0, 16383, { "127.0.0." .. owner, 6379 } } } end
        if words[1] == "PING" then return "+PONG\r\n" end
        if words[1] == "MULTI" then
          transport.queued = {}
          return "+OK\r\n"
        end
        if words[1] == "EXEC" then
          local list = transport.queued
          transport.queued = nil
          if list.is_wrong then return "-EXECABORT Transaction discarded because of previous errors.\r\n" end
          if owner ~= i then return ("-MOVED 7373 127.0.0.%d:6379\r\n"):format(owner) end
          for _, key in ipairs(list) do ran[#ran + 1] = key end
          return engines.reply(list)
        end
        if owner ~= i or words[2] == "other" then
          if transport.queued then transport.queued.is_wrong = true end
          return words[2] == "other" and "-MOVED 1 127.0.0.9:1\r\n" or ("-MOVED 7373 127.0.0.%d:6379\r\n"):format(owner)
        end
        if transport.queued then table.insert(transport.queued, words[2]) end
        if transport.queued and words[2] == "{gw}late" then owner = 3 - i end
        return transport.queued and "+QUEUED\r\n" or ":0\r\n"
      end })
    end
    local client = assert(valkey.connect { URL, tag = "gw" })
    owner = 2
    assert.same({ "{gw}a", "{gw}b" }, (client:transaction { { "INCR", "{gw}a" }, { "INCR", "{gw}b" } }))
    assert.equal("127.0.0.2:6379", client.address)
    local got
    smpp.spawn(function() got = client:transaction { { "INCR", "{gw}c" }, { "INCR", "{gw}late" } } end) -- moves before EXEC, each time
    smpp.sleep(10)
    assert.is_nil(got)
    assert.same({ "{gw}a", "{gw}b" }, ran)
    local value, message, code = client:transaction { { "INCR", "other" } }
    assert.same({ nil, "EXECABORT" }, { value, code })
    assert.truthy(message:find("another slot", 1, true), message)
    client:close()
    for _, node in ipairs(nodes) do node.close() end
  end))

  it("ends what waits where the client is closed while it leaves a connection", with(function(client, cluster)
    cluster.nodes[1].stand_still(true)
    local codes = {}
    for i = 1, 3 do
      client:call("GET", "{gw}" .. i, function(_, _, code) codes[i] = code end)
    end
    smpp.sleep(0.1)
    cluster.owner = 2
    cluster.tells = function(words)
      if words[2] == "{gw}1" then -- refused; the others are not answered any more
        cluster.tells = function() cluster.nodes[1].stand_still(true) end
      end
    end
    cluster.nodes[1].stand_still(false)
    smpp.spawn(function() client:call("GET", "{gw}4", function(_, _, code) codes[4] = code end) end)
    client:close()
    smpp.sleep(0.1)
    assert.same({ "closed", "closed", "closed", "closed" }, codes)
  end))

  it("says to a client with a plain URL that it has reached a cluster", async.virtual(function(loop)
    local cluster = clusters.new(loop)
    local client = assert(valkey.connect "valkey://127.0.0.2")
    local _, message, code = client:call("GET", "{gw}a")
    assert.equal("MOVED", code)
    assert.truthy(message:find("a cluster: expected a URL like valkey+cluster://host", 1, true), message)
    client:close()
    cluster.close()
  end))
end)
