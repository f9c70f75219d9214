--- Incoming deliver_sm and data_sm of a client: matches receipts to sent messages, reassembles parts, decodes texts, and
--- calls the handlers of messages and receipts.
local address = require "smpp.codec.address"
local coding = require "smpp.text.coding"
local core = require "smpp.core"
local events = require "smpp.base.events"
local explain = require "smpp.codec.explain"
local reassembly = require "smpp.text.reassembly"
local receipts = require "smpp.receipt"
local schema = require "smpp.base.schema"
local task = require "smpp.base.task"
local text = require "smpp.text"

local decode = core.text.decode

local Inbox = {}
local mt = { __index = Inbox, __name = "smpp.Inbox" }

---@class smpp.Message
---@field from string  + before international numbers
---@field to string
---@field text string?  UTF-8, all parts joined; nil for binary content
---@field data string?  octets of binary content
---@field encoding string  encoding of the octets
---@field pdu smpp.Pdu  the PDU that completed the message
---@field parts { pdu: smpp.Pdu, octets: string }[]  the parts in order: each PDU as received, and its text octets after the UDH
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
  parts = function(self) return { self.esme.inbox:part(self.pdu, self.session) } end,
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
local UDHI = 0x40 -- esm_class: the octets begin with a user data header
local REPORT_S = 60 -- interval of error reports about messages without a listener

---@param client smpp.Client
function inbox.new(client)
  local o = client.options
  local peer = { default_alphabet = o.default_alphabet, data_codings = o.data_codings }
  local usual = USUAL
  if next(peer) then
    usual = {}
    for data_coding, encoding in pairs(USUAL) do
      if coding.meaning(data_coding, peer) == encoding then usual[data_coding] = encoding end
    end
  end
  local self
  self = setmetatable({
    client = client,
    loop = client.loop,
    reassembly = reassembly.new(schema.merge({ seed = client.map_seed }, o.reassembly)),
    peer = peer,
    usual = usual,              -- data_coding -> encoding of the two most frequent codings, if the peer uses the standard ones
    receipts = schema.merge({ default_alphabet = o.default_alphabet }, o.receipts), -- options of reading receipts
    queued = {},                -- PDUs received before a listener was added
    keeps_receipts = false,     -- receipts are queued for a listener, too
    reported_at = -math.huge,   -- time of the last report about messages without a listener
    timer = client.loop:timer(function() self:expire() end), -- next expiry of the reassembly
    timer_at = nil,
  }, mt)
  return self
end

--- Reports acknowledged parts of messages that will stay incomplete.
function Inbox:close()
  self.closed = true
  self:refuse_queued()
  self.timer:close()
  for _, set in ipairs(self.reassembly:expire(math.huge)) do
    if set.reason == "age" or set.reason == "refused" then set.reason = "closed" end
    self.client:emit("incomplete", set)
  end
end

--- Tests whether messages have a listener or a handler.
function Inbox:wanted() return self.client.options.message ~= nil or events.heard(self.client, "message") end

--- Handles a deliver_sm or data_sm; returns its answer.
---@async
function Inbox:deliver(pdu, session)
  if receipts.is(pdu, self.receipts) then
    if self.keeps_receipts and not events.heard(self.client, "receipt") then return self:queue(pdu, session, self.receipt) end
    return self:receipt(pdu)
  end
  local state = self.client.state
  if state == "closing" or state == "closed" then return nil, "ESME_RX_T_APPN" end -- temporary error: the MC sends it again later
  if not self:wanted() then return self:queue(pdu, session, self.message) end
  return self:message(pdu, session)
end

