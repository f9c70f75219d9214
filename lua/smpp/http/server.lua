--- A server: libmicrohttpd in the loop, each request in a task.
local kind = require "smpp.base.kind"
local loops = require "smpp.loop"
local net = require "smpp.base.net"
local problem = require "smpp.http.problem"
local router = require "smpp.http.router"
local run = require "smpp.loop.run"
local schema = require "smpp.base.schema"
local stream = require "smpp.http.stream"
local task = require "smpp.base.task"

local servers = {}

---@class smpp.HttpServer
---@field host string
---@field port integer
---@field url string
local Server = {}
local mt = { __index = Server, __name = "smpp.HttpServer" }

function mt:__tostring() return "HTTP server " .. self.url end

---@class smpp.HttpRequest
---@field method string
---@field path string
---@field query string                    as it came
---@field host string
---@field version string
---@field headers table<string, string>   by name in lower case; repeated ones joined with ", "
---@field params table<string, string>    of the path
---@field peer string                     address of the client; "" when it had gone before it was asked for
---@field body string
---@field is_secure boolean
local Request = {}
local request_mt = { __name = "smpp.HttpRequest" }

--- What few ask for is looked up when they do.
function request_mt:__index(name)
  if name == "peer" then
    self.peer = self.exchange:peer() or ""
    return self.peer
  end
  return Request[name]
end

local octets = kind.with_unit("octets", kind.integer(1, 2 ^ 40))

--- Limits of a server.
servers.limits = schema.new {
  { "max_body_octets", octets, 1048576, "of a body; larger: 413", "max_body_octets = 65536" },
  { "max_header_octets", kind.with_unit("octets", kind.integer(1024, 2 ^ 20)), 16384,
    "of request line and header; larger: 431", "max_header_octets = 8192" },
  { "max_connections", kind.integer(1, 1e6), 10000, "beyond, connections are closed at once", "max_connections = 100" },
  { "header_s", kind.seconds, 10, "for the header; later: 408", "header_s = 5" },
  { "body_s", kind.seconds, 30, "for the body; later: 408", "body_s = 60" },
  { "idle_s", kind.seconds, 60, "a connection without a request is kept", "idle_s = 10" },
}

servers.tls = schema.new {
  { "cert", "string", nil, "file of the certificate and its chain, PEM", 'cert = "server.pem"', required = true },
  { "key", "string", nil, "file of its key, PEM", 'key = "server.key"', required = true },
}

servers.schema = schema.new({
  { "host", kind.host, "127.0.0.1", "address to listen on", 'host = "0.0.0.0"' },
  { "port", kind.port, nil, "port; 0 picks a free one", "port = 8080", required = true },
  { "tls", servers.tls, nil, "https", 'tls = { cert = "server.pem", key = "server.key" }' },
  { "routes", "table", nil, "what is served: { method, path, handler }", 'routes = { { "GET", "/", handler } }', required = true, program = true },
  { "headers", "table", nil, "headers of every answer, but of routes with `headers` of their own: name, value …",
    'headers = { "Cache-Control", "no-store" }', program = true },
  { "guard", "function", nil, "refuses a request by its header: returns an answer, or nothing", "guard = function(request) end", program = true },
  { "on_error", "function", nil, "gets the traceback of a handler that failed", "on_error = function(trace) end", program = true },
  { "loop", "table", nil, "event loop", "loop = loop", default_text = "the current one", program = true },
}, servers.limits)

local SWEEP_S = 1 -- how often slow connections are looked for

local METHODS = { GET = true, HEAD = true, POST = true, PUT = true, PATCH = true, DELETE = true, OPTIONS = true }

local WRONG = { [431] = "headers_too_large", [414] = "uri_too_long", [501] = "not_implemented" }

local function read_file(path)
  local file, message = io.open(path, "rb")
  if not file then return nil, message end
  local content = file:read "*a"
  file:close()
  return content
end

-- ---- answers ----

--- The request is no more among those that run.
local function forget(self, request)
  if not self.requests[request.exchange] then return end
  self.requests[request.exchange] = nil
  self.active = self.active - 1
  if self.active == 0 and self.drained then task.wake_for(self.drained, self) end
end

local CLOSE = { "Connection", "close" }
local JSON = { "Content-Type", "application/json" }

--- The header that an answer has because of its kind and because of the connection.
local function own_headers(self, request, response)
  local closes = response.closes or self.closing or request.version == "HTTP/1.0"
  if not response.type then return closes and CLOSE or nil end
  if closes then return { "Content-Type", response.type, "Connection", "close" } end
  if response.type == JSON[2] then return JSON end
  return { "Content-Type", response.type }
end

--- Gives a request its answer.
local function answer(self, request, response)
  if request.is_answered then return end
  request.is_answered = true
  local route = request.route
  request.exchange:answer(response.status, response.body or "", own_headers(self, request, response), route and route.headers or self.headers,
    response.headers)
  self:wake()
  forget(self, request)
end

