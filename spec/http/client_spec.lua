local client = require "smpp.http.client"
local http = require "smpp.http"
local run = require "smpp.loop.run"
local shell = require "spec.support.shell"
local web = require "spec.support.web"

local seen
local ROUTES = {
  { "GET", "/", function(request)
    seen = request
    return { status = 200, type = "text/plain", headers = { "X-A", "b", "Retry-After", "7" }, body = ("x"):rep(1000) }
  end },
  { "POST", "/", function(request)
    seen = request
    return { status = 422, type = "text/plain", body = request.body }
  end },
  { "GET", "/moved", function() return { status = 302, headers = { "Location", "/" } } end },
  { "GET", "/slow", function()
    run.sleep(0.3)
    return { status = 200 }
  end },
}

describe("smpp.http.client", function()
  local function it_calls(name, fn) it(name, web.served({ routes = ROUTES }, fn)) end

  it_calls("gives status, headers and body, whatever the status", function(server)
    local answer = assert(http.request { url = server.url, headers = { "X-B: c" } })
    assert.same({ 200, "b", "7", 1000 }, { answer.status, answer.headers["x-a"], answer.headers["retry-after"], #answer.body })
    assert.equal("c", seen.headers["x-b"])
    answer = assert(http.request { url = server.url, body = "a\0b", headers = { "Content-Type: text/x" } })
    assert.same({ 422, "a\0b", "text/x" }, { answer.status, answer.body, seen.headers["content-type"] })
    assert.equal("", assert(http.request { url = server.url, method = "HEAD" }).body)
  end)

  it_calls("sends user and password of the URL as Basic", function(server)
    assert(http.request { url = server.url:gsub("//", "//me:secret@") })
    assert.equal("Basic bWU6c2VjcmV0", seen.headers.authorization)
  end)

  it_calls("follows no redirect, and reads no more than it is told", function(server)
    assert.equal(302, assert(http.request { url = server.url .. "/moved" }).status)
    assert.equal(100, #assert(http.request { url = server.url, max_octets = 100 }).body)
  end)

  it_calls("fails with a code", function(server)
    local function code(o) return (select(3, http.request(o))) end
    assert.equal("timeout", code { url = server.url .. "/slow", timeout_s = 0.05 })
    assert.equal("bad_value", code { url = "gopher://127.0.0.1/" })
    assert.equal("bad_value", code { url = "file:///etc/hostname" })
    assert.equal("connect_failed", code { url = "http://127.0.0.1:1/" })
  end)

  it_calls("asks about each address before it connects, and never shares a connection with calls under another rule", function(server)
    assert(http.request { url = server.url }) -- leaves a connection
    local asked = {}
    local function none(address)
      asked[#asked + 1] = address
      return false
    end
    local answer, _, code = http.request { url = server.url, allow = none }
    assert.same({ nil, "not_allowed" }, { answer, code })
    assert.same({ "127.0.0.1" }, asked)
    for _, host in ipairs { "2130706433", "0x7f000001", "017700000001", "127.1", "localhost" } do -- however it is written
      assert.equal("not_allowed", select(3, http.request { url = ("http://%s:%d/"):format(host, server.port), allow = none }), host)
    end
    assert(http.request { url = server.url, allow = function(address) return address == "127.0.0.1" end })
  end)

  it_calls("makes many calls at once", function(server)
    local count = 0
    run.each((function()
      local i = 0
      return function()
        i = i + 1
        return i <= 100 and i or nil
      end
    end)(), 20, function()
      if assert(http.request { url = server.url }).status == 200 then count = count + 1 end
    end)
    assert.equal(100, count)
    client.shut()
    client.shut()
  end)

  it("takes no proxy of the environment", function()
    if not http.is_available() then shell.skip "no HTTP library" end
    local interpreter = jit and "luajit" or "lua" .. _VERSION:match "%d%.%d"
    local script = [[
      local smpp, http = require "smpp", require "smpp.http"
      smpp.run(function()
        local server = assert(http.serve { port = 0, routes = { { "GET", "/", function() return { status = 200, body = "direct" } end } } })
        print(assert(http.request { url = server.url }).body)
        server:close(0)
      end)]]
    local out = shell.must(("LUA_PATH='%s' LUA_CPATH='%s' http_proxy=http://127.0.0.1:1 all_proxy=http://127.0.0.1:1 timeout 20 %s -e '%s'"):format(package.path,
      package.cpath, interpreter, script))
    assert.equal("direct\n", out)
  end)
end)
