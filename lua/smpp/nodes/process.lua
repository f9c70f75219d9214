--- This process as one of this host, so that the next life of a node knows whether the one before has ended: boot, process namespace, pid and the
--- time at which it started.  Only where the system tells (Linux).
local process = {}

local function read(path)
  local file = io.open(path)
  local text = file and file:read "*a"
  if file then file:close() end
  return text
end

--- Pid and start of a process (proc(5), stat: the name in parentheses may have spaces).
local function of(pid, reader)
  local text = reader(("/proc/%s/stat"):format(pid))
  if not text then return nil end
  local id, rest = text:match "^(%d+) %(.*%) (.*)$"
  local at = 2
  for word in (rest or ""):gmatch "%S+" do
    at = at + 1
    if at == 22 then return id, word end
  end
end

--- @return string? boot and namespace
local function place(reader)
  local boot = (reader "/proc/sys/kernel/random/boot_id" or ""):match "^[%x-]+"
  local _, first = of("1", reader)
  return boot and first and boot .. "/" .. first
end

--- This process; "" where the system does not tell.
---@param reader? fun(path: string): string?
---@return string
function process.own(reader)
  reader = reader or read
  local where = place(reader)
  local pid, start = of("self", reader)
  return where and pid and ("%s/%s/%s"):format(where, pid, start) or ""
end

--- Has this process ended?  True only where that is certain.
---@param text string  of `own`, in another process
---@param reader? fun(path: string): string?
---@return boolean
function process.has_ended(text, reader)
  reader = reader or read
  local where, pid, start = text:match "^(.*)/(%d+)/(%d+)$"
  if not where or where ~= place(reader) then return false end -- another host, boot or namespace
  local _, now = of(pid, reader)
  return now ~= start
end

return process
