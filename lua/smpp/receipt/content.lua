--- The content of a PDU, as lines and as JSON: decoded text, user data header, receipt, content of well-known ports.
local commands = require "smpp.codec.commands"
local json = require "smpp.codec.json"
local ports = require "smpp.text.ports"
local receipts = require "smpp.receipt"
local text = require "smpp.text"
local shown = require "smpp.base.shown"

local content = {}

content.quote = shown.quote

---@class smpp.Content
---@field text string?      UTF-8
---@field data string?      binary content
---@field coding smpp.DataCoding
---@field header smpp.UdhHeader?
---@field application smpp.PortContent?  content of a message to a well-known port
---@field part { reference: integer, total: integer, seq: integer }?
---@field receipt smpp.Receipt?
---@field problems string[]

--- The content of a message to a well-known port.
---@param pdu smpp.Pdu
---@param header smpp.UdhHeader?
---@param octets string  behind the header; of several parts all, or those of the first
---@return smpp.PortContent?
function content.application_of(pdu, header, octets)
  local port = header and header.ports and header.ports.dest or pdu.destination_port
  return port and ports.read(port, octets) or nil
end

--- The content of a PDU; nil for commands without a message, and empty messages.
---@param pdu smpp.Pdu
---@param alphabet? string  encoding of data_coding 0 at this peer
---@return smpp.Content?
function content.of(pdu, alphabet)
  if not commands.roles.text[commands.ids[pdu.command]] then return nil end
  local payload, short = pdu.message_payload, pdu.short_message
  if text.octets(pdu) == "" then return nil end
  local out = { problems = {}, coding = text.data_coding(pdu.data_coding or 0, { default_alphabet = alphabet }) }
  if payload and short and short ~= "" then
    out.problems[1] = "both short_message and message_payload: message_payload is shown"
  end
  local words, info = text.read(pdu, { default_alphabet = alphabet })
  local header, odd = info.header, info.header_problems
  if type(odd) == "string" then
    out.problems[#out.problems + 1] = "esm_class says there is a UDH: " .. odd
  else
    for _, problem in ipairs(odd or {}) do out.problems[#out.problems + 1] = "udh: " .. problem.message end
  end
  out.header, out.part = header, text.part(pdu, header)
  if out.coding.encoding == "binary" or out.coding.compressed or header and header.ports then
    out.data = info.octets
  else
    out.text = words
    for _, problem in ipairs(info.problems or {}) do out.problems[#out.problems + 1] = "text: " .. problem.message end
  end
  out.application = content.application_of(pdu, header, (not out.part or out.part.seq == 1) and info.octets or "")
  if (pdu.command == "deliver_sm" or pdu.command == "data_sm") and receipts.is(pdu) then
    local receipt, message = receipts.parse(pdu)
    out.receipt = receipt
    if not receipt then out.problems[#out.problems + 1] = "receipt: " .. message end
  end
  return out
end

local function date(unix) return unix and os.date("!%Y-%m-%d %H:%M:%S", unix) end

--- A receipt in words.
---@param receipt smpp.Receipt
---@return string
function content.receipt_words(receipt)
  local words = { ("id %s"):format(shown.text(receipt.id or "?")), shown.text(receipt.state or receipt.kind) }
  if receipt.state and receipt.final == false then words[2] = words[2] .. " (not final)" end
  if receipt.err ~= "" and receipt.err ~= "000" then words[#words + 1] = "err " .. shown.text(receipt.err) end
  if receipt.submitted then words[#words + 1] = "submitted " .. date(receipt.submitted) end
  if receipt.done then words[#words + 1] = "done " .. date(receipt.done) end
  if receipt.text and receipt.text ~= "" then words[#words + 1] = "text " .. content.quote(receipt.text) end
  return table.concat(words, ", ")
end

local function coding_words(coding)
  local words = { coding.encoding }
  if coding.flash then words[#words + 1] = "flash" elseif coding.class then words[#words + 1] = "class " .. coding.class end
  if coding.compressed then words[#words + 1] = "compressed" end
  if coding.reserved then words[#words + 1] = "a reserved data_coding, read as the default" end
  if coding.mwi then
    words[#words + 1] = ("%s waiting indication %s"):format(coding.mwi.type, coding.mwi.active and "on" or "off")
  end
  return table.concat(words, ", ")
end

local KINDS = { si = "WAP push (SI)", sl = "WAP push (SL)", mms = "MMS notification" }

--- The content of a message to a well-known port, on one line.
---@param found smpp.PortContent
---@return string
function content.application_words(found)
  local words = KINDS[found.kind] or found.name
  if found.kind == "other" and found.content_type then words = words .. ", " .. shown.text(found.content_type) end
  local facts = {}
  if found.url then facts[#facts + 1] = shown.text(found.url) end
  if found.text then facts[#facts + 1] = content.quote(found.text) end
  if found.from then facts[#facts + 1] = "from " .. shown.text(found.from) end
  if found.size then facts[#facts + 1] = ("%.0f octets"):format(found.size) end
  return #facts > 0 and words .. ": " .. table.concat(facts, ", ") or words
end

--- The content on one line: the text, what a well-known port gets, or the size of other data.
---@param c smpp.Content
---@return string
function content.words(c)
  if c.application then return content.application_words(c.application) end
  return c.text and content.quote(c.text) or ("%d octets of data"):format(#c.data)
end

local function port_words(element)
  local words = {}
  for i, name in ipairs { "dest_port", "orig_port" } do
    local known = ports.name(element[name])
    words[i] = ("%s %d%s"):format(name, element[name], known and " (" .. known .. ")" or "")
  end
  return element.name .. ": " .. table.concat(words, ", ")
end

local function element_words(element)
  if element.dest_port then return port_words(element) end
  local names = {}
  for name, value in pairs(element) do
    if type(value) == "number" and name ~= "iei" then names[#names + 1] = name end
  end
  table.sort(names)
  if #names == 0 then return ("%s 0x%02X: %s"):format(element.name, element.iei, json.hex(element.octets)) end
  for i, name in ipairs(names) do names[i] = ("%s %d"):format(name, element[name]) end
  return element.name .. ": " .. table.concat(names, ", ")
end

--- The content as lines of a name and words.
---@param c smpp.Content
---@return { [1]: string, [2]: string }[]
function content.lines(c)
  local lines = {}
  local function add(name, words) lines[#lines + 1] = { name, words } end
  if c.header then
    for _, element in ipairs(c.header.elements) do add("udh", element_words(element)) end
  end
  if c.part then add("part", ("%d of %d, reference %d"):format(c.part.seq, c.part.total, c.part.reference)) end
  if c.text then
    add("text", ("%s (%s)"):format(content.quote(c.text), coding_words(c.coding)))
  else
    add("data", ("%d octets (%s)"):format(#c.data, coding_words(c.coding)))
  end
  if c.application then add("content", content.application_words(c.application)) end
  if c.receipt then add(c.receipt.kind, content.receipt_words(c.receipt)) end
  for _, problem in ipairs(c.problems) do add("problem", problem) end
  return lines
end

--- Adds the content of a PDU to its JSON.
---@param object table  of json.pdu
---@param c smpp.Content?
function content.add_json(object, c)
  if not c then return end
  json.add(object, "text", c.text)
  json.add(object, "data", c.data and json.hex(c.data))
  json.add(object, "encoding", c.coding.encoding)
  if c.header then
    local elements = {}
    for i, element in ipairs(c.header.elements) do
      elements[i] = json.object { "iei", element.iei, "name", element.name, "octets", json.hex(element.octets) }
    end
    json.add(object, "udh", json.list(elements))
  end
  if c.part then
    json.add(object, "part", json.object { "reference", c.part.reference, "total", c.part.total, "seq", c.part.seq })
  end
  local found = c.application
  if found then
    json.add(object, "content", json.object({ "kind", found.kind, "port", found.name, "content_type", found.content_type, "url", found.url,
      "text", found.text, "from", found.from, "size", found.size }, 14))
  end
  if c.receipt then json.add(object, "receipt", content.receipt_json(c.receipt)) end
end

---@param r smpp.Receipt
---@return table
function content.receipt_json(r)
  return json.object({ "kind", r.kind, "id", r.id, "state", r.state, "final", r.final, "err", r.err, "submitted", r.submitted,
    "done", r.done, "text", r.text and json.text(r.text) }, 16)
end

return content
