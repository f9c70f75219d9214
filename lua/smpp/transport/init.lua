--- The transport of a session: the loop's TCP connection, and on top of it a chain of filters.
--- A filter is a file of this folder and a row in FILTERS; CONTRIBUTING.md has the recipe.
local kind = require "smpp.base.kind"
local task = require "smpp.base.task"
local tls_options = require "smpp.transport.tls_options"

local transport = {}

--- URL schemes: default port, and the options that the scheme implies.
transport.schemes = {
  smpp = { port = 2775, options = {} },
  smpps = { port = 8775, options = { tls = true } },
}

--- The default port of an address.
---@param o table  options of a client, or of an address that a server listens on
---@return integer
function transport.default_port(o) return transport.schemes[o.tls and "smpps" or "smpp"].port end

---@class smpp.FilterRow
---@field option string   its name among the options of a client or of an address that a server listens on
---@field module string
---@field accept boolean? applies to accepted connections
---@field connect boolean? applies to outgoing connections
---@field missing string?  message where the module is not installed
---@field schemas table<"accept"|"connect", smpp.Schema>?  options of its own

---@class smpp.FilterModule
---@field new fun(inner: smpp.Transport, settings: any, context: smpp.ChainContext): smpp.Transport  `inner` itself: no filter
---  for this connection
---@field prepare (fun(side: "accept"|"connect", value: any, o: table, previous: any): any, string?, string?)?  reads the option's
---  value once for many connections; nil, message, code when certificates or the like cannot be read; default: the value
---  itself.  previous: what it returned before, when a chain is read again
---@field wrong (fun(side: "accept"|"connect", value: any): string|smpp.Mistake|nil)?  the error of an invalid option value, nil: valid

-- In the order of the chain: the first is on the socket, the last below the session.
---@type smpp.FilterRow[]
local FILTERS = {
  { option = "proxy_protocol", module = "smpp.transport.proxy", accept = true },
  { option = "tls", module = "smpp.transport.tls", accept = true, connect = true, missing = "TLS support is not installed (rock smpp-tls)",
    schemas = { accept = tls_options.server, connect = tls_options.client } },
}

--- The module of a filter; nil where it, or a C module of it, is not installed.
local function module_of(row)
  local ok, result = pcall(require, row.module)
  if ok then return result end
  if row.missing and tostring(result):find("module '[%w_.]+' not found") then return nil end
  error(result, 0)
end

local switch = kind.either("boolean", "table")

--- The kind of the option that enables a filter.
---@param option string
---@param side "accept"|"connect"
---@return smpp.Kind
function transport.kind(option, side)
  for _, row in ipairs(FILTERS) do
    if row.option == option then
      if row.schemas then return kind.either("boolean", row.schemas[side]) end
      return kind.checked(switch.expected, function(value)
        local module = module_of(row)
        if module and module.wrong then return module.wrong(side, value) end
        return kind.problem(switch, value)
      end, switch.read)
    end
  end
  error("unknown filter option: " .. option)
end

---@class smpp.ChainContext  the connection, as described to filters
---@field side "accept"|"connect"
---@field loop smpp.Loop
---@field host string?       as it was dialed; nil: of an accepted connection
---@field port integer?
---@field timeout_s number?  for all steps before the session, nil or 0: no limit

---@class smpp.ChainStep  a filter of the table above in a chain
---@field row smpp.FilterRow
---@field module smpp.FilterModule
---@field settings any  of new connections

---@class smpp.Chain
---@field side "accept"|"connect"
---@field options table
---@field filters (fun(inner: smpp.Transport, context: smpp.ChainContext): smpp.Transport)[]  the socket's first
---@field steps smpp.ChainStep[]
---@field warnings string[]  for the log: insecure settings found when filters were prepared
local Chain = {}
local CHAIN = { __index = Chain, __name = "smpp.Chain" }

