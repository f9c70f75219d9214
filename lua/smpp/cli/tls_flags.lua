--- The options of TLS on the command line: those of a client (send, listen, explain), and those of a server (sim).
local luafile = require "smpp.base.luafile"
local schema = require "smpp.base.schema"

local tls_flags = {}

--- Declares those of a client.
---@param command table  of argparse
function tls_flags.define(command)
  command:group("TLS",
    command:option("--ca", "Authorities to trust instead of the system's: a PEM file."):argname "FILE",
    command:option("--pin", "The peer's public key: sha256/BASE64."):count "*":argname "PIN",
    command:option("--server-name", "The name to ask for and to expect."):argname "NAME",
    command:option("--cert", "Our certificate, PEM."):argname "FILE",
    command:option("--key", "Its key, PEM."):argname "FILE",
    command:option("--key-password-file", "The key's password is the first line of a file."):argname "FILE",
    command:option("--tls-min", "Lowest version."):choices { "1.2", "1.3" }:argname "VERSION",
    command:flag("--insecure", "Do not check the certificate."),
    command:option("--keylog", "Write the keys for Wireshark; without FILE to SSLKEYLOGFILE."):args "?":argname "FILE")
end

--- Declares those of a server.
---@param command table  of argparse
function tls_flags.define_server(command)
  command:group("TLS (port 8775)",
    command:flag("--tls", "TLS; without --tls-cert with a throw-away certificate."),
    command:option("--tls-cert", "A certificate, PEM; several with their keys in order."):count "*":argname "FILE",
    command:option("--tls-key", "Its key, PEM."):count "*":argname "FILE",
    command:option("--client-ca", "Ask clients for certificates of these authorities, PEM."):argname "FILE",
    command:option("--client-cert", "required, or optional."):choices { "required", "optional" }:argname "HOW",
    command:option("--tls-min", "Lowest version."):choices { "1.2", "1.3" }:argname "VERSION",
    command:option("--tls-port", "TLS here, and --port stays plain."):convert(function(word)
      local n = tonumber(word)
      if n and n >= 0 and n <= 65535 and n % 1 == 0 then return n end
      return nil, ("'%s': a number from 0 to 65535 expected"):format(word)
    end):argname "PORT",
    command:option("--keylog", "Write the keys for Wireshark; without FILE to SSLKEYLOGFILE."):args "?":argname "FILE")
end

--- The file of --keylog.
local function keylog_of(given, out)
  if given == nil then return nil end
  local path = type(given) == "table" and given[1] or type(given) == "string" and given or nil
  path = path or out.getenv "SSLKEYLOGFILE"
  if not path or path == "" then return nil, "--keylog: FILE is missing, and SSLKEYLOGFILE is not set" end
  return path
end

--- The option `tls` of a client.
---@param o table  as argparse gives them
---@param out smpp.CliOutput
---@param of_file? boolean|table  `tls` of the URL, a target or a configuration
---@return boolean|table? tls
---@return string? message
function tls_flags.read(o, out, of_file)
  local keylog, message = keylog_of(o.keylog, out)
  if message then return nil, message end
  local given = {
    ca = o.ca, pin = o.pin and o.pin[1] and (o.pin[2] and o.pin or o.pin[1]) or nil, server_name = o.server_name, cert = o.cert, key = o.key,
    key_password = o.key_password_file and function() return luafile.first_line(o.key_password_file) end or nil, min = o.tls_min, keylog = keylog,
  }
  if o.insecure then given.verify = false end
  if type(of_file) == "table" then return schema.merge(of_file, given) end
  if next(given) then return given end
  return of_file
end

--- A log function that prints the TLS warnings of a client.
---@param out smpp.CliOutput
---@return fun(record: table) log
function tls_flags.log(out)
  return function(record)
    if record.event == "tls_warning" then out:note("%s %s", out:paint_note("yellow", "warning:"), record.reason) end
  end
end

--- Where a server listens: { host, port, tls, listen }.
---@param o table  as argparse gives them
---@param out smpp.CliOutput
---@return table? where
---@return string? message
function tls_flags.read_server(o, out)
  local keylog, message = keylog_of(o.keylog, out)
  if message then return nil, message end
  if #o.tls_cert ~= #o.tls_key and #o.tls_key > 0 then
    return nil, ("%d --tls-cert and %d --tls-key: each certificate has a key"):format(#o.tls_cert, #o.tls_key)
  end
  local tls = { client_ca = o.client_ca, client_cert = o.client_cert, min = o.tls_min, keylog = keylog }
  local asked = o.tls or o.tls_port or next(tls) or o.tls_cert[1]
  if not asked then return { host = o.host, port = o.port } end
  if o.client_cert and not o.client_ca then return nil, "--client-cert: --client-ca FILE is missing" end
  tls.cert, tls.key = o.tls_cert[1], o.tls_key[1]
  for i = 2, #o.tls_cert do
    tls.certs = tls.certs or {}
    tls.certs[i - 1] = { cert = o.tls_cert[i], key = o.tls_key[i] }
  end
  tls = next(tls) and tls or true
  if not o.tls_port then return { host = o.host, port = o.port, tls = tls } end
  return { listen = { { host = o.host, port = o.port }, { host = o.host, port = o.tls_port, tls = tls } } }
end

return tls_flags
