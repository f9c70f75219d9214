--- Calls of a store in Valkey: scripts, that are made again where the connection was lost.  A call has a limit, after which it has failed for its
--- caller; or it is patient, and made until the engine has answered.
local scripts = require "smpp.store.valkey_scripts"

local calls = {}

---@class smpp.ValkeyCall
---@field script smpp.ValkeyScript
---@field words (string|number)[]
---@field count integer
---@field deadline number
---@field finish fun(self: smpp.ValkeyCall, value: any, message: string?, code: string?)
---@field done fun(...)
---@field context any
---@field search table?  of `find`: { words, count, after, limit, page, records }; of commits: their group
---@field is_patient boolean? it is made until the engine has answered
---@field is_unknown boolean? the engine may have got it
---@field is_over boolean?   it has ended for its caller

-- Codes after which a call may be made again: nothing was sent, or a commit has its number, and reading changes nothing.
local AGAIN = { connection_lost = true, timeout = true, malformed = true, READONLY = true, MASTERDOWN = true, LOADING = true }
local UNKNOWN = { connection_lost = true, timeout = true, malformed = true } -- the engine may have got it
local PAUSE_S = 0.5 -- before a call without a limit is made again

local submit

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

local function ended(self)
  self.open_calls = self.open_calls - 1
  if self.open_calls == 0 and self.on_idle then self.on_idle() end
end

--- A commit was made after its caller was told that it failed: what it has added is taken out again.
---@param call smpp.ValkeyCall  of a group of commits
---@param results string
local function undo(call, results)
  local each = results:gmatch "[^\n]+"
  for i = 1, call.search.count do
    local changes = { patient = true }
    if each() == "ok" then
      scripts.each_change(call.words, call.search[i].at, function(op, kind, key, fields)
        if op == "add" then changes[#changes + 1] = { op = "remove", kind = kind, key = key } end
        local by = op == "count" and fields.by
        if by and not fields.per_s then changes[#changes + 1] = { op = "count", kind = kind, key = key, set = { by = -tonumber(by:sub(2)) } } end
      end)
    end
    if changes[1] then call.store:commit(changes, function() end) end
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

local function answered(value, message, code, call)
  local self = call.store
  call.is_unknown = call.is_unknown or UNKNOWN[code]
  local may_again = value == nil and code ~= "closed" and not self.failed
  if may_again and AGAIN[code] and self.loop:now() < call.deadline then return submit(call) end
  if may_again and (call.is_patient or call.is_over) then return later(call) end
  if call.is_over then -- its caller was told that it failed
    if value then undo(call, value) end
    return ended(self)
  end
  finish(call, value, message, code)
  if may_again and call.is_unknown and call.script == scripts.shared_commit then return later(call) end
  ended(self)
end

function submit(call)
  local self = call.store
  if self.failed then return answered(nil, self.failed, "store_failed", call) end
  local ok, message = self.client:run(call.script, call.words, call.count, answered, call, call.deadline)
  if not ok then error(message, 0) end
end

--- Makes a call: `finishing(call, value, message, code)` gets its result.
---@param self smpp.Store
---@param script smpp.ValkeyScript
---@param words (string|number)[]
---@param count integer
---@param finishing fun(call: smpp.ValkeyCall, value: any, message: string?, code: string?)
---@param done fun(...)
---@param context any
---@param search table?
---@param is_patient boolean?
function calls.make(self, script, words, count, finishing, done, context, search, is_patient)
  local call = {
    store = self, script = script, words = words, count = count, finish = finishing, done = done, context = context, search = search,
    is_patient = is_patient, deadline = self.loop:now() + self.timeout_s,
  }
  self.open_calls = self.open_calls + 1
  submit(call)
end

calls.again = AGAIN

return calls
