--- A PDU on one line: command, addresses, text, receipt, problems.
local address = require "smpp.codec.address"
local content = require "smpp.receipt.content"
local explain = require "smpp.codec.explain"
local outcome_style = require("smpp.cli.output").outcome_style
local shown = require "smpp.base.shown"

local brief = {}

-- Fields that have a form of their own, or are shown with the text.
local ELSEWHERE = {
  source_addr_ton = true, source_addr_npi = true, source_addr = true, dest_addr_ton = true, dest_addr_npi = true,
  destination_addr = true, short_message = true, message_payload = true, data_coding = true, dest_address = true,
  unsuccess_sme = true, sar_msg_ref_num = true, sar_total_segments = true, sar_segment_seqnum = true, password = true,
}

local IN_RECEIPT = { esm_class = true, receipted_message_id = true, message_state = true, network_error_code = true }

local function printable(text) return (text:gsub("[^\32-\126]", "?")) end

local function is_shown(name, value) return not ELSEWHERE[name] and value ~= 0 and value ~= "" and type(value) ~= "table" end

local function value_words(name, value)
  if name == "esm_class" then return ("0x%02X"):format(value) end
  if type(value) == "string" then
    return value:find "[^\33-\126]" and content.quote((value:gsub("[\128-\255]", "?"))) or value
  end
  local words = explain.value(name, value)
  return words and not words:find "^reserved" and words:gsub(", ", "+") or ("%d"):format(value)
end

local function destination(pdu)
  local list = pdu.dest_address
  if not list then return pdu.destination_addr and address.format(pdu.destination_addr, pdu.dest_addr_ton) end
  local words = {}
  for i, item in ipairs(list) do
    if i > 3 then
      words[i] = ("and %d more"):format(#list - 3)
      break
    end
    words[i] = item.dl_name and "list " .. shown.text(item.dl_name) or address.format(item.destination_addr, item.dest_addr_ton)
  end
  return table.concat(words, ", ")
end

local function unsuccessful(pdu)
  local words = {}
  for i, item in ipairs(pdu.unsuccess_sme or {}) do
    words[i] = printable(address.format(item.destination_addr, item.dest_addr_ton)) .. " " .. explain.status(item.error_status_code).name
  end
  return #words > 0 and "refused: " .. table.concat(words, ", ") or nil
end

--- The command in the colour of its outcome, its number, its status.
local function head(out, pdu)
  local name = pdu.command
  local style = "cyan"
  if pdu.command_id >= 0x80000000 then style = pdu.command_status == 0 and "green" or "red" end
  local words = out:paint(style, name) .. out:paint("dim", (" #%.0f"):format(pdu.sequence_number))
  if pdu.command_status ~= 0 then words = words .. " " .. out:paint("red", pdu.status) end
  return words
end

--- A PDU on one line.  Passwords are left out.
---@param out smpp.CliOutput  for its colours
---@param pdu smpp.Pdu
---@param c? smpp.Content  if known already
---@return string
function brief.line(out, pdu, c)
  local words = { head(out, pdu) }
  local to = destination(pdu)
  if to and pdu.source_addr then
    local from = address.format(pdu.source_addr, pdu.source_addr_ton)
    words[#words + 1] = printable(("%s > %s"):format(from ~= "" and from or "-", to ~= "" and to or "-"))
  elseif pdu.source_addr and pdu.source_addr ~= "" then
    words[#words + 1] = "source " .. printable(address.format(pdu.source_addr, pdu.source_addr_ton))
  end
  c = c or content.of(pdu)
  local receipt = c and c.receipt
  if receipt then
    words[#words + 1] = ("%s %s"):format(receipt.kind, out:paint(outcome_style(receipt.state),
      content.receipt_words(receipt)))
  elseif c then
    words[#words + 1] = out:paint("bold", content.words(c)) .. out:paint("dim", " " .. c.coding.encoding .. (c.coding.flash and " flash" or ""))
    if c.part then words[#words + 1] = ("part %d/%d of %d"):format(c.part.seq, c.part.total, c.part.reference) end
  end
  words[#words + 1] = unsuccessful(pdu)
  for name, value in pdu:fields() do
    if is_shown(name, value) and not (receipt and IN_RECEIPT[name]) then words[#words + 1] = name .. "=" .. value_words(name, value) end
  end
  local faults = 0
  for _, problem in ipairs(pdu:problems()) do
    if problem.severity ~= "note" then faults = faults + 1 end
  end
  if faults > 0 then words[#words + 1] = out:paint("yellow", ("(%d problem%s)"):format(faults, faults == 1 and "" or "s")) end
  return table.concat(words, "  ")
end

return brief
