--- USSD over SMPP: sessions of subscribers, and the channel of their dialogues.  What is said is kept until the next question,
--- or the end, which releases the session; long texts are pages.
local hears = require "smpp.bot.hear"
local profiles = require "smpp.profile"
local sms = require "smpp.bot.sms"
local task = require "smpp.base.task"
local text = require "smpp.text"

local ussd = {}

-- A page: 160 octets.
local MOST = { gsm7 = 182, gsm7_packed = 182, ucs2 = 80, ucs2_le = 80 }
local MOST_OCTETS = 160

---@class smpp.BotUssd
local Ussd = {}
local USSD = { __index = Ussd }

---@class smpp.BotUssdSession
---@field key string
---@field id string|integer  the session as the network names it
---@field info string?       octets of its_session_info as they came last
---@field reference integer? user_message_reference
---@field pages string[]?    of the text that is shown, when there are several
---@field page integer?
---@field buffer string[]    said since the last page
---@field is_over boolean?   the text that is shown releases the session with its last page

---@param shop smpp.Bot
---@return smpp.BotUssd
function ussd.new(shop)
  local o = shop.o.ussd or {}
  return setmetatable({
    shop = shop,
    sessions = {},             -- carrier and digits of the subscriber -> session
    more = o.more or { "99", "More" }, back = o.back or { "0", "Back" },
    timeout_s = o.timeout_s or 180,
  }, USSD)
end

local function set_of(list)
  local set = {}
  for _, op in ipairs(list) do set[op] = true end
  return set
end

--- How a carrier speaks USSD.
local function way_of(carrier)
  local way = carrier.ussd_way
  if way then return way end
  way = {}
  for _, row in ipairs(profiles.ussd.rows) do way[row[1]] = row[3] end
  for name, value in pairs(carrier.ussd or {}) do way[name] = value end
  way.begin, way.answer, way.abort = set_of(way.begin), set_of(way.answer), set_of(way.abort)
  carrier.ussd_way = way
  return way
end

--- Is a deliver_sm one of USSD?
---@param pdu smpp.Pdu
---@return boolean
function Ussd:is(pdu) return pdu.service_type == "USSD" or pdu.ussd_service_op ~= nil end

--- The name of the session that a PDU belongs to, and whether it ends it.
local function session_of(way, pdu)
  local info = pdu.its_session_info
  if way.session == "user_message_reference" then return pdu.user_message_reference or 0, false, info end
  if not info or #info ~= 2 then return 0, false, nil end
  local first, second = info:byte(1, 2)
  local is_end = second % 2 == 1
  if way.session == "its_session_info_15" then return first * 128 + math.floor(second / 2), is_end, info end
  return first, is_end, info
end

-- ---- out ----

--- its_session_info of what we send.
local function info_of(session, way, is_end)
  local info = session.info
  if not info then return nil end
  local first, second = info:byte(1, 2)
  local sequence = math.floor(second / 2)
  if way.sequence == "count" and way.session == "its_session_info" then
    session.sequence = ((session.sequence or sequence) + 1) % 128
    sequence = session.sequence
  end
  return string.char(first, sequence * 2 + (is_end and 1 or 0))
end

local function submit(session, words, is_end)
  local carrier = session.carrier
  local way, options = way_of(carrier), carrier.esme and carrier.esme.options or {}
  local octets, info = text.encode(words, {
    default_alphabet = options.default_alphabet, data_codings = options.data_codings, allow = options.allow, on_unmappable = options.on_unmappable,
  })
  if not octets then return nil, info, "unmappable" end
  local msg = session.msg
  return session.shop:transmit(carrier, {
    from = session.from, to = msg.source, service_type = "USSD", short_message = octets, data_coding = info.data_coding,
    ussd_service_op = is_end and way.release or way.ask, its_session_info = info_of(session, way, is_end),
    user_message_reference = way.session == "user_message_reference" and session.reference or nil,
  })
end

-- ---- pages ----

local function fits(words, session)
  local options = session.carrier.esme and session.carrier.esme.options or {}
  local octets, info = text.encode(words, { default_alphabet = options.default_alphabet, data_codings = options.data_codings })
  if not octets then return #words <= MOST_OCTETS end
  return info.units <= (MOST[info.encoding] or MOST_OCTETS)
end

