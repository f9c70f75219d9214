--- The user data header in front of a short message: concatenation, ports, national tables, EMS …
local core = require "smpp.core".udh

local udh = {}

---@class smpp.UdhElement
---@field iei integer    identifier; on encoding `name` does as well
---@field name string    as the table of the standard names it, e.g. "concat_8bit"; "reserved" where it does not
---@field octets string  the data
---@field data? string   what follows the fields below, e.g. the picture
---@field ref? integer, total, seq: concat_8bit, concat_16bit
---@field dest_port? integer, orig_port: port_8bit, port_16bit
---@field language? integer  national_language_single_shift, national_language_locking_shift
--- and the fields of the other elements as docs/text.md lists them

---@class smpp.UdhHeader
---@field elements smpp.UdhElement[]  in wire order, also overridden ones
---@field length integer              octets of the header with its length octet: the text begins behind them
---@field concat? { ref: integer, total: integer, seq: integer, bits: integer }  the last valid one; bits 8 or 16
---@field ports? { dest: integer, orig: integer, bits: integer }
---@field locking integer  language of the locking shift table, 0 default
---@field single integer   language of the single shift table, 0 default

---@class smpp.UdhProblem
---@field code string     "bad_length", "bad_value" (part 0 or beyond the total): ignored; "repeated": the last counts
---@field offset integer  octet of the header where the element begins, from 1
---@field iei integer
---@field message string

--- Reads the header at the start of a short message whose esm_class says it has one.
---@param octets string  short_message or message_payload
---@return smpp.UdhHeader? header  nil: the standard says to take it all as text
---@return smpp.UdhProblem[]|string? problems  if any; or the error for people
---@return string? code  "truncated" (longer than the message), "bad_length" (an element longer than the header)
function udh.decode(octets) return core.decode(octets) end

--- The header of a text as peers really send it: a length that is one too large is corrected where exactly one element of
--- the standard fits, and in UCS-2 an empty header, which would leave half a character, is ignored.
---@param octets string
---@param is_ucs2 boolean  the text is of two octets per character
---@return smpp.UdhHeader? header  its length is that of the octets before the text
---@return smpp.UdhProblem[]|string? problems  if any; without a header: the reason
function udh.of_text(octets, is_ucs2)
  local header, problems, code = core.decode(octets)
  if header and header.length == 1 and is_ucs2 and #octets % 2 == 0 then return nil, "empty user data header before UCS-2 text ignored" end
  if code ~= "bad_length" then return header, problems end
  local length, iei, of_element = octets:byte(1, 3)
  header = of_element + 3 == length and core.decode(string.char(length - 1) .. octets:sub(2))
  if not header or header.elements[1].name == "reserved" then return nil, problems end
  return header, { { code = "bad_length", offset = 1, iei = iei, message = "invalid UDH length: one octet too large" } }
end

--- Writes a header.  An element is given by iei or name, with its fields, or its octets, or both if they agree.
---@param elements (smpp.UdhElement|table)[]
---@return string? octets  length octet first
---@return string? err
---@return string? code  "bad_value", "bad_length", "too_long"
function udh.encode(elements) return core.encode(elements) end

--- The definition of an element in the standard (TS 23.040, 9.2.3.24).
---@param iei integer
---@return string name
---@return integer least octets of data
---@return integer most octets of data
---@return boolean repeatable
function udh.element(iei) return core.row(iei) end

return udh
