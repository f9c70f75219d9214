--- Incoming deliver_sm and data_sm of a client: matches receipts to sent messages, reassembles parts, decodes texts, and
--- calls the handlers of messages and receipts.
local address = require "smpp.codec.address"
local coding = require "smpp.text.coding"
local core = require "smpp.core"
local events = require "smpp.base.events"
local explain = require "smpp.codec.explain"
local incoming = require "smpp.session.incoming"
local reassembly = require "smpp.text.reassembly"
local metrics = require("smpp.metrics").standard
local readers = require "smpp.client.receipts"
local receipts = require "smpp.receipt"
local schema = require "smpp.base.schema"
local task = require "smpp.base.task"
local text = require "smpp.text"

local decode, join_parts = core.text.decode, core.part.join
local ANSWERED_LATER = incoming.LATER

local NONE = {} -- never written

local Inbox = {
  -- Fields that an idle client does not need are made later.
  reassembly = nil,             -- from the first message on that may be a part
  read_part = nil, part_mt = nil, -- reads usual parts for it; their metatable
  read_receipt = nil, make_receipt = nil, -- the usual ones, from the first on; false: none is
  queued = NONE,                -- PDUs received before a listener was added
  keeps_receipts = false,       -- receipts are queued for a listener, too
  reported_at = -math.huge,     -- time of the last report about messages without a listener
  timer = nil, timer_at = nil,  -- next expiry of the reassembly
}
local mt = { __index = Inbox, __name = "smpp.Inbox" }

---@class smpp.Message
---@field from string  + before international numbers
---@field to string
---@field text string?  UTF-8, all parts joined; nil for binary content
---@field data string?  octets of binary content
---@field encoding string  encoding of the octets
---@field pdu smpp.Pdu  the PDU that completed the message
---@field parts { pdu: smpp.Pdu, octets: string }[]  the parts in order: each PDU as received, and its text octets after the UDH
---@field gap_s number?  of several parts: the longest time between two of them
---@field suspicious true?  gap_s is suspicious_gap_s of the option `reassembly` or longer: the parts may be of two texts
---@field source { addr: string, ton: integer, npi: integer }
---@field destination { addr: string, ton: integer, npi: integer }
---@field esme smpp.Client
local Message = {}
local message_mt = { __name = "smpp.Message" }

local function source_of(pdu) return { addr = pdu.source_addr, ton = pdu.source_addr_ton, npi = pdu.source_addr_npi } end
local function destination_of(pdu) return { addr = pdu.destination_addr, ton = pdu.dest_addr_ton, npi = pdu.dest_addr_npi } end

--- Fields that few programs read are computed on first access.
local LATER = {
  source = function(self) return source_of(self.pdu) end,
  destination = function(self) return destination_of(self.pdu) end,
  parts = function(self) return self.set and self.set.parts or { self.esme.inbox:part(self.pdu, self.session) } end,
  gap_s = function(self) return self.set and self.set.gap_s or nil end,
}

function message_mt.__index(self, key)
  local make = LATER[key]
  if not make then return Message[key] end
  local value = make(self)
  self[key] = value
  return value
end

function message_mt:__tostring() return ("message from %s to %s"):format(self.from, self.to) end

local inbox = { class = Inbox }

local USUAL = { [0] = "gsm7", [8] = "ucs2" } -- data_coding -> encoding of nearly all texts
local STANDARD = {} -- a peer without alphabets of its own; never written
local TYPED = 0x40 -- esm_class below that: message mode and type
local UDHI = 0x40 -- esm_class: the octets begin with a user data header
local REPORT_S = 60 -- interval of error reports about messages without a listener

---@param client smpp.Client
function inbox.new(client)
  local o = client.options
  local peer, usual = STANDARD, USUAL
  if o.default_alphabet or o.data_codings then
    peer, usual = { default_alphabet = o.default_alphabet, data_codings = o.data_codings }, {}
    for data_coding, encoding in pairs(USUAL) do
      if coding.meaning(data_coding, peer) == encoding then usual[data_coding] = encoding end
    end
  end
  return setmetatable({
    client = client,
    loop = client.loop,
    peer = peer,
    usual = usual,              -- data_coding -> encoding of the two most frequent codings, if the peer uses the standard ones
    is_usual = usual == USUAL and not (o.receipts and o.receipts.untyped), -- most texts are as `usual` has them, and receipts have their type
    receipts = (o.default_alphabet or o.receipts) and schema.merge({ default_alphabet = o.default_alphabet }, o.receipts) or NONE,
  }, mt)
