--- smpp count: encoding, parts and room of a text.
local content = require "smpp.receipt.content"
local encodings = require("smpp.core").text.encodings
local exit = require "smpp.cli.exit"
local json = require "smpp.codec.json"
local text = require "smpp.text"

local count = {
  description = "Shows which encoding a text needs, how many parts it has, how much room is left in the last one, and "
    .. "which characters force a more expensive encoding.",
  epilog = [[
Examples:
   smpp count "Hello World! 👋"
   smpp count --file campaign.txt
   echo "Hello" | smpp count
   smpp count --language turkish "Günaydın, İstanbul"]],
}

--- The command's arguments and options.
---@param command table  of argparse
function count.define(command)
  command:argument("text", "UTF-8; - or nothing reads stdin."):args "?"
  command:option("--file", "Read the text from a file."):hidden_name "-f":argname "FILE"
  command:option("--encoding", "Use this encoding only."):argname "NAME"
  command:option("--language", "National language tables that may be used."):count "*":argname "NAME"
  command:option("--long", "How the parts of a long text are marked.", "concat_8bit")
    :choices({ "concat_8bit", "concat_16bit", "sar", "payload" }):argname "HOW"
  command:flag("--transliterate", "Replace characters that the encoding lacks by similar ones.")
end

--- The text, without the last line end of a file.
local function read_text(options, out)
  if options.file then
    local file, message = io.open(options.file, "rb")
    if not file then return nil, message end
    local words = file:read "*a"
    file:close()
    if not words then return nil, options.file .. ": cannot be read" end
    return (words:gsub("\r?\n$", ""))
  end
  if options.text and options.text ~= "-" then return options.text end
  if not options.text and out.is_terminal(out.stdin) then return nil, "missing text: give it as an argument, or pipe it to stdin" end
  return ((out.stdin:read "*a" or ""):gsub("\r?\n$", ""))
end

local UNITS = { septet = "septets", octet = "octets", unit16 = "UTF-16 units" }

local function units_of(encoding) return UNITS[encodings[encoding].unit] end

local function characters(words) return select(2, words:gsub("[^\128-\191]", "")) end

--- The distinct culprits in order of appearance, with their counts.
local function distinct(culprits)
  local list, seen = {}, {}
  for _, culprit in ipairs(culprits) do
    local entry = seen[culprit.character]
    if not entry then
      entry = { character = culprit.character, codepoint = culprit.codepoint, position = culprit.position, times = 0 }
      seen[culprit.character] = entry
      list[#list + 1] = entry
    end
    entry.times = entry.times + 1
  end
  return list
end

--- The cost of the text without the characters that force the more expensive encoding.
local function without(words, culprits, o)
  local pieces, from = {}, 1
  for _, culprit in ipairs(culprits) do
    pieces[#pieces + 1] = words:sub(from, culprit.octet - 1)
    from = culprit.octet + #culprit.character
  end
  pieces[#pieces + 1] = words:sub(from)
  return (text.measure(table.concat(pieces), o))
end

local function plural(n, word) return ("%d %s%s"):format(n, word, n == 1 and "" or "s") end

local function print_info(out, words, info, cheaper, transliterated)
  local function line(name, format, ...) out:print(out:paint("cyan", ("%-11s"):format(name)) .. format:format(...)) end
  local units = units_of(info.encoding)
  line("encoding", "%s (data_coding %d)", info.encoding, info.data_coding)
  line("length", "%s, %d %s", plural(characters(words), "character"), info.units, units)
  line("parts", "%s", out:paint("bold", ("%d"):format(info.parts)))
  line("left", "%d %s in the %s", info.units_left, units, info.parts == 1 and "message" or "last part")
  if #info.culprits == 0 then return end
  for i, culprit in ipairs(distinct(info.culprits)) do
    if i > 12 then
      line("", "... and %d more", #distinct(info.culprits) - 12)
      break
    end
    line(i == 1 and "because of" or "", "%s (U+%04X) at character %d%s", content.quote(culprit.character), culprit.codepoint,
      culprit.position, culprit.times > 1 and (", %d times"):format(culprit.times) or "")
  end
  if cheaper then
    line("without", "%s, %s, %d %s left", cheaper.encoding, plural(cheaper.parts, "part"), cheaper.units_left, units_of(cheaper.encoding))
  end
  if transliterated then
    line("replaced", "%s, %s: %s", transliterated.encoding, plural(transliterated.parts, "part"), content.quote(transliterated.text))
  end
end

local function summary(info)
  return info and json.object { "encoding", info.encoding, "parts", info.parts, "units", info.units, "units_left", info.units_left }
end

local function print_json(out, words, info, cheaper, transliterated)
  local culprits = {}
  for i, culprit in ipairs(distinct(info.culprits)) do
    culprits[i] = json.object { "character", culprit.character, "codepoint", culprit.codepoint, "position", culprit.position, "times", culprit.times }
  end
  out:object(json.object({
    "encoding", info.encoding, "data_coding", info.data_coding, "characters", characters(words), "units", info.units,
    "parts", info.parts, "units_left", info.units_left, "culprits", json.list(culprits), "without", summary(cheaper),
    "transliterated", summary(transliterated),
  }, 18))
end

--- The options for text.measure; nil and a message for an invalid one.
local function text_options(options)
  local o = { encoding = options.encoding, udh = options.long, on_unmappable = options.transliterate and "transliterate" or nil }
  if options.language and #options.language > 0 then o.language = options.language end
  local wrong = text.schema:problem(o)
  if wrong then return nil, wrong.message end
  return o
end

--- Runs the command.
---@param options table  as argparse gives them
---@param out smpp.CliOutput
---@return integer exit_code
function count.run(options, out)
  local words, message = read_text(options, out)
  if not words then
    out:fail("%s", message)
    return exit.USAGE
  end
  local o
  o, message = text_options(options)
  if not o then
    out:fail("%s", message)
    return exit.USAGE
  end
  local info
  info, message = text.measure(words, o)
  if not info then
    out:fail("%s", message)
    return exit.FAILED
  end
  local cheaper, transliterated
  if #info.culprits > 0 then
    cheaper = without(words, info.culprits, o)
    o.on_unmappable = "transliterate"
    transliterated = text.measure(words, o)
    if transliterated and (transliterated.encoding == info.encoding or transliterated.text == words) then transliterated = nil end
  end
  (out.json and print_json or print_info)(out, words, info, cheaper, transliterated)
  return exit.DONE
end

return count
