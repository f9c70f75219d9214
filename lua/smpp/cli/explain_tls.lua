--- smpp explain tls://HOST:PORT: what a peer offers, and whether we would take it.  Nothing of SMPP is sent.
local exit = require "smpp.cli.exit"
local json = require "smpp.codec.json"
local mistake = require "smpp.base.mistake"
local net = require "smpp.base.net"
local schema = require "smpp.base.schema"
local shown = require "smpp.base.shown"
local strings = require "smpp.base.strings"
local task = require "smpp.base.task"
local tls_flags = require "smpp.cli.tls_flags"
local tls_options = require "smpp.transport.tls_options"
local url = require "smpp.client.url"

local explain_tls = {}

local TIMEOUT_S = 10
local AFTER_S = 0.5 -- TLS 1.3: tickets and the alert about a missing client certificate come after the handshake
local COLUMNS = 100

--- Tests whether a word is a request for this explanation.
---@param word string
---@return boolean
function explain_tls.is_url(word) return word:find "^tls://" ~= nil or word:find "^smpps://" ~= nil end

--- One handshake: the filter, whose connection is there also when it failed.
---@async
---@return table? tls    nil: no TCP connection
---@return string? message
---@return boolean? established
local function shake_hands(loop, host, settings)
  local filter = require "smpp.transport.tls"
  local token, key = task.need(), {}
  local inner, message, established, top
  loop:connect({ host = host.host, port = host.port, timeout_s = TIMEOUT_S }, function(connected, why)
    inner, message = connected, why
    task.wake_for(token, key)
  end)
  task.wait(key)
  if not inner then return nil, message end
  top = filter.new(inner, settings, { side = "connect", loop = loop, host = host.host, port = host.port })
  local timer = loop:timer(function() task.wake_for(token, key, nil, ("no TLS handshake within %d s"):format(TIMEOUT_S)) end, true)
  timer:start(TIMEOUT_S)
  loop:defer(function()
    top:establish(function(ok, why) task.wake_for(token, key, ok, why) end)
  end)
  established, message = task.wait(key)
  timer:close()
  return top, message, established
end

--- Reads after the handshake; returns the reason if the peer refused the connection.
---@async
local function read_after_handshake(loop, top)
  local token, key = task.need(), {}
  local timer = loop:timer(function() task.wake_for(token, key) end, true)
  timer:start(AFTER_S)
  top:start(function() end, function(message) task.wake_for(token, key, message) end)
  local message = task.wait(key)
  timer:close()
  return message
end

local function date(unix) return os.date("!%Y-%m-%d", unix) end

local function valid(certificate, now)
  local days = math.floor((certificate.not_after - now) / 86400)
  local left = now < certificate.not_before and "not yet" or days >= 0 and strings.plural(days, "day") .. " left" or "expired"
  return ("%s to %s (%s)"):format(date(certificate.not_before), date(certificate.not_after), left)
end

local function joined(list, separator)
  return #list > 0 and table.concat(list, separator) or nil
end

