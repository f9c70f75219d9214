--- The accounts of a server: from a table, a file, or the function `authenticate`; without any, every bind is accepted.
local account_of = require "smpp.server.account"
local files = require "smpp.base.luafile"
local kind = require "smpp.base.kind"
local mistake = require "smpp.base.mistake"
local task = require "smpp.base.task"

---@class smpp.Directory
---@field by_id table<string, smpp.Account>  system_id -> account
---@field is_fixed boolean  accounts are configured: no other system_id may bind
local Directory = {}
local mt = { __index = Directory, __name = "smpp.Directory" }

local accounts = { class = Directory }

--- The kind of `accounts`: options or passwords by system_id.
accounts.kind = kind.map(kind.text(15), account_of.kind, "a table of accounts by system_id")

---@param server smpp.Server
---@return smpp.Directory
function accounts.new(server)
  local o = server.options
  return setmetatable({
    server = server,
    by_id = {},
    is_fixed = o.accounts ~= nil,
    authenticate = o.authenticate,  -- function of the user: (session, bind)
    path = type(o.accounts) == "string" and o.accounts or nil,
    no_settings = {},               -- options of accounts that are not configured
  }, mt)
end

--- Replaces the accounts; sessions of removed accounts are unbound.  Invalid accounts change nothing.
---@param given table<string, table|string>  system_id -> options, or a password
---@return boolean? ok
---@return smpp.Mistake?
function Directory:replace(given)
  local wrong = kind.problem(accounts.kind, given)
  if wrong then return nil, mistake.inside(wrong, "accounts") end
  local ids, checked = {}, {}
  for id in pairs(given) do ids[#ids + 1] = id end
  table.sort(ids)
  for _, id in ipairs(ids) do checked[id] = account_of.settings(given[id]) end
  self.is_fixed = true
  for _, id in ipairs(ids) do self:configure(id, checked[id]) end
  local removed = {}
  for id, account in pairs(self.by_id) do
    if not checked[id] then removed[#removed + 1] = account end
  end
  table.sort(removed, function(a, b) return a.system_id < b.system_id end)
  for _, account in ipairs(removed) do
    self.by_id[account.system_id] = nil
    for i = #account.binds, 1, -1 do
      local session = account.binds[i]
      task.start(nil, function() session:unbind() end)
    end
    self.server.outbound:drop(account)
  end
  return true
end

--- The same, but invalid accounts raise.
---@param given table<string, table|string>
---@param level? integer  as of `error`, seen from the caller
function Directory:set(given, level)
  local ok, wrong = self:replace(given)
  if not ok then mistake.raise(wrong, (level or 1) + 1) end
end

--- Loads or reloads the accounts file; an invalid file changes nothing.
---@return boolean? ok
---@return string? message
---@return string? code  "bad_value"
function Directory:load()
  local given, message = files.load(self.path)
  if not given then return nil, "accounts: " .. message, "bad_value" end
  local ok, wrong = self:replace(given)
  if not ok then return nil, ("%s: %s"):format(self.path, wrong.message), "bad_value" end
  return true
end

--- Returns the account of a system_id, created if new, with these options.
---@param system_id string
---@param given? table  checked options; nil: none
---@return smpp.Account
function Directory:configure(system_id, given)
  given = given or self.no_settings
  local account = self.by_id[system_id]
  if account then
    account:configure(given)
  else
    account = account_of.new(system_id, given, self.server)
    self.by_id[system_id] = account
    if self.server.outbound then self.server.outbound:claim(account) end
  end
  return account
end

--- The account that queues messages for a system_id.
---@param system_id string
---@return smpp.Account?  nil: no such account
function Directory:get(system_id)
  return self.by_id[system_id] or (not self.is_fixed and self:configure(system_id)) or nil
end

--- The account of a bind; may wait for `authenticate`.
---@async
---@param session smpp.Session
---@param pdu smpp.Pdu
---@return smpp.Account? account
---@return string|false status    of the refusal; with an account: the password to check, false: checked already
---@return string? reason   for logs
function Directory:find(session, pdu)
  local system_id = pdu.system_id
  if self.authenticate then
    local result, status = self.authenticate(session, pdu)
    if not result then return nil, status or "ESME_RBINDFAIL", "refused by authenticate" end
    local settings = type(result) == "table" and result or nil
    local wrong = settings and account_of.schema:problem(settings)
    if wrong then error(("authenticate, %s: %s"):format(mistake.show(system_id), wrong.message), 0) end
    return self:configure(system_id, settings), false
  end
  local account = self:get(system_id)
  if not account then return nil, "ESME_RINVSYSID", "unknown system_id" end
  return account, self.is_fixed and pdu.password
end

--- Removes an account that is not configured, once it has no sessions and no queued messages.
---@param account smpp.Account
function Directory:forget(account)
  if self.is_fixed or #account.binds > 0 or account.reserved > 0 or account.outbox then return end
  if self.by_id[account.system_id] == account then self.by_id[account.system_id] = nil end
end

return accounts
