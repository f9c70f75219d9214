--- smpp decode: PDUs from hex, binary and captures, octet by octet.
local brief = require "smpp.cli.brief"
local capture = require "smpp.cli.capture"
local content = require "smpp.receipt.content"
local convert = require "smpp.cli.convert"
local core = require "smpp.core"
local exit = require "smpp.cli.exit"
local filter = require "smpp.cli.filter"
local input = require "smpp.cli.input"
local json = require "smpp.codec.json"
local be32 = require("smpp.capture.octets").be32
local pcap = require "smpp.capture"
local may_hold = require("smpp.codec.secrets").may_hold
local stream = require "smpp.codec.stream"
local tally = require "smpp.cli.tally"
local vendor = require "smpp.cli.vendor"

local decode = {
  description = "Decodes PDUs octet by octet, with texts, user data headers and receipts, and reports what is "
    .. "malformed or unusual.\n\nInput is hex (blanks, 0x, colons and the dumps of xxd, hexdump, od, tcpdump, tshark and Wireshark are "
    .. "fine), byte strings and arrays as languages print them (b'\\x00…', <Buffer 00 …>, [0, 0, -128 …], base64), log lines with PDUs in them, or "
    .. "binary, one PDU or several; or a pcap, pcapng or snoop file. Files may be compressed with gzip. Captures are "
    .. "shown one line per PDU, with the time each response took.",
  epilog = [[
Examples:
   smpp decode 0000001000000015000000000000000a
   smpp decode pdu.bin
   xxd pdu.bin | smpp decode
   smpp decode smsc.pcap
   smpp decode --json smsc.pcap | jq .text]],
}

--- The command's arguments and options.
---@param command table  of argparse
function decode.define(command)
  command:argument("input", "Hex, or file names; - or nothing reads stdin."):args "*"
  command:flag("-b --brief", "One line per PDU.")
  command:flag("-v --verbose", "Captures: also show every octet."):count "*"
  command:flag("--show-secrets", "Show passwords.")
  filter.define(command)
  command:option("--port", "Captures: show only connections with this port."):count "*":convert(convert.number(0, 65535, true)):argname "N"
  command:option("--alphabet", "Encoding of data_coding 0 at this peer."):choices(decode.alphabets()):argname "NAME"
  vendor.define(command)
end

