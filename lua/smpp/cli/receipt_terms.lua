--- The words of delivery receipts for `smpp explain`: the keys of the text (3.4, appendix B) and the states in stat.
local gatewayapi_err = require("smpp.receipt").gatewayapi_err
local known_state = require("smpp.receipt").known_state

local receipt_terms = {}

local KEYS = {
  id = "the message_id that submit_sm_resp gave to the message; some message centres write it in another base (hexadecimal, decimal)",
  sub = "how many messages were submitted; of use with distribution lists only",
  dlvrd = "how many of them were delivered; of use with distribution lists only",
  ["submit date"] = "when the message was submitted, YYMMDDhhmm or YYMMDDhhmmss, in the message centre's own time zone",
  ["done date"] = "when the message reached the state in stat, YYMMDDhhmm or YYMMDDhhmmss, in the message centre's own time zone",
  stat = "the state of the message: DELIVRD, EXPIRED, DELETED, UNDELIV, ACCEPTD, UNKNOWN, REJECTD, ENROUTE; other words are the carrier's own",
  err = "why, as a code of the network or of the carrier: SMPP defines no values; 000: no error",
  text = "the first 20 characters of the message",
}
KEYS.submitdate, KEYS.donedate = KEYS["submit date"], KEYS["done date"]

local STATES = {
  SCHEDULED = "the message waits for its schedule_delivery_time",
  ENROUTE = "the message is on its way: delivery is tried, or will be tried again",
  DELIVERED = "the message was delivered to the destination",
  EXPIRED = "the validity period ended before the message could be delivered: the phone was off or out of reach, or its memory full",
  DELETED = "the message was deleted or cancelled",
  UNDELIVERABLE = "the message cannot be delivered: err tells why, in the carrier's codes; often an unknown or barred number",
  ACCEPTED = "the message was read for the subscriber by customer service (3.4); in practice: the next network took it, and more receipts follow",
  UNKNOWN = "the state of the message is not known; many carriers send nothing after it",
  REJECTED = "the message was refused on its way, by a filter, the network or for lack of credit: err tells why, in the carrier's codes",
  SKIPPED = "the message was skipped: its turn in the queue was not taken (5.0)",
}

--- States that are not the standard's.
local FOREIGN = {
  BUFFERD = "not the standard's: the message waits in the carrier's queue, more receipts follow",
  BUFFRED = "not the standard's: the message waits in the carrier's queue, more receipts follow",
  ACKED = "not the standard's: the next network took the message, more receipts follow",
}

local function state_lines(add, word)
  local foreign = FOREIGN[word]
  local name, is_final, number = known_state(word)
  if not number and not foreign then return false end
  add("stat", ("%s, a state in delivery receipts"):format(word))
  if foreign then
    add("meaning", foreign)
    return true
  end
  add("message_state", ("%s (%d)"):format(name, number))
  add("meaning", STATES[name])
  add("final", is_final and "yes: no other state follows" or "no: other receipts may follow")
  return true
end

local function key_lines(add, key)
  add("receipt key", ("%s: in the text of delivery receipts (3.4, appendix B)"):format(key))
  add("meaning", KEYS[key])
end

--- The value of err: the codes are the carrier's, but one carrier's are documented.
local function err_lines(add, value)
  key_lines(add, "err")
  if value:find "^0+$" then return add("value", value .. ": no error") end
  add("value", value .. ": ask the carrier for its list of error codes")
  local _, code = gatewayapi_err(value)
  if code then add("of GatewayAPI", "SMS error code " .. code) end
end

--- Lines about a word of receipts: stat, stat:DELIVRD, DELIVRD, err 001, "submit date".
---@param add fun(name: string, words: string?)
---@param what string
---@param value string?
---@return boolean known
function receipt_terms.find(add, what, value)
  if not value and what:find(":", 1, true) then
    what, value = what:match "^([^:]*):%s*(.*)$"
    if value == "" then value = nil end
  end
  local key = what:lower():gsub("[_%s]+", " ")
  if not value then
    if KEYS[key] then
      key_lines(add, key)
      return true
    end
    return state_lines(add, what:upper())
  end
  if key == "stat" then
    if not state_lines(add, value:upper()) then
      add("stat", value .. ": not a word of the standard: ask the carrier what it means")
      add("to read it", ("receipts = { states = { %s = \"UNDELIVERABLE\" } } in a profile, or among the options of smpp.connect"):format(
        value:upper()))
    end
    return true
  end
  if key == "err" then
    err_lines(add, value)
    return true
  end
  if not KEYS[key] then return false end
  key_lines(add, key)
  return true
end

--- Words for suggestions.
---@param names table<string, true>
function receipt_terms.add_names(names)
  for key in pairs(KEYS) do names[key] = true end
  for name in pairs(FOREIGN) do names[name] = true end
  for _, word in ipairs { "DELIVRD", "UNDELIV", "ACCEPTD", "REJECTD" } do names[word] = true end
  for name in pairs(STATES) do names[name] = true end
end

return receipt_terms
