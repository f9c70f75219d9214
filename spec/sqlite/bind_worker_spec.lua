local has, sqlite = pcall(require, "smpp.sqlite")
if not has then return end

local ECHO = "local channel, a, b = ... while true do local list = channel.take() if not list then break end "
  .. "for _, one in ipairs(list) do channel.give(a .. one .. tostring(b)) end end channel.give 'end'"

--- All answers until there are so many.
local function receive(worker, count)
  local list = {}
  while #list < count do
    assert(worker:wait(10000))
    for _, one in ipairs(worker:receive()) do list[#list + 1] = one end
  end
  return list
end

describe("bind_worker", function()
  it("gives back answers in order, of any octets", function()
    local worker = assert(sqlite.worker(ECHO, "<", ">"))
    assert.is_true(worker:fd() >= 0)
    assert.same({}, worker:receive())
    local sent = {}
    for i = 1, 1000 do
      sent[i] = ("\0%d\255"):format(i)
      worker:send({ sent[i], "behind the count" }, 1)
    end
    local list = receive(worker, 1000)
    for i = 1, 1000 do assert.equal("<" .. sent[i] .. ">", list[i]) end
    assert.is_true(worker:stop())
    assert.same({ "end" }, worker:receive())
  end)

  it("does what it was sent before it stops, and is sent nothing afterwards", function()
    local worker = assert(sqlite.worker(ECHO, "", ""))
    for _ = 1, 50 do worker:send({ "x", "y" }, 2) end
    assert.is_true(worker:stop())
    assert.equal(101, #worker:receive())
    assert.has_error(function() worker:send({ "x" }, 1) end, "the worker has stopped")
    assert.is_true(worker:stop())
  end)

  it("gets what is sent in one call together", function()
    local worker = assert(sqlite.worker("local channel = ... while true do local list = channel.take() if not list then break end "
      .. "channel.give(table.concat(list, ' ')) end"))
    worker:send({ "a", "b", "c" }, 3)
    assert.same({ "a b c" }, receive(worker, 1))
    worker:send({}, 0)
    assert.has_error(function() worker:send({ "a", 1 }, 2) end)
    assert.has_error(function() worker:send({ "a" }, 2) end)
    worker:send({ "d" }, 1)
    assert.same({ "d" }, receive(worker, 1))
    worker:stop()
  end)

  it("says why its code failed", function()
    local worker, message = sqlite.worker "this is no Lua"
    assert.is_nil(worker)
    assert.truthy(message:find "worker:1")
    worker = assert(sqlite.worker "error('oops', 0)")
    assert.same({ nil, "oops" }, { worker:stop() })
    local ok
    ok, message = worker:wait(1)
    assert.is_nil(ok)
    assert.equal("no answer in time", message)
  end)

  it("ends with its collection", function()
    for _ = 1, 20 do
      local worker = assert(sqlite.worker(ECHO, "", ""))
      worker:send({ "x" }, 1)
    end
    collectgarbage()
    collectgarbage()
  end)
end)
