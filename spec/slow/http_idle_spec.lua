-- 2,000 connections that are kept open and do nothing cost less than 50 MB.
local async = require "spec.support.async"
local http = require "smpp.http"
local run = require "smpp.loop.run"
local shell = require "spec.support.shell"

local function resident_kb()
  for line in io.lines "/proc/self/status" do
    local kb = line:match "^VmRSS:%s+(%d+)"
    if kb then return tonumber(kb) end
  end
end

local REQUESTS = { "GET / HTTP/1.1\r\nHost: x\r\n\r\n", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n" .. ("x"):rep(100) }

describe("an HTTP server with 2,000 idle connections", function()
  it("needs less than 50 MB for them and our own ends, after a GET and a POST each", function()
    if not http.is_available() then shell.skip "no HTTP library" end
    if (tonumber(shell.must "ulimit -n") or 1e6) < 4200 then shell.skip "too few file descriptors: ulimit -n 5000" end
    async.luv(function(loop)
      local server = assert(http.serve { port = 0, routes = {
        { "GET", "/", function() return { status = 200, body = "x" } end },
        { "POST", "/", function(request) return { status = 200, body = request.body } end },
      } })
      local list, before = {}, nil
      collectgarbage()
      before = resident_kb()
      for i = 1, 2000 do
        local transport = assert(async.await(function(done) loop:connect({ host = "127.0.0.1", port = server.port }, done) end))
        list[i] = transport
        local got = async.collect(transport)
        for _, request in ipairs(REQUESTS) do
          got.octets = ""
          transport:write(request)
          async.wait_until(function() return #got.octets > 0 end)
        end
      end
      run.sleep(0.1)
      assert.is_true(resident_kb() - before < 50000, resident_kb() - before)
      for _, transport in ipairs(list) do transport:close() end
      server:close(0)
    end, 120)()
  end)
end)
