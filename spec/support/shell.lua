--- Commands, temporary folders and tools of the specs that start other programs.
local shell = {}

--- Shell functions for commands: wait_for WORD FILE, until the file holds the word; 1 after 50 s, since sanitizers are slow on a busy machine.
local FUNCTIONS = [[
wait_for() { n=0; while ! grep -qs "$1" "$2"; do [ $n -lt 1000 ] || return 1; sleep 0.05; n=$((n+1)); done; }
]]

--- Runs a command in the shell: output of both streams, exit code.
function shell.run(command)
  local pipe = assert(io.popen(("%s{ %s\n} 2>&1; echo \"=$?\""):format(FUNCTIONS, command)))
  local text = pipe:read("*a")
  pipe:close()
  local output, code = text:match("^(.*)=(%d+)\n$")
  return output, tonumber(code)
end

--- Like run; another exit code than 0 is an error that shows command and output.
function shell.must(command)
  local output, code = shell.run(command)
  if code ~= 0 then error(("exit code %d from: %s\n%s"):format(code, command, output), 2) end
  return output
end

--- The argument quoted for the shell.
function shell.quote(word) return "'" .. word:gsub("'", "'\\''") .. "'" end

--- A temporary folder, and a function that removes it.
function shell.folder()
  local path = shell.must("mktemp -d"):match("%S+")
  return path, function() shell.must("rm -rf " .. path) end
end

function shell.write(path, text)
  local file = assert(io.open(path, "wb"))
  assert(file:write(text))
  file:close()
end

--- Skips the running spec; in `make test`, where all is installed, it fails.
function shell.skip(message)
  if os.getenv("SMPP_ALL_TOOLS") then error(message, 3) end
  require "busted.core"().pending(message) -- busted's `pending` is a global of spec files only
end

--- Skips the running spec if the tool is missing.
function shell.need(tool, package)
  local _, code = shell.run("command -v " .. tool)
  if code ~= 0 then shell.skip(tool .. " is missing (Debian: apt-get install " .. (package or tool) .. ")") end
end

--- kill -9; returns when the process is gone with all its threads, which a write to the disk can delay: until then it holds its locks and
--- ports.  Nobody may have reaped it: then it is a zombie, as it also is while only its other threads run.
---@param pid string
function shell.kill(pid)
  shell.must(("kill -9 %s; while [ -r /proc/%s/status ] && ! { grep -q '^State:.Z' /proc/%s/status && [ $(ls /proc/%s/task | wc -l) -le 1 ]; }; "
    .. "do sleep 0.01; done"):format(pid, pid, pid, pid))
end

return shell
