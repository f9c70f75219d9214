--- A console: one page that shows what a program does, and changes it.  The program gives figures, feeds, actions, and the
--- modules of the page that show them; this gives login, headers, the stream and the page around them.  docs/console.md.
local body = require "smpp.http.body"
local fields = require "smpp.http.fields"
local files = require "smpp.console.files"
local http = require "smpp.http"
local json = require "smpp.http.json"
local logins = require "smpp.console.logins"
local objects = require "smpp.codec.json"
local problem = require "smpp.http.problem"
local router = require "smpp.http.router"
local site = require "smpp.http.site"
local task = require "smpp.base.task"

local consoles = { files = files.read }

local HISTORY, PER_FRAME = 200, 60 -- items of a feed: when a page opens, and in a later frame
local FRAME_S = 0.5
local STREAMS_MAX, STALL_S = 32, 30 -- pages at once; one that takes nothing for that time is cut off

local PAGE = {
  "index.html", "style.css", "theme.js", "console.js", "dom.js", "format.js", "chart.js", "link.js", "icon.svg",
}

-- With each answer below /console.
local HEADERS = {
  "Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    .. "connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
  "Referrer-Policy", "no-referrer",
  "X-Frame-Options", "DENY",
  "Cross-Origin-Opener-Policy", "same-origin",
  "Cross-Origin-Resource-Policy", "same-origin",
  "Cache-Control", "no-store",
}

-- Items newer than the number `after`, the oldest first; the number of the last; how many were left out.
---@alias smpp.ConsoleFeed fun(after: integer, most: integer): any[], integer, integer

-- A handler, or the rows of a body and a function of its values that returns what is answered, true for 204, or nil, message, code, field.
---@alias smpp.ConsoleAction fun(request: smpp.HttpRequest): smpp.HttpResponse|table

---@class smpp.ConsoleOptions
---@field title string
---@field loop table
---@field host string                            that is listened on
---@field names string[]?                        further names of this host
---@field is_secure boolean?                     it is served over TLS
---@field token string?                          made when it is left out
---@field views string[]                         files that show something, in the order of the tabs
---@field files table<string, smpp.ConsoleFile>  those and what they need, of `consoles.files`
---@field state fun(): table                     the figures; asked while a page is open
---@field feeds table<string, smpp.ConsoleFeed>?
---@field every_s fun()|nil                     is called once a second, from now on: for what is shown of the last minutes
---@field actions table<string, smpp.ConsoleAction>?  what a page may ask for; its result, or nil, message, code, field

---@class smpp.Console
---@field token string  that opens it
local Console = {}
local mt = { __index = Console, __name = "smpp.Console" }

local function answer(value) return { status = 200, type = "application/json", body = json.write(value) } end

-- ---- who may ----

--- Refuses what a page of another origin sends.
local function foreign(request)
  local origin, from = request.headers.origin, request.headers["sec-fetch-site"]
  if origin and origin:lower():gsub("^https?://", "") ~= (request.host or ""):lower()
    or from and from ~= "same-origin" and from ~= "none" then
    return problem.new("cross_site", "the request comes from a page of another origin")
  end
end

--- The guard of a path below /console/api.
local function guard_of(self, changes)
  return function(request)
    local refused = site.misdirected(request, self.names) or foreign(request)
    if refused then return refused end
    local session = self.logins:find(request.headers.cookie)
    if not session then return problem.new("unauthorized", "log in with the token that was printed at the start") end
    if changes and not site.is_equal(request.headers["x-csrf-token"] or "", session.csrf) then
      return problem.new("cross_site", "expected the X-CSRF-Token of this login")
    end
    request.session = session
  end
end

local LOGIN = { { "token", fields.string(256), "the token that was printed at the start", required = true } }

local function login(self, request)
  local values, wrong = body.read(request, LOGIN)
  if not values then return wrong end
  local session, more = self.logins:enter(request.peer, values.token, request.headers.cookie)
  if session then
    local response = answer(objects.object { "csrf", session.csrf })
    response.headers = { "Set-Cookie", more }
    return response
  end
  if more then return problem.new("rate_limited", "too many wrong tokens from this address", { retry_after_s = more }) end
  return problem.new("unauthorized", "wrong token")
end

local function logout(self, request)
  return { status = 204, headers = { "Set-Cookie", self.logins:leave(request.session, request.headers.cookie) } }
end

-- ---- what it shows ----

--- The places in the feeds that a page has read up to: "INSTANCE:1:20"; nil: of another process, or none.
local function places_of(self, cursor)
  local places, n = {}, 0
  if cursor:match "^[^:]*" ~= self.instance then return nil end
  for number in cursor:gmatch ":(%d+)" do
    n = n + 1
    places[n] = tonumber(number)
  end
  return n == #self.feed_names and places or nil
end

