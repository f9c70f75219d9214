--- Man pages, made from the declaration of the command line and the rows of options: `lua docs/man.lua DIR` writes smpp.1, one
--- page for each command, and smpp-config.5.  `make install` installs them.
if arg and arg[0] and arg[0]:find "docs/man%.lua$" then
  package.path = "lua/?.lua;lua/?/init.lua;" .. package.path
  package.cpath = (os.getenv "SMPP_BUILD" or "build") .. "/" .. (jit and "jit" or _VERSION:match "%d%.%d") .. "/?.so;" .. package.cpath
end
local option_help = require "smpp.cli.option_help"
local reference = require "smpp.cli.reference"
local simulator = require "smpp.simulator.settings"
local targets = require "smpp.cli.targets"
local version = require("smpp")._VERSION

local man = {}

local DATE = os.date("!%Y-%m-%d", tonumber(os.getenv "SOURCE_DATE_EPOCH" or "") or os.time())

--- A text in a page: backslashes, hyphens and quotes as they are; emoji, which terminals of printers lack, left out.
local function text(words)
  words = words:gsub(" ?[\240-\247][\128-\191]+", ""):gsub("\226\128\141", "")
  return (words:gsub("\\", "\\e"):gsub("%-", "\\-"):gsub("'", "\\(aq"):gsub("`", "\\(ga"):gsub("%^", "\\(ha"):gsub("~", "\\(ti"))
end

