local async = require "spec.support.async"
local clusters = require "spec.support.valkey_cluster"
local engines = require "spec.support.valkey"
local smpp = require "smpp"
local valkey = require "smpp.valkey"

local reply = engines.reply

local function engine_of(loop, host, role)
  local self
  self = engines.new(loop, { host = host, role = role, answer = function()
    if self.role ~= "master" then return "-READONLY You can't write against a read only replica.\r\n" end
    return reply(host)
  end })
  return self
end

describe("smpp.valkey.primary", function()
  it("is the one of several hosts that says so, also after a failover", async.virtual(function(loop)
    local a, b = engine_of(loop, "127.0.0.1", "slave"), engine_of(loop, "127.0.0.2", "master")
    local client = assert(valkey.connect "valkey://127.0.0.1,127.0.0.2,127.0.0.3")
    assert.equal("127.0.0.2:6379", client.address)
    assert.equal("127.0.0.2", (client:call "WHO"))
    a.role, b.role = "master", "slave"
    assert.equal("READONLY", (select(3, client:call "WHO"))) -- the connection leads to a replica: another is made
    assert.equal("127.0.0.1", (client:call "WHO"))
    client:close()
    a.close()
    b.close()
  end))

  it("is none where two say so, until one is left", async.virtual(function(loop)
    local a, b = engine_of(loop, "127.0.0.1", "master"), engine_of(loop, "127.0.0.2", "master")
    local client, message, code = valkey.connect "valkey://127.0.0.1,127.0.0.2"
    assert.same({ nil, "2 primaries: 127.0.0.1:6379, 127.0.0.2:6379; none is used", "two_primaries" }, { client, message, code })
    client = assert(valkey.connect { "valkey://127.0.0.1,127.0.0.2", wait = true })
    smpp.sleep(0.5)
    assert.equal(message, client.failure)
    b.role = "slave"
    smpp.sleep(1)
    assert.equal("127.0.0.1:6379", client.address)
    client:close()
    a.close()
    b.close()
  end))

  it("fails with the first host's reason where none says so", async.virtual(function(loop)
    local a = engine_of(loop, "127.0.0.1", "slave")
    local client, message, code = valkey.connect "valkey://127.0.0.1,127.0.0.2"
    assert.same({ nil, "127.0.0.1:6379: not a primary, role slave", "connect_failed" }, { client, message, code })
    a.close()
  end))

  it("is named by a sentinel, which is asked again after a failover", async.virtual(function(loop)
    local a, b = engine_of(loop, "127.0.0.1", "master"), engine_of(loop, "127.0.0.2", "slave")
    local primary = "127.0.0.1"
    local sentinel = engines.new(loop, { host = "127.0.0.9", port = 26379, role = "sentinel", answer = function(words)
      if words[3] ~= "mymaster" then return "*-1\r\n" end
      return reply { primary, "6379" }
    end })
    local client = assert(valkey.connect "valkey+sentinel://127.0.0.8,127.0.0.9?name=mymaster")
    assert.equal("127.0.0.1", (client:call "WHO"))
    primary, a.role, b.role = "127.0.0.2", "slave", "master"
    a.drop()
    smpp.sleep(0.01)
    assert.equal("127.0.0.2", (client:call "WHO"))
    b.role = "slave" -- the sentinel names a replica
    b.drop()
    smpp.sleep(0.01)
    assert.equal("not_sent", (select(3, client:call "WHO")))
    client:close()
    local message, code
    client, message, code = valkey.connect "valkey+sentinel://127.0.0.9?name=other"
    assert.same({ nil, "127.0.0.9:26379: the sentinel does not know 'other'", "connect_failed" }, { client, message, code })
    client, message = valkey.connect "valkey+sentinel://127.0.0.8?name=other"
    assert.is_nil(client)
    assert.is_truthy(message:find("127.0.0.8:26379", 1, true))
    sentinel.close()
    a.close()
    b.close()
  end))

  it("gets the password that its file has by then, and nobody is shown it", async.virtual(function(loop)
    local path = os.tmpname()
    local function write(text)
      local file = assert(io.open(path, "w"))
      file:write(text)
      file:close()
    end
    write "one\n"
    local given, wanted = {}, "one"
    local engine = engines.new(loop, { greets = false, answer = function(words)
      local line = table.concat(words, " ")
      if words[1] ~= "HELLO" then return engines.greeting(words) or ("-ERR unknown command, with args beginning with: %s\r\n"):format(line) end
      given[#given + 1] = words[5]
      if words[5] ~= wanted then return ("-WRONGPASS invalid %s\r\n"):format(line) end
      return "%1\r\n$5\r\nproto\r\n:3\r\n"
    end })
    local client = assert(valkey.connect { "valkey://127.0.0.1", password_file = path })
    write "two\n"
    wanted = "two"
    engine.drop()
    smpp.sleep(1)
    assert.same({ "one", "two", "ready" }, { given[1], given[2], client.state })
    write "three\n"
    engine.drop()
    smpp.sleep(1)
    assert.truthy(client.failure:find("WRONGPASS invalid HELLO 3 AUTH default ***", 1, true), client.failure)
    os.remove(path)
    smpp.sleep(6)
    assert.truthy(client.failure:find "^password_file: ")
    client:close()
    engine.close()
  end))

  it("is the node of a cluster that has the slot, found from any node", async.virtual(function(loop)
    local cluster = clusters.new(loop)
    cluster.owner = 2
    for _, url in ipairs { "valkey+cluster://127.0.0.1", "redis+cluster://127.0.0.2", "valkey+cluster://127.0.0.9,127.0.0.3" } do
      local client = assert(valkey.connect { url, tag = "gw" })
      assert.equal("127.0.0.2:6379", client.address)
      assert.equal("OK", (client:call("SET", "{gw}a", 1)))
      client:close()
    end
    cluster.close()
  end))

  it("is looked for at nodes that the cluster has told of, where those given are away; and at the ones given", async.virtual(function(loop)
    local cluster = clusters.new(loop, { count = 4 })
    local client = assert(valkey.connect { "valkey+cluster://127.0.0.1,127.0.0.9", tag = "gw" })
    cluster.nodes[1].replicate(0)
    assert.equal("OK", (client:call("SET", "{gw}a", 1)))
    cluster.die(cluster.nodes[1].replicas[1], 3, 2) -- the others say for two seconds that it has the slot
    smpp.sleep(1.5)
    assert.truthy(client.failure:find("127.0.0.1:6379", 1, true), client.failure)
    smpp.sleep(3)
    assert.equal("127.0.0.3:6379", client.address)
    assert.equal("1", (client:call("GET", "{gw}a")))
    assert.equal(2, #client.places)
    client:close()
    cluster.close()
  end))

  it("says what a cluster lacks, or that there is none", async.virtual(function(loop)
    local plain = engines.new(loop, { answer = function(words)
      return words[1] == "CLUSTER" and "-ERR This instance has cluster support disabled\r\n" or ":0\r\n"
    end })
    local client, message, code = valkey.connect { "valkey+cluster://127.0.0.1", tag = "gw" }
    assert.same({ nil, "cluster" }, { client, code })
    assert.equal("127.0.0.1:6379: no cluster: expected a URL like valkey://host (ERR This instance has cluster support disabled)", message)
    plain.close()
    local cluster = clusters.new(loop)
    cluster.is_down = true
    client, message, code = valkey.connect { "valkey+cluster://127.0.0.1", tag = "gw" }
    assert.same({ nil, "127.0.0.1:6379: CLUSTERDOWN The cluster is down", "CLUSTERDOWN" }, { client, message, code })
    cluster.is_down = false
    cluster.nodes[1].close()
    client, message, code = valkey.connect { "valkey+cluster://127.0.0.2", tag = "gw" } -- the owner is away
    assert.same({ nil, "connect_failed" }, { client, code })
    assert.truthy(message:find("127.0.0.1:6379", 1, true), message)
    cluster.close()
  end))

  it("is the one that CLUSTER SLOTS names where the user may not look for the key; two that disagree for ever are given up", async.virtual(function(loop)
    local owner, nodes, silent = 2, {}, false
    for i = 1, 2 do
      nodes[i] = engines.new(loop, { host = "127.0.0." .. i, answer = function(words)
        if silent then return nil end
        if words[1] == "CLUSTER" then return reply { { 0, 16383, { "127.0.0." .. owner, 6379 } } } end
        if words[1] == "EXISTS" and owner == 0 then return ("-MOVED 7373 127.0.0.%d:6379\r\n"):format(3 - i) end
        return words[1] == "EXISTS" and "-NOPERM no\r\n" or reply("node " .. i)
      end })
    end
    local client = assert(valkey.connect { "valkey+cluster://127.0.0.1", tag = "gw" })
    assert.equal("127.0.0.2:6379", client.address)
    client:close()
    local since = loop:now()
    client = assert(valkey.connect { "valkey+cluster://127.0.0.1", tag = "gw", wait = true })
    silent = true
    smpp.sleep(0.1)
    client:close() -- while it asks
    smpp.sleep(0.1)
    assert.is_true(nodes[1].connections[#nodes[1].connections].closed)
    assert.is_true(loop:now() - since < 1)
    owner, silent = 0, false
    local message, code
    client, message, code = valkey.connect { "valkey+cluster://127.0.0.1", tag = "gw" }
    assert.same({ nil, "slot 7373: too many redirections", "connect_failed" }, { client, message, code })
    for _, node in ipairs(nodes) do node.close() end
  end))

  it("is none where several hosts of a cluster are given without saying so", async.virtual(function(loop)
    local nodes = {}
    for i = 1, 2 do
      nodes[i] = engines.new(loop, { host = "127.0.0." .. i, greets = false, answer = function(words)
        if words[1] == "HELLO" then return "%2\r\n$5\r\nproto\r\n:3\r\n$4\r\nmode\r\n$7\r\ncluster\r\n" end
        return engines.greeting(words)
      end })
    end
    local client, message, code = valkey.connect "valkey://127.0.0.1,127.0.0.2"
    assert.same({ nil, "2 primaries: 127.0.0.1:6379, 127.0.0.2:6379; none is used: a cluster: expected a URL like valkey+cluster://host",
      "cluster" }, { client, message, code })
    for _, node in ipairs(nodes) do node.close() end
  end))
end)
