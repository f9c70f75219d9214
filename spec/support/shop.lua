--- Bots for specs: on a virtual loop, with their log collected.
local bot = require "smpp.bot"

local shops = {}

--- A bot of number 12345; `shop.log_lines` are its records.
---@param o? table  options of bot.new
---@param fill? fun(shop: smpp.Bot)  what it listens for
---@return smpp.Bot shop
function shops.new(o, fill)
  local records = {}
  local given = { number = "12345", log = function(record) table.insert(records, record) end }
  for name, value in pairs(o or {}) do given[name] = value end
  if given[1] == nil and not given.carriers then given[1] = "smpp://me:secret@localhost" end
  local shop = bot.new(given)
  shop.records = records
  if fill then fill(shop) end
  return shop
end

--- The first record of the log whose message has a text.
function shops.logged(shop, text)
  for _, record in ipairs(shop.records) do
    if (record.message or ""):find(text, 1, true) then return record end
  end
end

--- How many.
function shops.count(shop, text)
  local n = 0
  for _, record in ipairs(shop.records) do n = n + ((record.message or ""):find(text, 1, true) and 1 or 0) end
  return n
end

--- A path for a store, removed after the specs.
function shops.path(ending)
  local name = os.tmpname()
  os.remove(name)
  return name .. (ending or "")
end

return shops