--- An answer in pieces; the request runs until the library says that its end was sent, or that the client is gone.
---@async
local function answer_in_pieces(self, request, response)
  if request.is_answered then return end
  request.is_answered = true
  local out = stream.begin(self, request, response, own_headers(self, request, response))
  if not out then return end -- gone
  request.out = out
  if self.closing and not request.is_stream then out:stop("shutting_down") end
  if request.method == "HEAD" then return out:finish() end
  local ok, trace = task.traced_pcall(response.stream, out)
  if ok then return out:finish() end
  out:cut()
  self.on_error(trace, trace)
end

local function perform(self, request, handler)
  local ok, response, err = task.traced_pcall(handler, request)
  if not ok or type(response) ~= "table" then
    self.on_error(ok and debug.traceback("a handler gave no answer: " .. tostring(err)) or response, response)
    response = problem.new("internal", "the request failed")
  end
  if response.stream then return answer_in_pieces(self, request, response) end
  answer(self, request, response)
end

-- ---- what the library calls ----

--- The header of a request has come: refuses, or returns the limit of the body.
local function on_head(self, exchange, method, target, version, headers, wrong, status)
  local request = setmetatable({
    exchange = exchange, method = method, version = version, headers = headers, server = self, params = nil,
    path = nil, query = nil, host = nil, body = nil, is_secure = self.is_secure, is_answered = false, route = nil, out = nil,
  }, request_mt)
  if wrong then
    local response = problem.new(WRONG[status] or "bad_request", wrong, { status = status })
    response.closes = true
    return answer(self, request, response)
  end
  local path, query, host = router.target(method, target)
  request.path, request.query, request.host = path, query, host or headers.host
  local route, found
  if not METHODS[method] then
    found = problem.new("not_implemented", "unknown method")
    found.closes = true
  elseif not path then
    found = problem.new("bad_request", "invalid request target")
    found.closes = true
  elseif self.closing then
    found = problem.new("shutting_down", "the server shuts down", { retry_after_s = 1 })
  else
    found = self.guard and self.guard(request)
    if not found then
      route, found = self.router:find(method, path)
    end
  end
  local length = tonumber(headers["content-length"] or 0)
  if route then
    request.params, request.route = found, route
    found = route.guard and route.guard(request)
    local most = route.max_octets or self.options.max_body_octets
    request.is_stream = route.stream == true or not found and route.stream and route.stream(request) or false
    if not found and not request.is_stream and length > most then
      found = problem.new("too_large", ("the body may have %d octets"):format(most))
    end
  end
  if found then
    if length > 0 or headers["transfer-encoding"] then found.closes = true end
    return answer(self, request, found)
  end
  self.requests[exchange] = request
  self.active = self.active + 1
  if request.is_stream then
    exchange:in_pieces()
    task.start(self.on_error, perform, self, request, route[3])
    return
  end
  return route.max_octets or self.options.max_body_octets
end

--- A piece of a body that a handler reads itself; false: it has to wait.
local function on_body(self, exchange, piece)
  local request = self.requests[exchange]
  if not request then return true end -- has its answer: the rest is dropped
  if request.reader then return task.wake_for(request.reader, request, piece) end
  request.piece = piece
  return false
end

--- The whole request is there.
local function on_request(self, exchange, body)
  local request = self.requests[exchange]
  if not request then return end
  if request.is_stream then
    request.is_read = true
    if request.reader then task.wake_for(request.reader, request) end
    return
  end
  request.body = body
  task.start(self.on_error, perform, self, request, request.route[3])
end

--- The connection has ended before the answer, or the end of an answer in pieces was sent.
local function on_gone(self, exchange)
  local request = self.requests[exchange]
  if not request then return end
  request.is_answered, request.is_gone = true, true
  if request.out then request.out:stop "connection_lost" end
  if request.reader then task.wake_for(request.reader, request, nil, "the connection has ended", "connection_lost") end
  forget(self, request)
end

--- A client has taken octets of an answer in pieces.
local function on_room(self, exchange)
  local request = self.requests[exchange]
  if request and request.out then request.out:has_room() end
end

--- The next piece of the body of a route with `stream`; nil at its end; nil, message, code when the connection is lost.
---@async
---@return string? octets
---@return string? message
---@return string? code  "connection_lost"
function Request:read()
  if self.is_gone then return nil, "the connection has ended", "connection_lost" end
  local piece = self.piece
  if piece then
    self.piece = nil
    self.exchange:resume()
    self.server:wake()
    return piece
  end
  if self.is_read then return nil end
  self.reader = task.need()
  local octets_, message, code = task.wait(self)
  self.reader = nil
  return octets_, message, code
end

-- ---- the server ----

--- Lets the library work.
local function work(self)
  if self.is_closed then return end
  local again_s = self.native:run()
  if again_s == 0 then self:wake() end
  if not self.is_timed then
    self.is_timed = true
    self.timer:start(SWEEP_S)
  end
end

