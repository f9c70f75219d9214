local async = require "spec.support.async"
local checks = require "smpp.nodes.checks"
local engines = require "spec.support.valkey"
local schema = require "smpp.base.schema"
local valkey = require "smpp.valkey"

local INFO = { redis_version = "7.0.15", maxmemory = "0", maxmemory_policy = "noeviction", evicted_keys = "0", connected_slaves = "0", redis_mode = "standalone",
  aof_enabled = "1" }
-- As Valkey 8.0.1 says it: redis_version is the one that it is compatible with, and there is no redis_mode.
local VALKEY = { redis_version = "7.2.4", valkey_version = "8.0.1", redis_mode = false, server_mode = "standalone" }
local CONFIG = { appendonly = "yes", appendfsync = "always", ["min-replicas-to-write"] = "1", ["min-replicas-max-lag"] = "10" }

--- Words and severities of the problems of an engine.
local function problems(o)
  local found, messages = {}, {}
  async.virtual(function(loop)
    local engine = engines.new(loop, { answer = function(words)
      local name = words[1]
      if o.errors and o.errors[name] then return "-" .. o.errors[name] .. "\r\n" end
      if name == "INFO" then
        local lines = {}
        for key, value in pairs(schema.merge(INFO, o.info or {})) do
          if value then lines[#lines + 1] = key .. ":" .. value end
        end
        return engines.reply("# Server\r\n" .. table.concat(lines, "\r\n"))
      elseif name == "CONFIG" then
        local list = {}
        for key, value in pairs(CONFIG) do
          if key:find("^" .. words[3]:gsub("%*", ""):gsub("%-", "%%-")) then
            list[#list + 1], list[#list + 2] = key, o.config and o.config[key] or value
          end
        end
        return engines.reply(list)
      elseif name == "COMMAND" then
        local list = {}
        for i = 3, #words do list[i - 2] = o.missing == words[i] and "_\r\n" or "*1\r\n" .. engines.reply(words[i]:lower()) end
        return "*" .. #list .. "\r\n" .. table.concat(list)
      elseif name == "CLUSTER" then
        return engines.reply { { 0, 16383, { "127.0.0.1", 6379 } } }
      elseif name == "EXISTS" then
        return ":0\r\n"
      elseif name == "TIME" then
        return engines.reply { ("%.0f"):format(loop:time() + (o.ahead_s or 0)), "0" }
      end
    end })
    if o.slow_s then
      loop:on_link(function(link)
        link.a_to_b.latency = function() return o.slow_s end
      end)
    end
    local client = assert(valkey.connect { o.url or "valkey://127.0.0.1", loop = loop, tag = "gw" })
    for _, one in ipairs(assert(checks.run(client, o.options or {}))) do
      found[#found + 1] = one.severity .. " " .. one.word
      messages[one.word] = one.message
    end
    client:close()
    engine.close()
  end)()
  return found, messages
end

local USUAL = { "warning maxmemory" }

describe("smpp.nodes.checks", function()
  it("finds nothing but the missing limit of memory in an engine as it should be", function()
    assert.same(USUAL, (problems {}))
    assert.same({}, (problems { info = { maxmemory = "1000" } }))
  end)

  it("looks for all commands that scripts, stores and nodes use", function()
    local used, count = {}, 0
    for _, name in ipairs { "store/valkey_prelude", "store/valkey_scripts", "store/valkey_queues", "store/valkey_waits", "nodes/scripts", "nodes/learner",
      "nodes/room", "nodes/others", "nodes/init", "valkey/script" } do
      local file = assert(io.open("lua/smpp/" .. name .. ".lua"))
      local text = file:read "*a"
      file:close()
      for _, pattern in ipairs { '%f[%w_]call%(["\'](%u+)', 'call_with%("(%u+)', 'command%({ "(%u+)', 'command%([%w_]+, "(%u+)' } do
        for word in text:gmatch(pattern) do used[word] = word ~= "WAITAOF" or nil end
      end
    end
    for word in pairs(used) do
      count = count + 1
      assert.equal("the engine has no " .. word, select(2, problems { missing = word }).commands)
    end
    assert.is_true(count > 30)
  end)

  it("finds what must not be", function()
    assert.same({ "error version", USUAL[1] }, (problems { info = { redis_version = "6.2.1" } }))
    local found, messages = problems { info = { redis_mode = "cluster" } }
    assert.same({ "error cluster", USUAL[1] }, found)
    assert.equal("the engine is a cluster: expected a URL like valkey+cluster://host", messages.cluster)
    assert.same(USUAL, (problems { info = { redis_mode = "cluster" }, url = "valkey+cluster://127.0.0.1" }))
    assert.same({ "error engine", USUAL[1] }, (problems { info = { redis_version = false } }))
    assert.same({ "error maxmemory-policy" }, (problems { info = { maxmemory = "1000", maxmemory_policy = "allkeys-lru" } }))
    assert.same(USUAL, (problems { info = { maxmemory_policy = "allkeys-lru" } }))
    found, messages = problems { missing = "WAIT" }
    assert.same({ "error commands", USUAL[1] }, found)
    assert.equal("the engine has no WAIT", messages.commands)
    found, messages = problems { options = { durable = "disk" }, info = { connected_slaves = "1" } }
    assert.same({ "error WAITAOF", USUAL[1] }, found)
    assert.equal('durable = "disk" needs WAITAOF: Valkey or Redis 7.2, this is Redis 7.0.15', messages.WAITAOF)
    assert.same(USUAL, (problems { options = { durable = "disk" }, info = { connected_slaves = "1", redis_version = "7.2.4" } }))
    local newer = { connected_slaves = "1", redis_version = "7.2.4" }
    found, messages = problems { options = { durable = "disk" }, info = newer, missing = "WAITAOF" }
    assert.same({ "error commands", "the engine has no WAITAOF" }, { found[1], messages.commands })
    found, messages = problems { options = { durable = "disk" }, config = { appendonly = "no" },
      info = { connected_slaves = "1", redis_version = "7.2.4", aof_enabled = "0" } }
    assert.same({ "error appendonly", USUAL[1] }, found)
    assert.truthy(messages.appendonly:find 'durable = "disk"')
    assert.same({ "error NOPERM" }, (problems { errors = { INFO = "NOPERM this user has no permissions" } }))
  end)

  it("reads what Valkey says of itself", function()
    assert.same(USUAL, (problems { info = VALKEY }))
    assert.same(USUAL, (problems { info = schema.merge(VALKEY, { connected_slaves = "1" }), options = { durable = "disk" } }))
    assert.same({ "error cluster", USUAL[1] }, (problems { info = schema.merge(VALKEY, { server_mode = "cluster" }) }))
    local _, messages = problems { info = schema.merge(VALKEY, { valkey_version = "6.9.0" }) }
    assert.equal("Valkey 6.9.0: expected Valkey, or Redis 7.0 or newer", messages.version)
    assert.same({ "8.0.1", "Valkey" }, { checks.version(VALKEY) })
    assert.same({ "7.0.15", "Redis" }, { checks.version(INFO) })
    assert.same({ "", "Redis" }, { checks.version {} })
  end)

  it("finds what should not be", function()
    assert.same({ "warning appendonly", USUAL[1] }, (problems { config = { appendonly = "no" } }))
    assert.same({ "warning appendfsync", USUAL[1] }, (problems { config = { appendfsync = "everysec" } }))
    local found, messages = problems { config = { appendfsync = "everysec" }, info = schema.merge(VALKEY, { connected_slaves = "1" }),
      options = { durable = "disk" } }
    assert.same({ "warning appendfsync", USUAL[1] }, found)
    assert.equal("appendfsync is everysec: answers wait longer for the disk; expected always, on replicas, too", messages.appendfsync)
    assert.same({ "warning config", USUAL[1] }, (problems { errors = { CONFIG = "NOPERM no" } }))
    assert.same({ "warning commands", USUAL[1] }, (problems { errors = { COMMAND = "NOPERM no" } }))
    assert.same({ USUAL[1], "warning evicted_keys" }, (problems { info = { evicted_keys = "3" } }))
    assert.same({ USUAL[1], "warning replicas" }, (problems { options = { durable = "replica" } }))
    assert.same({ "warning min-replicas-to-write", USUAL[1] },
      (problems { options = { durable = "replica" }, info = { connected_slaves = "1" }, config = { ["min-replicas-to-write"] = "0" } }))
    assert.same(USUAL, (problems { config = { ["min-replicas-to-write"] = "0" } }))
    assert.same({ USUAL[1], "warning clock" }, (problems { ahead_s = 60 }))
    assert.same({ USUAL[1], "warning clock" }, (problems { ahead_s = -60 }))
    assert.same({ USUAL[1], "warning round trip" }, (problems { slow_s = 0.02 }))
  end)

  it("reads INFO", function()
    assert.same({ a = "1", b_2 = "x:y", c = "" }, checks.info "# Server\r\na:1\r\nb_2:x:y\r\nc:\r\nnonsense\r\n\r\n")
  end)
end)
