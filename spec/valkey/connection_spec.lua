local async = require "spec.support.async"
local connections = require "smpp.valkey.connection"
local engines = require "spec.support.valkey"
local resp = require "smpp.valkey.resp"
local smpp = require "smpp"

local await = async.await

--- A body with a connection to an engine that answers what the words after ECHO say.
local function with(fn)
  return async.virtual(function(loop)
    local engine = engines.new(loop, { greets = false, answer = function(words) return words[2] end })
    local transport = await(function(done) loop:connect({ host = "127.0.0.1", port = 6379 }, done) end)
    local connection = connections.new(loop, transport, "127.0.0.1:6379", { timeout_s = 2 })
    fn(connection, engine, loop)
    connection:close("closed", "closed")
    engine.close()
  end)
end

describe("smpp.valkey.connection", function()
  it("gives each command its reply and its context, in order", with(function(connection)
    local got = {}
    for i = 1, 3 do
      connection:send(resp.command({ "ECHO", i == 2 and "-OOM full\r\n" or ":" .. i .. "\r\n" }, 2), function(value, message, code, context)
        got[#got + 1] = { value or false, message or false, code or false, context }
      end, "context " .. i)
    end
    assert.is_true(connection.pending_octets > 0)
    smpp.sleep(0.1)
    assert.same({ { 1, false, false, "context 1" }, { false, "OOM full", "OOM", "context 2" }, { 3, false, false, "context 3" } }, got)
    assert.equal(0, connection.pending_octets)
  end))

  it("reports error replies, push data, and why it ended; whoever waits is told once", with(function(connection)
    local told = {}
    connection.on_error = function(code) told[#told + 1] = code end
    connection.on_push = function(list) told[#told + 1] = list[1] end
    connection.on_closed = function(message, code) told[#told + 1] = code .. ": " .. message end
    assert.same({ nil, "READONLY x", "READONLY" }, { connection:call("ECHO", "-READONLY x\r\n") })
    assert.equal("a", (connection:call("ECHO", ">1\r\n+hint\r\n+a\r\n")))
    local count = 0
    for _ = 1, 3 do
      connection:send(resp.command({ "ECHO", "?\r\n" }, 2), function(value, message, code)
        count = count + 1
        assert.same({ nil, "malformed" }, { value, code })
        assert.equal("127.0.0.1:6379: malformed reply: unknown type at '?'", message)
        connection:close("again", "closed")
      end)
    end
    smpp.sleep(0.1)
    assert.equal(3, count)
    assert.same({ "READONLY", "hint", "malformed: malformed reply: unknown type at '?'" }, told)
  end))

  it("takes as long for each command as its own limit says", with(function(connection, _, loop)
    local codes = {}
    connection:send(resp.command({ "BLPOP" }, 1), function(_, _, code) codes[#codes + 1] = code .. " " .. loop:now() end, nil, 5)
    connection:send(resp.command({ "BLPOP" }, 1), function(_, _, code) codes[#codes + 1] = code .. " " .. loop:now() end)
    local start = loop:now()
    smpp.sleep(10)
    assert.same({ "timeout " .. start + 5, "timeout " .. start + 5 }, codes)
  end))
end)
