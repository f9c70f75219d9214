--- Loading a gateway's file again while it runs: when it, or a file that it names, has changed, and at SIGHUP.
local figures = require "smpp.gateway.figures"
local file = require "smpp.gateway.file"
local schema = require "smpp.base.schema"
local task = require "smpp.base.task"

local reload = {}

--- Marks of the files that were read: a change of one is detected without reading them, as tables may have a million rows.
---@param self smpp.Gateway
---@return table<string, string>  by path
function reload.marks(self)
  local list = {}
  for _, path in ipairs(self.files) do list[path] = self.loop:file_mark(path) end
  return list
end

--- Are two values equal, tables by their content?
---@return boolean
function reload.same(a, b)
  if type(a) ~= "table" or type(b) ~= "table" then return a == b end
  for key, value in pairs(a) do
    if not reload.same(value, b[key]) then return false end
  end
  for key in pairs(b) do
    if a[key] == nil then return false end
  end
  return true
end

--- Reloads the file if it, or a file that it names, has changed.
---@param self smpp.Gateway
function reload.look(self)
  if not reload.same(reload.marks(self), self.marks) then self:reload() end
  if not self.closing then self.timer:start(self.options.watch_s) end
end

--- Logs the mistakes of the file or its tables; the first.
local function log_mistakes(self, problems)
  local first
  for _, one in ipairs(problems) do
    if one.severity == "error" then
      local message = file.words(one)
      first = first or message
      self:log("error", "not_loaded", { reason = message })
    end
  end
  return first
end

--- The files that have changed since they were read, if all of them are tables: paths in order, and as a set; nil: not only tables.
local function changed_tables(self, marks)
  local list, set = {}, {}
  if self.options.text ~= self.config.text then return nil end
  for _, path in ipairs(self.files) do
    if marks[path] ~= self.marks[path] and not set[path] then
      if not self.config.is_table[path] then return nil end
      list[#list + 1], set[path] = path, true
    end
  end
  return list[1] and list, set
end

--- Reads tables again that changed, and nothing else: sessions, carriers, rates and turns stay; one with mistakes changes nothing.
local function reload_tables(self, list, changed)
  local config, problems = file.reread(self.config, changed)
  if not config then return nil, log_mistakes(self, problems), "bad_value", problems end
  self.config, self.route, self.incoming = config, config.route, config.incoming
  self:set_customers(config)
  if self.books then self.books.waiting:reloaded() end
  if self.node then self.node:reloaded() end
  for _, path in ipairs(list) do self:log("info", "table_loaded", { file = path }) end
  self:emit("loaded")
  return true, nil, nil, problems
end

--- Gives the servers their accounts, and logs what needs a restart.
local function set_accounts(self, old, config)
  local function rest(one) return schema.merge(one.options, { accounts = false }) end
  for i, one in ipairs(self.servers) do
    local before, after = old.listens[i], config.listens[i]
    if not after or not reload.same(rest(before), rest(after)) then
      self:log("warn", "needs_restart", { reason = ("listen in line %s has changed"):format(tostring((after or before).line)) })
    end
    if after and after.accounts then one:set_accounts(after.accounts) end
  end
  if #config.listens > #self.servers then
    self:log("warn", "needs_restart", { reason = ("listen in line %s is new"):format(tostring(config.listens[#self.servers + 1].line)) })
  end
end

--- Loads the file again, or only those of its tables that have changed, if nothing else has; one with mistakes changes nothing.
---@param self smpp.Gateway
---@return boolean? ok
---@return string? message
---@return string? code  "bad_value"
---@return smpp.GatewayProblem[]? problems
function reload.now(self)
  if self.closing then return nil, "the gateway is closing", "closed" end
  local marks = reload.marks(self)
  local list, changed = changed_tables(self, marks)
  self.marks = marks
  if list then return reload_tables(self, list, changed) end
  local config, problems = file.read(self.path, { text = self.options.text })
  if not config then return nil, log_mistakes(self, problems), "bad_value", problems end
  local old = self.config
  self.config, self.settings, self.files = config, config.settings, config.files
  self.marks = reload.marks(self)
  figures.rules_ended(self)
  self.route, self.incoming = config.route, config.incoming
  self:reset_state()
  self:set_customers(config)
  self:set_detectors(config, old)
  self:set_carriers(config)
  if not reload.same(old.store, config.store) and not (old.store and config.store and old.store.path == config.store.path) then
    self:log("warn", "needs_restart", { reason = "store has changed" })
  end
  if self.books then
    self.books.waiting:reloaded()
    task.start(self.forward.sink, self.books.counters.load, self.books.counters)
  end
  set_accounts(self, old, config)
  if self.node then self.node:reloaded() end
  if self.http then self.http:reloaded(old) elseif config.https[1] then self:log("warn", "needs_restart", { reason = "http is new" }) end
  self:log("info", "loaded", { file = self.path })
  self:emit("loaded")
  return true, nil, nil, problems
end

return reload
