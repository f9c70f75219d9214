--- What a console session of Jasmin (jcli) says: commands with what was typed behind them, and their output, as one copies them from a terminal
--- or writes them into a script.  For `--from-jasmin`.
local strings = require "smpp.base.strings"

local jcli = {}

---@class smpp.JasminObject  settings by name; those of users by "section.key"
---@field line integer
---@field list { name: string, value: string, line: integer }[]  in order

---@class smpp.JasminConfig
---@field smppccm table<string, smpp.JasminObject>
---@field user table<string, smpp.JasminObject>  by uid
---@field group table<string, smpp.JasminObject>
---@field filter table<string, smpp.JasminObject>
---@field mtrouter table<string, smpp.JasminObject>  by order
---@field morouter table<string, smpp.JasminObject>
---@field mtinterceptor table<string, smpp.JasminObject>
---@field mointerceptor table<string, smpp.JasminObject>
---@field httpccm table<string, smpp.JasminObject>
---@field others { line: integer, text: string }[]  lines that were not understood

-- The setting that names an object of a module.
local KEYS = {
  smppccm = "cid", httpccm = "cid", user = "uid", group = "gid", filter = "fid", mtrouter = "order", morouter = "order", mtinterceptor = "order",
  mointerceptor = "order",
}

-- The first column of a listing.
local HEADS = {
  { "^Connector id", "smppccm" }, { "^Httpcc id", "httpccm" }, { "^User id", "user" }, { "^Group id", "group" }, { "^Filter id", "filter" },
}

local function put(object, name, value, line)
  if object[name] == nil then object.list[#object.list + 1] = { name = name, value = value, line = line } end
  for _, one in ipairs(object.list) do
    if one.name == name then one.value, one.line = value, line end
  end
  object[name] = value
end

local function new(line) return { line = line, list = {} } end

--- Joins an object with what is known of it.
local function keep(config, module, object)
  local key = object[KEYS[module]] or (object.type and object.type:lower():find "^default" and "0")
  if not key then return end
  put(object, KEYS[module], key, object.line)
  local known = config[module][key]
  if not known then
    config[module][key] = object
    return
  end
  for _, one in ipairs(object.list) do put(known, one.name, one.value, one.line) end
end

--- A row of a listing.
local function row(config, module, text, line)
  local object = new(line)
  if module == "mtrouter" or module == "morouter" or module:find "interceptor" then
    local order, kind, rest = text:match "^(%d+)%s+(%S+)%s*(.*)$"
    if not order then return false end
    put(object, "order", order, line)
    put(object, "type", kind, line)
    local filters = rest:match "(<.*)$"
    if module:find "interceptor" then
      filters = rest:match ">%s+(<.*)$"
      put(object, "script", "", line)
    else
      local connectors = {}
      local before = filters and rest:sub(1, #rest - #filters) or rest
      for one in before:gmatch "%a+%b()" do
        if one ~= "(!)" then connectors[#connectors + 1] = one end
      end
      put(object, "connectors", table.concat(connectors, ";"), line)
      local rate = before:match "^(%d[%d.]*)"
      if rate then put(object, "rate", rate, line) end
    end
    if filters and not (config[module][order] and config[module][order].filters) then put(object, "shown", strings.trim(filters), line) end
  else
    local key, rest = text:match "^!?(%S+)%s*(.*)$"
    if not key then return false end
    put(object, KEYS[module], key, line)
    if text:find "^!" then put(object, "disabled", "yes", line) end
    if module == "filter" then
      put(object, "type", rest:match "^(%S+)" or "", line)
      put(object, "shown", rest:match "<.*>" or "", line)
    elseif module == "user" then
      local gid, username = rest:match "^(%S+)%s+(%S+)"
      if gid then
        put(object, "gid", (gid:gsub("^!", "")), line)
        put(object, "username", username, line)
      end
    end
  end
  keep(config, module, object)
  return true
end

local NOISE = { -- what the console says
  "^Adding ", "^Updating ", "^Successfully ", "^Total ", "^Authentication", "^Username:", "^Password:", "^Welcome", "^Type help", "^Session ref",
  " arguments:$", "^You must set", "^type fid$", "^%-+$", "^NOT RATED$", "^Left border", "^Right border",
}

--- Reads a session.
---@param text string
---@return smpp.JasminConfig
function jcli.read(text)
  local config, number = { others = {} }, 0
  for module in pairs(KEYS) do config[module] = {} end
  local module, object, action, skip
  local function finish()
    if object and (action == "show" or action == "add") then keep(config, module, object) end
    object = nil
  end
  for line in (text .. "\n"):gmatch "([^\n]*)\n" do
    number = number + 1
    line = strings.trim((line:gsub("\r", "")))
    local typed = line:match "^jcli%s*:%s*(.*)$"
    line = typed or line:match "^>%s*(.*)$" or line
    local name, flag, rest = line:match "^(%l+)%s+%-%-?([%w-]+)[ =]*(.-)$"
    local is_noise = skip or line == ""
    for _, pattern in ipairs(NOISE) do is_noise = is_noise or line:find(pattern) ~= nil end
    skip = line:find " arguments:$" ~= nil -- the next line names them
    if KEYS[name or ""] then
      finish()
      module = name
      action = ({ a = "add", add = "add", u = "add", update = "add", s = "show", show = "show", l = "list", list = "list" })[flag]
      if action == "add" or action == "show" then
        object = new(number)
        if rest ~= "" then put(object, KEYS[module], rest, number) end
      elseif (flag == "d" or flag == "disable") and config[module][rest] then
        put(config[module][rest], "disabled", "yes", number)
      elseif (flag == "r" or flag == "remove") then
        config[module][rest] = nil
      end
    elseif typed then
      finish()
      if typed ~= "" and not typed:find "^%l+%s*%-*%w*$" then config.others[#config.others + 1] = { line = number, text = line } end
    elseif line == "ok" then
      finish()
    elseif line == "ko" then
      object = nil
    elseif line:find "^#" then
      local head
      for _, one in ipairs(HEADS) do
        if line:sub(2):find(one[1]) then head = one[2] end
      end
      if head then
        if not (module and action == "list" and (module == head or head == "smppccm")) then module, action = head, "list" end
      elseif line:find "^#Order" then
        if not (module and KEYS[module] == "order") then
          module = line:find "Script" and "mtinterceptor" or line:find "Rate" and "mtrouter" or "morouter"
        end
        action = "list"
      elseif not (module and row(config, module, line:sub(2), number)) then
        config.others[#config.others + 1] = { line = number, text = line }
      end
    elseif object and action == "show" and (module == "mtrouter" or module == "morouter") then -- "StaticMTRoute to smppc(a) NOT RATED", or lines
      local kind = line:match "^(%a+Route)%f[%A]"
      if kind then put(object, "type", kind, number) end
      for one in line:gmatch "%a+%b()" do put(object, "connectors", (object.connectors and object.connectors .. ";" or "") .. one, number) end
    elseif object and not is_noise then
      local key, value = line:match "^([%w_]+)%s*(.*)$"
      if key and KEYS[module] then
        if key:find "_cred$" then
          local section, setting, of = value:match "^(%S+)%s+(%S+)%s*(.*)$"
          if section then put(object, ("%s.%s.%s"):format(key, section:lower(), setting:lower()), of, number) end
        else
          put(object, key, value, number)
        end
      end
    elseif not is_noise then
      config.others[#config.others + 1] = { line = number, text = line }
    end
  end
  finish()
  return config
end

return jcli
