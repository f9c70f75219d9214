--- Calls of others' HTTP servers: libcurl in the loop.  Redirects are not followed, proxies of the environment not used.
local kind = require "smpp.base.kind"
local loops = require "smpp.loop"
local schema = require "smpp.base.schema"
local task = require "smpp.base.task"

local client = {}

client.schema = schema.new {
  { "url", "string", nil, "http or https; user:password in it becomes Basic", 'url = "https://example.org/"', required = true },
  { "method", kind.one_of("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"), nil, "method", 'method = "PUT"',
    default_text = "GET; with a body POST" },
  { "headers", "table", nil, "header lines", 'headers = { "Accept: text/plain" }' },
  { "body", "string", nil, "body", 'body = "x=1"' },
  { "timeout_s", kind.with_unit("s", kind.real(0.001, 86400)), 30, "for all of it", "timeout_s = 5" },
  { "max_octets", kind.octets, 1048576, "of the answer's body; the rest is not read", "max_octets = 65536" },
  { "ca", "string", nil, "file of authorities, PEM", 'ca = "ca.pem"', default_text = "the system's" },
  { "insecure", "boolean", false, "does not check certificates", "insecure = true" },
  { "allow", "function", nil, "says of an address whether it may be connected to", "allow = function(address) end", program = true },
  { "loop", "table", nil, "event loop", "loop = loop",
    default_text = "the current one", program = true },
}

---@class smpp.HttpAnswer
---@field status integer
---@field headers table<string, string>  by name in lower case
---@field body string

local CODES = {
  timeout = "timeout", tls = "tls", connect = "connect_failed", refused = "not_allowed", bad_url = "bad_value", lost = "connection_lost",
}

local IDLE_S = 30 -- unused connections are kept so long

-- loop -> `allow` or false -> what runs its calls.  A connection that is kept serves only calls under the rule under which it was made.
local multis = setmetatable({}, { __mode = "k" })

local function shut(self)
  if self.is_closed or self.calls > 0 then return end
  if self.is_running then
    self.is_ending = true
    return
  end
  multis[self.loop][self.rule] = nil
  self.is_closed = true
  for _, one in ipairs { self.poll, self.timer, self.idle } do one:close() end
  self.native:close()
end

local function work(self)
  if self.is_running or self.is_closed then return end
  self.is_running = true
  local again_s = self.native:run()
  self.is_running = false
  if self.is_ending then
    self.is_ending = false
    return shut(self)
  end
  if again_s then self.timer:start(again_s) else self.timer:stop() end
  if self.calls == 0 and not self.is_idle then
    self.is_idle = true
    self.idle:start(IDLE_S)
  end
end

local function multi_of(loop, rule)
  multis[loop] = multis[loop] or {}
  local self = multis[loop][rule]
  if self then return self end
  local has, library = pcall(require, "smpp.libhttp")
  if not has then return nil, "HTTP support is not installed (rock smpp-http)", "missing" end
  if not loop.watch then return nil, "the virtual loop makes no HTTP calls", "connect_failed" end
  local core, message = library.multi()
  if not core then return nil, message, "connect_failed" end
  self = { native = core, loop = loop, rule = rule, calls = 0, is_running = false, is_ending = false, is_closed = false }
  self.poll = loop:watch(core:fd(), function() work(self) end)
  self.timer = loop:timer(function() work(self) end)
  self.idle = loop:timer(function() -- closes kept connections when nobody has called for a while
    self.is_idle = false
    shut(self)
  end)
  multis[loop][rule] = self
  return self
end

--- Closes the connections that are kept for the next calls.
---@param loop smpp.Loop?
function client.shut(loop)
  local list = {}
  for _, self in pairs(multis[loop or loops.current()] or {}) do list[#list + 1] = self end
  for _, self in ipairs(list) do shut(self) end
end

local function headers_of(head)
  local headers = {}
  for name, value in head:gmatch "([^\r\n:]+):[ \t]*([^\r\n]*)\r?\n" do
    name = name:lower()
    headers[name] = headers[name] and headers[name] .. ", " .. value or value
  end
  return headers
end

--- Calls, and waits for the answer.
---@async
---@param given table
---@return smpp.HttpAnswer? answer  whatever its status
---@return string? message
---@return string? code  "bad_value", "connect_failed", "tls", "not_allowed", "timeout", "connection_lost", "missing"
function client.request(given)
  local o = client.schema:fill(client.schema:check(given))
  local token = task.need(3)
  local self, message, code = multi_of(o.loop or loops.current(), o.allow or false)
  if not self then return nil, message, code end
  o.method = o.method or o.body and "POST" or "GET"
  self.calls = self.calls + 1
  self.loop:hold()
  local result, waits
  local key = {}
  self.native:call(o, function(status, head, body)
    self.calls = self.calls - 1
    self.loop:release()
    result = status and { { status = status, headers = headers_of(head), body = body } } or { nil, head, CODES[body] }
    if waits then task.wake_for(token, key) end
  end, o.allow)
  self.loop:defer(function() work(self) end)
  waits = true
  if not result then task.wait(key) end
  return result[1], result[2], result[3]
end

return client
