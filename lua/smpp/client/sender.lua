--- `esme:send`: composes submit_sm from a text, one per part, sends them, and tracks their receipts.
local address = require "smpp.codec.address"
local commands = require "smpp.codec.commands"
local core = require "smpp.core"
local deadlines = require "smpp.base.deadlines"
local kind = require "smpp.base.kind"
local mistake = require "smpp.base.mistake"
local pdus = require "smpp.codec"
local profiles = require "smpp.profile"
local schema = require "smpp.base.schema"
local task = require "smpp.base.task"
local compose = require "smpp.text.compose"
local text = require "smpp.text"
local timestamp = require "smpp.codec.timestamp"
local trackers = require "smpp.receipt.tracker"

local usual_text = core.text.usual
local char = string.char

local Sender = {}
local mt = { __index = Sender, __name = "smpp.Sender" }

local NONE = {}
local UDHI = 0x40 -- esm_class: the octets begin with a user data header

---@class smpp.Sent
---@field message_id string?  of the first part
---@field message_ids string[]
---@field parts { message_id: string?, code: string? }[]
---@field info smpp.TextInfo?  coding and size of the text
---@field done smpp.Receipt?  the final receipt, once received
---@field last_state string?  the last reported state, final or not
local Sent = {}
local sent_mt = { __name = "smpp.Sent" }

--- Fields that few programs read are computed on first access, for messages that `usual` composed or that were accepted in
--- one part.
local LATER = {
  info = function(self)
    local words = self.words
    return words and select(2, text.split(words, { reference = self.reference }))
  end,
  message_ids = function(self) return { self.message_id } end,
  parts = function(self) return { { message_id = self.message_id } } end,
}

function sent_mt.__index(self, key)
  local make = LATER[key]
  if not make then return Sent[key] end
  local value = make(self)
  self[key] = value
  return value
end

