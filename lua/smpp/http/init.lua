--- HTTP on the loop: a server and calls of others' servers, over libmicrohttpd and libcurl (rock smpp-http).
local client = require "smpp.http.client"
local feeds = require "smpp.http.feed"
local problem = require "smpp.http.problem"
local router = require "smpp.http.router"
local server = require "smpp.http.server"
local task = require "smpp.base.task"

local http = {
  problem = problem.new,
  form = router.form,
  limits = server.limits,
  server_schema = server.schema,
  request_schema = client.schema,
  feed = feeds.new,
  feed_schema = feeds.schema,
  event = feeds.event,
}

--- Serves HTTP: `smpp.http.serve { port = 8080, routes = { { "GET", "/", handler } } }`.
---@param o table  docs/http.md
---@return smpp.HttpServer? server
---@return string? message
---@return string? code  "connect_failed", "tls", "missing"
function http.serve(o) return server.new(o) end

local request = task.waits(function(_, o) return client.request(o) end)

--- Calls a server: `smpp.http.request { url = … }`; with a function as last argument it does not wait.
---@async
---@param o table  docs/http.md
---@param callback function?
---@return smpp.HttpAnswer? answer
---@return string? message
---@return string? code
function http.request(o, callback) return request(nil, o, callback) end

--- Is the library installed?
---@return boolean
function http.is_available() return (pcall(require, "smpp.libhttp")) end

return http