--- Queues a PDU until a listener is added; after answer_timeout_s the session answers ESME_RX_T_APPN.
---@async
---@param pdu smpp.Pdu
---@param session smpp.Session
---@param fn fun(self, pdu: smpp.Pdu, session: smpp.Session): any, any  handles it then
function Inbox:queue(pdu, session, fn)
  self:forget_answered()
  self.queued[#self.queued + 1] = { pdu = pdu, token = task.need(), session = session, fn = fn }
  if not task.wait(pdu) then return nil, "ESME_RX_T_APPN" end
  return fn(self, pdu, session)
end

--- Queues receipts, too, until `connect` has returned the client: the program cannot add a listener before.
function Inbox:keep_receipts() self.keeps_receipts = self.client.options.receipt == nil end

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
  if name == "receipt" then self.keeps_receipts = false end
  release(self, true, name == "message" and self.message or self.receipt)
end

function Inbox:receipt(pdu)
  local client = self.client
  local receipt, message = receipts.parse(pdu, self.receipts)
  if not receipt then
    client:emit("error", "malformed receipt: " .. tostring(message))
    return true
  end
  receipt.from, receipt.to = address.format(pdu.source_addr, pdu.source_addr_ton), address.format(pdu.destination_addr, pdu.dest_addr_ton)
  client.sender:receipt(receipt) -- it may store a copy: only octets and numbers are set so far
  receipt.pdu, receipt.esme = pdu, client
  client:emit("receipt", receipt)
  if client.options.receipt then
    local result, status = client.options.receipt(receipt)
    if result == nil and status ~= nil then return nil, status end
  end
  return true
end

--- The header of a part is read when somebody looks.
local part_mt = {
  __index = function(part, key)
    if key ~= "udh" then return nil end
    local _, header = text.body(part.pdu)
    part.udh = header
    return header
  end,
}

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
      part = schema.merge(part, { octets = octets })
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
  return true
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

--- The text of a PDU that is a complete message in one of the two usual codings: a fast path with the same result as `decode`;
--- nil: use `message`.
---@return string? text
---@return string? encoding
function Inbox:usual_text(pdu)
  local encoding = self.usual[pdu.data_coding]
  if not encoding or (pdu.esm_class or 0) % (2 * UDHI) >= UDHI or pdu.sar_msg_ref_num then return nil end
  local octets = text.octets(pdu)
  if encoding == "ucs2" and octets:find "^[\254\255]" then return nil end -- may be a byte order mark
  return (decode(octets, encoding)), encoding
end

---@async
function Inbox:message(pdu, session)
  local client = self.client
  local plain, its_encoding = self:usual_text(pdu)
  if plain then
    return handle(self, setmetatable({
      from = address.format(pdu.source_addr, pdu.source_addr_ton), to = address.format(pdu.destination_addr, pdu.dest_addr_ton),
      text = plain, encoding = its_encoding, pdu = pdu, esme = client, session = session,
    }, message_mt))
  end
  local part = self:part(pdu, session)
  local what, set = self.reassembly:add(part, self.loop:now())
  if what ~= "single" then self:arm() end
  if what == "stored" then
    return true
  elseif what == "repeated" then
    return repeated(set)
  elseif not what then
    client:emit("error", "part of a message refused: " .. set)
    return nil, "ESME_RX_R_APPN"
  end
  set = what == "complete" and set or { total = 1, parts = { part } }
  local words, data, encoding = self:usual_join(set)
  if not words then words, data, encoding = self:decode(set) end
  local msg = setmetatable({
    from = address.format(pdu.source_addr, pdu.source_addr_ton), to = address.format(pdu.destination_addr, pdu.dest_addr_ton),
    text = words, data = data, encoding = encoding, pdu = pdu, parts = set.parts, esme = client, session = session,
    set = set.text and set,
  }, message_mt)
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
  self.timer_at = nil
  for _, set in ipairs(self.reassembly:expire(self.loop:now())) do report(self, set) end
  self:arm()
end

function Inbox:arm()
  if self.closed then return end
  local at = self.reassembly:next_expiry()
  if at and at ~= self.timer_at then self.timer:start(math.max(0, at - self.loop:now() + 0.001)) end -- rounding must not make it earlier
  self.timer_at = at
end

-- ---- messages ----

--- Answers a message before its handler returns; the handler's own result is then ignored.
local function answer(msg, result, status)
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
