--- A bot's file, run again while the bot runs: what it hears, its schedules and texts are exchanged, binds and memory stay.
local luafile = require "smpp.base.luafile"

local reload = {}

local LOOK_S = 2

-- Options that are exchanged; the others need a restart.
local KEPT = { carriers = true, number = true, store = true, event_loop = true, log = true, ussd = true }

local function same(a, b)
  if type(a) ~= type(b) then return false end
  if type(a) ~= "table" then return a == b or type(a) == "function" end
  for key, value in pairs(a) do
    if not same(value, b[key]) then return false end
  end
  for key in pairs(b) do
    if a[key] == nil then return false end
  end
  return true
end

local function givens(carriers)
  local list = {}
  for _, carrier in ipairs(carriers) do
    local given = {}
    for name, value in pairs(carrier.given) do
      if name ~= "log" then given[name] = value end
    end
    list[carrier.name] = given
  end
  return list
end

--- What of the new options needs a restart.
local function needs_restart(shop, new)
  local list = {}
  if not same(shop.loaded_givens, givens(new.carriers)) then list[#list + 1] = "carriers" end
  for _, name in ipairs { "number", "store", "ussd" } do
    if not same(shop.o[name], new.o[name]) then list[#list + 1] = name end
  end
  return list
end

--- Schedules of the same text keep their times.
local function exchange_schedules(shop, list)
  local old = {}
  for _, one in ipairs({ (table.unpack or unpack)(shop.schedules) }) do -- luacheck: compat
    old[one.when] = old[one.when] or {}
    table.insert(old[one.when], one)
    one:cancel()
  end
  shop.schedules = list
  for _, one in ipairs({ (table.unpack or unpack)(list) }) do -- luacheck: compat
    local before = table.remove(old[one.when] or {}, 1)
    one.shop = shop
    if before then one.start, one.due = before.start, before.due end
    if shop.schedules_run then one:begin() end
  end
end

--- Moves handlers, texts and schedules of the new bot into the running one; the new one becomes a proxy of it.
local function exchange(shop, new)
  for name, value in pairs(new.o) do
    if not KEPT[name] then shop.o[name] = value end
  end
  for name in pairs(shop.o) do
    if not KEPT[name] and new.o[name] == nil then shop.o[name] = nil end
  end
  for _, name in ipairs {
    "hears", "others", "texts", "listeners", "answers",
    "may_be_word", "word_starts", "is_stop_word", "is_stop_outside", "is_start_word", "is_help_word", "is_cancel_word",
  } do rawset(shop, name, rawget(new, name)) end
  shop.routes = nil
  local schedules = new.schedules
  for name in pairs(new) do new[name] = nil end
  setmetatable(new, { __name = "smpp.Bot", __index = shop, __newindex = shop })
  exchange_schedules(shop, schedules)
end

--- Runs the file again.
---@param shop smpp.Bot
---@param load fun(): smpp.Bot?, string?
---@param path string
---@return boolean? ok
---@return string? message
function reload.now(shop, load, path)
  local new, message = load()
  if not new then
    message = ("%s not reloaded: %s"):format(path, message)
    shop:log("not_loaded", message)
    return nil, message
  end
  shop.loaded_givens = shop.loaded_givens or givens(shop.carriers)
  local restart = needs_restart(shop, new)
  exchange(shop, new)
  if #restart > 0 then
    shop:log("needs_restart", ("%s reloaded; a restart is needed for: %s"):format(path, table.concat(restart, ", ")))
  else
    shop:log("loaded", path .. " reloaded")
  end
  return true
end

--- Reloads a file when it changes, and at SIGHUP, as long as the bot runs.
---@param shop smpp.Bot
---@param load fun(): smpp.Bot?, string?
---@param path string
function reload.watch(shop, load, path)
  shop.loaded_givens = givens(shop.carriers)
  local octets = luafile.octets(path)
  local function look(always)
    local now = luafile.octets(path)
    if not always and (now == nil or now == octets) then return end
    octets = now
    reload.now(shop, load, path)
  end
  local timer
  timer = shop.loop:timer(function()
    look(false)
    timer:start(LOOK_S)
  end)
  timer:start(LOOK_S)
  local signal = shop.loop:signal("SIGHUP", function() look(true) end)
  shop:on_stop(function()
    timer:close()
    signal:close()
  end)
end

return reload
