local async = require "spec.support.async"
local feeds = require "smpp.http.feed"
local run = require "smpp.loop.run"
local web = require "spec.support.web"

local feed

local ROUTES = {
  { "GET", "/events", function(request) return feed:serve(request) end },
  { "GET", "/some", function(request) return feed:serve(request, { b = true }) end },
}

--- The octets of all chunks so far.
local function body(octets)
  local list, at = {}, octets:find("\r\n\r\n", 1, true)
  at = at and at + 4
  while at do
    local size, from = octets:match("^(%x+)\r\n()", at)
    if not size then break end
    list[#list + 1] = octets:sub(from, from + tonumber(size, 16) - 1)
    at = from + tonumber(size, 16) + 2
  end
  return table.concat(list)
end

--- A client that listens: what it got is got().
local function listen(loop, server, headers, path)
  local before = feed.clients
  local transport = assert(async.await(function(done) loop:connect({ host = "127.0.0.1", port = server.port }, done) end))
  local collected = async.collect(transport)
  transport:write(("GET %s HTTP/1.1\r\nHost: x\r\n%s\r\n"):format(path or "/events", headers or ""))
  async.wait_until(function() return feed.clients > before end)
  local function got() return (body(collected.octets):gsub("^retry: %d+\n\n", "")) end
  return transport, got, collected
end

describe("smpp.http.feed", function()
  local function it_feeds(name, fn, o)
    it(name, web.served({ routes = ROUTES }, function(server, loop)
      feed = feeds.new(o)
      fn(server, loop)
    end))
  end

  it("writes an event", function()
    assert.equal("data: a\n\n", feeds.event { data = "a" })
    assert.equal(": c\nretry: 1500\nid: 7\nevent: e\ndata: a\ndata: \ndata: b\ndata: \n\n",
      feeds.event { comment = "c", retry_s = 1.5, id = "7", event = "e", data = "a\r\n\rb\n" })
    assert.equal("data: \n\n", feeds.event { data = "" })
    assert.equal("\n", feeds.event {})
    for _, name in ipairs { "event", "id", "comment" } do
      for _, octet in ipairs { "\r", "\n", "\0" } do
        assert.has_error(function() feeds.event { [name] = "a" .. octet .. "data: forged" } end)
      end
    end
    assert.has_error(function() feeds.new { keep_octets = 1 } end)
  end)

  it_feeds("tells all clients, each what it wants", function(server, loop)
    assert.is_false(feed:is_wanted())
    assert.is_false(feed:publish("a", "nobody hears it"))
    local one, got = listen(loop, server)
    local two, got_some = listen(loop, server, "", "/some")
    assert.is_true(feed:publish("a", "1"))
    assert.is_true(feed:publish("b", "2\n3"))
    async.wait_until(function() return got():find "3\n\n$" and got_some():find "3\n\n$" end)
    local id = got():match "^id: (%x+)%.1\nevent: a\ndata: 1\n\nid: %x+%.2\nevent: b\ndata: 2\ndata: 3\n\n$"
    assert.is_string(id)
    assert.equal(("id: %s.2\nevent: b\ndata: 2\ndata: 3\n\n"):format(id), got_some())
    one:close()
    two:close()
    async.wait_until(function() return feed.clients == 0 end)
    assert.is_true(feed:is_wanted()) -- they may come back
    assert.is_nil(feed.timer)
  end)

  it_feeds("goes on where a client was", function(server, loop)
    local first, got = listen(loop, server)
    feed:publish("a", "1")
    async.wait_until(function() return got() ~= "" end)
    local name = got():match "^id: (%x+)%.1\n"
    first:close()
    async.wait_until(function() return feed.clients == 0 end)
    feed:publish("a", "2")
    feed:publish("a", "3")
    for id, wanted in pairs {
      [name .. ".1"] = ("id: %s.2\nevent: a\ndata: 2\n\nid: %s.3\nevent: a\ndata: 3\n\n"):format(name, name),
      [name .. ".3"] = "", [name .. ".4"] = 'event: dropped\ndata: {"count":null}\n\n',
      ["abc.1"] = 'event: dropped\ndata: {"count":null}\n\n', x = 'event: dropped\ndata: {"count":null}\n\n',
    } do
      local transport, again = listen(loop, server, ("Last-Event-ID: %s\r\n"):format(id))
      async.wait_until(function() return #again() >= #wanted end)
      run.sleep(0.002)
      assert.equal(wanted, again(), id)
      transport:close()
      async.wait_until(function() return feed.clients == 0 end)
    end
    feed.until_s = loop:now() -- the minute is over: what happens now is not kept
    assert.is_false(feed:publish("a", "4"))
    local transport, again = listen(loop, server, ("Last-Event-ID: %s.3\r\n"):format(name))
    async.wait_until(function() return again() ~= "" end)
    assert.equal('event: dropped\ndata: {"count":null}\n\n', again())
    transport:close()
  end)

  it_feeds("keeps little, and tells a slow client what it has missed", function(server, loop)
    local slow, got, collected = listen(loop, server)
    local fast, got_fast = listen(loop, server, "", "/some")
    slow:pause()
    local n, text = 0, ("x"):rep(900)
    while feed.list[1].next >= feed.first do -- until the system's buffers are full, and the client's queue
      for _ = 1, 100 do
        n = n + 1
        assert.is_true(feed:publish("a", text))
      end
      assert.is_true(feed.octets <= 65536)
      run.sleep(0)
    end
    feed:publish("b", "last")
    async.wait_until(function() return got_fast() ~= "" end) -- others do not wait
    assert.is_true(feed.list[1].out.exchange:room() >= 0)
    slow:resume()
    async.wait_until(function() return collected.octets:find("data: last", #collected.octets - 100, true) end)
    local number, seen, dropped = 0, 0, 0
    for block in got():gmatch "(.-)\n\n" do
      local id, count = tonumber(block:match "^id: %x+%.(%d+)"), tonumber(block:match '^event: dropped\ndata: {"count":(%d+)}$')
      if count then
        dropped, number = dropped + count, number + count
      else
        seen, number = seen + 1, number + 1
        assert.equal(number, id)
      end
    end
    assert.equal(n + 1, seen + dropped)
    assert.is_true(dropped > 0)
    slow:close()
    fast:close()
  end, { keep_octets = 65536 })

  it_feeds("counts an event that is too large as missed", function(server, loop)
    local transport, got = listen(loop, server)
    feed:publish("a", "1")
    assert.is_false(feed:publish("a", ("x"):rep(1100)))
    feed:publish("a", "2")
    assert.is_false(feed:publish("a", ("x"):rep(1100)))
    async.wait_until(function() return select(2, got():gsub("dropped", "")) == 2 end)
    assert.matches('^id: %x+%.1\nevent: a\ndata: 1\n\nevent: dropped\ndata: {"count":1}\n\nid: %x+%.3\nevent: a\ndata: 2\n\n'
      .. 'event: dropped\ndata: {"count":1}\n\n$', got())
    transport:close()
  end, { keep_octets = 4096 })

  it_feeds("sends what was published just before the server closes", function(server, loop)
    local transport, got, collected = listen(loop, server)
    feed:publish("a", "1")
    server:close(1)
    async.wait_until(function() return collected.closed > 0 end)
    assert.matches("^id: %x+%.1\nevent: a\ndata: 1\n\n$", got())
    transport:close()
  end)

  it_feeds("keeps a connection alive that gets nothing", function(server, loop)
    local transport, got = listen(loop, server)
    async.wait_until(function() return got():find "^:\n\n:\n\n" end)
    transport:close()
  end, { keep_alive_s = 0.01 })
end)
