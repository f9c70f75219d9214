--- A rate that all nodes learn together from what their message centre refuses: the rules are those of smpp.client.rate, the state is in the
--- engine.  It gives smpp.Grants their script and its words; nodes report what they have sent, and what was refused.
local rates = require "smpp.client.rate"
local valkey = require "smpp.valkey"

local unpack = table.unpack or unpack -- luacheck: compat

local learner = {}

---@class smpp.RateLearner
local Learner = {}
local mt = { __index = Learner, __name = "smpp.RateLearner" }

--- key, least, most, rate to begin with (or ""), how many are wanted, epoch; how many this node has sent and how many were refused since its
--- last call in this epoch; microseconds since it was told to back off, where that is over (or "").
--- { granted, microseconds until there is one, rate ("": no limit yet), epoch, "1": it has stepped down }
--- An epoch is the time of the last step down: what belongs to one before does not count, and several nodes step down once for one refusal.
local script = valkey.script(([[#!lua flags=allow-oom
local P, call, at = KEYS[1], redis.call, 0
local function take()
  at = at + 1
  return ARGV[at]
end
local STEP_DOWN, CLIMB_S, CLIMB_MESSAGES, APPROACH_S, FORGET, SOON_S, DOUBLE_MESSAGES = %g, %g, %g, %g, %g, %g, %g
local key, least, most, start, wanted = P .. "adapt:" .. take(), tonumber(take()), tonumber(take()) or math.huge, tonumber(take()), tonumber(take())
local epoch, sent, refused, over = take(), tonumber(take()), tonumber(take()), tonumber(take())
local time = call("TIME")
local now = tonumber(time[1]) + tonumber(time[2]) / 1000000
local known = call("HMGET", key, "rate", "refused_rate", "sent", "refused", "since", "last", "full", "waited")
local rate, refused_rate = tonumber(known[1] or start) or math.huge, tonumber(known[2] or "")
local since = math.min(tonumber(known[5]) or now, now)
local last, full, waited = math.min(tonumber(known[6]) or now, now), tonumber(known[7]) or 0, known[8] == "1"
local all_sent, all_refused = tonumber(known[3]) or 0, tonumber(known[4]) or 0
if epoch == known[5] or epoch == "" and over then all_sent, all_refused = all_sent + sent, all_refused + refused end
local function set(value) rate = math.max(least, math.min(most, value)) end
local steps = over and (not known[5] or now - over / 1000000 > since)
if steps then
  local elapsed = now - since
  local measured = math.max(0, all_sent - all_refused) / math.max(elapsed, 1)
  if rate == math.huge then
    set(measured)
  else
    local is_far = not refused_rate or elapsed < SOON_S
    refused_rate = rate
    set(math.min(STEP_DOWN * rate, math.max(measured, is_far and rate / 2 or STEP_DOWN * rate)))
  end
  all_sent, all_refused, since, last, waited = 0, 0, now, now, false
  full = now + math.max(1, rate / 10) / rate
elseif waited and rate < math.huge and wanted > 0 then
  local elapsed = now - last
  if refused_rate and rate > refused_rate * FORGET then refused_rate = nil end
  if not refused_rate then
    set(rate * 2 ^ (elapsed * math.min(1, rate / DOUBLE_MESSAGES)))
  else
    local slope = (1 - STEP_DOWN) * refused_rate / math.max(CLIMB_S, CLIMB_MESSAGES / refused_rate)
    set(rate + slope * elapsed + math.max(0, STEP_DOWN * refused_rate - rate) * math.min(1, elapsed / APPROACH_S))
  end
end
local count, wait = wanted, 0
if rate < math.huge then
  local step, depth = 1 / rate, math.max(1, rate / 10) / rate
  full = math.min(math.max(full, now), now + depth) -- the clock, as at a promoted replica
  count = math.min(wanted, math.floor((now + depth - full) / step + 0.000001))
  full = full + count * step
  wait = math.max(0, math.ceil((full + step - now - depth) * 1000000))
end
if wanted > 0 then waited, last = count < wanted, now end
local function text(value) return string.format("%%.6f", value) end
local epoch_now = steps and text(since) or known[5] or text(since)
local function exact(value) return value and value < math.huge and string.format("%%.17g", value) or "" end
call("HSET", key, "rate", exact(rate), "refused_rate", exact(refused_rate), "sent", all_sent,
  "refused", all_refused, "since", epoch_now, "last", text(last), "full", text(full), "waited", waited and "1" or "0")
call("EXPIRE", key, 86400)
return { count, wait, exact(rate), epoch_now, steps and "1" or "0" }
]]):format(unpack(rates.LEARNING)))

---@param loop smpp.Loop
---@param o { min: number, max: number?, start: number? }
---@return smpp.RateLearner
function learner.new(loop, o)
  return setmetatable({
    loop = loop, o = o, script = script,
    epoch = "",
    sent = 0, refused = 0,      -- not reported yet
    reported = nil,             -- the counts that a call under way reports
    paused_at = nil,            -- told to back off
    is_over = false,            -- and that has ended: the rate steps down
  }, mt)
end

--- The rate until the engine has said another.
---@return number
function Learner:start() return self.o.start or self.o.max or math.huge end

--- Words of a call.
---@param words (string|number)[]
---@param n integer
---@param key string
---@param wanted integer
---@return integer n
function Learner:put(words, n, key, wanted)
  local o, over = self.o, ""
  if self.is_over then over = ("%.0f"):format((self.loop:now() - self.paused_at) * 1e6) end
  self.reported = { sent = self.sent, refused = self.refused, epoch = self.epoch, over = self.is_over }
  for i, word in ipairs { key, o.min, o.max or "", self.o.start or self.o.max or "", wanted, self.epoch, self.sent, self.refused, over } do
    words[n + i] = word
  end
  return n + 9
end

--- A reply, nil: there is none.
---@param reply table?
---@return number? rate
---@return boolean? stepped
function Learner:read(reply)
  local was = self.reported
  self.reported = nil
  if not reply then return nil end
  self.sent, self.refused = self.sent - was.sent, self.refused - was.refused
  if was.over then self.is_over, self.paused_at = false, nil end
  if reply[4] ~= self.epoch and self.epoch ~= "" then self.sent, self.refused = 0, 0 end
  self.epoch = reply[4]
  return tonumber(reply[3]) or math.huge, reply[5] == "1"
end

--- Must the engine answer before anything more is sent?
---@return boolean
function Learner:is_held() return self.is_over end

--- A bind has to back off.
function Learner:pause() self.paused_at = self.paused_at or self.loop:now() end

--- The back-off has ended.
function Learner:resume() self.is_over = self.paused_at ~= nil end

return learner
