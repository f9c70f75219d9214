--- smpp completion: what a shell needs to complete the command line: commands, options, words, files, targets, statuses.
local exit = require "smpp.cli.exit"
local protocol = require("smpp.core").protocol
local reference = require "smpp.cli.reference"

local completion = {
  description = "Prints a script that makes a shell complete the command line: commands, options and their words, files, names of targets and "
    .. "of statuses.",
  epilog = [[
bash:  smpp completion bash > ~/.local/share/bash-completion/completions/smpp
       (or in ~/.bashrc: source <(smpp completion bash))
zsh:   smpp completion zsh > a folder of $fpath, named _smpp
fish:  smpp completion fish > ~/.config/fish/completions/smpp.fish]],
}

-- The shell asks for them when it completes, so that they are those of today.
local TARGETS = "smpp targets 2>/dev/null"

local function quoted(text) return "'" .. text:gsub("'", "'\\''") .. "'" end

local function status_names()
  local names = protocol.statuses()
  table.sort(names)
  return names
end

--- The first sentence of a description, short.
local function short(text)
  text = text:gsub("%s+", " ")
  text = text:match "^(.-)%. " or text
  text = text:gsub("%.$", "")
  return #text > 70 and (text:sub(1, 67):match "^(.*)%s" or "") .. "..." or text
end