function sent_mt:__tostring() return ("sent %s (%d parts)"):format(self.message_id or "nothing", #self.parts) end

local sender = { class = Sender }

local LONG = profiles.habits.kinds.long

local an_address = {
  expected = "a string, a number or a table",
  fits = function(value)
    local of = type(value)
    return of == "string" or of == "table" or of == "number"
  end,
}

--- Options of a message, besides the parameters and TLVs of submit_sm.
sender.schema = schema.new({
  { "to", an_address, nil, "destination number", 'to = "+491761234567"' },
  { "from", an_address, nil, "source: a number, a short code, or an alphanumeric address of up to 11 characters", 'from = "Shop"',
    default_text = "the MC's" },
  { "text", "string", nil, "message text in UTF-8; the encoding with the fewest parts is chosen", 'text = "Hello"' },
  { "data", "string", nil, "binary content instead of a text", 'data = "\\1\\2"' },
  { "receipt", kind.either("boolean", kind.one_of("failure", "success", "intermediate")), nil,
    "request a delivery receipt: always, on failure, on success, or also for intermediate states", "receipt = true" },
  { "flash", "boolean", nil, "class 0: displayed at once, not stored", "flash = true" },
  { "long", LONG, nil, "how a multipart text is sent", 'long = "sar"', default_text = '"concat_8bit"' },
  { "concat_reference", kind.either("number", "function"), nil, "reference number of the parts", "concat_reference = 7", default_text = "a counter" },
  { "validity_s", kind.with_unit("s", kind.number), nil, "validity period", "validity_s = 3600" },
  { "at", "number", nil, "scheduled delivery, Unix time", "at = os.time() + 60" },
  { "priority", kind.either("number", "string"), nil, "priority_flag", "priority = 1" },
  { "reference", "number", nil, "user_message_reference", "reference = 4711" },
  { "lane", "number", nil, "queued messages of a higher lane are sent first", "lane = 1", default_text = "0" },
  { "no_wait", "boolean", nil, "when the queue is full, fail with queue_full instead of waiting", "no_wait = true" },
}, text.schema:pick("encoding", "allow", "language", "on_unmappable", "graphemes", "max_parts", "elements", "class"))

local OWN = sender.schema.by_name

local schemas = setmetatable({}, { __mode = "k" }) -- codec -> schema of messages with the names of its TLVs

--- The schema of messages of a codec: the parameters and TLVs of submit_sm are options, too.
---@param codec smpp.Codec
---@return smpp.Schema
function sender.schema_of(codec)
  local found = schemas[codec]
  if not found then
    found = sender.schema:with_names(function(name)
      local known, like = codec.field("submit_sm", name)
      return (known or name == "tlvs" or name == "trailing") and kind.any or nil, like
    end)
    schemas[codec] = found
  end
  return found
end

--- Checks the options of a message, except the contents of text and addresses; nil: valid.
---@param message table
---@param messages smpp.Schema
---@return smpp.Mistake?
function sender.problem(message, messages)
  if not messages.fits(message) then return messages:problem(message) end
  if (message.text ~= nil) == (message.data ~= nil) and message.short_message == nil and message.message_payload == nil then
    return mistake.new "text or data: expected exactly one"
  end
end

-- Options that change how a text is sent; a client without them composes ordinary messages by `usual`.
local SHAPING = {
  "defaults", "encoding", "long", "allow", "language", "graphemes", "on_unmappable", "max_parts", "default_alphabet", "data_codings",
}

local SUBMIT_SM = commands.ids.submit_sm

local RECEIPT = { [true] = 1, [false] = 0, failure = 2, intermediate = 0x11, success = 3 }

-- Clients that share a tracker share its handles.
local books = setmetatable({}, { __mode = "k" })

local readers = {} -- shared by clients whose options read addresses alike

local function readers_of(o)
  local key = tostring(o.short_code_ton) .. "/" .. tostring(o.short_code_npi)
  local found = readers[key]
  if not found then
    local short_codes = { short_code_ton = o.short_code_ton, short_code_npi = o.short_code_npi }
    found = { source = address.remembering(address.source, short_codes), destination = address.remembering(address.destination, short_codes) }
    readers[key] = found
  end
  return found
end

--- The timeout of a wait for a receipt.
local function give_up(wait)
  local sent = wait.sent
  for i, other in ipairs(sent.waiters or NONE) do
    if other == wait then
      table.remove(sent.waiters, i)
      break
    end
  end
  task.wake_for(wait.token, sent)
end

---@param client smpp.Client
function sender.new(client)
  local o = client.options
  local shaped = false
  for _, name in ipairs(SHAPING) do shaped = shaped or o[name] ~= nil end
  local tracker = o.tracker or trackers.new { ttl_s = o.receipt_ttl_s, id_base = o.id_base, seed = client.map_seed }
  books[tracker] = books[tracker] or { last = 0 } -- handle -> sent
  return setmetatable({
    client = client,
    loop = client.loop,
    tracker = tracker,
    book = books[tracker],
    messages = sender.schema_of(o.codec or pdus.codec), -- options of a message
    references = {},            -- source and destination -> last concatenation reference
    reference_count = 0,
    is_shaped = shaped,         -- an option changes how texts are sent: `usual` is never used
    readers = readers_of(o),    -- of addresses
    waits = nil,                -- waits for receipts that have a timeout
    due = 0,                    -- messages with a requested receipt whose responses are pending
    timer = nil,                -- next expiry of the tracker
    timer_at = nil,
  }, mt)
end

local function stop_timer(self)
  if self.timer then self.timer:close() end
  self.timer = nil
end

--- The client is closed: ends the waits for receipts, unless another client shares the tracker.
function Sender:close()
  stop_timer(self)
  if self.waits then self.waits:close() end
  if self.client.options.tracker then return end
  local overdue = {}
  for handle in pairs(self.book) do
    if handle ~= "last" then overdue[#overdue + 1] = handle end
  end
  for _, handle in ipairs(overdue) do self:settle { kind = "expired", handle = handle } end
end

--- References are counted per pair of addresses, so that a phone never mixes the parts of two texts.
function Sender:next_reference(from, to, limit)
  local key = from.ton .. ":" .. from.addr .. ">" .. to.ton .. ":" .. to.addr
  local reference = self.references[key]
  if not reference then
    if self.reference_count >= 10000 then self.references, self.reference_count = {}, 0 end -- bounded
    self.reference_count = self.reference_count + 1
    reference = math.floor(self.loop:random() * (limit + 1))
  else
    reference = (reference + 1) % (limit + 1)
  end
  self.references[key] = reference
  return reference
end

--- Composes a message of only from, to, text and receipt: a fast path with the same result as `build`; nil: use `build`.
---@return table? first
---@return table[]? submits   all of them, if there are several
---@return integer? reference  of the parts
function Sender:usual(message)
  if self.is_shaped then return nil end
  local octets, data_coding = usual_text(message)
  if not octets then return nil end
  local from, to, receipt = self.readers.source(message.from), self.readers.destination(message.to), message.receipt
  local registered = RECEIPT[receipt]
  if not (from and to) or receipt ~= nil and not registered then return nil end
  if type(octets) == "string" then
    return {
      source_addr = from.addr, source_addr_ton = from.ton, source_addr_npi = from.npi,
      destination_addr = to.addr, dest_addr_ton = to.ton, dest_addr_npi = to.npi,
      registered_delivery = registered, data_coding = data_coding, short_message = octets,
    }
  end
  local reference, total, submits = self:next_reference(from, to, 0xFF), #octets, {}
  for i = 1, total do
    submits[i] = {
      source_addr = from.addr, source_addr_ton = from.ton, source_addr_npi = from.npi,
      destination_addr = to.addr, dest_addr_ton = to.ton, dest_addr_npi = to.npi,
      registered_delivery = registered, data_coding = data_coding, esm_class = UDHI,
      short_message = char(5, 0, 3, reference, total, i) .. octets[i],
    }
  end
  return submits[1], submits, reference
end

local function choice(message, o, name)
  if message[name] ~= nil then return message[name] end
  return o[name]
end

--- The submit_sm of each part; nil, message, code if the text or an address is invalid.
function Sender:build(message)
  local o = self.client.options
  local from, wrong, code = address.source(message.from, o)
  if not from then return nil, "from: " .. wrong, code end
  local to
  if message.to == nil and message.destination_addr ~= nil then
    to = { addr = message.destination_addr, ton = 0, npi = 0 }
  else
    to, wrong, code = address.destination(message.to, o)
    if not to then return nil, "to: " .. wrong, code end
  end
  local base = schema.merge(o.defaults)
  for name, value in pairs(message) do
    if not OWN[name] then base[name] = value end
  end
  base.source_addr, base.destination_addr = from.addr, to.addr
  base.source_addr_ton = message.source_addr_ton or from.ton -- an explicit TON takes precedence over one derived from the address
  base.source_addr_npi = message.source_addr_npi or from.npi
  base.dest_addr_ton, base.dest_addr_npi = message.dest_addr_ton or to.ton, message.dest_addr_npi or to.npi
  if message.receipt ~= nil then base.registered_delivery = RECEIPT[message.receipt] end
  if message.validity_s then
    base.validity_period, wrong, code = timestamp.relative(message.validity_s)
    if not base.validity_period then return nil, "validity_s: " .. wrong, code end
  end
  if message.at then
    base.schedule_delivery_time, wrong, code = timestamp.absolute(message.at)
    if not base.schedule_delivery_time then return nil, "at: " .. wrong, code end
  end
  if message.priority then base.priority_flag = message.priority end
  if message.reference then base.user_message_reference = message.reference end
  if message.text == nil and message.data == nil then return { base } end

  local long = choice(message, o, "long") or "concat_8bit"
  local flash = message.flash
  local by_subunit = flash and o.flash_by == "subunit"
  local split = {
    encoding = message.data and "binary" or message.encoding or message.allow == nil and o.encoding or nil,
    allow = choice(message, o, "allow"),
    language = choice(message, o, "language"), graphemes = choice(message, o, "graphemes"),
    on_unmappable = choice(message, o, "on_unmappable"), max_parts = choice(message, o, "max_parts"),
    elements = message.elements, default_alphabet = o.default_alphabet, data_codings = o.data_codings,
    class = flash and not by_subunit and 0 or message.class,
    udh = long == "refuse" and "none" or long,
    reference = message.concat_reference or function()
      return self:next_reference(from, to, long == "concat_8bit" and 0xFF or 0xFFFF)
    end,
  }
  local parts, info, split_code = text.split(message.data or message.text, split, true)
  if not parts then return nil, info, split_code end
  if by_subunit then base.dest_addr_subunit = 1 end
  local submits = {}
  for i = 1, #parts do
    submits[i] = compose.part(schema.merge(base), parts, info, i, long)
  end
  return submits, info
end

local function asks_for_receipt(fields)
  local registered = fields.registered_delivery
  return registered ~= nil and registered ~= 0
end

--- Sends the parts in order; stops at the first that is refused.
---@async
---@param self table
---@param sent smpp.Sent  gets the message_ids and codes
---@param submits table[]?  the submit_sm of each part; nil: one part, sent.first
local function submit(self, sent, submits, lane)
  local outbox, loop, tracker, handle = self.client.outbox, self.loop, self.tracker, sent.handle
  local first, wants_receipt = sent.first, handle ~= nil
  local count = submits and #submits or 1
  local entry = count > 1 and { id = SUBMIT_SM, lane = lane } or nil
  for i = 1, count do
    local fields = submits and submits[i] or first
    local response, message, code = outbox:submit(fields, lane, entry, i < count)
    if not response then
      if count == 1 then sent.message_ids, sent.parts = {}, {} end
      sent.parts[i] = { code = code, message = message }
      if wants_receipt then self:settle(tracker:refused(handle, i, code, loop:now())) end
      return nil, count > 1 and ("part %d of %d: %s"):format(i, count, message) or message, code, sent
    end
    local id = response.message_id or ""
    if count > 1 then sent.parts[i], sent.message_ids[i] = { message_id = id }, id end
    if i == 1 then sent.message_id = id end
    if wants_receipt then
      local outcomes = tracker:accepted(handle, i, id, loop:now(), fields.destination_addr)
      for _, outcome in ipairs(outcomes or NONE) do self:settle(outcome) end
      self:arm()
    end
  end
  return sent
end

local function end_due(self, ...)
  self.due = self.due - 1
  return ...
end

--- Registers the message with the tracker, if a receipt is requested, and submits it.
---@async
function Sender:submit(sent, submits, lane)
  if not asks_for_receipt(sent.first) then return submit(self, sent, submits, lane) end
  local handle = self.book.last + 1
  self.book.last, self.book[handle], sent.handle = handle, sent, handle
  sent.overdue, sent.waiters = false, false
  self.tracker:open(handle, submits and #submits or 1, self.loop:now())
  self.due = self.due + 1
  return end_due(self, submit(self, sent, submits, lane))
end

--- Checks, composes and sends a message; with a callback returns false if the queue is full.
function Sender:send(message, callback, level)
  local client = self.client
  local sent
  local first, submits, reference = self:usual(message)
  if first then
    sent = setmetatable({ esme = client, first = first, words = message.text, reference = reference, message_id = nil }, sent_mt)
  else
    local info, code
    local wrong = sender.problem(message, self.messages)
    if wrong then mistake.raise(wrong, level) end
    submits, info, code = self:build(message)
    if not submits then
      if not callback then return nil, info, code end
      task.start(client.sink, callback, nil, info, code)
      return true
    end
    sent = setmetatable({ esme = client, first = submits[1], info = info }, sent_mt)
  end
  if submits and #submits > 1 then sent.message_ids, sent.parts = {}, {} end
  if (callback or message.no_wait) and client.outbox:is_full() then
    if not callback then return client.outbox:refuse() end
    task.start(client.sink, callback, client.outbox:refuse())
    return false
  end
  if not callback then
    task.need(level)
    return self:submit(sent, submits, message.lane)
  end
  task.start(client.sink, function() callback(self:submit(sent, submits, message.lane)) end)
  return true
end

-- ---- receipts ----

--- A receipt was received: ends the waits for its message if it decides the message.
---@param receipt smpp.Receipt
---@return smpp.Outcome? outcome  nil: no message matches, or its submit_sm_resp has not been received yet
function Sender:receipt(receipt)
  local outcome = self.tracker:receipt(receipt, self.loop:now(), self.due == 0 and not self.client.options.tracker)
  if not outcome then
    self:arm()
    return nil
  end
  receipt.sent, receipt.part = self.book[outcome.handle], outcome.part
  if outcome.learned then self.client:log("info", "ids_learned", { rule = outcome.learned, id = receipt.id }) end
  self:settle(outcome)
  return outcome
end

--- An outcome of the tracker; a result ends the waits for it.
function Sender:settle(outcome)
  local sent = self.book[outcome.handle]
  if sent and outcome.state then sent.last_state = outcome.state end
  if outcome.kind ~= "result" and outcome.kind ~= "expired" then return end
  self.book[outcome.handle] = nil
  if not sent then return end
  if outcome.kind == "expired" then
    sent.overdue = true
  else
    local receipt = outcome.receipt
    if receipt and outcome.parts == 1 and receipt.id == sent.message_id then -- one part: the receipt is the result
      receipt.ids, receipt.delivered, receipt.sent, receipt.part = sent.message_ids, outcome.delivered, sent, 1
      sent.done = receipt
    else
      sent.done = schema.merge(receipt, {
        id = sent.message_id, ids = sent.message_ids, state = outcome.state, delivered = outcome.delivered, code = outcome.code,
        final = true, err = outcome.err, sent = sent, part = outcome.part, -- nil if the receipt preceded the response
      })
    end
  end
  local waiters = sent.waiters
  sent.waiters = false
  for _, wait in ipairs(waiters or NONE) do
    if wait.length then self.waits:remove(wait) end
    task.wake_for(wait.token, sent)
  end
end

--- Expires messages without a receipt.
function Sender:arm()
  local at = self.tracker:next_expiry()
  if not at or self.timer and self.timer_at <= at then return end
  stop_timer(self)
  self.timer_at = at
  self.timer = self.loop:timer(function()
    stop_timer(self)
    for _, outcome in ipairs(self.tracker:expire(self.loop:now())) do self:settle(outcome) end
    self:arm()
  end)
  self.timer:start(math.max(0, at - self.loop:now() + 0.001)) -- rounding must not make it earlier
end

--- No final receipt: adds the last reported state to the message.
local function without_result(self, message)
  if self.last_state then message = ("%s: last state %s"):format(message, self.last_state) end
  return nil, message, "timeout"
end

--- Waits for the final receipt: of all parts, or the first that failed.
---@async
---@param timeout_s? number  default: no timeout
---@return smpp.Receipt? receipt
---@return string? message
---@return string? code  "timeout"; "missing": none was requested
function Sent:receipt(timeout_s)
  if self.done then return self.done end
  if not asks_for_receipt(self.first) then return nil, "no receipt requested: send with receipt = true", "missing" end
  if self.overdue then return without_result(self, "no receipt received") end
  local esme = self.esme
  local wait = { token = task.need(2), sent = self, due = 0, length = nil, deadline_next = nil, deadline_prev = nil }
  self.waiters = self.waiters or {}
  table.insert(self.waiters, wait)
  if timeout_s then
    local own = esme.sender
    own.waits = own.waits or deadlines.new(esme.loop, give_up)
    own.waits:add(wait, timeout_s)
  else
    esme.loop:hold()
  end
  task.wait(self)
  if not timeout_s then esme.loop:release() end
  if self.done then return self.done end
  return without_result(self, self.overdue and "no receipt received" or ("no receipt within %g s"):format(timeout_s))
end

local function identity(self)
  local fields = self.first
  return {
    message_id = self.message_id, source_addr = fields.source_addr, source_addr_ton = fields.source_addr_ton,
    source_addr_npi = fields.source_addr_npi,
  }
end

--- Sends query_sm for the message, or its first part.
---@async
---@return smpp.Pdu? query_sm_resp
---@return string? message
---@return string? code
function Sent:query() return self.esme:query_sm(identity(self)) end

--- Sends cancel_sm for each part of the message.
---@async
---@return smpp.Pdu? cancel_sm_resp
---@return string? message
---@return string? code
function Sent:cancel()
  local fields = self.first
  local response, message, code
  for _, id in ipairs(self.message_ids) do
    local request = identity(self)
    request.message_id = id
    request.destination_addr, request.dest_addr_ton, request.dest_addr_npi = fields.destination_addr, fields.dest_addr_ton, fields.dest_addr_npi
    response, message, code = self.esme:cancel_sm(request)
    if not response then return nil, message, code end
  end
  return response, message, code
end

--- Sends replace_sm with another text.  replace_sm has no data_coding: the new text is encoded as the old one was.
---@async
---@param words string
---@return smpp.Pdu? replace_sm_resp
---@return string? message
---@return string? code
function Sent:replace(words)
  local request, info = identity(self), self.info
  local parts, wrong, code = text.split(words, { encoding = info and info.encoding, udh = "none" })
  if not parts then return nil, wrong, code end
  request.short_message = parts[1].octets
  request.registered_delivery = self.first.registered_delivery
  return self.esme:replace_sm(request)
end

local function sink_of(self) return self.esme.sink end
for _, name in ipairs { "receipt", "query", "cancel", "replace" } do Sent[name] = task.waits(Sent[name], sink_of) end

return sender
