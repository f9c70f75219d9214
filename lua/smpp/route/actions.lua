--- The actions of rules: what they change, and what they decide.
local choose = require "smpp.route.choose"
local codec = require "smpp.codec"
local core = require "smpp.core"
local explain = require "smpp.codec.explain"
local kind = require "smpp.base.kind"
local mistake = require "smpp.base.mistake"
local schema = require "smpp.base.schema"
local words = require "smpp.route.words"

local actions = {}

local names = kind.either("string", kind.list("string", "names"))

local via_kind = kind.checked("a carrier, or a way to choose one", function(value)
  local wrong = choose.wrong(value)
  return wrong and mistake.new(wrong)
end)

local status_kind = kind.checked("the name or number of a command_status", function(value)
  local row, message
  if type(value) == "string" or type(value) == "number" then row, message = explain.status(value) end
  if row and row.code ~= 0 then return nil end
  return mistake.new(message or "expected the name or number of a command_status other than ESME_ROK, got " .. mistake.show(value))
end)

actions.status_kind = status_kind

local set_kind = kind.checked("a table of fields", function(value)
  if type(value) ~= "table" or next(value) == nil then return mistake.wrong("a table of fields", value) end
end)

local encoding_kind = require("smpp.text").options.encoding

local only_true = kind.checked("true", function(value) return value ~= true and mistake.wrong("true", value) or nil end)

local common = {
  { "set", set_kind, nil, "fields to change, TLVs too; a value may be a function (msg)", 'set = { source_addr = "12345", source_addr_ton = 3 }' },
  { "tag", names, nil, "tags for `tagged` of later rules", 'tag = "fast"' },
  { "call", "function", nil, "a function (msg); fields that it returns are set", "call = function(msg) return { protocol_id = 64 } end" },
  { "long", kind.one_of("concat_8bit", "concat_16bit", "sar", "payload"), nil,
    "texts of message_payload are cut into parts of this kind, and parts are marked so, whatever the carrier's `long` is", 'long = "sar"' },
  { "encoding", encoding_kind, nil, "the text is encoded anew; what this encoding lacks is refused", 'encoding = "ucs2"' },
  { "deliver", "string", nil, "to an account", 'deliver = "acme"' },
  { "reject", status_kind, nil, "refused with this status", 'reject = "ESME_RINVDSTADR"' },
  { "drop", only_true, nil, "answered with ESME_ROK, and goes nowhere", "drop = true" },
}

--- Actions of rules for messages of customers.
actions.route = schema.new(common, {
  { "copy", names, nil, "a copy to these carriers, whose answers count for nothing", 'copy = "telco_test"' },
  { "via", via_kind, nil, "to a carrier; or balance, failover, cheapest, sticky, least", 'via = failover { "telco_a", "telco_b" }' },
  { "else_next", "boolean", nil, "the next rule is tried where all carriers of `via` are unavailable", "else_next = true" },
  { "through", "boolean", nil, "true: the answer waits for the carrier's; false: for the books", "through = true",
    default_text = "false with a store, else true" },
})

--- Actions of rules for messages of carriers.
actions.incoming = schema.new(common, {
  { "copy", names, nil, "a copy to these accounts", 'copy = "archive"' },
  { "reply", "string", nil, "answered with this text, by the carrier it came from", 'reply = "You will get no more messages."' },
})

actions.deciding = { "via", "deliver", "reply", "reject", "drop" }

