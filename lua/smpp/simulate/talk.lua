--- The bot of a simulation, and the phones that talk with it: each says ORDER, is asked a question, and answers.
local bots = require "smpp.bot"

local talk = {}

talk.NUMBER = "500"

---@class smpp.SimulateTalks
---@field said table[]  of each phone: what the bot has said to it, by its text
local Talks = {}
local mt = { __index = Talks, __name = "smpp.SimulateTalks" }

--- The number of a phone that talks with the bot.
---@param index integer
---@return string
function talk.phone(index) return ("49177000%04d"):format(index) end

--- The phone of a number; nil: another.
---@param number string
---@return integer?
function talk.index(number) return tonumber(number:match "^%+?49177000(%d%d%d%d)$") end

local function question(index) return ("size of order %d?"):format(index) end
local function answer(index) return ("size %d"):format(index) end
local function is_answer(words) return words:match "^size %d+$" end -- not the message that began, should it come again
local function thanks(index) return ("order %d has size %d"):format(index, index) end

--- What the bot's connections carry.  A message that comes again although it was answered (the answer was lost), or while it is being
--- handled (the message centre was impatient), is a new one for a bot: it cannot tell.
local function watch(self, session, pdu, direction)
  local open = self.unanswered[session] or {}
  self.unanswered[session] = open
  if direction == "in" and pdu.command == "deliver_sm" then
    local index, words = talk.index(pdu.source_addr), pdu.short_message
    if not index then return end
    local again = self.acknowledged[words]
    for _, other in pairs(open) do again = again or other == words end
    if again then self.repeats[index] = self.repeats[index] + 1 end
    open[pdu.sequence_number] = words
  elseif direction == "out" and pdu.command == "deliver_sm_resp" then
    local words = open[pdu.sequence_number]
    if words and pdu.command_status == 0 then self.acknowledged[words] = true end
    open[pdu.sequence_number] = nil
  end
end

--- Starts a bot.
---@param o table  { window, resend } of the plan
---@param about { port: integer, count: integer, timeout_s: number, valid_s: number?, deliver: fun(fields: table, mc: table?): boolean?,
---  failed: fun(message: string) }
---@return smpp.SimulateTalks
function talk.open(o, about)
  local self = setmetatable({ o = o, about = about, resend = o.resend or false, said = {}, begun = {}, replied = {},
    acknowledged = {}, repeats = {}, unanswered = {} }, mt)
  for index = 1, about.count do self.said[index], self.repeats[index] = {}, 0 end
  self.bot = bots.new {
    ("smpp://bot:secret@127.0.0.1:%d"):format(about.port), number = talk.NUMBER, window = o.window, log = false,
    on_unknown = o.resend and "resend" or nil,
    reconnect = { min_s = 0.5, max_s = 5 }, enquire_link_s = 5, enquire_link_response_s = 5, response_timeout_s = about.timeout_s, bind_timeout_s = 5,
    pdu = function(pdu, direction, session) watch(self, session, pdu, direction) end,
  }
  self.bot:hear("ORDER", function(chat)
    local index = tonumber(chat.args[1])
    local size = chat:ask(question(index), { match = is_answer, validity_s = about.valid_s })
    chat:say("order %d has %s", index, size, { validity_s = about.valid_s })
  end)
  self.bot:on("error", about.failed)
  assert(self.bot:start())
  return self
end

--- A phone begins.
---@async
---@param index integer
function Talks:begin(index)
  self.begun[index] = self.about.deliver { from = talk.phone(index), to = talk.NUMBER, text = ("ORDER %d"):format(index), system_id = "bot" } or nil
end

--- A message centre has taken a text of the bot for a phone, which answers a question, the first time it comes.
---@async
---@param mc smpp.Simulator
---@param number string
---@param words string
function Talks:heard(mc, number, words)
  local index = talk.index(number)
  local said = self.said[index or 0]
  if not said or words ~= question(index) and words ~= thanks(index) then
    self.wrong = self.wrong or ("the phone %s got the text '%s'"):format(number, words)
    return
  end
  said[words] = (said[words] or 0) + 1
  if words ~= question(index) or self.replied[index] then return end
  self.replied[index] = true
  self.about.deliver({ from = talk.phone(index), to = talk.NUMBER, text = answer(index), system_id = "bot" }, mc)
end

--- How often a phone got its question, and the thanks.
---@param index integer
---@return integer asked
---@return integer ended
function Talks:count(index) return self.said[index][question(index)] or 0, self.said[index][thanks(index)] or 0 end

--- What is not settled yet, in words; nil: nothing.
---@return string?
function Talks:unsettled()
  local esme = self.bot.carriers[1].esme
  if not esme or esme.state ~= "bound" then return "the bot is not bound" end
end

---@async
function Talks:close() self.bot:stop(10) end

return talk
