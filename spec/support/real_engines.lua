--- Real engines for specs: Debian's redis-server, and valkey-server, of its backports, as programs of spec.support.peers.  What is the same on both is
--- shown on one of them; which one differs from case to case.
local peers = require "spec.support.peers"
local shell = require "spec.support.shell"
local valkey = require "smpp.valkey"

local real = { REDIS = "redis-server", VALKEY = "valkey-server" }

local START_S = 60 -- on a busy machine

--- Skips the running spec if they are missing.
---@param ... string
function real.need(...)
  for _, program in ipairs { ... } do shell.need(program, program == real.VALKEY and "valkey-server; Debian 12: of its backports" or nil) end
end

--- The command that starts an engine.  Of several in one folder each has files of its own, but only one `keeps`.
---@param program string
---@param o { port: integer, folder: string, password: string?, keeps: boolean?, tls: { cert: string, key: string, ca: string }? }  keeps: all that it
---  has answered is in its folder; tls: files; then it takes nothing else, and wants a certificate, also of other engines
---@param ... string  further settings
---@return string[]
function real.command(program, o, ...)
  local words = { program, "--bind", "127.0.0.1", "--save", "", "--loglevel", "warning", "--dir", o.folder, "--dbfilename", o.port .. ".rdb",
    "--repl-diskless-sync-delay", "0" }
  local function add(...)
    for _, word in ipairs { ... } do words[#words + 1] = word end
  end
  if o.tls then
    add("--port", "0", "--tls-port", tostring(o.port), "--tls-cert-file", o.tls.cert, "--tls-key-file", o.tls.key, "--tls-ca-cert-file", o.tls.ca,
      "--tls-replication", "yes", "--tls-cluster", "yes")
  else
    add("--port", tostring(o.port))
  end
  if o.password then add("--requirepass", o.password, "--masterauth", o.password) end
  if o.keeps then add("--appendonly", "yes", "--appendfsync", "always") end
  add(...)
  return words
end

--- Starts an engine, and waits until it has read its disk.
---@param program string
---@param o table  as of `command`, without `tls`
---@param ... string
---@return spec.Process
function real.start(program, o, ...)
  local process = peers.start(("%s at %d"):format(program, o.port), real.command(program, o, ...))
  peers.wait(program, function()
    local client = valkey.connect { hosts = { { host = "127.0.0.1", port = o.port } }, password = o.password }
    local pong = client and client:call "PING" -- else it is loading
    if client then client:close() end
    return pong
  end, START_S)
  return process
end

return real