local function all_names(options)
  local names = {}
  for _, option in ipairs(options) do
    for _, name in ipairs(option.names) do names[#names + 1] = name end
  end
  return names
end

local function argument_kinds(command)
  local kinds = {}
  for _, argument in ipairs(command.arguments) do kinds[argument.kind] = argument end
  return kinds
end

local SHELLS = {}

function SHELLS.bash(commands, root)
  local names, lines = {}, {}
  for i, command in ipairs(commands) do names[i] = command.name end
  local function add(format, ...) lines[#lines + 1] = format:format(...) end
  add "# Completion of smpp for bash, written by `smpp completion bash`."
  add "_smpp() {"
  add "  local line=${COMP_LINE:0:COMP_POINT} words=() command= previous= current= found= files= word"
  add "  read -ra words <<<\"$line\""
  add "  [[ $line == *[[:space:]] ]] && words+=('')"
  add "  current=${words[${#words[@]}-1]} previous=${words[${#words[@]}-2]}"
  add "  for word in \"${words[@]:1:${#words[@]}-2}\"; do"
  add("    case $word in help) ;; %s) command=$word; break ;; esac", table.concat(names, "|"))
  add "  done"
  add "  COMPREPLY=()"
  add "  case $command in"
  add("  '') found=%s ;;", quoted(table.concat(names, " ") .. " help " .. table.concat(all_names(root.options), " ")))
  for _, command in ipairs(commands) do
    add("  %s)", command.name)
    add "    case $previous in"
    for _, option in ipairs(command.options) do
      if option.value and not option.is_optional then
        local what = ":"
        if option.kind == "file" then what = "files=1" elseif option.kind == "words" then what = "found=" .. quoted(table.concat(option.words, " "))
        elseif option.kind == "status" then what = "found=" .. quoted(table.concat(status_names(), " ")) end
        add("    %s) %s ;;", table.concat(option.names, "|"), what)
      end
    end
    add "    *)"
    add("      if [[ $current == -* ]]; then found=%s", quoted(table.concat(all_names(command.options), " ")))
    local kinds, more = argument_kinds(command), {}
    if kinds.target then more[#more + 1] = ("found=\"$(%s | sed 's/^\\([^ ]*\\).*/@\\1/')\""):format(TARGETS) end
    if kinds.words then more[#more + 1] = "found=" .. quoted(table.concat(kinds.words.words, " ")) end
    if kinds.status then more[#more + 1] = "found=" .. quoted(table.concat(status_names(), " ")) end
    if kinds.file then more[#more + 1] = "files=1" end
    add("      else %s; fi ;;", more[1] and table.concat(more, "; ") or ":")
    add "    esac ;;"
  end
  add "  esac"
  add "  if [[ -n $files ]]; then compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- \"$current\"); fi"
  add "  for word in $found; do"
  add "    [[ $word == \"$current\"* ]] || continue"
  add "    # @ separates words in readline: what is before it has been typed and stays."
  add "    [[ $current == @* && $COMP_WORDBREAKS == *@* ]] && word=${word#@}"
  add "    COMPREPLY+=(\"$word\")"
  add "  done"
  add "}"
  add "complete -F _smpp smpp"
  return lines
end

--- A text inside [ ] of zsh's _arguments.
local function zsh_text(text) return (text:gsub("([%[%]:\\])", "\\%1"):gsub("'", "'\\''")) end

function SHELLS.zsh(commands, root)
  local lines = {}
  local function add(format, ...) lines[#lines + 1] = format:format(...) end
  local function action(kind, words)
    if kind == "file" then return "_files" end
    if kind == "words" then return "(" .. table.concat(words, " ") .. ")" end
    if kind == "status" then return "_smpp_statuses" end
    if kind == "target" then return "_smpp_targets" end
    return " "
  end
  local function option_lines(options)
    for _, option in ipairs(options) do
      for _, name in ipairs(option.names) do
        local value = ""
        if option.value then
          value = (option.is_optional and "::" or ":") .. zsh_text(option.value) .. ":" .. action(option.kind, option.words)
        end
        add("        '%s%s[%s]%s' \\", option.repeats and "*" or "", name, zsh_text(short(option.about)), value)
      end
    end
  end
  add "#compdef smpp"
  add "# Completion of smpp for zsh, written by `smpp completion zsh`."
  add("_smpp_targets() { local -a found; found=(${(f)\"$(%s | sed 's/^\\([^ ]*\\).*/@\\1/')\"}); compadd -a found }", TARGETS)
  add("_smpp_statuses() { compadd %s }", table.concat(status_names(), " "))
  add "_smpp() {"
  add "  local context state state_descr line"
  add "  typeset -A opt_args"
  add "  _arguments -C \\"
  option_lines(root.options)
  add "        '1: :->command' '*:: :->rest' && return"
  add "  case $state in"
  add "  command)"
  add "    local -a commands; commands=("
  for _, command in ipairs(commands) do add("      '%s:%s'", command.name, zsh_text(short(command.summary))) end
  add "      'help:Show the help of a command')"
  add "    _describe command commands ;;"
  add "  rest)"
  add "    case $line[1] in"
  local names = {}
  for i, command in ipairs(commands) do
    names[i] = command.name
    add("    %s)", command.name)
    add "      _arguments \\"
    option_lines(command.options)
    for _, argument in ipairs(command.arguments) do
      local which = argument.kind == "file" and "*" or argument.is_optional and ":" or ""
      add("        '%s:%s:%s' \\", which, zsh_text(argument.name), action(argument.kind, argument.words))
    end
    add "        && return ;;"
  end
  add("    help) compadd %s ;;", table.concat(names, " "))
  add "    esac ;;"
  add "  esac"
  add "}"
  add "if [[ $zsh_eval_context[-1] == loadautofunc ]]; then _smpp \"$@\"; else compdef _smpp smpp; fi"
  return lines
end

function SHELLS.fish(commands, root)
  local names, lines = {}, {}
  for i, command in ipairs(commands) do names[i] = command.name end
  local function add(format, ...) lines[#lines + 1] = format:format(...) end
  local function text(words) return "'" .. words:gsub("\\", "\\\\"):gsub("'", "\\'") .. "'" end
  local function option_lines(options, condition)
    for _, option in ipairs(options) do
      local flags = {}
      for _, name in ipairs(option.names) do
        flags[#flags + 1] = name:sub(1, 2) == "--" and "-l " .. name:sub(3) or "-s " .. name:sub(2)
      end
      local value = ""
      if option.value and not option.is_optional then
        local words = option.words and table.concat(option.words, " ")
        if option.kind == "file" then value = " -r -F" elseif option.kind == "words" then value = " -x -a " .. text(words)
        elseif option.kind == "status" then value = " -x -a " .. text(table.concat(status_names(), " ")) else value = " -x" end
      end
      add("complete -c smpp -n %s %s%s -d %s", text(condition), table.concat(flags, " "), value, text(short(option.about)))
    end
  end
  add "# Completion of smpp for fish, written by `smpp completion fish`."
  add "complete -c smpp -f"
  local none = "not __fish_seen_subcommand_from " .. table.concat(names, " ")
  option_lines(root.options, none)
  for _, command in ipairs(commands) do add("complete -c smpp -n %s -a %s -d %s", text(none), command.name, text(short(command.summary))) end
  add("complete -c smpp -n %s -a help -d 'Show the help of a command'", text(none))
  for _, command in ipairs(commands) do
    local condition = "__fish_seen_subcommand_from " .. command.name
    option_lines(command.options, condition)
    local kinds = argument_kinds(command)
    if kinds.target then
      add("complete -c smpp -n %s -a %s", text(condition), text("(" .. TARGETS .. " | string replace -r '^(\\S+).*' '@$1')"))
    end
    if kinds.words then add("complete -c smpp -n %s -a %s", text(condition), text(table.concat(kinds.words.words, " "))) end
    if kinds.status then add("complete -c smpp -n %s -a %s", text(condition), text(table.concat(status_names(), " "))) end
    if kinds.file then add("complete -c smpp -n %s -F", text(condition)) end
  end
  return lines
end

--- The command's argument.
---@param command table  of argparse
function completion.define(command) command:argument("shell", "bash, zsh or fish."):choices { "bash", "zsh", "fish" } end

--- Runs the command.
---@param options table
---@param out smpp.CliOutput
---@return integer exit_code
function completion.run(options, out)
  for _, line in ipairs(SHELLS[options.shell](reference.read())) do out:print(line) end
  return exit.DONE
end

return completion
