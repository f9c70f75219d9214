--- smpp gateway --from-kannel: a gateway's file out of Kannel's configuration, with a comment for each setting that has no counterpart.
local regex = require "smpp.cli.gateway_regex"
local strings = require "smpp.base.strings"

local kannel = {}

--- The groups of a configuration: { settings in order { name, value, line }, line }.
---@param text string
---@return table[]
function kannel.groups(text)
  local list, group, number = {}, nil, 0
  for line in (text .. "\n"):gmatch "([^\n]*)\n" do
    number = number + 1
    line = line:gsub("\r$", "")
    local name, value = line:match "^%s*([%w_-]+)%s*=(.*)$"
    value = value and strings.trim(value)
    if line:find "^%s*$" then
      group = nil
    elseif name and not line:find "^%s*#" then
      local inside = value:match '^"(.*)"$'
      value = inside and inside:gsub('\\(["\\])', "%1") or value
      if not group then
        group = { line = number }
        list[#list + 1] = group
      end
      group[#group + 1] = { name = name, value = value, line = number }
      group[name] = group[name] or value
    end
  end
  return list
end

local function quoted(value) return ("%q"):format(value):gsub("\\\n", "\\n") .. "" end

-- Settings of an smsc group and the options of a carrier that they are: name, or a function that gives text and comment.
local function number(name) return function(value) return tonumber(value) and ("%s = %s"):format(name, value) or nil end end

local SMSC = {
  ["smsc"] = true, ["smsc-id"] = true, ["host"] = true, ["port"] = true, ["receive-port"] = true, ["smsc-username"] = true, ["smsc-password"] = true,
  ["group"] = true, ["allowed-prefix"] = true, ["preferred-prefix"] = true, ["denied-prefix"] = true, ["use-ssl"] = true, ["smsc-admin-id"] = true,
  ["throughput"] = number "rate_per_s", ["max-pending-submits"] = number "window",
  ["enquire-link-interval"] = number "enquire_link_s",
  ["system-type"] = function(value) return "system_type = " .. quoted(value) end,
  ["address-range"] = function(value) return "address_range = " .. quoted(value) end,
  ["interface-version"] = function(value) return ({ ["33"] = 'version = "3.3"', ["34"] = 'version = "3.4"', ["50"] = 'version = "5.0"' })[value] end,
  ["transceiver-mode"] = function(value) return value ~= "true" and value ~= "1" and value ~= "yes" and 'bind = "tx+rx"' or "" end,
  ["reconnect-delay"] = function(value) return tonumber(value) and ("reconnect = { fixed_s = %s }"):format(value) end,
  ["wait-ack"] = number "response_timeout_s",
  ["alt-charset"] = function(value)
    local known = { ["ISO-8859-1"] = "latin1", ["LATIN1"] = "latin1", ["GSM"] = "gsm7", ["UTF-8"] = "utf-8" }
    return known[value:upper()] and 'default_alphabet = "' .. known[value:upper()] .. '"'
  end,
  ["instances"] = number "binds",
  ["msg-id-type"] = function(value)
    local id_base = ({ [0] = "as-is", "hex", "dec", "as-is" })[tonumber(value)]
    return id_base and 'id_base = "' .. id_base .. '"'
  end,
}

local function prefixes(value)
  local list = {}
  for one in value:gmatch "[^;%s]+" do list[#list + 1] = quoted((one:gsub("^%+", ""))) end
  return table.concat(list, ", ")
end

--- A regular expression for numbers as Lua; nil: no counterpart.  Kannel's match anywhere, unless they begin with ^.
local function pattern(value)
  local found = value:find "^%^" and regex.read(value)
  if not found or found.all then return nil end
  local list = {}
  for _, one in ipairs(found.exact) do list[#list + 1] = "^" .. one .. "$" end
  for _, one in ipairs(found.prefixes) do list[#list + 1] = "^" .. one:gsub("%+", "") end
  for _, one in ipairs(found.patterns) do list[#list + 1] = one end
  for i, one in ipairs(list) do list[i] = quoted(one) end
  return table.concat(list, ", ")
end

-- Settings for numbers: those of prefixes, and of regular expressions.
local REGEX = { ["allowed-prefix-regex"] = true, ["denied-prefix-regex"] = true, ["preferred-prefix-regex"] = true }

--- The matcher of a setting and its regular expression; nil: it has none.
local function numbers(group, name)
  local list = {}
  if group[name] then list[1] = "prefix { " .. prefixes(group[name]) .. " }" end
  local expression = group[name .. "-regex"] and pattern(group[name .. "-regex"])
  if expression then list[#list + 1] = "pattern { " .. expression .. " }" end
  if #list == 2 then return "{ " .. table.concat(list, ", ") .. " }" end
  return list[1]
end

local function comment(out, setting, why)
  local value = setting.value:gsub("%c", "?")
  out[#out + 1] = ("-- line %d, %s = %s: %s"):format(setting.line, setting.name, value, why)
end

local function carrier(out, group, name)
  local scheme = (group["use-ssl"] == "true" or group["use-ssl"] == "1") and "smpps" or "smpp"
  local options, notes = {}, {}
  for _, setting in ipairs(group) do
    local make = SMSC[setting.name]
    local option = type(make) == "function" and make(setting.value) or nil
    if option and option ~= "" then options[#options + 1] = option end
    if REGEX[setting.name] then
      if not pattern(setting.value) then comment(notes, setting, "an expression that has no counterpart") end
    elseif not make or (type(make) == "function" and not option) then
      comment(notes, setting, make and "a value that has no counterpart" or "no counterpart")
    end
  end
  for _, note in ipairs(notes) do out[#out + 1] = note end
  if group["smsc-password"] then table.insert(options, 1, "password = " .. quoted(group["smsc-password"])) end
  if group["smsc-username"] then table.insert(options, 1, "system_id = " .. quoted(group["smsc-username"])) end
  local host = group.host or "localhost"
  local port = group.port and ":" .. group.port or ""
  table.insert(options, 1, quoted(("%s://%s%s"):format(scheme, host, port)))
  out[#out + 1] = ("carrier %s { %s }"):format(quoted(name), table.concat(options, ", "))
end

local ACCOUNT_MAX, SENDER_MAX = 15, 20

-- Settings of a sendsms-user and the options of an account that they are.
local USER = {
  ["group"] = true, ["username"] = true, ["user"] = true, ["concatenation"] = true,
  ["password"] = function(value) return "password = " .. quoted(value) end,
  ["default-sender"] = function(value) return #value <= SENDER_MAX and "default_from = " .. quoted(value) end,
  ["max-messages"] = number "max_parts",
  ["allowed-prefix"] = function(value) return "to = prefix { " .. prefixes(value) .. " }" end,
  ["user-allow-ip"] = function(value)
    local list = {}
    for one in value:gmatch "[^;%s]+" do
      if not one:find "^%d+%.%d+%.%d+%.%d+$" then return nil end
      list[#list + 1] = quoted(one)
    end
    return "addresses = { " .. table.concat(list, ", ") .. " }"
  end,
}

--- smsbox: its port, and the users of its sendsms.
local function sendsms(out, smsbox, users)
  local lines, seen = {}, {}
  for _, group in ipairs(users) do
    local name = group.username or group.user or ""
    if name == "" or #name > ACCOUNT_MAX or name:find "%c" or seen[name] then
      out[#out + 1] = ("-- line %d: group = sendsms-user: a name of 1 to %d characters is needed, of its own"):format(group.line, ACCOUNT_MAX)
    else
      local options = {}
      for _, setting in ipairs(group) do
        local make = USER[setting.name]
        local option = type(make) == "function" and make(setting.value) or nil
        if option then options[#options + 1] = option elseif make ~= true then comment(out, setting, "no counterpart") end
      end
      seen[name] = true
      lines[#lines + 1] = ("  [%s] = { %s },"):format(quoted(name), table.concat(options, ", "))
    end
  end
  for _, setting in ipairs(smsbox or {}) do
    if setting.name ~= "group" and setting.name ~= "sendsms-port" then comment(out, setting, "no counterpart") end
  end
  out[#out + 1] = ("http { port = %d, kannel = true, accounts = {"):format(smsbox and tonumber(smsbox["sendsms-port"]) or 13013)
  for _, line in ipairs(lines) do out[#out + 1] = line end
  out[#out + 1] = "} }"
end

local URLS = { ["get-url"] = "GET", ["post-url"] = "POST" }

--- A service that hands messages from phones to a URL.
local function service(out, group)
  for _, setting in ipairs(group) do
    local method = URLS[setting.name]
    if method then
      comment(out, setting, ("webhook = { url = %s, style = \"kannel\", method = \"%s\" } of the account that incoming delivers to"):format(
        quoted(setting.value):gsub("%c", "?"), method))
    elseif setting.name ~= "group" then
      comment(out, setting, "see incoming")
    end
  end
end

--- Rules for the prefixes of carriers: preferred ones first, then what each allows, then all that allow everything.
local function rules(out, carriers)
  local open = {}
  for _, one in ipairs(carriers) do
    local preferred = numbers(one.group, "preferred-prefix")
    if preferred then out[#out + 1] = ("route { to = %s, via = %s, else_next = true }"):format(preferred, quoted(one.name)) end
  end
  for _, one in ipairs(carriers) do
    local allowed, denied = numbers(one.group, "allowed-prefix"), numbers(one.group, "denied-prefix")
    local except = denied and ("unless = { to = %s }, "):format(denied) or ""
    if allowed then
      out[#out + 1] = ("route { to = %s, %svia = %s, else_next = true }"):format(allowed, except, quoted(one.name))
    elseif denied then
      out[#out + 1] = ("route { %svia = %s, else_next = true }"):format(except, quoted(one.name))
    else
      open[#open + 1] = quoted(one.name)
    end
  end
  if #open > 0 then
    out[#out + 1] = #open == 1 and ("route { via = %s }"):format(open[1]) or ("route { via = least { %s } }"):format(table.concat(open, ", "))
  end
end

--- The file of a gateway.
---@param text string  Kannel's configuration
---@param name string  of its file, for the head
---@return string lua
function kannel.convert(text, name)
  local out, carriers, others = {}, {}, {}
  out[1] = "-- Made of " .. name:gsub("%c", "?") .. " by smpp gateway --from-kannel: to begin with, not to be run unread."
  local used = {}
  for _, group in ipairs(kannel.groups(text)) do
    if group.group == "smsc" and group.smsc == "smpp" then
      local base = (group["smsc-id"] or ("smsc%d"):format(#carriers + 1)):gsub("[^%w_.-]", "_")
      local unique = base
      local n = 1
      while used[unique] do
        n = n + 1
        unique = base .. "_" .. n
      end
      used[unique] = true
      carriers[#carriers + 1] = { name = unique, group = group }
    elseif group.group then
      others[#others + 1] = group
    end
  end
  local listened, smsbox, users = false, nil, {}
  for _, group in ipairs(others) do
    if group.group == "smsbox" then smsbox = smsbox or group end
    if group.group == "sendsms-user" then users[#users + 1] = group end
  end
  for _, group in ipairs(others) do
    if group.group == "opensmppbox" then
      listened = true
      out[#out + 1] = ""
      local logins = group["smpp-logins"]
      if logins then out[#out + 1] = "-- accounts: those of " .. logins:gsub("%c", "?") .. ", one per line: system_id password system_type" end
      local port = tonumber(group["opensmppbox-port"]) or 2775
      out[#out + 1] = ('listen { host = "0.0.0.0", port = %d, accounts = { CHANGE_ME = "secret" } }'):format(port)
      local known = { group = true, ["opensmppbox-port"] = true, ["smpp-logins"] = true }
      for _, setting in ipairs(group) do
        if not known[setting.name] then comment(out, setting, "no counterpart") end
      end
    end
  end
  if users[1] then
    out[#out + 1] = ""
    sendsms(out, smsbox, users)
  elseif not listened then
    out[#out + 1] = ""
    out[#out + 1] = "-- Kannel's customers came over HTTP; SMPP customers are accounts here."
    out[#out + 1] = "listen { port = 2775, accounts = { CHANGE_ME = \"secret\" } }"
  end
  out[#out + 1] = ""
  for _, one in ipairs(carriers) do carrier(out, one.group, one.name) end
  if #carriers == 0 then
    out[#out + 1] = '-- No group of smsc = smpp: a carrier is needed.\ncarrier "CHANGE_ME" { "smpp://me@localhost" }'
  end
  out[#out + 1] = ""
  rules(out, #carriers > 0 and carriers or { { name = "CHANGE_ME", group = {} } })
  out[#out + 1] = ""
  local first = users[1] and not listened and (users[1].username or users[1].user)
  out[#out + 1] = ("incoming { deliver = %s }"):format(quoted(first and #first <= ACCOUNT_MAX and first or "CHANGE_ME"))
  out[#out + 1] = ""
  for _, group in ipairs(others) do
    if group.group == "sms-service" then
      service(out, group)
    elseif group.group ~= "opensmppbox" and group.group ~= "sendsms-user" and not (users[1] and group == smsbox) then
      local words = group.group:gsub("%c", "?")
      out[#out + 1] = ("-- line %d: group = %s: no counterpart"):format(group.line, words)
    end
  end
  return table.concat(out, "\n") .. "\n"
end

return kannel
