--- Calls of a store in Valkey: scripts, that are made again where the connection was lost.  A call has a limit, after which it has failed for its
--- caller; or it is patient, and made until the engine has answered.
local scripts = require "smpp.store.valkey_scripts"

local calls = {}

---@class smpp.ValkeyCall
---@field script smpp.ValkeyScript
---@field words (string|number)[]|string  string: their octets
---@field count integer
---@field deadline number
---@field finish fun(self: smpp.ValkeyCall, value: any, message: string?, code: string?)
---@field done fun(...)
---@field context any
---@field search table?  of `find`: { words, count, after, limit, page, records }; of commits: their group; numbers, number: of what changes something
---@field is_patient boolean? it is made until the engine has answered
---@field is_unknown boolean? the engine may have got it
---@field is_over boolean?   it has ended for its caller
---@field waits boolean?     it has ended when replicas have its commits, or what it has taken
---@field answered_at number? Unix time at which the engine's answer came

-- Codes after which a call may be made again: nothing was sent, or a commit has its number, and reading changes nothing.
local AGAIN = { connection_lost = true, timeout = true, malformed = true, READONLY = true, MASTERDOWN = true, LOADING = true }
local UNKNOWN = { connection_lost = true, timeout = true, malformed = true } -- the engine may have got it
local PAUSE_S = 0.5 -- before a call without a limit is made again

local submit

--- Numbers of calls that change something.  A call may reach the engine late, over a connection that was given up, when it has been made over another
--- one and its result is not kept any more: the engine refuses those below the oldest that is under way.
---@class smpp.ValkeyNumbers
---@field last integer
---@field oldest integer         of those under way
---@field known integer[]        those whose results are here, until the engine is told
---@field over table<integer, boolean>  those above the oldest that are not under way any more

---@return smpp.ValkeyNumbers
function calls.numbers() return { last = 0, oldest = 1, known = {}, over = {} } end

--- It will not be made again.
local function over(numbers, number)
  if number < numbers.oldest then return end
  numbers.over[number] = true
  while numbers.over[numbers.oldest] do
    numbers.over[numbers.oldest] = nil
    numbers.oldest = numbers.oldest + 1
  end
end

--- Its result is here: the engine need not keep it.
---@param numbers smpp.ValkeyNumbers
---@param number integer
function calls.known(numbers, number)
  numbers.known[#numbers.known + 1] = number
  over(numbers, number)
end

--- Ends a call for its caller.
local function finish(call, value, message, code)
  call.is_over = true
  if value == nil and code == "OOM" then
    message, code = "the store is full: " .. message, "queue_full"
  elseif value == nil and code ~= "queue_full" then
    code = "store_failed"
  end
  call:finish(value, message, code)
end

local function ended(call)
  local self, search = call.store, call.search
  if search and search.numbers then over(search.numbers, search.number) end
  self.open_calls = self.open_calls - 1
  if self.open_calls > 0 or not self.on_idle then return end
  self:flush() -- what was committed meanwhile, as by `undo`
  if self.open_calls > 0 or not self.on_idle then return end
  local done = self.on_idle
  self.on_idle = nil
  done()
end

local UNTOUCHED = { work = "mine", queue = "queued" } -- where it was put: nobody has taken it

--- A commit was made, and its caller was told that it failed: what it has added is taken out again, all of it or nothing: a message that was
--- taken meanwhile stays.
---@param call smpp.ValkeyCall  of a group of commits
---@param results string
local function undo(call, results)
  local each = results:gmatch "[^\n]+"
  calls.known(call.search.numbers, call.search.number)
  for i = 1, call.search.count do
    local changes, n = { patient = true }, 0
    if each() == "ok" then
      scripts.each_change(call.search.parts[i], function(op, kind, key, to, by, per_s)
        local back = nil
        if op == "add" then back = { op = "remove", kind = kind, key = key, guard = UNTOUCHED[to] } end
        if by and per_s == "" then back = { op = "count", kind = kind, key = key, set = { by = -by } } end
        if back then n, changes[n + 1] = n + 1, back end
      end)
    end
    if n > 0 then call.store:commit(changes, function() end) end
  end
end

--- Makes a call that has to be made again, a little later.
local function later(call)
  local timer
  timer = call.store.loop:timer(function()
    timer:close()
    call.deadline = call.store.loop:now() + call.store.timeout_s
    submit(call)
  end)
  timer:start(PAUSE_S)
end

--- Has a call changed anything?
local function has_changed(value)
  if type(value) == "table" then return value[3] ~= nil end -- records that were taken
  return value ~= "dead"
end

local function answered(value, message, code, call)
  local self = call.store
  call.answered_at = self.loop:time()
  call.is_unknown = call.is_unknown or UNKNOWN[code]
  local may_again = value == nil and code ~= "closed" and not self.failed
  if may_again and AGAIN[code] and self.loop:now() < call.deadline then return submit(call) end
  if may_again and (call.is_patient or call.is_over) then return later(call) end
  if call.is_over then -- its caller was told that it failed
    if value then undo(call, value) end
    return ended(call)
  end
  if value and call.waits and has_changed(value) then return self.waits:add(call, value) end
  finish(call, value, message, code)
  if may_again and call.is_unknown and call.script == scripts.shared_commit then return later(call) end
  ended(call)
end

--- Replicas have what a call has committed.
---@param call smpp.ValkeyCall
---@param value string
function calls.settled(call, value)
  finish(call, value)
  ended(call)
end

--- They do not have it in time.
---@param call smpp.ValkeyCall
---@param value string
---@param message string
---@param is_closing boolean?  what it has added stays
function calls.unsettled(call, value, message, is_closing)
  finish(call, nil, message, "store_failed")
  if not is_closing then undo(call, value) end
  ended(call)
end

--- The engine does not have it any more.
---@param call smpp.ValkeyCall
function calls.lost(call) answered(nil, "another engine, without this commit, has taken its place", "connection_lost", call) end

function submit(call)
  local self = call.store
  if self.failed then return answered(nil, self.failed, "store_failed", call) end
  local ok, message = self.client:run(call.script, call.words, call.count, answered, call, call.deadline)
  if not ok then error(message, 0) end
end

--- Makes a call: `finishing(call, value, message, code)` gets its result.
---@param self smpp.Store
---@param script smpp.ValkeyScript
---@param words (string|number)[]|string  string: their octets
---@param count integer
---@param finishing fun(call: smpp.ValkeyCall, value: any, message: string?, code: string?)
---@param done fun(...)
---@param context any
---@param search table?
---@param is_patient boolean?
function calls.make(self, script, words, count, finishing, done, context, search, is_patient)
  local call = {
    store = self, script = script, words = words, count = count, finish = finishing, done = done, context = context, search = search,
    is_patient = is_patient, waits = self.waits and search and search.waits or false, deadline = self.loop:now() + self.timeout_s,
  }
  self.open_calls = self.open_calls + 1
  submit(call)
end

calls.again = AGAIN

return calls