--- A line in pieces that fit with a footer, cut at blanks where there are some.
local function cut(line, footer, session)
  local pieces = {}
  while not fits(line .. footer, session) do
    local at, blank = 0, nil
    for first, last in line:gmatch "()[%z\1-\127\194-\244][\128-\191]*()" do
      if not fits(line:sub(1, last - 1) .. footer, session) then break end
      if line:sub(first, last - 1) == " " then blank = first end
      at = last - 1
    end
    if at == 0 then break end -- a footer that leaves no room
    if blank and blank > 1 then at = blank end
    pieces[#pieces + 1] = line:sub(1, at)
    line = line:sub(at + 1)
  end
  pieces[#pieces + 1] = line
  return pieces
end

--- The pages of a text, cut between lines; one: it fits.
---@param words string
---@param session smpp.BotUssdSession
---@return string[]
function Ussd:pages_of(words, session)
  if fits(words, session) then return { words } end
  local more, back = ("\n%s. %s"):format(self.more[1], self.more[2]), ("\n%s. %s"):format(self.back[1], self.back[2])
  local both = back .. more
  local pages, page = {}, nil
  for line in (words .. "\n"):gmatch "([^\n]*)\n" do
    for _, piece in ipairs(fits(line .. both, session) and { line } or cut(line, both, session)) do
      local longer = page and page .. "\n" .. piece or piece
      if page and not fits(longer .. (#pages == 0 and more or both), session) then
        pages[#pages + 1], page = page, piece
      else
        page = longer
      end
    end
  end
  pages[#pages + 1] = page
  for i = 1, #pages do pages[i] = pages[i] .. (i > 1 and back or "") .. (i < #pages and more or "") end
  return pages
end

--- Shows a text, its first page first.
local function show(session, words, is_end)
  local pages = session.all:pages_of(words, session)
  session.pages, session.page = nil, nil
  if #pages == 1 then return submit(session, words, is_end) end
  session.pages, session.page, session.is_over = pages, 1, is_end
  return submit(session, pages[1], false)
end

--- Turns the page, if an answer asks for that.
local function turn(session, answer)
  local pages, all = session.pages, session.all
  if not pages then return false end
  answer = answer:match "^%s*(%S*)%s*$" or answer
  local page = session.page
  if answer == all.more[1] and page < #pages then
    page = page + 1
  elseif answer == all.back[1] and page > 1 then
    page = page - 1
  else
    return false
  end
  session.page = page
  local is_last = session.is_over and page == #pages
  submit(session, pages[page], is_last)
  if is_last then all:forget(session) end
  return true
end

-- ---- the channel of a dialogue ----

local channel = { name = "ussd", has_words = false }
ussd.channel = channel

--- Keeps a text for the next page.  Data go by SMS.
function channel.say(dialogue, words, options)
  if not words then return sms.say(dialogue, nil, options) end
  table.insert(dialogue.session.buffer, words)
  return { is_kept = true }
end

local function joined(session, words)
  local buffer = session.buffer
  session.buffer = {}
  if words then buffer[#buffer + 1] = words end
  return table.concat(buffer, "\n")
end

function channel.ask(dialogue, words)
  local session = dialogue.session
  if session.is_gone then return nil, "the session has ended", "closed" end
  return show(session, joined(session, words), false)
end

--- How long the network waits for an answer.
function channel.limit_s(dialogue) return dialogue.session.all.timeout_s end

function channel.turn_page(dialogue, item) return turn(dialogue.session, item.text) end

function channel.close(dialogue, words, reason)
  local session = dialogue.session
  if session.is_gone then return end
  session.dialogue = nil
  if reason == "released" then return session.all:forget(session) end
  local last = joined(session, words)
  if last == "" then last = dialogue.shop:text("goodbye", dialogue.chat) or "" end
  show(session, last, true)
  if not session.pages then session.all:forget(session) end
end

-- ---- in ----

--- The session is over.
function Ussd:forget(session)
  session.is_gone = true
  if self.sessions[session.key] == session then self.sessions[session.key] = nil end
end

--- The subscriber or the network has ended it: nothing more is sent.
function Ussd:released(session)
  self:forget(session)
  if session.dialogue then session.dialogue:finish "released" end
end

local NO_TURN = { settle = function() end } -- a deliver_sm of USSD is acknowledged at once

local function item_of(self, session, msg)
  local shop = self.shop
  local person = shop.people:get(session.digits)
  return {
    channel = "ussd", channel_of = channel, session = session, code = session.code,
    msg = msg, own = { number = hears.digits(msg.to), address = session.from, carrier = session.carrier }, turn = NO_TURN,
    from = session.number, key = session.key, person = person, text = msg.text or "",
  }
end

local function begin(self, carrier, msg, key, id, info)
  local shop, pdu = self.shop, msg.pdu
  local words = msg.text or ""
  local number = shop:subscriber(msg.from)
  local session = {
    all = self, shop = shop, carrier = carrier, key = key, id = id, info = info, reference = pdu.user_message_reference, msg = msg,
    from = msg.destination, number = number, digits = hears.digits(number), buffer = {},
    code = words:match "^%s*([*#].-)%s*$" or msg.to,
  }
  self.sessions[key] = session
  local item = item_of(self, session, msg)
  shop:route(item, shop.loop:now())
  if not session.is_heard then
    submit(session, shop:text("goodbye", item) or "", true)
    self:forget(session)
  end
end

--- A message that belongs to no session: it is told so.
local function expired(self, carrier, msg, id, info)
  local words = self.shop:text("expired", { number = self.shop:subscriber(msg.from), to = msg.to, channel = "ussd", bot = self.shop })
  if not words then return end
  local session = { all = self, shop = self.shop, carrier = carrier, id = id, info = info, msg = msg, from = msg.destination }
  session.reference = msg.pdu.user_message_reference
  submit(session, words, true)
end

local function handle(self, carrier, msg)
  local pdu, way = msg.pdu, way_of(carrier)
  local op = pdu.ussd_service_op
  local id, is_end, info = session_of(way, pdu)
  local key = ("u/%s/%s"):format(carrier.name, hears.digits(self.shop:subscriber(msg.from)))
  local session = self.sessions[key]
  local is_begin = way.begin[op] or op == nil and (msg.text or ""):find "^%s*[*#]" ~= nil
  if not is_begin and (is_end or way.abort[op] or op == 17 or op == 19 and not way.answer[op]) then
    if session and (session.id == id or not info) then self:released(session) end
    return
  end
  if is_begin then
    if session then self:released(session) end
    return begin(self, carrier, msg, key, id, info)
  end
  if not session or session.id ~= id then return expired(self, carrier, msg, id, info) end
  session.info, session.reference = info or session.info, pdu.user_message_reference or session.reference
  if not session.dialogue then -- only pages are left
    if not turn(session, msg.text or "") then self:forget(session) end
    return
  end
  session.dialogue:receive(item_of(self, session, msg))
end

--- A deliver_sm of USSD: acknowledged at once, then handled.
---@param carrier table
---@param msg smpp.Message
---@return true
function Ussd:receive(carrier, msg)
  self.shop.loop:defer(function() task.start(self.shop.sink, handle, self, carrier, msg) end)
  return true
end

return ussd