--- The encodings that a default alphabet can be.
function decode.alphabets()
  local names = {}
  for name in pairs(core.text.encodings) do names[#names + 1] = name end
  table.sort(names)
  return names
end

local GZIP = "\31\139"

--- The decompressed octets of a file as a stream.
local function gunzip(path)
  local pipe, message = io.popen(("gzip -dc -- '%s'"):format((path:gsub("'", "'\\''"))))
  return pipe, message
end

--- The decompressed octets of stdin, through a temporary file.
local function gunzip_stream(file, first)
  local path = os.tmpname()
  local copy, message = io.open(path, "wb")
  if not copy then return nil, message end
  copy:write(first)
  for piece in function() return file:read(65536) end do copy:write(piece) end
  copy:close()
  local pipe
  pipe, message = gunzip(path)
  local text = pipe and pipe:read "*a"
  if pipe then pipe:close() end
  os.remove(path)
  return text, message
end

--- The octets of a file, or a capture to read; decompressed.
---@return string? octets
---@return string? message
---@return (fun(n: integer): string?)? capture
local function read_file(out, path)
  local file, message
  if path == "-" then
    file = out.stdin
  else
    file, message = io.open(path, "rb")
    if not file then return nil, message end
  end
  local first, why = file:read(4)
  if not first then
    if why then return nil, ("%s: %s"):format(path, why) end -- a directory
    return ""
  end
  if first:sub(1, 2) == GZIP then
    if path == "-" then
      local text
      text, message = gunzip_stream(file, first)
      if not text or text == "" then return nil, message or "stdin: malformed gzip data" end
      if pcap.is_capture(text) then return nil, nil, pcap.source(text) end
      return text
    end
    file:close()
    file, message = gunzip(path)
    if not file then return nil, message end
    first = file:read(4)
    if not first then return nil, path .. ": malformed gzip data" end
  end
  if pcap.is_capture(first) then return nil, nil, pcap.source(file, first) end
  return first .. (file:read("*a") or "")
end

local function exists(path)
  local file = io.open(path, "rb")
  if file then file:close() end
  return file ~= nil
end

--- The octets of a file in any form, or a capture to read.
---@return string? octets
---@return string? message
---@return (fun(n: integer): string?)? capture
local function read_path(path, out)
  local text, message, source = read_file(out, path)
  if not text then return nil, message, source end
  if input.is_binary(text) then return text end
  if not text:find "%S" then return nil, "nothing to decode" end
  return input.unhex(text)
end

--- The octets of the command's arguments.
local function read_words(words)
  local text = table.concat(words, " ")
  if #words == 1 and text:find "[./]" and not text:find "^[%x%s.]+$" and not text:find "[%[{<\\'\"=]" then
    return nil, text .. ": no such file"
  end
  if not text:find "%S" then return nil, "nothing to decode" end
  return input.unhex(text)
end

local function dump_lines(out, dump)
  for line in dump:gmatch "[^\n]+" do
    local offset, rest = line:match "^(%x+)(.*)$"
    local severity = rest:match "^  (%l+)"
    if severity == "note" or severity == "warning" or severity == "fault" then
      out:print(out:paint("dim", offset) .. out:paint(severity == "note" and "dim" or severity == "warning" and "yellow" or "red", rest))
    else
      local octets, meaning = rest:sub(1, 50), rest:sub(51)
      local name, value = meaning:match "^(%S+)(.*)$"
      out:print(out:paint("dim", offset) .. octets .. (name and out:paint("cyan", name) .. value or meaning))
    end
  end
end

--- Prints a PDU octet by octet, then its content.
---@param out smpp.CliOutput
---@param pdu smpp.Pdu
---@param c smpp.Content?
---@param secrets boolean
function decode.show(out, pdu, c, secrets)
  dump_lines(out, pdu:dump { secrets = secrets })
  for _, line in ipairs(c and content.lines(c) or {}) do
    out:print(("%-10s"):format(line[1]) .. out:paint(line[1] == "problem" and "yellow" or "bold", line[2]))
  end
end

local KNOWN = {} -- command_id -> true
for _, command in ipairs(core.protocol.commands()) do KNOWN[command.id] = true end

local HEADER = { "command_length", "command_id", "command_status", "sequence_number" }

--- The names of the mandatory parameters that a truncated PDU lacks.
local function missing_parameters(view)
  for _, command in ipairs(core.protocol.commands()) do
    if command.name == view.command then
      local seen, names = {}, {}
      for name in view:fields() do seen[name] = true end
      for _, param in ipairs(command.params) do
        if not seen[param.name] then names[#names + 1] = param.name end
      end
      return names
    end
  end
  return {}
end

--- Prints a truncated PDU: the fields that are there, and the names of those that are missing.
local function show_cut(out, octets, options)
  local length = #octets >= 4 and be32(octets, 1) or nil
  local is_known = options.show_secrets or #octets >= 8 and KNOWN[be32(octets, 5)] -- else it may be the end of a bind
  if #octets < 16 then
    if not out.json and is_known then
      for i, name in ipairs(HEADER) do
        local piece = octets:sub(i * 4 - 3, i * 4)
        if piece ~= "" then
          out:print(("%04x  %-48s"):format(i * 4 - 4, (json.hex(piece):gsub("%x%x", "%0 "):sub(1, -2))) .. out:paint("cyan", name))
        end
      end
    end
    out:fail("truncated PDU header: %d octets of %s", #octets, length and ("%.0f"):format(length) or "at least 16")
    return
  end
  if not is_known then
    return out:fail("truncated PDU: %d octets of %.0f, hidden as its command is unknown: --show-secrets shows them", #octets, length)
  end
  local view = stream.cut(octets)
  local names = missing_parameters(view)
  local c = content.of(view)
  if out.json then
    local object = json.pdu(view, options.show_secrets)
    content.add_json(object, c)
    json.add(object, "missing_octets", length - #octets)
    json.add(object, "missing_fields", json.list(names))
    object.hex = json.hex(octets:sub(1, 4)) .. object.hex:sub(9) -- its own command_length again
    out:object(object)
  else
    local dump = view:dump { secrets = options.show_secrets }
    local first = ("0000  %-48scommand_length  %.0f, of which %d are here"):format(
      json.hex(octets:sub(1, 4)):gsub("%x%x", "%0 "):sub(1, -2), length, #octets)
    dump_lines(out, first .. dump:match("\n.*"))
    for _, line in ipairs(c and content.lines(c) or {}) do out:print(("%-10s"):format(line[1]) .. line[2]) end
  end
  out:fail("truncated PDU: %.0f octets are missing%s", length - #octets,
    #names > 0 and ", with them " .. table.concat(names, ", ") or "")
end

-- First octets of other protocols.
local OTHERS = { ["GET "] = true, POST = true, ["PUT "] = true, HEAD = true, HTTP = true, ["SSH-"] = true, [ [[{"]] ] = true }

--- Does a PDU lack mandatory parameters, so that the octets behind it may be its body?
local function is_short(pdu)
  for _, problem in ipairs(pdu:problems()) do
    if problem.severity == "fault" and problem.status == "ESME_RINVCMDLEN" then return true end
  end
  return false
end

--- Reports octets that are not a PDU.  They may be the end of a bind whose beginning is missing, and hold its password.
---@param previous smpp.Pdu?  the PDU before them
local function show_malformed(out, octets, at, message, secrets, previous)
  local rest = octets:sub(at)
  local is_body = previous and is_short(previous)
  if is_body then
    out:note("%s: command_length %d is too small for its parameters: the octets behind it may be the rest of its body", previous.command,
      previous.command_length)
  end
  local is_safe = is_body and KNOWN[previous.command_id] and not may_hold(previous:octets() .. rest, false)
  if secrets or is_safe or OTHERS[rest:sub(1, 4)] or rest:find "^\22\3" then
    out:fail("at octet %d: %s", at - 1, message)
    out:note("the octets there: %s", stream.show_octets(rest))
  else -- the number would show the first four octets
    out:fail("at octet %d: %s", at - 1, rest:find "^%z%z%z" and message or "invalid command_length")
    out:note "the octets there are hidden, a password may be among them: --show-secrets shows them"
  end
end

--- Prints one PDU of several.
local function show_pdu(out, options, pdu, title)
  local c = content.of(pdu, options.alphabet)
  if out.json then
    local object = json.pdu(pdu, options.show_secrets)
    content.add_json(object, c)
    out:object(object)
  elseif options.brief then
    out:print(brief.line(out, pdu, c))
  else
    if title then out:print(out:paint("bold", title)) end
    decode.show(out, pdu, c, options.show_secrets)
  end
  out:flush()
end

--- Prints the summary, if there was more than one PDU.
local function summarize(out, counted, name)
  if counted.pdus < 2 then return end
  if out.json then
    local object = json.object({ "event", "summary", "file", name }, 4)
    counted:add_json(object)
    return out:object(object)
  end
  if counted.shown < counted.pdus then out:note("%d of %d PDUs selected by the filter", counted.shown, counted.pdus) end
  for _, line in ipairs(counted:lines()) do out:note("%s", line) end
end

local function decode_octets(octets, options, out, name)
  local at, is_wanted, counted, previous = 1, filter.of(options), tally.new(), nil
  local function blank_line()
    if counted.shown > 0 and not out.json and not options.brief then out:print "" end
  end
  local pdus = stream.new {
    max_pdu_octets = math.max(core.defaults.max_pdu_octets, #octets), -- all of it is here
    pdu = function(pdu)
      local following, is_shown = at + pdu.command_length, not is_wanted or is_wanted(pdu)
      if is_shown then blank_line() end
      counted:add(pdu, is_shown)
      if is_shown then
        local is_one = counted.pdus == 1 and following > #octets
        show_pdu(out, options, pdu, not is_one and ("PDU %d, octets %d to %d"):format(counted.pdus, at - 1, following - 2))
      end
      at, previous = following, pdu
    end,
  }
  pdus:feed(octets)
  if pdus.rest ~= "" then
    blank_line()
    if pdus.problem then
      show_malformed(out, octets, at, pdus.problem, options.show_secrets, previous)
    else
      show_cut(out, pdus.rest, options)
    end
  end
  summarize(out, counted, name)
  return pdus.rest == "" and exit.DONE or exit.FAILED
end

--- Decodes one file, or the arguments.
---@param name? string  of the file, where there are several
local function decode_one(options, out, name, octets, message, source)
  if source then return capture.run(source, options, out, decode.show, name) end
  if not octets then
    out:fail("%s", message)
    return exit.FAILED
  end
  if options.slow then
    out:fail "--slow needs a capture: PDUs alone have no times"
    return exit.USAGE
  end
  return decode_octets(octets, options, out, name)
end

--- Do all words name files?
local function are_files(words)
  for _, word in ipairs(words) do
    if word ~= "-" and not exists(word) then return false end
  end
  return true
end

--- Runs the command.
---@param options table  as argparse gives them
---@param out smpp.CliOutput
---@return integer exit_code
function decode.run(options, out)
  local words = options.input
  local declared, wrong = vendor.load(options.config)
  wrong = wrong or filter.wrong(options)
  if not declared or wrong then
    out:fail("%s", wrong)
    return exit.USAGE
  end
  if #words == 0 and out.is_terminal(out.stdin) then
    out:fail "missing input: give hex or a file name, or pipe data to stdin"
    out:note "try: smpp decode --help"
    return exit.USAGE
  end
  if #words == 0 then words = { "-" } end
  if not are_files(words) then return decode_one(options, out, nil, read_words(words)) end
  local code = exit.DONE
  for i, path in ipairs(words) do
    if #words > 1 and not out.json then out:print((i > 1 and "\n" or "") .. out:paint("bold", "== " .. path)) end
    code = math.max(code, decode_one(options, out, #words > 1 and path or nil, read_path(path, out)))
  end
  return code
end

return decode
