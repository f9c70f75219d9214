--- The actor `external`: a program of somebody else, started by the scenario and ended with it.
local kind = require "smpp.base.kind"
local net = require "smpp.base.net"
local schema = require "smpp.base.schema"
local shown = require "smpp.base.shown"

local external = {}

---@class smpp.ScenarioExternal
---@field output string  what it wrote so far
local External = {}
local mt = { __index = External, __name = "smpp.ScenarioExternal" }
function mt:__tostring() return self.name end

external.options = schema.new {
  { 1, kind.any }, { 2, "string" }, { "name", "string" }, { "listens", "boolean" }, { "port", "string" }, { "ready", "string" },
  { "exit", kind.one_of "any" }, { "env", kind.map("string", kind.either("string", "number")) }, { "needs", kind.list("string", "programs") },
  { "system_id", "string" }, { "password", "string" },
}

local READY_S, GRACE_S, LINES = 10, 2, 20

--- The words of a line as a shell would split it: blanks, quotes, backslashes; nothing is expanded.
---@param line string
---@return string[]? words
---@return string? message
function external.words(line)
  local words, word, quote, at = {}, nil, nil, 1
  while at <= #line do
    local c = line:sub(at, at)
    if quote == "'" then
      if c == "'" then quote = nil else word = word .. c end
    elseif c == "\\" and not (quote and not line:find('^[\\"$`]', at + 1)) then
      at = at + 1
      word = (word or "") .. line:sub(at, at)
    elseif quote then
      if c == quote then quote = nil else word = word .. c end
    elseif c == "'" or c == '"' then
      quote, word = c, word or ""
    elseif c:find "%s" then
      words[#words + 1], word = word, nil
    else
      word = (word or "") .. c
    end
    at = at + 1
  end
  if quote then return nil, "unterminated quote in the command" end
  words[#words + 1] = word
  return words
end

--- Fills in {port}, {url} and so on, after splitting: a value is never split.
---@param words string[]
---@param values table<string, any>
---@return string[]? filled
---@return string? unknown  the name of a placeholder that there is not
function external.fill(words, values)
  local filled, unknown = {}, nil
  for i, word in ipairs(words) do
    filled[i] = word:gsub("{([%l_]+)}", function(name)
      if values[name] == nil then unknown = unknown or name end
      return values[name] and tostring(values[name])
    end)
  end
  if unknown then return nil, unknown end
  return filled
end

local function last_lines(self)
  local lines = {}
  for line in (self.output:gsub("\n$", "") .. "\n"):gmatch "([^\n]*)\n" do lines[#lines + 1] = line end
  return table.concat(lines, "\n", math.max(1, #lines - LINES + 1))
end

local function fail(self, message)
  local world = self.world
  world:fail { kind = "external", actor = self.name, message = message, line = world:waiting_line(), via = {}, output = last_lines(self) }
end

local function how_ended(self)
  local ended = self.ended
  return ended.signal ~= 0 and ("was ended by signal %d"):format(ended.signal) or ("ended with exit code %d"):format(ended.code)
end

local function take_line(self, line)
  self.lines[#self.lines + 1] = line
  if self.wants_port and not self.port then
    local port = tonumber(line:match(self.wants_port) or "")
    if port then self.port = port end
  end
  if self.wants_ready and line:find(self.wants_ready) then self.ready = true end
end

local function take_output(self, octets)
  self.output = self.output .. octets
  self.rest = self.rest .. octets
  local taken = 0
  for line, at in self.rest:gmatch "([^\n]*)\n()" do
    take_line(self, (line:gsub("\r$", "")))
    taken = at - 1
  end
  self.rest = self.rest:sub(taken + 1)
  self.world:changed(self.changes)
end

local function ended(self, code, signal)
  self.ended = { code = code, signal = signal }
  local world = self.world
  world:changed(self.changes)
  world:changed(world.ends)
  world:settle()
  if world.over or self.stopping or self.waited > 0 or self.exit == "any" or not self.is_ready then return end
  if code ~= 0 or signal ~= 0 then fail(self, ("%s %s: %s"):format(self.name, how_ended(self), self.command)) end
end

--- Waits until its port accepts.
local function probe(self)
  local world, loop = self.world, self.world.loop
  local function try()
    if world.over or self.ready or self.ended then return end
    loop:connect({ host = "127.0.0.1", port = self.port, timeout_s = 1 }, function(transport)
      if transport then
        transport:close()
        self.ready = true
        return world:changed(self.changes)
      end
      world:later(0.02, try)
    end)
  end
  try()
end

---@async
---@param world smpp.ScenarioWorld
---@param given table
---@param folder string
---@return smpp.ScenarioExternal
function external.new(world, given, folder)
  world:need_real "external"
  if type(given[1]) == "string" and given[2] == nil then
    given = schema.merge(given)
    given[1], given[2] = nil, given[1]
  end
  world:check_options(external.options, given, "external")
  if type(given[2]) ~= "string" then world:misuse "external: expected a command" end
  local target = given[1]
  if not target and not given.listens and not given.port then
    for _, actor in ipairs(world.actors) do
      if rawget(actor, "connections") then
        if target then world:misuse "external: name the actor, there are several that listen" end
        target = actor
      end
    end
  end
  local words, message = external.words(given[2])
  if not words or #words == 0 then world:misuse("external: " .. (message or "the command is empty")) end
  local self = setmetatable({
    host = "127.0.0.1", port = nil, target = target, command = given[2], exit = given.exit, waited = 0,
    output = "", rest = "", lines = {}, line_at = 1, changes = {}, ended = nil, stopping = false, ready = false, is_ready = false,
    wants_port = given.port, wants_ready = given.ready, silent = true,
  }, mt)
  world:add(self, given.name, "external")
  for _, program in ipairs(given.needs or {}) do
    if not require("smpp.loop.luv_program").exists(program) then
      world:skip(program .. " is not installed")
      world:check_alive()
    end
  end
  local values = { host = "127.0.0.1", system_id = given.system_id, password = given.password }
  if target then
    local accounts, id = target.accounts or {}, given.system_id
    for name in pairs(accounts) do
      if not given.system_id and (not id or name < id) then id = name end
    end
    local account = accounts[id or ""]
    local password = type(account) == "table" and account.password or account
    values = { host = target.host, port = target.port, system_id = id or "me", password = given.password or password or "secret" }
    values.url = ("smpp://%s:%s@%s"):format(values.system_id, values.password, net.address(target.host, target.port))
  elseif given.listens then
    local taken = assert(world.loop:reserve { host = "127.0.0.1", port = 0 })
    self.port = taken.port
    taken:close()
    values.port, values.system_id, values.password = self.port, values.system_id or "me", values.password or "secret"
    values.url = ("smpp://%s:%s@127.0.0.1:%d"):format(values.system_id, values.password, self.port)
  end
  local filled, unknown = external.fill(words, values)
  if not filled then world:misuse(("external: nothing to put in place of {%s}"):format(unknown)) end
  local process, wrong, code = world.loop:spawn {
    command = filled, cwd = folder, env = given.env,
    output = function(octets) take_output(self, octets) end,
    ended = function(...) ended(self, ...) end,
  }
  if not process then
    if code == "not_found" then
      world:skip(words[1] .. " is not installed")
      world:check_alive()
    end
    world:abort { kind = "external", actor = self.name, message = wrong }
  end
  self.process = process
  local function is_ready()
    if self.ended then return true end
    if self.wants_port then return self.port ~= nil end
    if self.wants_ready or given.listens then return self.ready end
    return true
  end
  if given.listens and not given.ready and not given.port then probe(self) end
  local line, via = world:here()
  local ok = world:await(READY_S, self.changes, is_ready)
  local needs_ready = self.wants_port or self.wants_ready or given.listens
  if not ok or needs_ready and self.ended and not self.ready and not self.port or needs_ready and given.listens and self.ended and not self.ready then
    world:abort {
      kind = "external", actor = self.name, line = line, via = via, output = last_lines(self),
      message = self.ended and ("%s %s before it was ready: %s"):format(self.name, how_ended(self), self.command)
        or ("%s was not ready within %d s: %s"):format(self.name, READY_S, self.command),
    }
  end
  self.is_ready = true
  if self.ended and (self.ended.code ~= 0 or self.ended.signal ~= 0) then ended(self, self.ended.code, self.ended.signal) end
  world:check_alive()
  return self
end

--- A URL to connect to it, where it listens.
---@param system_id? string
---@return string
function External:url(system_id) return ("smpp://%s:secret@%s:%d"):format(system_id or "me", self.host, self.port) end

--- Waits for its end.
---@async
---@param seconds? number
---@return integer code  128 + signal when a signal ended it
function External:wait(seconds)
  local world = self.world
  world:check_alive()
  self.waited = self.waited + 1
  local limit = seconds or world.within_s
  local ok = world:await(limit, self.changes, function() return self.ended end)
  if not ok then
    local message = ("%s has not ended within %g s"):format(self.name, limit)
    world:abort { kind = "external", actor = self.name, message = message, output = last_lines(self) }
  end
  return self.ended.signal ~= 0 and 128 + self.ended.signal or self.ended.code
end

--- Waits for the next line of output that matches a pattern.
---@async
---@param pattern string
---@param seconds? number
---@return string line
---@return string ...  captures
function External:line(pattern, seconds)
  local world = self.world
  world:check_alive()
  local limit = seconds or world.within_s
  local found
  world:await(limit, self.changes, function()
    while self.lines[self.line_at] do
      local line = self.lines[self.line_at]
      self.line_at = self.line_at + 1
      if line:find(pattern) then
        found = line
        return true
      end
    end
    return self.ended and self.process.ended
  end)
  if not found then
    local why = self.ended and ", it has ended" or (" within %g s"):format(limit)
    world:abort { kind = "external", actor = self.name, output = last_lines(self),
      message = ("no line of %s matches '%s'%s"):format(self.name, shown.text(pattern), why) }
  end
  return found, found:match(pattern)
end

--- Writes to its stdin.
---@param octets string
function External:write(octets) self.process:write(octets) end

--- Sends it, and its children, a signal.
---@param name string  "TERM", "KILL", "HUP" …
function External:signal(name)
  self.waited = self.waited + 1 -- an end by this signal is no surprise
  self.process:signal(name)
end

--- Ends it: SIGTERM, and SIGKILL two seconds later.
---@async
function External:close()
  self.stopping = true
  if not self.process or self.ended then return end
  self.process:signal "TERM"
  self.world:rest(GRACE_S, self.changes, function() return self.ended end)
  if self.ended then return end
  self.process:signal "KILL"
  self.world:rest(GRACE_S, self.changes, function() return self.ended end)
end

External.stop = External.close

function External:kill()
  self.stopping = true
  if self.process and not self.ended then self.process:signal "KILL" end
end

--- The last lines of its output, for reports.
function External:tail() return last_lines(self) end

return external
