--- Requests with an Idempotency-Key, which are run once: the same body gets the first answer again, for a day.
---
--- Where nodes share the store, a node takes the key in it before all else, with its run as the state; the answer goes there with the message.
--- Meanwhile the key is in progress at all nodes, and it is free again when that run has ended.
local book = require "smpp.gateway.http_book"
local problem = require "smpp.http.problem"
local stores = require "smpp.store"
local task = require "smpp.base.task"

local once = {}

---@class smpp.HttpOnce
local Once = {}
local mt = { __index = Once, __name = "smpp.HttpOnce" }

local RETRY_S = 1

---@param gateway smpp.Gateway
---@param api_book smpp.HttpBook
---@param sha256 fun(octets: string): string
---@return smpp.HttpOnce
function once.new(gateway, api_book, sha256)
  return setmetatable({
    gateway = gateway, book = api_book, store = api_book.store, sha256 = sha256,
    running = {}, -- name -> true: this node runs it
  }, mt)
end

local function in_progress() return problem.new("in_progress", "a request with this Idempotency-Key is running", { retry_after_s = RETRY_S }) end

--- The state of a key whose request has its answer; nodes alone have states.
local function done_state(one) return one.run and "=" .. one.run end

local function unreadable() return problem.new("store", "the store cannot be read", { retry_after_s = RETRY_S }) end

--- What is kept under a key; what is too old goes.
---@async
---@return table? record
---@return table? response  it cannot be read
local function kept(self, one)
  local record, _, code = stores.get(self.store, "value", one.name)
  if record and record.created < self.book.loop:time() - book.KEY_S then
    stores.commit(self.store, { loose = true, { op = "remove", kind = "value", key = one.name } })
    return nil
  end
  if record and record.status then record, _, code = stores.settled(self.store, "value", one.name) end -- an answer is given again
  if record or code == "missing" then return record end
  return nil, unreadable()
end

--- Takes the key in the store that nodes share.
---@async
---@param one table
---@return table? known     the answer is there
---@return table? response  it cannot be taken
local function take(self, one)
  local now = self.book.loop:time()
  if not one.run then return nil, problem.new("store", "the store is away", { retry_after_s = RETRY_S }) end
  local fields = { state = one.run, digest = one.digest, created = now }
  for _ = 1, 2 do -- twice: the record may have been removed meanwhile
    local record = { key = one.name, group = "http-keys", state = one.run, digest = one.digest, created = now }
    local ok, _, code = stores.commit(self.store, { loose = true, { op = "add", kind = "value", record = record } })
    if ok then return nil end
    local known, refused
    if code == "duplicate" then known, refused = kept(self, one) end
    if refused or known and known.status then return known, refused end
    if known then -- a node runs it; or it has ended before it could
      local change = { op = "change", kind = "value", key = one.name, from = known.state, guard = "ended", set = fields }
      ok, _, code = stores.commit(self.store, { loose = true, change })
      if ok then return nil end
      if code == "conflict" then return nil, in_progress() end
    end
    if code ~= "duplicate" then break end
  end
  return nil, problem.new("store", "the store cannot be written", { retry_after_s = RETRY_S })
end

--- The change that keeps an answer.
---@return smpp.Change
local function answered(self, one, response)
  local set = { status = response.status, location = response.location, value = response.body, state = done_state(one) }
  if one.run then return { op = "change", kind = "value", key = one.name, from = one.run, set = set } end
  set.key, set.group, set.created, set.digest = one.name, "http-keys", self.book.loop:time(), one.digest
  return { op = "add", kind = "value", record = set }
end

--- Keeps what the commit of a message did not: an answer to what has passed through, or one that says more; a refusal is not kept.
---@async
local function settle(self, one, response)
  local is_accepted = response and response.status == 202
  if is_accepted and one.kept == response.body then return end
  local function commit(change)
    if one.run then return self.gateway.books:commit { change } end -- until the engine has it
    return stores.commit(self.store, { change })
  end
  local function remove(from) return commit { op = "remove", kind = "value", key = one.name, from = from } end
  if is_accepted and one.kept then
    local set = { value = response.body, location = response.location }
    commit { op = "change", kind = "value", key = one.name, from = done_state(one), set = set }
  elseif is_accepted then
    commit(answered(self, one, response))
  elseif one.run then
    if not remove(one.run) and one.kept then remove(done_state(one)) end
  elseif one.kept then
    remove()
  end
end

--- Runs fn(keep) once for a key: later the same body gets the same answer.  keep(response): changes that go with the commit of the last message.
---@async
---@param account string
---@param key string
---@param body string
---@param fn fun(keep: fun(response: table): smpp.Change[]): table
---@return smpp.HttpResponse
function Once:run(account, key, body, fn)
  local one = { name = ("http-key/%s/%s"):format(account, key), digest = self.sha256(body), run = nil, kept = nil, shared = self.store.shared }
  if self.running[one.name] then return in_progress() end
  self.running[one.name] = true
  local known, refused
  if one.shared then
    one.run = self.store.run
    known, refused = take(self, one)
  else
    known, refused = kept(self, one)
  end
  local response = refused
  if known and known.digest ~= one.digest then
    response = problem.new("idempotency_mismatch", "another body was sent with this Idempotency-Key")
  elseif known then
    response = { status = known.status, type = "application/json", body = known.value, headers = { "Idempotency-Replayed", "true" } }
    if known.location then
      response.headers[3], response.headers[4] = "Location", known.location
    end
  elseif not refused then
    local ok, result = task.traced_pcall(fn, function(answer)
      one.kept = answer.body
      return { answered(self, one, answer) }
    end)
    response = ok and result or nil
    if one.run then self.gateway.books:within_call(function() settle(self, one, response) end) else settle(self, one, response) end
    if not ok then
      self.running[one.name] = nil
      error(result, 0)
    end
  end
  self.running[one.name] = nil
  return response
end

return once