local function names(certificate)
  local list = {}
  for _, kind in ipairs { "dns", "ip" } do
    for _, name in ipairs(certificate.names[kind]) do list[#list + 1] = name end
  end
  return joined(list, ", ") or "none"
end

local function chain(list)
  local subjects = {}
  for i, certificate in ipairs(list) do subjects[i] = certificate.cn or certificate.subject end
  return ("%d %s: %s"):format(#list, #list == 1 and "certificate" or "certificates", table.concat(subjects, " < "))
end

--- The properties of a connection, as names and values.
local function describe(add, top)
  local connection = top.connection
  local info, list = connection:info(), connection:chain()
  local leaf = list[1]
  if not leaf then return info end
  add("protocol", "TLS " .. info.version)
  add("cipher", info.cipher)
  add("certificate", leaf.subject ~= "" and leaf.subject or "no subject")
  add("names", names(leaf))
  add("issuer", leaf.self_signed and "itself" or leaf.issuer)
  add("valid", valid(leaf, os.time())) -- certificates know no other clock than the system's
  add("key", ("%s, %d bits, %s"):format(leaf.key_type or "unknown", leaf.key_bits or 0, leaf.signature))
  add("pin", leaf.pin)
  add("chain", chain(list))
  return info
end

--- Tests whether a second connection resumes the TLS session of the first.
local function resumes(loop, host, settings)
  local top, _, established = shake_hands(loop, host, settings)
  local resumed = established and top.connection:info().resumed
  if top then top:close() end
  return resumed and "yes" or "no"
end

--- Why we, or the peer, would not go on; nil: all is well.
local function verdict(loop, host, settings)
  local top, why, established = shake_hands(loop, host, settings)
  if established then why = read_after_handshake(loop, top) end
  if top then top:close() end
  return why
end

--- Three connections at most: one that looks and checks nothing, one that resumes it, one that checks.
local function look(loop, host, settings_of, add)
  local unchecked, message = settings_of(true)
  if not unchecked then return exit.UNREACHABLE, message end
  local top, refused, established = shake_hands(loop, host, unchecked)
  if not top then return exit.UNREACHABLE, refused end
  local connection = top.connection
  add("address", ("%s (%s)"):format(net.address(host.host, host.port), net.address(top.inner.peer.host, top.inner.peer.port)))
  if not established and not connection:chain()[1] and not connection:alerts() then
    top:close()
    return exit.UNREACHABLE, refused
  end
  local info = describe(add, top)
  if established then refused = read_after_handshake(loop, top) end
  local required = refused and refused:find("asks for a client certificate", 1, true)
  add("client_certificate", not (info.cert_requested or required) and "not asked for" or required and "required" or "optional")
  top:close()
  add("resumption", refused and "not tried" or resumes(loop, host, unchecked))
  if not refused then
    local checked
    checked, message = settings_of(false)
    if not checked then return exit.UNREACHABLE, message end
    refused = verdict(loop, host, checked)
  end
  return refused and exit.FAILED or exit.DONE, refused
end

local function clipped(text)
  if #text <= COLUMNS then return text end
  return text:sub(1, COLUMNS - 3) .. "..."
end

--- The host, and a function that makes settings of TLS; nil, message.
local function read(options, out)
  local parsed, message = url.parse((options.what:gsub("^tls://", "smpps://")))
  if not parsed then return nil, message end
  local words = {}
  for name, word in pairs(parsed.options) do
    local inner, value = tls_options.of_url(name, word)
    inner = inner:match "^tls%.(.+)$"
    if inner then words[inner] = value end
  end
  local said, wrong = tls_options.client:parse_all(words)
  if not said then return nil, wrong.message end
  local given
  given, message = tls_flags.read(options, out)
  if message then return nil, message end
  local o = schema.merge(said, type(given) == "table" and given or nil)
  wrong = tls_options.client:problem(o)
  if wrong then return nil, mistake.inside(wrong, "tls").message end
  return parsed.hosts[1], function(unchecked)
    local ok, filter = pcall(require, "smpp.transport.tls")
    if not ok then return nil, "TLS support is not installed (rock smpp-tls)" end
    local own = schema.merge(o)
    if unchecked then own.verify, own.ca, own.pin = false, nil, nil end
    return filter.prepare("connect", own, { host = parsed.hosts[1].host, port = parsed.hosts[1].port })
  end
end

--- Runs it.
---@param options table  as argparse gives them
---@param out smpp.CliOutput
---@return integer exit_code
function explain_tls.run(options, out)
  local host, settings_of = read(options, out)
  if not host then
    out:fail("%s", settings_of)
    return exit.USAGE
  end
  local object = {}
  local function add(name, value)
    value = shown.text(value or "-")
    if out.json then
      object[#object + 1] = name
      object[#object + 1] = value
    else
      out:print(clipped(name .. " " .. value))
    end
  end
  local code, _, interrupted = out.run(function()
    local result, message = look(require("smpp.loop").current(), host, settings_of, add)
    add("verdict", message or "ok")
    return result
  end)
  if out.json and #object > 0 then out:object(json.object(object)) end
  return interrupted == "interrupted" and exit.INTERRUPTED or code
end

return explain_tls
