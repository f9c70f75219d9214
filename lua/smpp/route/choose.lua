--- Ways to choose a carrier: each gives the carriers to try, in order, of those that are available.
local core = require "smpp.core"
local csv = require "smpp.route.csv"
local matchers = require "smpp.route.matchers"
local words = require "smpp.route.words"

local choose = {}

---@alias smpp.Chooser fun(msg: smpp.RouteMessage, state: smpp.RouteState): string[]?, boolean?  nil: none is available; true: a list that
---  stays, and comes again

--- Is a carrier available?  Without a state of carriers all are.
local function is_up(state, name) return not state.available or state.available(name) end

--- One carrier: a chooser for all rules of a file.
local function single(name, context)
  local singles = context.singles or {}
  context.singles = singles
  if not singles[name] then
    local list = { name }
    singles[name] = function(_, state) return is_up(state, name) and list or nil, true end
  end
  return singles[name]
end

--- Joins the lists of several choosers, in the order of `order`; a carrier stands in it once.
local function joined(members, order, count, msg, state)
  local list, n, seen = {}, 0, {}
  for i = 1, count do
    local inside = members[order[i]](msg, state)
    if inside then
      for k = 1, #inside do
        local name = inside[k]
        if not seen[name] then
          n, seen[name] = n + 1, true
          list[n] = name
        end
      end
    end
  end
  return n > 0 and list or nil
end

local make = {}

local function all_of(spec, context)
  local members, order, is_plain = {}, {}, true
  for i, item in ipairs(spec.list) do
    members[i], order[i] = choose.compile(item, context), i
    is_plain = is_plain and type(item) == "string"
  end
  return members, order, is_plain
end

function make.failover(spec, context)
  local members, order, is_plain = all_of(spec, context)
  local count, names = #members, spec.list
  return function(msg, state)
    if is_plain then -- the list itself, while all are available
      local up = 0
      for i = 1, count do up = up + (is_up(state, names[i]) and 1 or 0) end
      if up == count then return names, true end
      if up == 0 then return nil end
    end
    return joined(members, order, count, msg, state)
  end
end

local function slot_of(state, name)
  local counters = state.counters
  local slot = counters[name]
  if not slot then
    slot = {}
    counters[name] = slot
  end
  return slot
end

--- Smooth weighted round robin: of a 3 and a 1 it gives a a b a.
function make.balance(spec, context)
  local members, _, _ = all_of(spec, context)
  local weights, count = spec.weights, #members
  context.choosers = (context.choosers or 0) + 1
  local slot_name = "balance" .. context.choosers
  return function(msg, state)
    local credit = slot_of(state, slot_name)
    local lists, best, total = {}, nil, 0
    for i = 1, count do
      lists[i] = members[i](msg, state) or false
      if lists[i] then
        credit[i] = (credit[i] or 0) + weights[i]
        total = total + weights[i]
        if not best or credit[i] > credit[best] then best = i end
      end
    end
    if not best then return nil end
    credit[best] = credit[best] - total
    local list, n, seen = {}, 0, {}
    for step = 0, count do
      local inside = lists[step == 0 and best or step]
      for k = 1, inside and #inside or 0 do
        local name = inside[k]
        if not seen[name] then
          n, seen[name] = n + 1, true
          list[n] = name
        end
      end
    end
    return list
  end
end

--- Sorts the order of members by a number each, the least first; equal ones keep their order.
local function sorted(order, count, value)
  for i = 2, count do
    local moved, at = order[i], i - 1
    while at >= 1 and value[order[at]] > value[moved] do
      order[at + 1] = order[at]
      at = at - 1
    end
    order[at + 1] = moved
  end
end

function make.least(spec, context)
  local members, _, _ = all_of(spec, context)
  local count = #members
  context.choosers = (context.choosers or 0) + 1
  local slot_name = "least" .. context.choosers
  return function(msg, state)
    local slot, order, load = slot_of(state, slot_name), {}, {}
    local turn = slot.turn or 0
    slot.turn = (turn + 1) % count
    for i = 1, count do
      local at = (turn + i - 1) % count + 1
      local name = spec.list[at]
      order[i], load[at] = at, state.outstanding and type(name) == "string" and state.outstanding(name) or 0
    end
    sorted(order, count, load)
    return joined(members, order, count, msg, state)
  end
end