--- Text on lines of its own, none of which is taken for a request.
local function paragraph(words)
  local lines = {}
  for line in (words .. "\n"):gmatch "([^\n]*)\n" do
    if line ~= "" then lines[#lines + 1] = text(line):gsub("^([.])", "\\&%1") end
  end
  return table.concat(lines, "\n")
end

local function page()
  local lines = {}
  return lines, function(line) lines[#lines + 1] = line end
end

local function head(add, name, section, about)
  add('.\\" Made by docs/man.lua from the declaration of the command line.')
  add((".TH %s %d %s \"smpp %s\" \"smpp\""):format((name:upper():gsub("%-", "\\-")), section, DATE, version))
  add ".SH NAME"
  add(("%s \\- %s"):format(name:gsub("%-", "\\-"), text((about:gsub("%.$", ""):gsub("^%u", string.lower)))))
end

--- Help text: lines that are indented are examples, the others paragraphs.
local function prose(add, words)
  local example, pending = {}, {}
  local function flush()
    if pending[1] then add(paragraph(table.concat(pending, "\n"))) end
    if example[1] then
      add ".PP"
      add ".EX"
      for _, line in ipairs(example) do add(line == "" and "" or (text(line):gsub("^%.", "\\&."))) end
      add ".EE"
    end
    example, pending = {}, {}
  end
  for line in (words .. "\n"):gmatch "([^\n]*)\n" do
    if line:find "^   " then
      if pending[1] then flush() end
      example[#example + 1] = line:sub(4)
    elseif line == "" then
      flush()
      add ".PP"
    else
      if example[1] then
        flush()
        add ".PP"
      end
      pending[#pending + 1] = line
    end
  end
  flush()
end

--- A page's lines without paragraphs that are empty.
local function tidy(lines)
  local flat, result = {}, {}
  for line in (table.concat(lines, "\n") .. "\n"):gmatch "([^\n]*)\n" do flat[#flat + 1] = line end
  for i, line in ipairs(flat) do
    local following, before = flat[i + 1] or ".SH", result[#result] or ""
    local is_empty = line == ".PP" and (following:find "^%.[PS]" or before:find "^%.S[HS]")
    if not is_empty then result[#result + 1] = line end
  end
  return table.concat(result, "\n") .. "\n"
end

local function options(add, list)
  local group
  for _, option in ipairs(list) do
    if option.group ~= group and option.group then add(".SS " .. text(option.group)) end
    group = option.group
    local names = {}
    for i, name in ipairs(option.names) do names[i] = "\\fB" .. text(name) .. "\\fR" end
    local label = table.concat(names, ", ")
    if option.value then label = label .. (option.is_optional and " [\\fI%s\\fR]" or " \\fI%s\\fR"):format(text(option.value)) end
    add ".TP"
    add(label)
    local about = option.about
    if option.words and not about:find(option.words[#option.words], 1, true) then
      about = ("%s One of %s."):format(about, table.concat(option.words, ", "))
    end
    if option.default and option.default ~= "" then about = about .. " Default: " .. option.default .. "." end
    if option.repeats and not about:find "more than once" then about = about .. " May be repeated." end
    add(paragraph(about))
  end
end

--- Rows of a schema, as in the tables of docs/.
local function rows(add, schema)
  for _, row in ipairs(schema.rows) do
    if type(row[1]) == "string" and not row.program then
      local default, unit = option_help.default(row), type(row[2]) == "table" and row[2].unit
      local notes = {}
      if unit then notes[#notes + 1] = "in " .. unit end
      if default then notes[#notes + 1] = "default " .. default end
      add ".TP"
      add("\\fB" .. text(row[5] or row[1]) .. "\\fR")
      local words = row[4]:find "^%l+:" and row[4] or row[4]:gsub("^%l", string.upper)
      add(paragraph(words .. (notes[1] and " (" .. table.concat(notes, ", ") .. ")" or "") .. "."))
    end
  end
end

local EXIT = {
  { 0, "done" }, { 1, "refused, failed or undelivered" }, { 2, "usage" }, { 3, "cannot connect, bind or listen" },
  { 4, "timeout, or outcome unknown" }, { 130, "interrupted, after an orderly end" },
}

local function exit_status(add)
  add ".SH EXIT STATUS"
  for _, row in ipairs(EXIT) do
    add ".TP"
    add(("\\fB%d\\fR"):format(row[1]))
    add(text(row[2]:gsub("^%l", string.upper) .. "."))
  end
end

local ENVIRONMENT = {
  { "SMPP_PASSWORD", "The password of the bind, where neither the command line nor the URL has one." },
  { "SMPP_CONFIG, XDG_CONFIG_HOME", "Where the configuration of targets is: smpp-config(5)." },
  { "COLUMNS", "The width of help, from 60 to 100." },
  { "NO_COLOR, TERM", "No colours if NO_COLOR is set and not empty, or TERM is dumb." },
  { "SSLKEYLOGFILE", "The file of --keylog without FILE." },
  { "NOTIFY_SOCKET, WATCHDOG_USEC", "Set by systemd: smpp sim and smpp listen tell it that they are ready and alive." },
}

local function see_also(add, commands, but)
  add ".SH SEE ALSO"
  local list = {}
  if but ~= "smpp" then list[1] = ".BR smpp (1)" end
  for _, command in ipairs(commands) do
    if "smpp-" .. command.name ~= but then list[#list + 1] = (".BR smpp\\-%s (1)"):format(command.name) end
  end
  if but ~= "smpp-config" then list[#list + 1] = ".BR smpp\\-config (5)" end
  for i, line in ipairs(list) do add(line .. (i < #list and "," or "")) end
end

--- The words of argparse's usage in a synopsis.
local function synopsis(add, usage)
  add ".SH SYNOPSIS"
  add ".nf"
  local words = usage:gsub("^Usage: ", "")
  for line in (words .. "\n"):gmatch "([^\n]*)\n" do
    line = text((line:gsub("^       ", "")))
    line = line:gsub("^smpp ?%l*", "\\fB%0\\fR"):gsub("%f[\\]\\%-[%l\\%-]+%l", "\\fB%0\\fR")
    add(line)
  end
  add ".fi"
end

--- All pages: name of the file -> text.
---@return table<string, string>
function man.pages()
  local commands, root = reference.read()
  local pages = {}
  local lines, add = page()
  head(add, "smpp", 1, "SMS over SMPP: send, receive, simulate, decode")
  add ".SH SYNOPSIS"
  add ".B smpp"
  add ".I command"
  add "[\\fIoptions\\fR]"
  add ".SH DESCRIPTION"
  add(paragraph(root.description))
  add ".SH COMMANDS"
  for _, command in ipairs(commands) do
    add ".TP"
    add((".BR smpp\\-%s (1)"):format(command.name))
    add(paragraph(command.summary))
  end
  add ".TP"
  add "\\fBsmpp help\\fR \\fIcommand\\fR"
  add "The same as \\fBsmpp\\fR \\fIcommand\\fR \\fB\\-\\-help\\fR."
  add ".SH OPTIONS"
  options(add, root.options)
  exit_status(add)
  add ".SH ENVIRONMENT"
  for _, row in ipairs(ENVIRONMENT) do
    add ".TP"
    add("\\fB" .. text(row[1]) .. "\\fR")
    add(paragraph(row[2]))
  end
  add ".SH EXAMPLES"
  prose(add, root.epilog:match "Try:\n(.-)\n\n")
  see_also(add, commands, "smpp")
  pages["smpp.1"] = tidy(lines)

  for _, command in ipairs(commands) do
    lines, add = page()
    head(add, "smpp-" .. command.name, 1, command.summary)
    synopsis(add, command.usage)
    add ".SH DESCRIPTION"
    prose(add, command.description)
    if command.arguments[1] then
      add ".SH ARGUMENTS"
      for _, argument in ipairs(command.arguments) do
        add ".TP"
        add("\\fI" .. text(argument.name) .. "\\fR")
        add(paragraph(argument.about))
      end
    end
    add ".SH OPTIONS"
    options(add, command.options)
    local epilog = command.own_epilog or ""
    if epilog:find "^%s*Examples:" then
      add ".SH EXAMPLES"
      prose(add, (epilog:gsub("^%s*Examples:\n", "")))
    elseif epilog ~= "" then
      add ".SH NOTES"
      prose(add, epilog)
    end
    if command.name == "sim" then
      add ".SH KEYS"
      add "Keys of FILE and of \\fB\\-\\-set\\fR, each with an example."
      rows(add, simulator.own:without "file")
      add ".SS Of the server under it"
      rows(add, simulator.of_server)
    end
    exit_status(add)
    see_also(add, commands, "smpp-" .. command.name)
    pages["smpp-" .. command.name .. ".1"] = tidy(lines)
  end

  lines, add = page()
  head(add, "smpp-config", 5, "Targets of smpp by name")
  add ".SH SYNOPSIS"
  add "\\fI$SMPP_CONFIG\\fR, \\fI$XDG_CONFIG_HOME/smpp/config.lua\\fR, \\fI\\(ti/.config/smpp/config.lua\\fR, \\fI/etc/smpp/config.lua\\fR"
  add ".SH DESCRIPTION"
  add(paragraph [[
The first of these files that exists is read, and only that one. It is Lua that sees no globals but smpp, and returns a table:
targets has a table for each name, defaults has options of all targets. A file that its group or others may write is refused.]])
  add ".PP"
  add(paragraph [[
A command takes @NAME or @NAME?option=value where it takes a URL. The first of these that has an option decides: the command line, @NAME?option=value,
SMPP_PASSWORD, --config, the keys of the target, its URL, defaults.]])
  add ".SH EXAMPLE"
  prose(add, (targets.epilog:match "(   return {.*)$"))
  add ".SH OPTIONS OF A TARGET"
  rows(add, targets.schema)
  see_also(add, commands, "smpp-config")
  pages["smpp-config.5"] = tidy(lines)
  return pages
end

if arg and arg[0] and arg[0]:find "docs/man%.lua$" then
  for name, content in pairs(man.pages()) do
    local file = assert(io.open(arg[1] .. "/" .. name, "wb"))
    file:write(content)
    file:close()
  end
end

return man