--- Makes the chain for options.
---@param side "accept"|"connect"
---@param o table  options
---@param more? (fun(inner: smpp.Transport, context: smpp.ChainContext): smpp.Transport)[]  further filters, below the session
---@return smpp.Chain? chain
---@return string? message
---@return string? code  "tls"; whatever a filter says
function transport.chain(side, o, more)
  local self = setmetatable({ side = side, options = o, filters = {}, steps = {}, warnings = {} }, CHAIN)
  for _, row in ipairs(FILTERS) do
    if row[side] and o[row.option] then
      local module = module_of(row)
      if not module then return nil, row.missing, row.option end
      local step = { row = row, module = module, settings = nil }
      local settings, message, code = self:prepare(step)
      if settings == nil then return nil, message, code end
      step.settings = settings
      for _, warning in ipairs(type(settings) == "table" and settings.warnings or {}) do table.insert(self.warnings, warning) end
      self.steps[#self.steps + 1] = step
      self.filters[#self.filters + 1] = function(inner, context) return module.new(inner, step.settings, context) end
    end
  end
  for _, new in ipairs(more or {}) do self.filters[#self.filters + 1] = new end
  return self
end

--- The settings of a step for new connections.
---@private
---@param step smpp.ChainStep
---@return any settings
---@return string? message
---@return string? code
function Chain:prepare(step)
  local value = self.options[step.row.option]
  if not step.module.prepare then return value end
  local settings, message, code = step.module.prepare(self.side, value, self.options, step.settings)
  if settings == nil then return nil, message, code or step.row.option end
  return settings
end

local told = {} -- warnings that are already reported

--- Reports warnings of filters, each line once per process.
---@param tell fun(message: string)
function Chain:warn(tell)
  for _, message in ipairs(self.warnings) do
    if not told[message] then
      told[message] = true
      tell(message)
    end
  end
end

--- The value of a filter's option as the filter prepared it; nil: the chain has no such filter.
---@param option string
---@return any settings
function Chain:settings_of(option)
  for _, step in ipairs(self.steps) do
    if step.row.option == option then return step.settings end
  end
end

--- Reads again what filters read from files.  Nothing changes until `apply` is called, which affects new connections only.
---@return (fun())? apply
---@return string? message
---@return string? code
function Chain:reload()
  local fresh = {}
  for i, step in ipairs(self.steps) do
    local settings, message, code = self:prepare(step)
    if settings == nil then return nil, message, code end
    fresh[i] = settings
  end
  return function()
    for i, step in ipairs(self.steps) do step.settings = fresh[i] end
  end
end

---@class smpp.Establishing  a connection on its way to a session
---@field finished boolean
local Establishing = {}
local ESTABLISHING = { __index = Establishing, __name = "smpp.Establishing" }

--- Adds the filters to a connection, one after the other: the header or handshake of each is complete before the next one
--- begins.  A connection that fails is closed.
---@param inner smpp.Transport  not started
---@param context smpp.ChainContext
---@param callback fun(transport: smpp.Transport?, message: string?, code: string?)  called once, maybe before this
---  returns; not after cancel.  The transport reads from when it is started
---@return smpp.Establishing
function Chain:establish(inner, context, callback)
  local establishing = setmetatable({
    filters = self.filters,
    context = context,
    callback = callback,
    at = 0,             -- index of the current filter
    top = inner,        -- the transport so far
    timer = nil,
    deadline = nil,     -- of all steps
    finished = false,
  }, ESTABLISHING)
  establishing:next()
  return establishing
end

---@private
function Establishing:finish(top, message, code)
  if self.finished then return end
  self.finished = true
  if self.timer then self.timer:close() end
  if not top then self.top[self.top.abandon and "abandon" or "reset"](self.top) end
  self.callback(top, message, code)
end

---@private
function Establishing:next()
  while self.at < #self.filters do
    self.at = self.at + 1
    local inner = self.top
    self.top = self.filters[self.at](inner, self.context)
    if self.top ~= inner and self.top.establish then return self:wait() end
  end
  self:finish(self.top)
end

--- Waits for the step of the filter on top.
---@private
function Establishing:wait()
  local top, loop, timeout_s = self.top, self.context.loop, self.context.timeout_s or 0
  local now, limit_s = loop:now(), top.limit_s or 0
  if timeout_s > 0 then self.deadline = self.deadline or now + timeout_s end
  local at = limit_s > 0 and now + limit_s or math.huge
  if self.deadline and self.deadline < at then at, limit_s = self.deadline, timeout_s end
  if self.timer then self.timer:close() end
  self.timer = at < math.huge and loop:timer(function()
    self:finish(nil, ("no %s within %.3g s"):format(top.awaits, limit_s), top.late_code or "timeout")
  end) or nil
  if self.timer then self.timer:start(at - now) end
  top:establish(function(ok, message, code)
    if self.finished or self.top ~= top then return end
    if not ok then return self:finish(nil, message, code) end
    top:pause() -- until the next filter or the session starts it
    self:next()
  end)
end

--- Cancels it; the connection is reset, and the callback is not called.
function Establishing:cancel()
  if self.finished then return end
  self.finished = true
  if self.timer then self.timer:close() end
  self.top:reset()
end

--- Connects, and establishes the filters.
---@async
---@param loop smpp.Loop
---@param o { host: string, port: integer, connect_timeout_s: number?, timeout_s: number? }  timeout_s: as of a context
---@param attempt? { cancel: fun()? }  cancel is set during the attempt: it ends it at once, with code "closed"
---@return smpp.Transport? transport  to be started
---@return string? message
---@return string? code  "connect_failed", "timeout", "closed"; whatever a filter says
function Chain:connect(loop, o, attempt)
  local token, key, step = task.need(2), {}, nil
  attempt = attempt or {}
  local function finish(transport, message, code)
    attempt.cancel = nil
    task.wake_for(token, key, transport, message, code)
  end
  function attempt.cancel()
    step:cancel()
    finish(nil, "closed", "closed")
  end
  step = loop:connect({ host = o.host, port = o.port, timeout_s = o.connect_timeout_s }, function(inner, message, code)
    if not inner then return finish(nil, message, code) end
    step = self:establish(inner, { side = "connect", loop = loop, host = o.host, port = o.port, timeout_s = o.timeout_s }, finish)
  end)
  return task.wait(key)
end

return transport