end

--- Makes the reassembly, which many clients never need.
local function open_reassembly(self)
  local client = self.client
  self.reassembly = reassembly.new(schema.merge({ seed = client.map_seed }, client.options.reassembly))
  self.read_part = self.reassembly:reader(client.system_id or "")
  self.timer = self.loop:timer(function() self:expire() end)
end

--- Reports acknowledged parts of messages that will stay incomplete.
function Inbox:close()
  self.closed = true
  self:refuse_queued()
  if not self.reassembly then return end
  self.timer:close()
  for _, set in ipairs(self.reassembly:expire(math.huge)) do
    if set.reason == "age" or set.reason == "refused" then set.reason = "closed" end
    self.client:emit("incomplete", set)
  end
end

--- Tests whether a text in a usual coding is a message for the handler alone.
---@return boolean
function Inbox:takes_usual()
  local client = self.client
  return self.is_usual and client.state == "bound" and not client.listeners.message
end

--- Tests whether messages have a listener or a handler.
function Inbox:wanted()
  local client = self.client
  return client.options.message ~= nil or events.heard(client, "message")
end

--- Refuses a PDU before the handlers of the program.
local function refuse(session, pdu, status, reason)
  session:note_refused(pdu, status, reason)
  return nil, status
end

--- Handles a deliver_sm or data_sm; returns its answer.
---@async
function Inbox:deliver(pdu, session)
  local esm_class = pdu.esm_class or 0
  -- 3.4, 5.2.12: of an ordinary message, as nearly always
  if (esm_class % TYPED >= 4 or self.receipts.untyped) and receipts.is(pdu, self.receipts) then
    if self.keeps_receipts and not events.heard(self.client, "receipt") then return self:queue(pdu, session, self.receipt) end
    return self:receipt(pdu)
  end
  local state = self.client.state
  if state == "closing" or state == "closed" then return refuse(session, pdu, "ESME_RX_T_APPN", "the client is closing") end
  if not self:wanted() then return self:queue(pdu, session, self.message) end
  return self:message(pdu, session, esm_class)
end

