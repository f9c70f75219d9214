--- smpp send --dry-run: every message is made as it would be sent, and counted; nothing connects.
local bulk = require "smpp.cli.bulk"
local exit = require "smpp.cli.exit"
local json = require "smpp.codec.json"
local pdus = require "smpp.codec"
local composers = require "smpp.client.composer"
local strings = require "smpp.base.strings"

local dry_run = {}

--- A function that makes the submit_sms of a message.
---@param o table  as smpp.connect reads its options
---@return fun(message: table): smpp.TextInfo?, integer|string
local function maker(o)
  local composer, codec = composers.new(o, { random = function() return 0 end }), o.codec or pdus.codec
  return function(message)
    local wrong = composers.problem(message, composer.messages)
    if wrong then return nil, wrong.message end
    local submits, info = composer:build(message)
    if not submits then return nil, info end
    for _, fields in ipairs(submits) do
      fields.command, fields.sequence_number = "submit_sm", 1
      local octets, why = codec.encode(fields, o.version)
      if not octets then return nil, why end
    end
    return info or {}, #submits
  end
end

local plural = strings.plural

--- Names of a table in the order of their counts, or of their own where they are numbers.
local function sorted(counts)
  local names = {}
  for name in pairs(counts) do names[#names + 1] = name end
  table.sort(names, function(a, b)
    if type(a) == "number" or counts[a] == counts[b] then return a < b end
    return counts[a] > counts[b]
  end)
  return names
end

local function print_summary(out, seen, plan)
  out:print(("%s, %s"):format(plural(seen.messages, "message"), plural(seen.parts, "part")))
  local words = {}
  for _, parts in ipairs(sorted(seen.by_parts)) do words[#words + 1] = ("%d of %s"):format(seen.by_parts[parts], plural(parts, "part")) end
  if #words > 0 then out:print("parts: " .. table.concat(words, ", ")) end
  words = {}
  for _, encoding in ipairs(sorted(seen.encodings)) do words[#words + 1] = ("%d in %s"):format(seen.encodings[encoding], encoding) end
  if #words > 0 then out:print("encodings: " .. table.concat(words, ", ")) end
  if seen.invalid > 0 then out:print(out:paint("red", ("%s invalid"):format(plural(seen.invalid, "row")))) end
  if (plan.skipped or 0) > 0 then out:print(("%d accepted by an earlier run, left out"):format(plan.skipped)) end
  local held = plan.held
  if held and held.unknown + held.refused > 0 then
    out:print(("%d unknown, %d refused by an earlier run, left out"):format(held.unknown, held.refused))
  end
  bulk.tell_change(out, plan)
  out:note "dry run: nothing was sent"
end

local function summary_object(seen, plan)
  local by_parts, encodings, held = {}, {}, plan.held or { unknown = 0, refused = 0 }
  for i, parts in ipairs(sorted(seen.by_parts)) do by_parts[2 * i - 1], by_parts[2 * i] = ("%d"):format(parts), seen.by_parts[parts] end
  for i, name in ipairs(sorted(seen.encodings)) do encodings[2 * i - 1], encodings[2 * i] = name, seen.encodings[name] end
  return json.object({ "event", "dry_run", "messages", seen.messages, "parts", seen.parts, "by_parts", json.object(by_parts),
    "encodings", json.object(encodings), "invalid", seen.invalid, "skipped", plan.skipped, "changed_line", plan.changed,
    "held_unknown", held.unknown > 0 and held.unknown or nil, "held_refused", held.refused > 0 and held.refused or nil }, 20)
end

--- Counts what would be sent.
---@param plan table  of smpp send
---@param options table
---@param out smpp.CliOutput
---@return integer exit_code
function dry_run.run(plan, options, out)
  local make = maker(plan.connect_options)
  local seen = { messages = 0, parts = 0, invalid = 0, by_parts = {}, encodings = {} }
  local function on_invalid(line, row, wrong)
    seen.invalid = seen.invalid + 1
    if out.json then return out:object(json.object({ "event", "invalid", "line", line, "to", row and row.to, "message", wrong }, 8)) end
    out:print(options.file and ("line %d: %s"):format(line, wrong) or wrong)
  end
  plan.on_invalid = on_invalid
  local item = plan.next_item()
  while item do
    local info, parts = make(item.message)
    if info then
      seen.messages, seen.parts = seen.messages + 1, seen.parts + parts
      seen.by_parts[parts] = (seen.by_parts[parts] or 0) + 1
      local encoding = info.encoding or "binary"
      seen.encodings[encoding] = (seen.encodings[encoding] or 0) + 1
    else
      on_invalid(item.line, { to = item.to }, parts)
    end
    item = plan.next_item()
  end
  if plan.find_missing then plan.find_missing() end
  if plan.close then plan.close() end
  if out.json then out:object(summary_object(seen, plan)) else print_summary(out, seen, plan) end
  return (seen.invalid > 0 or plan.changed) and exit.FAILED or exit.DONE
end

return dry_run
