local core = require "smpp.core"
local kinds = require "smpp.store.kinds"
local util = require "spec.support.util"

local codec = core.record(kinds.names)
local ages = {}
for name, kind in pairs(kinds.kinds) do ages[name] = kind.age or false end
local shared, own = codec.committer(ages, true), codec.committer(ages, false)

--- The words of a commit.
local function read(octets, count)
  local list, at = {}, 1
  while at <= #octets do
    local from, stop, size = octets:find("^%$(%d+)\r\n", at)
    assert.equal(at, from)
    list[#list + 1] = octets:sub(stop + 1, stop + size)
    at = stop + size + 3
    assert.equal("\r\n", octets:sub(at - 2, at - 1))
  end
  assert.equal(count, #list)
  return list
end

--- The parts of a form.
local function parts_of(form)
  local sizes, text = form:match "^([%d,]+):(.*)$"
  local parts, from = {}, 1
  for size in sizes:gmatch "%d+" do parts[#parts + 1], from = text:sub(from, from + size - 1), from + size end
  assert.equal(#text + 1, from)
  return parts
end

-- ---- the same in Lua ----

local function is_plain(state) return type(state) == "string" and state ~= "" and not state:find("\n", 1, true) end

local function without(record, names)
  local copy = {}
  for name, value in pairs(record) do copy[name] = value end
  for _, name in ipairs(names) do copy[name] = nil end
  return copy
end

--- State, "i", and the record without what these say.
local function head(record, key)
  local gone, same = { "key" }, record.id ~= nil and record.id == key
  if same then gone[2] = "id" end
  if record.state ~= nil and not is_plain(record.state) then return "", same and "i" or "", without(record, gone) end
  gone[#gone + 1] = "state"
  return record.state or "", same and "i" or "", without(record, gone)
end

local function age(change, values, is_shared)
  local field = kinds.kinds[change.kind].age
  local value = field and values and values[field]
  if type(value) ~= "number" then return "" end
  return is_shared and ("%.0f"):format(math.floor(value)) or ("%.17g"):format(value)
end

--- Parts of the form, the other words; the last of these, where it is a record, as a table.
local function expected(change, is_shared)
  local place, guard, record = change.place or {}, change.guard or "", change.op == "add" and change.record
  local id = guard:match "^id:(.*)$"
  local form = {
    change.replaces and "put" or change.op, change.kind, change.from or "", id and "id" or guard, place[1] or "", place.home or "",
    place.most and tostring(place.most) or "", "", "", "",
  }
  local key = record and record.key or change.key
  local list, fields = { key }, nil
  if place[1] and place[1] ~= "none" then
    list[2], list[3] = ("%.6f"):format(place.due), place.over and ("%.3f"):format(place.over) or ""
  end
  list[#list + 1] = id
  if record then
    form[9], form[10], fields = head(record, key)
  elseif change.op == "change" and change.whole then
    form[8], form[9], form[10], fields = "=", head(change.whole, key)
    form[10] = "*"
  elseif change.op == "change" then
    local state = (change.set or {}).state
    form[8], form[9], fields = state ~= nil and "=" or "", is_plain(state) and state or "", without(change.set or {}, { is_plain(state) and "state" })
    local names = {}
    for _, name in ipairs(change.clear or {}) do names[#names + 1] = codec.write { [name] = true } end
    form[10] = change.rest and "*" or table.concat(names)
  elseif change.op == "count" then
    for _, name in ipairs { "by", "least", "most", "per_s" } do list[#list + 1] = tostring(change.set[name] or "") end
  end
  if fields then
    if kinds.kinds[change.kind].age then list[#list + 1] = age(change, record or change.set, is_shared) end
    list[#list + 1] = fields
  end
  return form, list
end

-- ---- drawn changes ----

local STATES = { "ENROUTE", "DELIVERED", "", "two\nlines", 5, false }
local TIMES = { 0, 1, 1790000000.123456, 1790000000.999999, 5.5, 1e15, 0.25 }

local function record_of(random, key)
  return {
    key = key, id = ({ key, "other", 7 })[random(4)], state = STATES[random(#STATES + 1)], octets = ("x"):rep(random(2000)),
    since = ({ 1.5, "no", 1e300 })[random(4)], done = random(2) == 1 and TIMES[random(#TIMES)] or nil, own = { 1, { a = true } }, serial = 7,
  }
end

local function drawn(random)
  local names = {}
  for name in pairs(kinds.kinds) do names[#names + 1] = name end
  table.sort(names)
  local op = ({ "add", "change", "remove", "count" })[random(4)]
  local key = ({ "k", "", "a\0\r\n$1", ("k"):rep(300) })[random(4)]
  local change = {
    op = op, kind = names[random(#names)], from = ({ "ENROUTE", "a\nb" })[random(3)], guard = ({ "mine", "id:", "id:a\0b:c", "ended" })[random(5)],
    place = ({ { "none" }, { "work", home = "m:x,\n5", due = TIMES[random(#TIMES)] },
      { "queue", home = "", due = 1, over = TIMES[random(#TIMES)], most = random(2) == 1 and 100 or nil } })[random(4)],
  }
  if op == "add" then
    change.record, change.replaces = record_of(random, key), random(2) == 1 or nil
  else
    change.key = key
  end
  if op == "change" then
    local sort = random(4)
    change.set = sort > 1 and without(record_of(random, key), { "key", "id" }) or nil
    if sort == 2 then change.whole = record_of(random, key) end
    if sort == 3 then change.rest = codec.write { carrier = "rest" } end
    change.clear = random(2) == 1 and { "sending", "own name", "held" } or nil
  elseif op == "count" then
    change.set = { by = random(9) - 5, least = random(2) == 1 and 0 or nil, most = random(2) == 1 and 10 or nil, per_s = random(2) == 1 and 60 or nil }
  end
  return change
end

describe("bind_commit", function()
  for seed = 1, 40 do
    it(("writes changes of any kind as the words of a script; seed %d"):format(seed), function()
      local random = util.random(seed)
      for _, is_shared in ipairs { true, false } do
        local changes = {}
        for i = 1, random(6) do changes[i] = drawn(random) end
        local list = read((is_shared and shared or own)(changes))
        assert.equal(tostring(#changes), list[1])
        local at = 2
        for _, change in ipairs(changes) do
          local form, words = expected(change, is_shared)
          assert.same(form, parts_of(list[at]))
          for i, word in ipairs(words) do
            local got = list[at + i]
            if type(word) == "table" then
              if change.rest then word.carrier = "rest" end
              got = assert(codec.read(got))
            end
            assert.same(word, got)
          end
          at = at + 1 + #words
        end
        assert.equal(#list + 1, at)
      end
    end)
  end

  it("writes times that are no usual ones as printf does", function()
    for _, time in ipairs { -1.5, 1e16, 1e300, math.huge, 9e9 - 0.5, 0.0000004 } do
      local list = read(shared { { op = "change", kind = "value", key = "k", place = { "work", home = "h", due = time, over = time } } })
      assert.same({ ("%.6f"):format(time), ("%.3f"):format(time) }, { list[4], list[5] })
    end
  end)

  it("raises for what is no change, or not plain data, and says what", function()
    local function raises(message, change) assert.error_matches(function() shared { change } end, message) end
    raises("unknown kind of records 'nothing'", { op = "add", kind = "nothing", record = { key = "k" } })
    raises("^op: expected add, change or remove, got put$", { op = "put", kind = "value", key = "k" })
    raises("^op: expected add, change or remove, got $", { kind = "value", key = "k" })
    raises("^invalid record: expected a string as key$", { op = "add", kind = "value", record = { key = 5 } })
    raises("^invalid record: expected a string as key$", { op = "remove", kind = "value" })
    raises("invalid value in a record", { op = "add", kind = "value", record = { key = "k", value = print } })
    raises("invalid value in a record", { op = "change", kind = "value", key = "k", set = { value = print } })
    raises("names to clear are strings", { op = "change", kind = "value", key = "k", clear = { 5 } })
    raises("invalid change: guard: expected a string, got a table", { op = "remove", kind = "value", key = "k", guard = {} })
    raises("invalid change: by: expected a finite number", { op = "count", kind = "value", key = "k", set = { by = 1 / 0 } })
    raises("number expected", { op = "remove", kind = "value", key = "k", place = { "work", home = "h" } })
    raises("table expected", { op = "add", kind = "value" })
    raises("table expected", 5)
    assert.error_matches(function() core.record({ "key" }).committer({}, true) end, "expected a codec that knows key, state and id")
  end)

  it("writes commits of any size", function()
    local changes = {}
    for i = 1, 300 do changes[i] = { op = "add", kind = "value", record = { key = tostring(i), value = ("v"):rep(500) } } end
    assert.equal(1 + 300 * 3, #read(shared(changes)))
    assert.same({ "0" }, read(shared {}))
    assert.same("k", read(shared { { op = "remove", kind = "id", key = "k" } })[3])
  end)
end)
