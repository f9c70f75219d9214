--- An HTTP server for specs, and octets sent to it as they are.
local async = require "spec.support.async"
local http = require "smpp.http"
local run = require "smpp.loop.run"
local shell = require "spec.support.shell"
local task = require "smpp.base.task"

local web = {}

--- A body for `it` with a server; pending where the libraries are missing.
---@param o table                    of smpp.http.serve
---@param fn fun(server: smpp.HttpServer, loop: smpp.Loop, errors: string[])
---@param limit_s number?
function web.served(o, fn, limit_s)
  return function()
    if not http.is_available() then shell.skip "no HTTP library: apt-get install libmicrohttpd-dev libcurl4-openssl-dev" end
    async.luv(function(loop, errors)
      local given = { port = 0 }
      for name, value in pairs(o) do given[name] = value end
      local server = assert(http.serve(given))
      local ok, failure = task.pcall(fn, server, loop, errors)
      server:close(ok and 1 or 0)
      require("smpp.http.client").shut()
      if not ok then error(failure, 0) end
    end, limit_s)()
  end
end

--- Sends octets, in pieces when it is a list; returns what came until the peer closed, or `count` answers were there.
---@async
---@return string octets
---@return boolean closed
function web.raw(loop, port, octets, count)
  local transport = assert(async.await(function(done) loop:connect({ host = "127.0.0.1", port = port }, done) end))
  local got = async.collect(transport)
  for i, piece in ipairs(type(octets) == "table" and octets or { octets }) do
    if i > 1 then run.sleep(0.005) end
    transport:write(piece)
  end
  async.wait_until(function()
    local _, answers = got.octets:gsub("HTTP/1.1 %d+", "")
    return got.closed > 0 or count and answers >= count
  end)
  transport:close()
  return got.octets, got.closed > 0
end

--- The statuses of answers.
function web.statuses(octets)
  local list = {}
  for status in octets:gmatch "HTTP/1.1 (%d+)" do list[#list + 1] = tonumber(status) end
  return list
end

return web
