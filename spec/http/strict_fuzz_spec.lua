-- Requests that are changed at random: whatever comes is answered in HTTP or closed, and the server goes on.
local async = require "spec.support.async"
local run = require "smpp.loop.run"
local util = require "spec.support.util"
local web = require "spec.support.web"

local SEEDS = {
  "POST /a?b=c HTTP/1.1\r\nHost: x\r\nX-A: b\r\nContent-Length: 3\r\n\r\nabcGET /a HTTP/1.1\r\nHost: x\r\n\r\n",
  "POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
  "GET http://x/a HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n\r\n",
}
local PIECES = { "\r", "\n", "\r\n", "\0", " ", "\t", ":", "chunked", "Content-Length: 5\r\n", "Transfer-Encoding: chunked\r\n", "\r\n\r\n", "\255", "HTTP/1.0" }

local function changed(random)
  local octets = SEEDS[random(#SEEDS)]
  for _ = 1, random(4) do
    local at, kind = random(#octets), random(3)
    local piece = kind == 1 and "" or PIECES[random(#PIECES)]
    octets = octets:sub(1, at - 1) .. piece .. octets:sub(kind == 2 and at or at + random(3))
  end
  return octets
end

describe("strict: under random changes", function()
  local function handler(request) return { status = 200, type = "text/plain", body = request.body or "" } end

  it("answers in HTTP or closes, and goes on", web.served({
    routes = { { "GET", "/a", handler }, { "POST", "/a", handler } }, header_s = 0.5, body_s = 0.5, idle_s = 0.5,
  }, function(server, loop)
    local random, list = util.random(5), {}
    for i = 1, 300 do
      local octets = changed(random)
      local transport = assert(async.await(function(done) loop:connect({ host = "127.0.0.1", port = server.port }, done) end))
      list[i] = { transport = transport, octets = octets, got = async.collect(transport) }
      transport:write(octets)
    end
    run.sleep(0.1)
    for _, one in ipairs(list) do
      local answer = one.got.octets
      assert.is_true(answer == "" or answer:find "^HTTP/1.1 [1-5]%d%d " ~= nil, one.octets)
      assert.is_nil(answer:find("HTTP/1.1 500", 1, true), one.octets)
      one.transport:close()
    end
    assert.matches("ok$", (web.raw(loop, server.port, "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nok", 1)))
  end))
end)