--- The fields of `set` with enumerated values as numbers; nil, message.
local function fixed_fields(set, command)
  local fixed, functions, trial = {}, {}, { command = command, destination_addr = "1", source_addr = "1" }
  for name, value in pairs(set) do
    if type(value) == "function" then functions[#functions + 1] = name else fixed[name], trial[name] = value, value ~= codec.none and value or nil end
  end
  local octets, message = codec.encode(trial)
  if not octets then return nil, message end
  local view = codec.decode(octets)
  for name, value in pairs(fixed) do
    if type(value) == "string" and type(view[name]) == "number" then fixed[name] = view[name] end
  end
  table.sort(functions)
  for _, name in ipairs(functions) do
    local ok = pcall(function() return view[name] end)
    if not ok then return nil, ("unknown field '%s'"):format(name) end
  end
  return fixed, functions
end

local function list_of(value) return type(value) == "table" and value or { value } end

local function show_fields(set)
  local list = {}
  for name, value in pairs(set) do list[#list + 1] = ("%s = %s"):format(name, type(value) == "string" and mistake.show(value) or tostring(value)) end
  table.sort(list)
  return table.concat(list, ", ")
end

--- Compiles what a rule changes: a function (msg, state) that returns true where an address changed, and words; nil: nothing.
---@param rule table
---@param message table  smpp.route.message
---@param context { problem: fun(message: string), command: string }
---@return (fun(msg: smpp.RouteMessage, state: smpp.RouteState): boolean)? change
---@return string? text
function actions.changes(rule, message, context)
  local fixed, functions, tags, copies, call = nil, {}, rule.tag and list_of(rule.tag), rule.copy and list_of(rule.copy), rule.call
  local text = {}
  if rule.set then
    local wrong
    fixed, wrong = fixed_fields(rule.set, context.command)
    if not fixed then
      context.problem("set: " .. wrong)
      return nil
    end
    functions = wrong
    text[#text + 1] = "set " .. show_fields(rule.set)
  end
  if tags then text[#text + 1] = "tag " .. table.concat(tags, ", ") end
  if copies then text[#text + 1] = "copy to " .. table.concat(copies, ", ") end
  if call then text[#text + 1] = "call a function" end
  local long, encoding = rule.long, rule.encoding
  if long then text[#text + 1] = "long " .. long end
  if encoding then text[#text + 1] = "encoding " .. encoding end
  if #text == 0 then return nil end
  local set = rule.set
  local function failed(state, what, err)
    if state.on_error then state.on_error(what .. tostring(err)) end
  end
  return function(msg, state)
    local moved = false
    if fixed then
      local fields = fixed
      if functions[1] then
        fields = {}
        for name, value in pairs(fixed) do fields[name] = value end
        for _, name in ipairs(functions) do
          msg.is_shown = true
          local ok, value = pcall(set[name], msg)
          if ok then fields[name] = value else failed(state, "set: ", value) end
        end
      end
      moved = message.set(msg, fields)
    end
    if long then msg.long = long end
    if encoding then msg.encoding = encoding end
    if tags then
      local own = msg.tags
      for i = 1, #tags do own[tags[i]] = true end
    end
    if copies then
      msg.copies = msg.copies or {}
      for i = 1, #copies do table.insert(msg.copies, copies[i]) end
    end
    if call then
      msg.is_shown = true
      local ok, fields = pcall(call, msg)
      if not ok then failed(state, "call: ", fields) elseif type(fields) == "table" then moved = message.set(msg, fields) or moved end
    end
    return moved
  end, table.concat(text, "; ")
end

--- Compiles what a rule decides.
---@param rule table
---@param context table
---@param line integer?
---@return (fun(msg: smpp.RouteMessage, state: smpp.RouteState): smpp.Decision?)? decide  nil: nothing; it returns nil to try the next rule
---@return string? text
function actions.decision(rule, context, line)
  local through = rule.through
  if rule.via then
    local chooser, else_next, names = choose.compile(rule.via, context), rule.else_next, choose.names(rule.via)
    local none, known -- the decisions without a carrier, and of a list that stays
    return function(msg, state)
      local list, stays = chooser(msg, state)
      if not list then
        if else_next then return nil end
        none = none or { action = "via", line = line, through = through, carriers = {}, names = names }
        return none
      end
      if known and list == known.carriers then return known end
      local decision = { action = "via", line = line, through = through, carriers = list, names = names }
      if stays then known = decision end
      return decision
    end, "via " .. choose.describe(rule.via)
  end
  for _, name in ipairs(actions.deciding) do
    if rule[name] then
      local value = rule[name]
      if name == "reject" then value = explain.status(value).name end
      local decision = { action = name, [name] = value, line = line, through = through }
      return function() return decision end, name == "drop" and "drop" or ("%s %s"):format(name, mistake.show(value))
    end
  end
end

--- What is wrong with the actions of a rule together, nil: nothing.
---@param rule table
---@return string?
function actions.wrong(rule)
  local found
  for _, name in ipairs(actions.deciding) do
    if rule[name] ~= nil then
      if found then return ("%s and %s: a rule decides one thing"):format(found, name) end
      found = name
    end
  end
  if not (found or rule.set or rule.tag or rule.copy or rule.call or rule.long or rule.encoding) then
    return "a rule without an action: expected via, deliver, reject, drop, set, tag, copy, call, long or encoding"
  end
  if rule.else_next ~= nil and not rule.via then return "else_next without via" end
  if rule.through ~= nil and not rule.via then return "through without via" end
  if rule.zone and not (rule.between or rule.days) then return "zone without between or days" end
end

--- Unknown carriers or accounts of a rule: a message, nil: none.
---@param rule table
---@param known { carriers: table<string, any>?, accounts: table<string, any>? }
---@param is_route boolean
---@return string?
function actions.unknown(rule, known, is_route)
  local function look(value, set, what)
    for _, name in ipairs((type(value) ~= "table" or words.of(value)) and { value } or value) do
      if set and set[name] == nil then
        local like = core.suggest(tostring(name), set)
        return ("unknown %s '%s'%s"):format(what, tostring(name), like and ("; did you mean '" .. like .. "'?") or "")
      end
    end
  end
  local wrong = rule.via and choose.wrong(rule.via, known.carriers)
  if wrong then return "via: " .. wrong end
  wrong = rule.copy and look(rule.copy, is_route and known.carriers or known.accounts, is_route and "carrier" or "account")
  if wrong then return "copy: " .. wrong end
  wrong = rule.deliver and look(rule.deliver, known.accounts, "account")
  if wrong then return "deliver: " .. wrong end
  wrong = rule.account and look(rule.account, known.accounts, "account")
  if wrong then return "account: " .. wrong end
  wrong = rule.carrier and look(rule.carrier, known.carriers, "carrier")
  if wrong then return "carrier: " .. wrong end
end

return actions