--- Queues a PDU until a listener is added; after answer_timeout_s the session answers ESME_RX_T_APPN.
---@async
---@param pdu smpp.Pdu
---@param session smpp.Session
---@param fn fun(self, pdu: smpp.Pdu, session: smpp.Session): any, any  handles it then
function Inbox:queue(pdu, session, fn)
  self:forget_answered()
  if self.queued == NONE then self.queued = {} end
  self.queued[#self.queued + 1] = { pdu = pdu, token = task.need(), session = session, fn = fn }
  if not task.wait(pdu) then return nil, "ESME_RX_T_APPN" end
  return fn(self, pdu, session)
end

--- Queues receipts, too, until `connect` has returned the client: the program cannot add a listener before.
function Inbox:keep_receipts() self.keeps_receipts = self.client.options.receipt == nil or nil end

--- Tests whether an answer timeout of a PDU is to be reported: at most once a minute while there is no listener.
---@param pdu smpp.Pdu
---@return boolean
function Inbox:may_report(pdu)
  local is_queued = false
  for _, entry in ipairs(self.queued) do is_queued = is_queued or entry.pdu == pdu end
  if not is_queued then return true end
  local now = self.loop:now()
  if now - self.reported_at < REPORT_S then return false end
  self.reported_at = now
  return true
end

--- Tests whether a queued PDU can still be answered: not after answer_timeout_s or the end of its session, when the MC sends
--- it again.
local function is_ours(entry) return not entry.session.closed and entry.session:is_answerable(entry.pdu) end

--- Removes PDUs from the queue that have been answered meanwhile.
function Inbox:forget_answered()
  local queued = self.queued
  if not queued[1] or is_ours(queued[1]) then return end
  self.queued = {}
  for _, entry in ipairs(queued) do
    if is_ours(entry) then
      self.queued[#self.queued + 1] = entry
    else
      task.wake_for(entry.token, entry.pdu, false)
    end
  end
end

--- Wakes the queued PDUs of fn, or all: each is handled if it can still be answered and there is a listener, else it gets
--- ESME_RX_T_APPN.
local function release(self, listened, fn)
  local queued = self.queued
  if not queued[1] then return end
  self.queued = {}
  for _, entry in ipairs(queued) do
    if fn and entry.fn ~= fn then
      self.queued[#self.queued + 1] = entry
    else
      task.wake_for(entry.token, entry.pdu, listened and is_ours(entry))
    end
  end
end

--- The client has closed: no listener will be added.
function Inbox:refuse_queued() release(self, false) end

--- A listener was added; or, for receipts, the program has had time to add one.
---@param name "message"|"receipt"
function Inbox:listening(name)
  if name == "receipt" then self.keeps_receipts = nil end
  release(self, true, name == "message" and self.message or self.receipt)
end

--- A receipt of the usual form, matched with its message: a fast path with the same result as `Sender:receipt`; nil: use that.
local function usual_receipt(self, pdu)
  local read, sender = self.read_receipt, self.client.sender
  if not read then
    if read == false then return nil end
    read, self.make_receipt = readers.reader(self.client, self.receipts)
    self.read_receipt = read or false
    if not read then return nil end
  end
  local id, state, final, number, err = read(pdu)
  if not id then return nil end
  local handle = sender:match(id, final)
  if handle == nil then return nil end
  local receipt = self.make_receipt(pdu, id, state, final, number, err)
  if handle then sender:finish(handle, receipt) end
  return receipt
end

function Inbox:receipt(pdu)
  local client = self.client
  local receipt = usual_receipt(self, pdu)
  if not receipt then
    local message
    receipt, message = readers.parse(pdu, self.receipts)
    if not receipt then
      client:emit("error", "malformed receipt: " .. tostring(message))
      return true
    end
    client.sender:receipt(receipt) -- it may store a copy: only octets and numbers are set so far
    receipt.pdu, receipt.esme = pdu, client
  end
  local state = receipt.state
  if state then metrics.count_receipt("client", "in", state) end
  client:emit("receipt", receipt)
  local handler = client.options.receipt
  if not handler then return true end
  local result, status = handler(receipt)
  if result == nil and status ~= nil then return nil, status end
  return true
end

--- What few look at is read from the PDU of a part when somebody does.
local PART_LATER = {
  udh = function(part) return select(2, text.body(part.pdu)) end,
  source = function(part) return source_of(part.pdu) end,
  destination = function(part) return destination_of(part.pdu) end,
}

local part_mt = {
  __index = function(part, key)
    local make = PART_LATER[key]
    if not make then return nil end
    local value = make(part)
    part[key] = value
    return value
  end,
}

-- Likewise of a part that `usual_part` has read.
local USUAL_LATER = setmetatable({
  octets = function(part) return text.octets(part.pdu):sub(7) end,
  data_coding = function(part) return part.pdu.data_coding end,
  locking = function() return 0 end,
  single = function() return 0 end,
  reference = function(part) return (text.octets(part.pdu):byte(4)) end,
  total = function(part) return (text.octets(part.pdu):byte(5)) end,
  size = function(part) return part.pdu.command_length end,
  width = function() return 8 end,
  fill = function() return 1 end,
  packed = function() return false end,
}, { __index = PART_LATER })

local function make_part_mt(self)
  local account = self.client.system_id or ""
  self.part_mt = {
    __index = function(part, key)
      if key == "account" then return account end
      local make = USUAL_LATER[key]
      if not make then return nil end
      local value = make(part)
      part[key] = value
      return value
    end,
  }
  return self.part_mt
end

--- The concatenation information of a PDU.
local function part_of(client, pdu, session, peer)
  local data_coding, octets = pdu.data_coding or 0, nil
  local reference, width, total, seq, locking, single, fill
  if (pdu.esm_class or 0) % (2 * UDHI) >= UDHI then
    octets = text.octets(pdu)
    local length, iei, size
    length, iei, size, reference, total, seq = octets:byte(1, 6)
    if length == 5 and iei == 0 and size == 3 and seq and seq >= 1 and seq <= total then -- a header of that alone, as nearly always
      width, locking, single, fill, octets = 8, 0, 0, 1, octets:sub(7)
    end
  end
  local header
  local later = width and part_mt or nil
  if not width then
    local place
    octets, header, fill = text.body(pdu, peer)
    place, locking, single = text.part(pdu, header), header and header.locking or 0, header and header.single or 0
    reference, width, total, seq = nil, nil, nil, nil
    if place then reference, width, total, seq = place.reference, place.width, place.total, place.seq end
  end
  return setmetatable({
    account = client.system_id or "", source = source_of(pdu), destination = destination_of(pdu), data_coding = data_coding, pdu = pdu,
    octets = octets, locking = locking, single = single, fill = fill, size = pdu.command_length, link = session,
    reference = reference, width = width, total = total, seq = seq, packed = coding.meaning(data_coding, peer) == "gsm7_packed",
    udh = header,
  }, later)
end

local BIG_ENDIAN, LITTLE_ENDIAN = "\254\255", "\255\254"

--- Removes the byte order mark that each UCS-2 part may begin with: FF FE swaps the octets of that part and those after it.
local function without_marks(set, peer)
  local parts, is_little, found = {}, false, false
  for seq = 1, set.total do
    local part = set.parts[seq]
    local octets = part.octets
    local mark = octets:sub(1, 2)
    local has_mark = mark == BIG_ENDIAN or mark == LITTLE_ENDIAN
    if (has_mark or is_little) and coding.meaning(part.data_coding, peer) == "ucs2" then
      if has_mark then octets, is_little, found = octets:sub(3), mark == LITTLE_ENDIAN, true end
      if is_little then octets = octets:gsub("(.)(.)", "%2%1") end
      part = {
        octets = octets, data_coding = part.data_coding, locking = part.locking, single = part.single, packed = part.packed, fill = part.fill,
      }
    end
    parts[seq] = part
  end
  return found and { total = set.total, parts = parts } or set
end

--- The text of parts that are all in one of the usual codings; nil: `decode` is to take a closer look.
---@return string? text
---@return nil
---@return string? encoding
function Inbox:usual_join(set)
  local words, its_encoding = join_parts(set.parts, set.total, self.usual)
  if words then return words, nil, its_encoding end
  local parts, first = set.parts, set.parts[1]
  local data_coding, encoding, pieces = first.data_coding, self.usual[first.data_coding], {}
  if not encoding then return nil end
  for seq = 1, set.total do
    local part = parts[seq]
    if not part or part.data_coding ~= data_coding or part.locking ~= 0 or part.single ~= 0 then return nil end
    if encoding == "ucs2" and part.octets:find "^[\254\255]" then return nil end -- a byte order mark, perhaps
    pieces[seq] = part.octets
  end
  return (decode(table.concat(pieces), encoding)), nil, encoding
end

--- The text of parts, or the octets if any part is binary.  Consecutive parts of one coding are decoded together, since a
--- surrogate pair may be split between them.
---@return string? text
---@return string? data
---@return string encoding  of the first part
function Inbox:decode(set)
  local words, pieces, binary, first = {}, {}, false, nil
  set = without_marks(set, self.peer)
  for i, run in ipairs(reassembly.join(set)) do
    binary = binary or coding.meaning(run.data_coding, self.peer) == "binary" or coding.is_compressed(run.data_coding)
    pieces[i] = run.octets
    words[i] = text.decode(run.octets, run.data_coding, {
      default_alphabet = self.peer.default_alphabet, data_codings = self.peer.data_codings,
      locking = run.locking, single = run.single, fill = set.parts[run.first].fill,
    })
    first = first or text.encoding_of(run.octets, run.data_coding, self.peer)
  end
  if binary then return nil, table.concat(pieces), first end
  return table.concat(words), nil, first
end

--- The stored result of a handler; false after a temporary error, when the message is to be handled again.
local function lasting(ok, status)
  if not ok then return false end
  return status == nil or explain.class(status) == "permanent" and status
end

--- Calls the listeners and the handler of a message.
---@async
---@return true|nil, any status
local function handle(self, msg)
  local client = self.client
  client:emit("message", msg)
  local handler = client.options.message
  if not handler then return true end
  local result, status = handler(msg)
  if result == nil and status ~= nil then return nil, status end
  return result == ANSWERED_LATER and result or true
end

--- Stores the result of a concatenated message, and wakes the tasks that wait with repeated parts of it.
local function settle(self, set, result)
  local waiters = set.waiters
  set.waiters = nil
  self.reassembly:settle(set, result, self.loop:now())
  for _, token in ipairs(waiters or {}) do task.wake_for(token, set) end
end

--- The same for a concatenated message.  A repeated part gets the same answer or, after a temporary error, handles it again.
---@async
local function handle_whole(self, msg, set)
  local ok, result, status = task.traced_pcall(handle, self, msg)
  if not msg.answered then settle(self, set, lasting(ok, status)) end
  if not ok then error(result, 0) end
  return result, status
end

--- A repeated part of a complete message: the MC has not received our answer.
---@async
local function repeated(text)
  local set = text.set
  if text.result == nil and set then -- its handler is still running
    set.waiters = set.waiters or {}
    table.insert(set.waiters, task.need())
    task.wait(set)
  end
  if text.result == true then return true end
  return nil, text.result or "ESME_RX_T_APPN"
end

--- A PDU as the only part of a message.
function Inbox:part(pdu, session) return part_of(self.client, pdu, session, self.peer) end

--- The text of a PDU without a user data header that is a complete message in one of the two usual codings: a fast path with the
--- same result as `decode`; nil: use that.
---@return string? text
---@return string? encoding
function Inbox:usual_text(pdu)
  local encoding = self.usual[pdu.data_coding]
  if not encoding or pdu.sar_msg_ref_num then return nil end
  local octets = text.octets(pdu)
  if encoding == "ucs2" and octets:find "^[\254\255]" then return nil end -- may be a byte order mark
  return (decode(octets, encoding)), encoding
end

--- Adds a part to its text: a fast path with the same result as `part` and the reassembly's `add`; nil: use these.
---@return smpp.Part? part
---@return string? what  and the rest of what `add` returns
function Inbox:usual_part(pdu, session, now)
  local held, data_coding, seq, total, key, content, known = self.read_part(pdu)
  if not held or not self.usual[data_coding] then return nil end
  local part = setmetatable({ pdu = pdu, link = session, seq = seq, content = content }, self.part_mt or make_part_mt(self)) -- four fields
  return part, self.reassembly:put(part, key, false, total, now, held, known or false)
end

--- The message of a PDU that is all of it.
---@param pdu smpp.Pdu
---@param session smpp.Session
---@param words string
---@param encoding? string  default: as its data_coding says
---@return smpp.Message
function Inbox:make(pdu, session, words, encoding)
  return setmetatable({
    from = address.format(pdu.source_addr, pdu.source_addr_ton), to = address.format(pdu.destination_addr, pdu.dest_addr_ton),
    text = words, encoding = encoding or self.usual[pdu.data_coding], pdu = pdu, esme = self.client, session = session,
  }, message_mt)
end

--- The same of octets that were received earlier: it was answered.
---@param pdu smpp.Pdu  decoded again
---@param session smpp.Session  that received it
---@param words string
---@return smpp.Message
function Inbox:make_old(pdu, session, words)
  local msg = self:make(pdu, session, words)
  msg.is_old = true
  return msg
end

---@async
function Inbox:message(pdu, session, esm_class)
  local client, plain, its_encoding = self.client, nil, nil
  if (esm_class or pdu.esm_class or 0) % (2 * UDHI) < UDHI then plain, its_encoding = self:usual_text(pdu) end
  if plain then return handle(self, self:make(pdu, session, plain, its_encoding)) end
  if not self.reassembly then open_reassembly(self) end
  local now = self.loop:now()
  local part, what, set = self:usual_part(pdu, session, now)
  if not part then
    part = self:part(pdu, session)
    what, set = self.reassembly:add(part, now)
  end
  if what ~= "single" then self:arm(now) end
  if what == "stored" then
    return true
  elseif what == "repeated" then
    return repeated(set)
  elseif not what then
    return refuse(session, pdu, "ESME_RX_R_APPN", set)
  end
  set = what == "complete" and set or { total = 1, parts = { part } }
  local words, data, encoding = self:usual_join(set)
  if not words then words, data, encoding = self:decode(set) end
  local msg = setmetatable({ -- eight fields
    from = address.format(pdu.source_addr, pdu.source_addr_ton), to = address.format(pdu.destination_addr, pdu.dest_addr_ton),
    text = words, encoding = encoding, pdu = pdu, esme = client, session = session, set = set.text and set,
  }, message_mt)
  if data then msg.data = data end
  if set.suspicious then
    msg.suspicious = true
    client:log("suspicious_message", { from = msg.from, parts = set.total, gap_s = set.gap_s }, session)
  end
  if msg.set then return handle_whole(self, msg, set) end
  return handle(self, msg)
end

--- Reports messages that stay incomplete, or that the handler refused until they expired, with the parts received.
local function report(self, set)
  if set.reason == "refused" then
    self.client:emit("error", ("message of %d parts from %s: refused by its handler until it expired"):format(set.total, set.source.addr))
  elseif set.reason ~= "closed" then
    self.client:emit("error", ("incomplete message of %d parts from %s (%s): %d missing"):format(
      set.total, set.source.addr, set.reason, #set.missing))
  end
  self.client:emit("incomplete", set)
end

function Inbox:expire()
  local now = self.loop:now()
  self.timer_at = nil
  for _, set in ipairs(self.reassembly:expire(now)) do report(self, set) end
  self:arm(now)
end

function Inbox:arm(now)
  if self.closed or self.timer_at and self.reassembly:is_early(self.timer_at, now) then return end
  local at = self.reassembly:next_expiry()
  if at and at ~= self.timer_at then self.timer:start(math.max(0, at - now + 0.001)) end -- rounding must not make it earlier
  self.timer_at = at
end

-- ---- messages ----

--- Answers a message before its handler returns; the handler's own result is then ignored.
local function answer(msg, result, status)
  if rawget(msg, "is_old") then return nil, "deliver_sm is already answered", "not_sent" end
  if msg.set and not msg.answered then
    msg.answered = true
    settle(msg.esme.inbox, msg.set, result)
  end
  return msg.session:answer(msg.pdu, nil, status)
end

--- Acknowledges the message before its handler returns.
---@return boolean? ok
---@return string? message
---@return string? code  "closed", "not_sent" (acknowledged already)
function Message:accept() return answer(self, true) end

--- Refuses the message: the MC may try again (ESME_RX_T_APPN) or not (ESME_RX_R_APPN).
---@param status string|integer
---@return boolean? ok
---@return string? message
---@return string? code
function Message:reject(status)
  status = status or "ESME_RX_R_APPN"
  return answer(self, lasting(true, status), status)
end

--- Forwards the message: each of its PDUs unchanged except for the sequence_number.
---@async
---@param target smpp.Session|smpp.Account  a session: waits for its responses; or an account of a server
---  (`server.accounts.acme`): queues all parts together
---@param o? { done: (fun(ok: boolean, code: string?))?, stored: (fun(ok: boolean?, message: string?, code: string?))? }  of an
---  account, as of server:deliver
---@return boolean? ok
---@return string? message
---@return string? code  of the first part that was refused; as of server:deliver
function Message:forward(target, o)
  if type(target) ~= "table" or not (target.forward or target.server) then error("forward: expected a session or an account", 2) end
  local list = {}
  for i, part in ipairs(self.parts) do list[i] = part.pdu end
  if not target.forward then return target.server:deliver(target.system_id, { parts = list }, o) end
  for _, pdu in ipairs(list) do
    local response, message, code = target:forward(pdu)
    if not response then return nil, message, code end
  end
  return true
end

Message.forward = task.waits(Message.forward, function(self) return self.esme.sink end)

--- Answers the sender; acknowledges the message first.
---@async
---@param reply string|table  text, or what esme:send takes
---@return smpp.Sent? sent
---@return string? message
---@return string? code
function Message:reply(reply)
  self:accept()
  local message = schema.merge({ from = self.destination, to = self.source }, type(reply) == "table" and reply or { text = reply })
  return self.esme:send(message)
end

Message.reply = task.waits(Message.reply, function(self) return self.esme.sink end)

return inbox
