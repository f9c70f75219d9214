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

--- Requests each route of a server, and a path without one; for each answer it returns "METHOD path status" and its headers: name in lower
--- case -> list of values.
---@async
---@param lines string?  of the header
---@return table<string, table<string, string[]>> answers
function web.walk(loop, server, lines)
  local asked = { "GET /none" }
  local function add(entries)
    for _, entry in pairs(entries) do
      for method in pairs(entry.methods) do asked[#asked + 1] = method .. " " .. entry.path:gsub("{%w+}", "none"):gsub("/wait$", "%0?timeout_s=0") end
    end
  end
  add(server.router.fixed)
  add(server.router.patterns)
  table.sort(asked) -- a login ends behind what needs it
  local answers = {}
  for _, line in ipairs(asked) do
    local request = ("%s HTTP/1.1\r\nHost: localhost\r\n%s%s\r\n"):format(line, lines or "", line:find "^GET" and "" or "Content-Length: 0\r\n")
    local octets = web.raw(loop, server.port, request, 1)
    local status, block, headers = octets:match "^HTTP/1.1 (%d+)", octets:match "^[^\r]*\r\n(.-\r\n)\r\n", {}
    for name, value in block:gmatch "([^:\r\n]+): ([^\r]*)\r\n" do
      name = name:lower()
      headers[name] = headers[name] or {}
      table.insert(headers[name], value)
    end
    answers[line .. " " .. status] = headers
  end
  return answers
end

--- What is wrong with answers of `walk`: headers that come twice, answers that a cache might keep.
---@return string[]
function web.header_faults(answers)
  local faults = {}
  for answer, headers in pairs(answers) do
    for name, values in pairs(headers) do
      if values[2] then faults[#faults + 1] = ("%s: %s: %s"):format(answer, name, table.concat(values, " | ")) end
    end
    if not headers["cache-control"] or headers["cache-control"][1] ~= "no-store" then faults[#faults + 1] = answer .. ": no Cache-Control" end
    if not headers["x-content-type-options"] then faults[#faults + 1] = answer .. ": no X-Content-Type-Options" end
  end
  table.sort(faults)
  return faults
end

return web