--- Prices by prefix: rows of prefix, carrier, price; or of prefix and a column for each carrier.
local function price_table(spec, context)
  local trie, rows = core.prefixes.new(), {}
  local function add(prefix, carrier, price, line)
    local value = tonumber(price)
    if not prefix or not value then
      context.problem(("%s:%d: expected a prefix and a price"):format(spec.file, line))
      return
    end
    prefix = csv.plain(prefix)
    rows[#rows + 1] = { carrier, value }
    if not trie:add(prefix, #rows) then context.problem(("%s:%d: prefix longer than 21 characters"):format(spec.file, line)) end
  end
  csv.rows(spec.text, function(row, line)
    if row.carrier then return add(row.prefix, row.carrier, row.price, line) end
    for _, name in ipairs(spec.list) do
      if type(name) == "string" and row[name:lower()] then add(row.prefix, name, row[name:lower()], line) end
    end
  end)
  local found = {}
  --- The price of each carrier for a number, that of its longest prefix.
  return function(number)
    local prices = {}
    for i = 1, trie:find(number, found) do
      local row = rows[found[i]]
      prices[row[1]] = row[2]
    end
    return prices
  end
end

function make.cheapest(spec, context)
  local members, order, _ = all_of(spec, context)
  local count, cost = #members, {}
  for i, item in ipairs(spec.list) do
    local carrier = type(item) == "string" and context.carriers and context.carriers[item]
    cost[i] = carrier and carrier.cost or 1
  end
  if not spec.text then
    sorted(order, count, cost)
    return function(msg, state) return joined(members, order, count, msg, state) end
  end
  local prices_of = price_table(spec, context)
  return function(msg, state)
    local prices, priced, n, value = prices_of(msg.to), {}, 0, {}
    for i = 1, count do
      local price = prices[spec.list[i]]
      if price then
        n = n + 1
        priced[n], value[i] = i, price
      end
    end
    sorted(priced, n, value)
    return joined(members, priced, n, msg, state)
  end
end

local MOST_KEYS = 100000 -- that a sticky choice remembers

function make.sticky(spec, context)
  local members, _, _ = all_of(spec, context)
  local by, for_s, count = spec.by or "from", spec.for_s, #members
  context.choosers = (context.choosers or 0) + 1
  local slot_name = "sticky" .. context.choosers
  return function(msg, state)
    local key, order, rank = msg[by] or "", {}, {}
    for i = 1, count do -- each key has an order of its own: when a carrier goes, only its keys move
      order[i], rank[i] = i, matchers.percent_of(key, i)
    end
    sorted(order, count, rank)
    local slot = for_s and slot_of(state, slot_name)
    local known = slot and slot.keys and slot.keys[key]
    if known and known.till > state.now then
      for at = 1, count do
        if order[at] == known.member then table.insert(order, 1, table.remove(order, at)) end
      end
    end
    local list = joined(members, order, count, msg, state)
    if not (list and slot) then return list end
    local used
    for i = 1, count do
      local inside = not used and members[order[i]](msg, state)
      if inside and inside[1] == list[1] then used = order[i] end
    end
    if not known then
      slot.count = (slot.count or 0) + 1
      if slot.count > MOST_KEYS or not slot.keys then slot.keys, slot.count = {}, 1 end
    end
    slot.keys[key] = { member = used, till = state.now + for_s }
    return list
  end
end

--- What is wrong with the value of `via`, nil: nothing.
---@param spec any
---@param known table<string, any>?  carriers
---@return string?
function choose.wrong(spec, known)
  if type(spec) == "string" then
    if not known or known[spec] ~= nil then return nil end
    local like = core.suggest(spec, known)
    return ("unknown carrier '%s'%s"):format(spec, like and ("; did you mean '" .. like .. "'?") or "")
  end
  if not make[words.of(spec) or ""] then
    return "expected a carrier, balance, failover, cheapest, sticky or least, got " .. (words.of(spec) or "a " .. type(spec))
  end
  for _, item in ipairs(spec.list) do
    local wrong = choose.wrong(item, known)
    if wrong then return wrong end
  end
end

--- Compiles the value of `via`.
---@param spec any
---@param context { carriers: table<string, { cost: number? }>?, problem: fun(message: string) }
---@return smpp.Chooser
function choose.compile(spec, context)
  if type(spec) == "string" then return single(spec, context) end
  return make[spec.word](spec, context)
end

--- The carriers that a way to choose may give.
---@param spec any
---@param names string[]?
---@return string[]
function choose.names(spec, names)
  names = names or {}
  if type(spec) == "string" then
    names[#names + 1] = spec
  else
    for _, item in ipairs(spec.list) do choose.names(item, names) end
  end
  return names
end

--- How `via` reads, for people.
---@param spec any
---@return string
function choose.describe(spec)
  if type(spec) == "string" then return spec end
  local list = {}
  for i, item in ipairs(spec.list) do
    list[i] = choose.describe(item)
    if spec.word == "balance" then list[i] = ("%s %.14g"):format(list[i], spec.weights[i]) end
  end
  return ("%s of %s"):format(spec.word, table.concat(list, ", "))
end

return choose
