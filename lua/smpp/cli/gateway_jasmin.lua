--- smpp gateway --from-jasmin: a gateway's file out of what Jasmin's console shows, with a comment for each thing that has no counterpart.
local jcli = require "smpp.cli.gateway_jcli"
local regex = require "smpp.cli.gateway_regex"

local jasmin = {}

local function quoted(value) return (("%q"):format(value):gsub("\\\n", "\\n"):gsub("\r", "\\r"):gsub("%z", "\\0")) end

--- A value of the configuration within a comment.
local function said(value) return (value:gsub("%c", "?")) end

local function sorted(objects, less)
  local list = {}
  for _, object in pairs(objects) do list[#list + 1] = object end
  table.sort(list, less or function(a, b) return a.line < b.line end)
  return list
end

local function is_yes(value) return ({ yes = true, ["true"] = true, ["1"] = true, y = true, t = true })[value:lower()] or false end

--- A list of Lua strings, one without braces.
local function strings_of(list)
  if #list == 1 then return quoted(list[1]) end
  local out = {}
  for i, one in ipairs(list) do out[i] = quoted(one) end
  return "{ " .. table.concat(out, ", ") .. " }"
end

-- ---- regular expressions ----

--- A matcher of addresses as Lua; nil: no counterpart; "": every address.
local function numbers(text)
  local found = regex.read(text)
  if not found then return nil end
  if found.all then return "" end
  local parts = {}
  for _, one in ipairs(found.exact) do parts[#parts + 1] = quoted(one) end
  if found.prefixes[1] then parts[#parts + 1] = "prefix " .. strings_of(found.prefixes) end
  if found.patterns[1] then parts[#parts + 1] = "pattern " .. strings_of(found.patterns) end
  return #parts == 1 and parts[1] or "{ " .. table.concat(parts, ", ") .. " }"
end

--- A matcher of texts as Lua.
local function words_of(text)
  local found = regex.read(text)
  if not found then return nil end
  if found.all then return "" end
  local list = {}
  for _, one in ipairs(found.exact) do list[#list + 1] = "^" .. one:gsub("%W", "%%%0") .. "$" end
  for _, one in ipairs(found.prefixes) do list[#list + 1] = "^" .. one:gsub("%W", "%%%0") end
  for _, one in ipairs(found.patterns) do list[#list + 1] = one end
  return strings_of(list)
end

-- ---- carriers ----

local function number(name) return function(value) return tonumber(value) and ("%s = %s"):format(name, value) or nil end end
local function word(name) return function(value) return ("%s = %s"):format(name, quoted(value)) end end

local BINDS = { transceiver = "", transmitter = 'bind = "tx"', receiver = 'bind = "rx"' }
local ID_BASES = { ["0"] = 'id_base = "as-is"', ["1"] = 'id_base = "dec"', ["2"] = 'id_base = "hex"' }

-- Settings of a connector as options of a carrier; nil as the result: no counterpart.
local CONNECTOR = {
  username = word "system_id", password = word "password", systype = word "system_type", addr_range = word "address_range",
  bind = function(value) return BINDS[value] end,
  bind_to = number "bind_timeout_s", res_to = number "response_timeout_s", pdu_red_to = number "pdu_read_s", trx_to = number "inactivity_s",
  elink_interval = number "enquire_link_s", bind_ton = number "addr_ton", bind_npi = number "addr_npi",
  submit_throughput = function(value) return (tonumber(value) or 0) > 0 and "rate_per_s = " .. value or "" end,
  con_loss_delay = function(value) return tonumber(value) and ("reconnect = { fixed_s = %s }"):format(value) end,
  dlr_msgid = function(value) return ID_BASES[value] end,
}

-- Values that say nothing: those of Jasmin by default, or what a gateway does anyway.
local USUAL = {
  ripf = "0", def_msg_id = "0", coding = "0", priority = "0", con_fail_retry = "yes", con_loss_retry = "yes", dst_ton = "1", dst_npi = "1",
  src_ton = "2", src_npi = "1", bind_npi = "1", bind_ton = "0", requeue_delay = "120", dlr_expiry = "86400", con_fail_delay = "10", loglevel = "20",
  logrotate = "midnight", trx_to = "300", pdu_red_to = "10", bind_to = "30",
}

local HINTS = {
  src_addr = "see default_from of accounts", validity = "see set = { validity_period = … } of rules, max_validity_s of accounts",
  priority = "see set = { priority_flag = … } of rules", coding = "see set = { data_coding = … } of rules",
  proto_id = "see set = { protocol_id = … } of rules", src_ton = "see set = { source_addr_ton = … } of rules",
  src_npi = "see set = { source_addr_npi = … } of rules", dst_ton = "see set = { dest_addr_ton = … } of rules",
  dst_npi = "see set = { dest_addr_npi = … } of rules", dlr_expiry = "see gateway { remember_s = … }", requeue_delay = "see retry of store",
  con_fail_delay = "con_loss_delay counts for both", logfile = "all is logged to stdout", loglevel = "see --quiet",
  logrotate = "all is logged to stdout",
}

local function note(out, one, why)
  out[#out + 1] = ("-- line %d, %s = %s: %s"):format(one.line, said(one.name), said(one.value), why or "no counterpart")
end

local function carrier(out, object, name)
  local options = {}
  for _, one in ipairs(object.list) do
    local value, known = one.value, CONNECTOR[one.name]
    local is_empty = value == "" or value:lower() == "none"
    if one.name ~= "cid" and one.name ~= "host" and one.name ~= "port" and one.name ~= "ssl" and not is_empty and USUAL[one.name] ~= value then
      local option = known and known(value)
      if option and option ~= "" then options[#options + 1] = option end
      if not option then note(out, one, HINTS[one.name] and "no counterpart; " .. HINTS[one.name]) end
    end
  end
  local scheme = object.ssl and is_yes(object.ssl) and "smpps" or "smpp"
  local port = tonumber(object.port) and ":" .. object.port or ":2775"
  local host = (object.host or ""):match "^[%w.:-]+$" or "127.0.0.1"
  if host:find(":", 1, true) then host = "[" .. host .. "]" end
  table.insert(options, 1, quoted(("%s://%s%s"):format(scheme, host, port)))
  if object.disabled then options[#options + 1] = "off = true" end
  out[#out + 1] = ("carrier %s { %s }"):format(quoted(name), table.concat(options, ", "))
end

-- ---- accounts ----

local MT, SMPPS = "mt_messaging_cred.", "smpps_cred."

local function amount(value) return value ~= "ND" and tonumber(value) and tonumber(value) >= 0 and value or nil end

-- Settings of a user: options of the account, "" where the value says nothing, nil: no counterpart.
local USER = {
  [MT .. "defaultvalue.src_addr"] = function(value) return value == "None" and "" or "default_from = " .. quoted(value) end,
  [MT .. "quota.balance"] = function(value) return amount(value) and "credit = " .. value or "" end,
  [MT .. "quota.smpps_throughput"] = function(value) return amount(value) and tonumber(value) > 0 and "rate_per_s = " .. value or "" end,
  [MT .. "valuefilter.src_addr"] = function(value)
    local found = numbers(value)
    return found and found ~= "" and "from = " .. found or found
  end,
  [MT .. "valuefilter.dst_addr"] = function(value)
    local found = numbers(value)
    return found and found ~= "" and "to = " .. found or found
  end,
  [MT .. "valuefilter.priority"] = function(value)
    local most = value:match "^%^%[0%-([0-9])%]%$$"
    return most and (most == "3" and "" or "max_priority = " .. most)
  end,
  [MT .. "valuefilter.validity_period"] = function(value) return value == "^\\d+$" and "" or nil end,
  [MT .. "authorization.priority"] = function(value) return is_yes(value) and "" or "max_priority = 0" end,
  [SMPPS .. "quota.max_bindings"] = function(value) return amount(value) and tonumber(value) > 0 and "max_binds = " .. value or "" end,
}

local function account(out, object, name, rules)
  local options, notes, credit = {}, {}, object[MT .. "quota.balance"]
  local count = object[MT .. "quota.sms_count"]
  if count and amount(count) then
    if credit and amount(credit) then
      notes[#notes + 1] = ("-- a count of %s messages beside the balance: no counterpart; see quota"):format(count)
    else
      options[#options + 1] = "credit = " .. count
    end
  end
  for _, one in ipairs(object.list) do
    local name_of, value, known = one.name, one.value, USER[one.name]
    local option = known and known(value)
    if name_of == MT .. "valuefilter.content" then
      local found = words_of(value)
      if found and found ~= "" then
        rules[#rules + 1] = ('route { account = %s, unless = { text = %s }, reject = "ESME_RSUBMITFAIL" }'):format(quoted(name), found)
      end
      option = found and ""
    elseif name_of == MT .. "authorization.smpps_send" then
      if not is_yes(value) then rules[#rules + 1] = ('route { account = %s, reject = "ESME_RSUBMITFAIL" }'):format(quoted(name)) end
      option = ""
    elseif name_of:find "%.authorization%." and is_yes(value) or value == "ND" or name_of == MT .. "quota.sms_count"
      or name_of == SMPPS .. "authorization.bind" or name_of == MT .. "authorization.http_bulk" then
      option = option or ""
    elseif name_of == "username" or name_of == "password" or name_of == "uid" or name_of == "gid" or name_of == "disabled" then
      option = ""
    end
    if option and option ~= "" then options[#options + 1] = option end
    if not option then note(notes, one) end
  end
  if object.password then
    table.insert(options, 1, "password = " .. quoted(object.password))
  else
    table.insert(options, 1, 'password = "CHANGE_ME"')
    notes[#notes + 1] = ("-- %s: Jasmin does not show passwords"):format(said(name))
  end
  for _, one in ipairs(notes) do out[#out + 1] = "  " .. one end
  local closed = object.disabled or (object[SMPPS .. "authorization.bind"] and not is_yes(object[SMPPS .. "authorization.bind"]))
  if closed then out[#out + 1] = "  -- may not bind (disabled):" end
  out[#out + 1] = ("  %s[%s] = { %s },"):format(closed and "-- " or "", quoted(name), table.concat(options, ", "))
  return not closed
end

-- ---- filters ----

-- What listings call filters, as Jasmin's class names.
local SHORT = {
  T = "TransparentFilter", C = "ConnectorFilter", U = "UserFilter", G = "GroupFilter", SA = "SourceAddrFilter", DA = "DestinationAddrFilter",
  SM = "ShortMessageFilter", DI = "DateIntervalFilter", TI = "TimeIntervalFilter", TG = "TagFilter", Ev = "EvalPyFilter",
}
local ARGUMENT = {
  connectorfilter = "cid", userfilter = "uid", groupfilter = "gid", sourceaddrfilter = "source_addr", destinationaddrfilter = "destination_addr",
  shortmessagefilter = "short_message", dateintervalfilter = "dateInterval", timeintervalfilter = "timeInterval", tagfilter = "tag",
}

--- The filters that a listing shows: "<DA (dst_addr=^49)>, <T>" -> { kind, value }.
local function shown_filters(text)
  local list = {}
  for one in (text .. ", <"):gmatch "<(.-)>, %f[<]" do
    local kind, inside = one:match "^(%a+)%s*%((.*)%)$"
    kind = kind or one:match "^%a+" or ""
    local name = SHORT[kind] or kind
    local value = inside and (name:find "Interval" and inside:gsub(",", ";") or inside:gsub("^[%w_]+=", ""))
    list[#list + 1] = { kind = name:lower(), value = value or "" }
  end
  return list
end

--- One filter as a matcher, "name = value"; "": it matches everything; nil: no counterpart.
local function matcher(filter, context)
  local kind, value = filter.kind, filter.value
  if kind == "transparentfilter" then return "" end
  if kind == "connectorfilter" then return context.carriers[value] and "carrier = " .. quoted(context.carriers[value]) end
  if kind == "userfilter" then return context.names[value] and "account = " .. quoted(context.names[value]) end
  if kind == "groupfilter" then return context.groups[value] and "account = " .. strings_of(context.groups[value]) end
  if kind == "tagfilter" then return "tagged = " .. quoted(value) end
  local found
  if kind == "sourceaddrfilter" or kind == "destinationaddrfilter" then
    found = numbers(value)
    if not found or found == "" then return found end
    return (kind == "sourceaddrfilter" and "from = " or "to = ") .. found
  elseif kind == "shortmessagefilter" then
    found = words_of(value)
    return found and found ~= "" and "text = " .. found or found
  elseif kind == "dateintervalfilter" then
    local from, to = value:match "^%s*(%d%d%d%d%-%d%d%-%d%d)%s*;%s*(%d%d%d%d%-%d%d%-%d%d)%s*$"
    return from and ('when = function() local day = os.date "%%Y-%%m-%%d"; return day >= %q and day <= %q end'):format(from, to)
  elseif kind == "timeintervalfilter" then
    local from, to = value:match "^%s*(%d%d:%d%d):%d%d%s*;%s*(%d%d:%d%d):%d%d%s*$"
    return from and from ~= to and ("between = %q"):format(from .. "-" .. to)
  end
end

--- The filters of a route as matchers of a rule; nil and the one that has no counterpart.
local function matchers(object, context)
  local filters, list, seen, extra = {}, {}, {}, {}
  if object.filters then
    for fid in object.filters:gmatch "[^;%s]+" do
      local one = context.filters[fid]
      if not one then return nil, "unknown filter " .. fid end
      local kind = (one.type or ""):lower()
      local argument = ARGUMENT[kind]
      if argument and not one[argument] and one.shown then
        filters[#filters + 1] = shown_filters(one.shown)[1]
      else
        filters[#filters + 1] = { kind = kind, value = argument and one[argument] or "" }
      end
      filters[#filters].fid = fid
    end
  elseif object.shown then
    filters = shown_filters(object.shown)
  end
  for _, filter in ipairs(filters) do
    local text = matcher(filter, context)
    if not text then return nil, ("%s%s %s"):format(filter.fid and filter.fid .. ": " or "", filter.kind, filter.value) end
    local name = text:match "^%w+"
    if name and seen[name] then extra[#extra + 1] = "{ " .. text .. " }" elseif name then list[#list + 1] = text end
    seen[name or ""] = true
  end
  if extra[1] then list[#list + 1] = "all = { " .. table.concat(extra, ", ") .. " }" end
  return list
end

-- ---- routes ----

local function connectors_of(object)
  local list, seen = {}, {}
  for kind, name in ((object.connector or "") .. ";" .. (object.connectors or "")):gmatch "(%a+)%(([^)]*)%)" do
    if not seen[kind .. name] then list[#list + 1] = { kind = kind:lower(), name = name } end
    seen[kind .. name] = true
  end
  return list
end

local function rule(out, object, statement, action, context)
  local list, wrong = matchers(object, context)
  local head = ("-- %s %s of order %s"):format(statement == "route" and "MT" or "MO", said(object.type or "route"), said(object.order or "?"))
  if not list then
    out[#out + 1] = head .. ": no counterpart of the filter " .. said(wrong)
    out[#out + 1] = ("-- %s { when = function(msg) return … end, %s }"):format(statement, action)
    return
  end
  if action:find "^%-%-" then
    out[#out + 1] = head .. action:sub(3)
    return
  end
  list[#list + 1] = action
  out[#out + 1] = ("%s { %s }"):format(statement, table.concat(list, ", "))
end

local function mt_action(object, context)
  local names = {}
  for _, one in ipairs(connectors_of(object)) do
    if one.kind == "smppc" and context.carriers[one.name] then names[#names + 1] = quoted(context.carriers[one.name]) end
  end
  if #names == 0 then return "--: none of its connectors is known" end
  local kind = (object.type or ""):lower()
  if #names == 1 then return "via = " .. names[1] end
  return ("via = %s { %s }"):format(kind:find "failover" and "failover" or "balance", table.concat(names, ", "))
end

local function mo_action(object, context)
  local accounts, others = {}, {}
  for _, one in ipairs(connectors_of(object)) do
    local is_account = one.kind == "smpps" and context.open[one.name]
    if is_account then accounts[#accounts + 1] = one.name else others[#others + 1] = ("%s(%s)"):format(one.kind, one.name) end
  end
  if not accounts[1] then return "--: " .. said(table.concat(others, ", ")) .. " has no counterpart; see webhook of accounts, style = \"jasmin\"" end
  return "deliver = " .. quoted(accounts[1]), #accounts + #others > 1 and said(table.concat(others, ", ")) or nil
end

local function by_order(a, b)
  local first, second = tonumber(a.order) or 0, tonumber(b.order) or 0
  if first ~= second then return first > second end
  return a.line < b.line
end

local function routes(out, config, context)
  local rates = {}
  for _, object in ipairs(sorted(config.mtrouter, by_order)) do
    if tonumber(object.rate) and tonumber(object.rate) > 0 then rates[#rates + 1] = object end
    rule(out, object, "route", mt_action(object, context), context)
  end
  for _, object in ipairs(rates) do
    out[#out + 1] = ("-- the route of order %s costs %s a message: see price and prices of accounts"):format(said(object.order), object.rate)
  end
  out[#out + 1] = ""
  for _, object in ipairs(sorted(config.morouter, by_order)) do
    local action, others = mo_action(object, context)
    if others then out[#out + 1] = ("-- the MO route of order %s also has %s: a rule delivers to one account"):format(said(object.order), others) end
    rule(out, object, "incoming", action, context)
  end
  for _, module in ipairs { "mtinterceptor", "mointerceptor" } do
    for _, object in ipairs(sorted(config[module], by_order)) do
      local list = matchers(object, context) or { "when = function(msg) return … end" }
      list[#list + 1] = "call = function(msg) … end"
      out[#out + 1] = ("-- line %d: the script %s of %s %s, as a rule before the others:"):format(object.line, said(object.script or ""), module,
        said(object.order or ""))
      out[#out + 1] = ("-- %s { %s }"):format(module == "mtinterceptor" and "route" or "incoming", said(table.concat(list, ", ")))
    end
  end
end

--- The file of a gateway.
---@param text string  what the console shows
---@param name string  of its file, for the head
---@return string lua
function jasmin.convert(text, name)
  local config = jcli.read(text)
  local out = { "-- Made of " .. said(name) .. " by smpp gateway --from-jasmin: to begin with, not to be run unread.", "" }
  local context = { carriers = {}, names = {}, groups = {}, open = {}, filters = config.filter }
  local rules, used = {}, {}
  local users = sorted(config.user)
  out[#out + 1] = 'listen { host = "0.0.0.0", port = 2775, accounts = {'
  for _, user in ipairs(users) do
    local id = (user.username or user.uid):sub(1, 15)
    if not used[id] then
      used[id] = true
      context.names[user.uid] = id
      if account(out, user, id, rules) then
        context.open[id] = true
        if user.gid then
          context.groups[user.gid] = context.groups[user.gid] or {}
          table.insert(context.groups[user.gid], id)
        end
      else
        context.names[user.uid] = nil
      end
    end
  end
  if not next(context.open) then out[#out + 1] = '  CHANGE_ME = { password = "secret" },' end
  out[#out + 1] = "} }"
  for _, group in ipairs(sorted(config.group)) do
    if group.disabled then out[#out + 1] = ("-- line %d: group %s is disabled: no counterpart"):format(group.line, said(group.gid)) end
  end
  out[#out + 1] = ""
  for _, object in ipairs(sorted(config.smppccm)) do
    local base = object.cid:gsub("[^%w_.-]", "_")
    local unique, n = base, 1
    while used["carrier " .. unique] do
      n = n + 1
      unique = base .. "_" .. n
    end
    used["carrier " .. unique], context.carriers[object.cid] = true, unique
    carrier(out, object, unique)
  end
  if not next(context.carriers) then
    out[#out + 1] = '-- No SMPP client connector: a carrier is needed.\ncarrier "CHANGE_ME" { "smpp://me@localhost" }'
  end
  out[#out + 1] = ""
  for _, one in ipairs(rules) do out[#out + 1] = one end
  routes(out, config, context)
  for _, object in ipairs(sorted(config.httpccm)) do
    out[#out + 1] = ("-- line %d: HTTP client connector %s: webhook = { url = %s, style = \"jasmin\" } of the account that incoming delivers to")
      :format(object.line, said(object.cid), quoted(said(object.url or "")))
  end
  for _, other in ipairs(config.others) do out[#out + 1] = ("-- line %d, not understood: %s"):format(other.line, said(other.text):sub(1, 100)) end
  return table.concat(out, "\n") .. "\n"
end

return jasmin
