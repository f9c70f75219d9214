--- A long message for an ESME: its parts are stored in one commit, and have one outcome.
local schema = require "smpp.base.schema"
local task = require "smpp.base.task"

local parts = {}

--- Calls `done` once, when all parts are settled: success if all were acknowledged, else the first failure.
local function joined(count, done)
  local failure
  return function(ok, code)
    count = count - 1
    if not ok then failure = failure or code end
    if count == 0 then return done(failure == nil, failure) end
  end
end

--- Stores and queues the parts for an account, in order.
---@param outbound smpp.Outbound
---@param account smpp.Account
---@param list table[]  fields of each
---@param bind? integer
---@param done? fun(ok: boolean, code: string?)
---@param on_stored? fun(ok: boolean?, message: string?, code: string?)
---@return boolean? ok
---@return string? message
---@return string? code  as of Outbound:put
function parts.put(outbound, account, list, bind, done, on_stored)
  local items, changes, each = {}, {}, done and joined(#list, done)
  for i, fields in ipairs(list) do
    local item, octets, code = outbound:draft(account, fields, bind)
    if not item then
      for _, earlier in ipairs(items) do outbound:discard(earlier) end
      return nil, octets, code
    end
    local change = outbound.stored:change(item, octets)
    item.done, items[i] = each, item
    changes[i] = schema.merge(change, { record = schema.merge(change.record) }) -- copies: `stored:change` reuses its tables
  end
  local is_first, refusal, refusal_code = true, nil, nil
  outbound.stored.store:commit(changes, function(ok, message, code)
    for _, item in ipairs(items) do
      if ok then outbound:queue(item) else outbound:discard(item) end
    end
    if not ok and is_first then
      refusal, refusal_code = message, code
      return
    end
    if on_stored then task.start(outbound.sink, on_stored, ok, message, code) end
    if not ok and done then task.start(outbound.sink, done, false, code) end
  end)
  is_first = false
  if refusal then return nil, refusal, refusal_code end
  return true
end

return parts
