--- Tests of a bot without a network: a virtual loop, message centres in memory, phones.
local handsets = require "smpp.simulator.handset"
local loops = require "smpp.loop"
local match = require "smpp.bot.match"
local schema = require "smpp.base.schema"
local simulators = require "smpp.simulator"
local mistake = require "smpp.base.mistake"
local strings = require "smpp.base.strings"
local task = require "smpp.base.task"
local times = require "smpp.bot.times"
local virtual = require "smpp.loop.virtual"

local driver = {}

local START = 1735732800 -- 2025-01-01 12:00 UTC
local HEAR_S, SAY_S = 10, 5
local FOREVER_S = 100 * 366 * 86400

---@class smpp.BotWorld  what the phones of a bot share
local World = {}
local WORLD = { __index = World }

---@class smpp.BotPhone
---@field inbox string[]  all texts it has heard
local Phone = {}
local PHONE = { __index = Phone }

local function zero() return 0 end

--- A URL or options of a carrier for a message centre of the world.
local function for_test(given, port)
  local o = schema.merge(given)
  local url = o[1] or o.url
  o[1], o.url, o.tls, o.hosts, o.binds = nil, nil, nil, nil, nil
  o.host, o.port = "127.0.0.1", port
  if url then
    local user, rest = url:match "^%a+://([^/?@]*)@[^?]*(.*)$"
    local query = {}
    for option in (rest or url:match "%?.*$" or ""):gmatch "[^?&]+" do
      if not option:find "^tls" then query[#query + 1] = option end
    end
    o.host, o.port = nil, nil
    o[1] = ("smpp://%s127.0.0.1:%d%s"):format(user and user .. "@" or "", port, #query > 0 and "?" .. table.concat(query, "&") or "")
  end
  if not (url and url:find "@") and o.system_id == nil then o.system_id, o.password = "bot", o.password or "secret" end
  return o
end

--- Runs what is due now.
local function settle(world)
  local loop = world.loop
  local previous = loops.set(loop)
  local ok, err = pcall(loop.advance, loop, 0)
  loops.set(previous)
  if not ok then error(err, 0) end
end

local function advance(world, seconds)
  local previous = loops.set(world.loop)
  local ok, err = pcall(world.loop.advance, world.loop, seconds)
  loops.set(previous)
  if not ok then error(err, 0) end
end

--- Advances until `is_done()` or so many seconds have passed, stopping at each moment at which something happens.
local function wait_for(world, seconds, is_done)
  local loop = world.loop
  local ends_at = loop:now() + seconds
  settle(world)
  while not is_done() do
    local item = loop.heap[1]
    if not item or item.at > ends_at then
      advance(world, math.max(0, ends_at - loop:now()))
      return is_done()
    end
    advance(world, math.max(0, item.at - loop:now()))
  end
  return true
end

--- An error of a handler is raised by the call in which it happened.
local function check_errors(world, level)
  local trace = world.errors[1]
  if not trace or world.takes_errors then return end
  world.errors = {}
  error("a handler failed: " .. trace, level + 1)
end

local function open_world(shop, o, level)
  local at = START
  if o.at then
    local message
    at, message = times.moment(o.at, zero)
    if not at then error("test: at: " .. message, level + 1) end
  end
  local loop = virtual.new { seed = 1, start = at, limit_s = FOREVER_S }
  local world = setmetatable({
    shop = shop, loop = loop, phones = {}, errors = {}, dialogue = {},
    unclaimed = {},              -- messages to numbers that no phone has yet
    takes_errors = o.errors, handsets = {},
  }, WORLD)
  shop.loop, shop.local_offset, shop.o.event_loop = loop, zero, loop
  shop.failed = function(trace) table.insert(world.errors, trace) end
  loop.on_error = function(trace) table.insert(world.errors, trace) end
  shop.o.log = type(shop.o.log) == "function" and shop.o.log or type(shop.o.log) == "table" and shop.o.log.write and shop.o.log or nil
  local previous = loops.set(loop)
  local ok, err = pcall(function()
    for i, carrier in ipairs(shop.carriers) do
      local port = 2774 + i
      local mc = assert(simulators.new { loop = loop, port = port, host = "127.0.0.1", deliver_after_s = 0 })
      mc:on("error", function() end)
      local own = handsets.new(mc)
      function own.heard(message) world:heard(carrier.name, message) end
      world.handsets[carrier.name] = own
      carrier.given = for_test(carrier.given, port)
      carrier.given.log = false
    end
    assert(shop:start())
  end)
  loops.set(previous)
  if not ok then error(err, 0) end
  wait_for(world, 10, function()
    for _, carrier in ipairs(shop.carriers) do
      if not carrier.esme then return false end
    end
    return true
  end)
  settle(world)
  return world
end

--- A phone of a test.
---@param shop smpp.Bot
---@param o string|{ number: string, to: string?, channel: string?, carrier: string?, at: string|number|nil, errors: boolean? }
---@param level integer
---@return smpp.BotPhone
function driver.phone(shop, o, level)
  if type(o) == "string" or type(o) == "number" then o = { number = tostring(o) } end
  if type(o) ~= "table" or type(o.number or o[1]) ~= "string" then error("test: expected the number of a subscriber", level + 1) end
  local number = (o.number or o[1]):gsub("[%s%-]", "")
  local world = shop.world
  if not world then
    world = open_world(shop, o, level + 1)
    shop.world = world
  end
  if o.errors then world.takes_errors = true end
  local carrier = shop:carrier_of(o.carrier, true)
  if not carrier then error(("test: unknown carrier '%s'"):format(o.carrier), level + 1) end
  local to = o.to or shop.o.number and shop.o.number[1] or "12345"
  local channel = o.channel or "sms"
  local key = table.concat({ (number:gsub("%D", "")), (to:gsub("%D", "")), carrier.name, channel }, "|")
  local phone = world.phones[key]
  if not phone then
    phone = setmetatable({
      world = world, shop = shop, number = number, to = to, channel = channel, carrier = carrier.name,
      handset = world.handsets[carrier.name]:phone(number),
      inbox = {}, unheard = {}, count = 0, missed = {}, is_off = false, is_closed = false,
      heard_at = nil,          -- when it last heard something
      release_op = (carrier.ussd or {}).release or 17,
    }, PHONE)
    world.phones[key] = phone
    world.order = world.order or {}
    table.insert(world.order, phone)
    local unclaimed = world.unclaimed
    world.unclaimed = {}
    for _, message in ipairs(unclaimed) do world:heard(message.carrier, message) end
  end
  check_errors(world, level + 1)
  return phone
end

--- Calls fn(number, text) for all that is heard from now on, by numbers without a phone, too.
---@param fn fun(number: string, text: string)
function World:listen(fn)
  self.listener = fn
  local unclaimed = self.unclaimed
  self.unclaimed = {}
  for _, message in ipairs(unclaimed) do fn(message.number, message.text or message.data or "") end
  for _, phone in ipairs(self.order) do
    for _, one in ipairs(phone.unheard) do fn(phone.number, one.text) end
    phone.unheard = {}
  end
end

function World:note(who, text) table.insert(self.dialogue, who .. " " .. text) end

--- A message came to a number: the phone that talks with its sender hears it, else any of that number.
function World:heard(carrier, message)
  local channel = message.op and "ussd" or "sms"
  local from = (message.from or ""):gsub("%D", "")
  local best
  for _, phone in ipairs(self.order or {}) do
    if (phone.number:gsub("%D", "")) == message.number and phone.carrier == carrier
      and (phone.channel == channel or channel == "ussd" and phone.has_dialled) then
      if channel == "ussd" and (phone.has_dialled or not best) or channel == "sms" and (phone.to:gsub("%D", "")) == from then
        best = phone
        break
      end
      best = best or phone
    end
  end
  if best then return best:take(message) end
  if self.listener then return self.listener(message.number, message.text or message.data or "") end
  message.carrier, message.channel = carrier, channel
  table.insert(self.unclaimed, message)
end

function Phone:take(message)
  if self.is_off then
    table.insert(self.missed, message)
    return
  end
  local text = message.text or message.data or ""
  if message.op then
    local info = message.session
    local is_end = info and #info == 2 and info:byte(2) % 2 == 1
    if is_end or message.op == self.release_op then
      self.is_closed, self.handset.session = true, nil
    end
  end
  table.insert(self.inbox, text)
  table.insert(self.unheard, { text = text, message = message })
  self.heard_at = self.world.loop:now()
  self.world:note("<", text)
  local listener = self.world.listener
  if listener then
    listener(self.number, text)
    self.unheard = {}
  end
end

--- Ends a call of the driver: everything of this instant happens, and a handler's error is raised.
local function done(self, level)
  settle(self.world)
  check_errors(self.world, level + 1)
end

--- Lets time pass until five seconds after the last message that the phone got.
local function think(self)
  if not self.heard_at then return end
  local wait_s = self.heard_at + SAY_S - self.world.loop:now()
  if wait_s > 0 then advance(self.world, wait_s) end
end

--- The subscriber writes (in a session of USSD: answers).
---@param text string|table  a table: fields of the message, `data`
---@return smpp.BotPhone self
function Phone:says(text)
  local of_table = type(text) == "table"
  if type(text) ~= "string" and not of_table then error(("says: expected a text, got a %s"):format(type(text)), 2) end
  think(self)
  self.world:note(">", of_table and (text.text or "(data)") or text)
  local ok, message
  if self.channel == "ussd" or self.has_dialled and self.handset.session and not self.is_closed then
    ok, message = self.handset:answer(text, { to = self.code })
  else
    ok, message = self.handset:send(schema.merge({ to = self.to, text = not of_table and text or nil }, of_table and text or nil))
  end
  if not ok then error("says: " .. tostring(message), 2) end
  done(self, 2)
  return self
end

--- Dials a code of USSD.
---@param code string
---@return smpp.BotPhone self
function Phone:dials(code)
  if type(code) ~= "string" or not code:find "^[*#]" then error("dials: expected a code such as *100#, got " .. mistake.show(code), 2) end
  self.has_dialled = true -- it hears of USSD, too, and answers in the session while that is open
  think(self)
  self.is_closed, self.code = false, code:match "%d+"
  self.world:note(">", code)
  local ok, message = self.handset:dial(code)
  if not ok then error("dials: " .. tostring(message), 2) end
  done(self, 2)
  return self
end

--- Ends the session.
---@return smpp.BotPhone self
function Phone:hangs_up()
  local ok, message = self.handset:hang_up { to = self.code }
  if not ok then error("hangs_up: " .. message, 2) end
  self.world:note(">", "(hangs up)")
  self.is_closed = true
  done(self, 2)
  return self
end

--- The text that is different, up to there.
local function mark(expected, got)
  local at = 1
  while at <= #expected and at <= #got and expected:byte(at) == got:byte(at) do at = at + 1 end
  while at > 1 and (got:byte(at) or 0) >= 0x80 and (got:byte(at) or 0) < 0xC0 do at = at - 1 end
  local before = got:sub(1, at - 1)
  return before:gsub("\n", "\\n") .. "»" .. got:sub(at):gsub("\n", "\\n"), at
end

local function so_far(world)
  local lines = { "the dialogue so far:" }
  for _, line in ipairs(world.dialogue) do lines[#lines + 1] = "  " .. line:gsub("\n", "\n    ") end
  if #lines == 1 then lines[2] = "  (nothing)" end
  return table.concat(lines, "\n")
end

local function fits(expected, text)
  if type(expected) == "function" then return expected(text) and true or false end
  if match.is_pattern(expected) then return expected:captures(strings.trim(text)) ~= nil end
  return text == expected
end

local function within(word, default, name)
  if word == nil then return default end
  return times.seconds(word) or error(('%s: expected a time such as "10 min", got %s'):format(name, mistake.show(word)), 3)
end

--- The oldest message that was not asked for yet is this one; waits for it.
---@param expected string|smpp.BotPattern|fun(text: string): any
---@param time? string|number  of waiting at most, default 10 s
---@return smpp.BotPhone self
function Phone:hears(expected, time)
  local of = type(expected)
  if of ~= "string" and of ~= "function" and not match.is_pattern(expected) then
    error(("hears: expected a text, a bot.pattern or a function, got a %s"):format(of), 2)
  end
  local seconds, world = within(time, HEAR_S, "hears"), self.world
  wait_for(world, seconds, function() return self.unheard[1] ~= nil or world.errors[1] ~= nil and not world.takes_errors end)
  check_errors(world, 2)
  local one = table.remove(self.unheard, 1)
  local words = of == "string" and ("%q"):format(expected):gsub("\\\n", "\\n") or tostring(expected)
  if not one then error(("expected to hear: %s\nheard nothing within %g s\n%s"):format(words, seconds, so_far(world)), 2) end
  if not fits(expected, one.text) then
    local shown = ("%q"):format(one.text):gsub("\\\n", "\\n")
    local difference = of == "string" and "\ndifferent from: " .. mark(expected, one.text) or ""
    error(("expected to hear: %s\ngot:              %s%s\n%s"):format(words, shown, difference, so_far(world)), 2)
  end
  done(self, 2)
  return self
end

--- Nothing unheard is left, now and within a time.
---@param time? string|number
---@return smpp.BotPhone self
function Phone:silent(time)
  local seconds, world = within(time, 0, "silent"), self.world
  wait_for(world, seconds, function() return self.unheard[1] ~= nil or world.errors[1] ~= nil and not world.takes_errors end)
  check_errors(world, 2)
  local one = self.unheard[1]
  if one then error(("expected to hear nothing\ngot: %q\n%s"):format(one.text, so_far(world)), 2) end
  return self
end

--- Time passes.
---@param time string|number  "10 min"
---@return smpp.BotPhone self
function Phone:waits(time)
  local seconds = within(time, nil, "waits") or error("waits: expected a time", 2)
  advance(self.world, seconds)
  self.world:note("-", ("%s later"):format(type(time) == "string" and time or time .. " s"))
  done(self, 2)
  return self
end

--- The session was released.
---@return smpp.BotPhone self
function Phone:closed()
  settle(self.world)
  check_errors(self.world, 2)
  if not self.is_closed then error("expected a released session: it is open\n" .. so_far(self.world), 2) end
  return self
end

--- The phone is switched off: what comes is kept for it.
---@return smpp.BotPhone self
function Phone:off()
  self.is_off = true
  return self
end

--- It is on again, and hears what was kept.
---@return smpp.BotPhone self
function Phone:on()
  self.is_off = false
  local missed = self.missed
  self.missed = {}
  for _, message in ipairs(missed) do self:take(message) end
  done(self, 2)
  return self
end

--- Raises if something was said that no test has asked for, or a handler failed.
---@param shop smpp.Bot
---@param level integer
function driver.finish(shop, level)
  local world = shop.world
  if not world then return end
  settle(world)
  check_errors(world, level + 1)
  local lost = world.unclaimed[1]
  if lost then error(("%s was told something, and the test has no such phone: %q"):format(lost.number, lost.text or lost.data), level + 1) end
  for _, phone in ipairs(world.order or {}) do
    local one = phone.unheard[1]
    if one then
      error(("%s was told something that the test did not ask for: %q\n%s"):format(phone.number, one.text, so_far(world)), level + 1)
    end
  end
end

--- Runs fn as a task in the world, to its end or first wait.
---@param shop smpp.Bot
---@param fn fun()
function driver.run(shop, fn)
  local world = shop.world
  local previous = loops.set(world.loop)
  task.start(function(trace) table.insert(world.errors, trace) end, fn)
  loops.set(previous)
  settle(world)
  check_errors(world, 3)
end

driver.advance, driver.settle = advance, settle

return driver