--- Lets the library work at the end of this turn.
---@private
function Server:wake()
  if self.is_scheduled then return end
  self.is_scheduled = true
  self.loop:defer(self.scheduled)
end

local function limits_of(o, to)
  for _, row in ipairs(servers.limits.rows) do to[row[1]] = o[row[1]] end
  return to
end

--- Changes limits; those that are left out get their defaults.  What is open is held to the new ones from its next request on.
---@param given table  of `servers.limits`
---@return boolean? changed
---@return string? message  max_header_octets is larger than the memory of connections, and has not changed; the others have
---@return string? code  "restart"
function Server:set_limits(given)
  local limits = servers.limits:fill(servers.limits:check(given))
  local before = self.options.max_header_octets
  local fits = self.native:set_limits(limits_of(limits, {}))
  limits_of(limits, self.options)
  if fits then return true end
  self.options.max_header_octets = before
  return nil, "max_header_octets has grown", "restart"
end

local MISSING = "HTTP support is not installed (rock smpp-http; Debian: apt-get install libmicrohttpd-dev libcurl4-openssl-dev)"

--- Serves; see docs/http.md.
---@param given table
---@return smpp.HttpServer? server
---@return string? message
---@return string? code  "connect_failed", "tls", "missing"
function servers.new(given)
  local o = servers.schema:fill(servers.schema:check(given))
  local has, library = pcall(require, "smpp.libhttp")
  if not has then return nil, MISSING, "missing" end
  local loop = o.loop or loops.current()
  if not loop.watch then return nil, "the virtual loop cannot serve HTTP", "connect_failed" end
  local self = setmetatable({
    options = o, loop = loop, router = router.new(o.routes), headers = o.headers or {}, guard = o.guard,
    on_error = o.on_error or function(trace, err) loop.on_error(trace, err) end,
    is_secure = o.tls ~= nil,
    native = nil, poll = nil, timer = nil, -- the library, its descriptor, its timer
    requests = {}, active = 0,           -- exchange -> request without an answer, and how many
    is_scheduled = false, is_timed = false, scheduled = nil,
    closing = false, is_closed = false, drained = nil,
    host = o.host, port = nil, url = nil, has_handlers = true,
  }, mt)
  local settings = limits_of(o, { host = o.host, port = ("%d"):format(o.port) })
  if o.tls then
    for _, name in ipairs { "cert", "key" } do
      local content, message = read_file(o.tls[name])
      if not content then return nil, message, "tls" end
      settings[name] = content
    end
  end
  local guard = loop.guard
  local function guarded(fn)
    return function(exchange, body) guard(fn, self, exchange, body) end
  end
  local core, port = library.serve(settings, {
    head = function(...) return on_head(self, ...) end,
    body = function(exchange, piece) return on_body(self, exchange, piece) end,
    request = guarded(on_request),
    gone = guarded(on_gone),
    room = guarded(on_room),
  })
  if not core then
    return nil, ("cannot listen on %s: %s"):format(net.address(o.host, o.port), port), o.tls and port:find "certificate" and "tls" or "connect_failed"
  end
  self.native, self.port = core, port
  self.url = ("%s://%s"):format(o.tls and "https" or "http", net.address(o.host, port))
  self.scheduled = function()
    self.is_scheduled = false
    work(self)
  end
  self.poll = loop:watch(core:fd(), function() work(self) end)
  self.timer = loop:timer(function()
    self.is_timed = false
    if core:sweep() > 0 then work(self) end
  end)
  loop:hold()
  run.opened(self)
  return self
end

--- Serves other routes, from the next request on.
---@param routes smpp.HttpRoute[]
function Server:set_routes(routes) self.router = router.new(routes) end

--- Tells the writers of answers in pieces that the server closes; those that still read their requests only at the end.
local function stop_streams(self, all)
  local list = {}
  for _, request in pairs(self.requests) do
    if all or not request.is_stream or request.is_read then list[#list + 1] = request.out end
  end
  for _, out in ipairs(list) do out:stop "shutting_down" end
end

--- Closes: no new connections, requests that come are refused, those that run have `timeout_s` to end; the writers of answers in
--- pieces are told.
---@async
---@param timeout_s number?  default 10
---@return integer unanswered
function Server:close(timeout_s)
  if self.closing then return 0 end
  self.closing = true
  self.native:stop_listening()
  stop_streams(self, false)
  if self.active > 0 and (timeout_s or 10) > 0 then
    local timer
    self.drained = task.need()
    timer = self.loop:timer(function() task.wake_for(self.drained, self) end, true)
    timer:start(timeout_s or 10)
    task.wait(self)
    timer:close()
  end
  local unanswered = self.active
  self.loop:defer(function() -- not in a callback of the library; once more, so that the last answers are sent
    stop_streams(self, true)
    self.native:run()
    self.is_closed = true
    self.poll:close()
    self.timer:close()
    self.native:close()
    self.loop:release()
    run.closed(self)
  end)
  return unanswered
end

return servers
