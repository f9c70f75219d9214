--- Bots: conversations by SMS and USSD, written as they are spoken.  The guide is docs/bots.md.
local hears = require "smpp.bot.hear"
local match = require "smpp.bot.match"
local loops = require "smpp.loop"
local options = require "smpp.bot.options"
local programs = require "smpp.bot.program"
local shops = require "smpp.bot.shop"

local bot = {
  class = shops.class,
  data = hears.DATA,
  pattern = match.pattern, integer = match.integer, number = match.number, date = match.date,
  program = programs.new,
  options = options.own,
}

local loading -- the bot of the file that `load` runs: { shop }

--- Makes a bot.
---@param given table|string  a URL and options; docs/bots.md lists them
---@return smpp.Bot
function bot.new(given)
  local shop = shops.new(given, 2)
  if loading then
    if loading.shop then error("bot.new: a second bot in one file: expected one", 2) end
    loading.shop, shop.is_loaded = shop, true
  end
  return shop
end

--- A random code of digits, for one-time passwords; in tests from the seed of the loop.
---@param digits integer
---@return string
function bot.code(digits)
  if type(digits) ~= "number" or digits < 1 or digits > 1000 or digits % 1 ~= 0 then error("code: expected a number of digits", 2) end
  local loop, list = loops.current(), {}
  while #list < digits do
    for octet in loop:random_octets(digits + 8):gmatch "." do
      local value = octet:byte()
      if value < 250 and #list < digits then list[#list + 1] = value % 10 end -- 256 is no multiple of 10
    end
  end
  return table.concat(list)
end

--- The message of an error with the path in full: Lua shortens long ones.
local function with_path(message, path)
  message = tostring(message):gsub(" near .*", "")
  local tail, rest = message:match "^%.%.%.([^:]*)(:%d+:.*)$"
  if tail and path:sub(-#tail) == tail then return path .. rest end
  return message
end

--- The bot that a file makes, without running it.
---@param path string
---@param env? table  the globals of the file
---@return smpp.Bot? shop
---@return string? message  FILE:LINE: what is wrong
function bot.load(path, env)
  local chunk, message
  if setfenv then -- luacheck: compat
    chunk, message = loadfile(path)
    if chunk and env then setfenv(chunk, env) end -- luacheck: compat
  else
    chunk, message = loadfile(path, "bt", env or _G)
  end
  if not chunk then return nil, with_path(message, path) end
  local outer = loading
  loading = {}
  local ok, err = pcall(chunk, path)
  local made = loading.shop
  loading = outer
  if not ok then return nil, with_path(err, path) end
  if not made then return nil, path .. ": no bot: the file does not call bot.new" end
  made.is_loaded = false
  return made
end

return bot
