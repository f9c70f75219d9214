--- The command line as data, from its declaration to argparse: for completion and man pages.
local cli = require "smpp.cli"

local reference = {}

---@class smpp.ReferenceOption
---@field names string[]       "-v", "--verbose"
---@field value string?        what follows: "FILE"; nil: nothing
---@field is_optional boolean  the value may be missing
---@field repeats boolean
---@field kind "file"|"status"|"words"|"target"|"none"|nil  of the value
---@field words string[]?      all values
---@field about string
---@field default string?
---@field group string?

---@class smpp.ReferenceCommand
---@field name string
---@field summary string
---@field description string
---@field own_epilog string?  without tables of keys
---@field usage string
---@field options smpp.ReferenceOption[]
---@field arguments { name: string, about: string, kind: string, is_optional: boolean, words: string[]? }[]

local function kind_of(element, value)
  if element._choices then return "words" end
  if not value then return nil end
  return value == "FILE" and "file" or value:find "^STATUS" and "status" or "none"
end

--- What the arguments of commands are, by their names.
local ARGUMENTS = { url = "target", file = "file", input = "file", what = "status" }

local function option_of(option, group)
  local value = option._maxargs > 0 and (type(option._argname) == "string" and option._argname or option._argname and option._argname[1]) or nil
  return {
    names = option._public_aliases, value = option._maxargs > 0 and (value or option._name:gsub("^%-+", ""):upper()) or nil,
    is_optional = option._minargs == 0, repeats = option._maxcount > 1, kind = kind_of(option, value), words = option._choices,
    about = option._description or "", default = option._default ~= nil and option._show_default ~= false and tostring(option._default) or nil,
    group = group,
  }
end

local function groups_of(command)
  local groups = {}
  for _, group in ipairs(command._groups) do
    for _, element in ipairs(group) do groups[element] = group.name end
  end
  return groups
end

--- All commands with what they take, in the order of the help.
---@return smpp.ReferenceCommand[] commands
---@return { description: string, epilog: string, options: smpp.ReferenceOption[] } root
function reference.read()
  local parser, commands = cli.parser(), {}
  local function options_of(element)
    local groups, list = groups_of(element), {}
    for _, option in ipairs(element._options) do
      if not option._hidden then list[#list + 1] = option_of(option, groups[option]) end
    end
    return list
  end
  for i, command in ipairs(parser._commands) do
    local arguments = {}
    for j, argument in ipairs(command._arguments) do
      arguments[j] = {
        name = argument._name, about = argument._description or "", kind = argument._choices and "words" or ARGUMENTS[argument._name] or "none",
        is_optional = argument._minargs == 0, words = argument._choices,
      }
    end
    commands[i] = {
      name = command._name, summary = command._summary, description = command._description,
      own_epilog = require("smpp.cli." .. command._name).epilog,
      usage = command:get_usage(), options = options_of(command), arguments = arguments,
    }
  end
  return commands, { description = parser._description, epilog = parser._epilog, options = options_of(parser) }
end

return reference