--- What a page is shown: all that it needs, or what is new behind a cursor.
---@param cursor string?
---@param session smpp.ConsoleSession?
---@return table frame
---@return string cursor
function Console:frame(cursor, session)
  local places = cursor and places_of(self, cursor)
  local feeds, words = {}, { self.instance }
  for i, name in ipairs(self.feed_names) do
    local items, last, skipped = self.feeds[name](places and places[i] or 0, places and PER_FRAME or HISTORY)
    feeds[#feeds + 1], feeds[#feeds + 2] = name, objects.object { "items", objects.list(items), "skipped", skipped }
    words[#words + 1] = ("%d"):format(last)
  end
  local next_cursor = table.concat(words, ":")
  local frame = objects.object { "cursor", next_cursor, "state", self.state(), "feeds", objects.object(feeds) }
  if not places then
    for _, name in ipairs { "title", "views", "instance" } do objects.add(frame, name, self[name]) end
    objects.add(frame, "csrf", session and session.csrf)
  end
  return frame, next_cursor
end

local function state(self, request)
  local query, message = router.form(request.query)
  if not query then return problem.new("bad_value", message) end
  return answer((self:frame(query.after, request.session)))
end

--- Frames as server-sent events, as fast as the page takes them: what it is too slow for is counted as left out.
local function stream(self, request)
  local query = router.form(request.query)
  local cursor = request.headers["last-event-id"] or query and query.after
  if self.streams >= STREAMS_MAX then return problem.new("rate_limited", "too many pages are open", { retry_after_s = FRAME_S }) end
  local function follow(out)
    while self.logins:is_open(request.session) do
      local frame
      frame, cursor = self:frame(cursor, request.session)
      if not out:write(http.event { id = cursor, data = json.write(frame) }) or out:wait(FRAME_S) == nil then return end
    end
    out:write(http.event { event = "end", data = "{}" })
  end
  return { status = 200, type = "text/event-stream", stall_s = STALL_S, stream = function(out)
    self.streams = self.streams + 1
    local ok, trace = task.traced_pcall(follow, out)
    self.streams = self.streams - 1
    if not ok then error(trace, 0) end
  end }
end

local function perform(action, request)
  if type(action) == "function" then return action(request) end
  local values, wrong = body.read(request, action[1], true)
  if not values then return wrong end
  local result, message, code, field = action[2](values, request)
  if result == nil then return problem.new(code or "bad_value", message, { field = field }) end
  return result == true and { status = 204 } or answer(result)
end

-- ---- its routes ----

local function redirect() return { status = 302, headers = { "Location", "/console/" } } end

--- The answer to a request for "/", for a program that has another one there for some.
---@param request smpp.HttpRequest
---@return smpp.HttpResponse
function Console:home(request) return site.misdirected(request, self.names) or redirect() end

--- The routes for smpp.http.serve.  They guard themselves: a guard of the whole server lets "/" and "/console…" through.
---@return smpp.HttpRoute[]
function Console:routes()
  local list = {}
  local function route(method, path, handler, guard)
    list[#list + 1] = { method, path, function(request) return handler(self, request) end, guard = guard, headers = HEADERS, max_octets = 262144 }
  end
  local function names(request) return site.misdirected(request, self.names) end
  local function same_origin(request) return site.misdirected(request, self.names) or foreign(request) end
  route("GET", "/", redirect, names)
  route("GET", "/console", redirect, names)
  for name, file in pairs(self.files) do
    route("GET", name == "index.html" and "/console/" or "/console/" .. name,
      function() return { status = 200, type = file.type, body = file.body } end, names)
  end
  route("POST", "/console/login", login, same_origin)
  route("POST", "/console/logout", logout, guard_of(self, true))
  route("GET", "/console/api/state", state, guard_of(self))
  route("GET", "/console/api/stream", stream, guard_of(self))
  for name, action in pairs(self.actions) do
    route("POST", "/console/api/" .. name, function(_, request) return perform(action, request) end, guard_of(self, true))
  end
  local function nothing() return problem.new("not_found", "there is nothing at this path") end
  route("GET", "/console/{name}", nothing, names)
  route("GET", "/console/api/{name}", nothing, guard_of(self))
  route("POST", "/console/api/{name}", nothing, guard_of(self, true))
  return list
end

--- The address that opens it.
---@param url string  of the server
---@return string
function Console:url(url) return ("%s/console/#token=%s"):format(url, self.token) end

--- A console; its routes are to be served.
---@param o smpp.ConsoleOptions
---@return smpp.Console? console
---@return string? message
---@return string? code  "missing": files of the page
function consoles.new(o)
  local own, message = files.read("page", PAGE)
  if not own then return nil, message, "missing" end
  for name, file in pairs(o.files) do own[name] = file end
  local feed_names = {}
  for name in pairs(o.feeds or {}) do feed_names[#feed_names + 1] = name end
  table.sort(feed_names)
  local token = o.token or logins.secret()
  local self = setmetatable({
    title = o.title, views = objects.list(o.views), files = own, token = token, instance = logins.secret(),
    state = o.state, feeds = o.feeds or {}, feed_names = feed_names, actions = o.actions or {},
    names = site.names(o.host, o.names), logins = logins.new(o.loop, token, o.is_secure == true),
    timer = nil, streams = 0,
  }, mt)
  if o.every_s then
    self.timer = o.loop:timer(function()
      self.timer:start(1)
      o.every_s()
    end)
    self.timer:start(1)
  end
  return self
end

--- Ends it.
function Console:close()
  if self.timer then self.timer:close() end
  self.timer = nil
end

return consoles
