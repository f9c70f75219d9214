--- Tables that a gateway's file names (numbers, prefixes, prices): files of one value per line or with columns, which are read again alone
--- when nothing else has changed.
local csv = require "smpp.route.csv"
local files = require "smpp.base.luafile"
local number = require "smpp.route.number"
local schema = require "smpp.base.schema"

local tables = {}

--- The rows of an account's price table.
---@param self table  reader of the gateway's file
---@param own table  options of the account
---@param problem fun(message: string)
---@return { prefix: string, price: number }[]?
function tables.price_rows(self, own, problem)
  if not own.prices then return nil end
  local ok, text = pcall(self.read, self, own.prices)
  if not ok then return problem("prices: " .. text) end
  local list = {}
  csv.rows(text, function(row, line)
    local price = tonumber(row.price)
    if not row.prefix or not price or price < 0 or #row.prefix > 21 then
      return self:problem(line, "expected a prefix and a price", nil, own.prices)
    end
    list[#list + 1] = { prefix = row.prefix, price = price }
  end)
  return list
end

--- Checks the lists of numbers of an account, whose tables may have been read again.
local function check_numbers(self, id, own)
  for _, name in ipairs { "from", "to" } do
    local wrong = own[name] and number.wrong(own[name])
    if wrong then self:problem(own.line, ("listen: accounts.%s.%s: %s"):format(id, name, wrong)) end
  end
end

--- Reads tables again: the configuration with their new content, or nil and what is wrong: then nothing has changed.
---@param self table  reader of the gateway's file
---@param config smpp.GatewayConfig
---@param changed table<string, boolean>  paths of tables
---@param compile fun(self: table): smpp.Rules, smpp.Rules
---@return smpp.GatewayConfig? config
---@return smpp.GatewayProblem[] problems
function tables.reread(self, config, changed, compile)
  local before, accounts = {}, {}
  self.problems = {}
  for _, word in ipairs(self.tables) do
    local path = self:resolve(word.file)
    if changed[path] then
      before[word] = word.text
      local text, reason = files.octets(path)
      word.text = text or self:problem(nil, "cannot read the table: " .. tostring(reason), nil, path) or ""
    end
  end
  for id, own in pairs(config.accounts) do
    local new = schema.merge(own)
    check_numbers(self, id, new)
    if own.prices and changed[self:resolve(own.prices)] then
      new.price_rows = tables.price_rows(self, new, function(message) self:problem(own.line, message) end)
    end
    accounts[id] = new
  end
  local routes, incoming = compile(self)
  if self:failed() then
    for word, text in pairs(before) do word.text = text end
    return nil, self.problems
  end
  return schema.merge(config, { route = routes, incoming = incoming, accounts = accounts }), self.problems
end

return tables
