local codec = require("smpp.codec").codec
local core = require "smpp.core"
local kinds = require "smpp.store.kinds"
local property = require "spec.support.property"

local own = core.record(kinds.names)

local function new(limit, max_octets, keep_final)
  local records = own.records(kinds.kinds, kinds.over, "8 octets")
  if limit then records:configure(limit, max_octets or 1e9, keep_final or 1e9) end
  return records
end

local function message(key, o)
  local record = { key = key, id = key, state = "ENROUTE", system_id = "a", source_addr = "1", destination_addr = "2", octets = "text" }
  for name, value in pairs(o or {}) do record[name] = value end
  return record
end

local function add(record, kind) return { op = "add", kind = kind or "message", record = record } end

-- ---- a store of plain tables ----

local function copy(value)
  if type(value) ~= "table" then return value end
  local out = {}
  for name, item in pairs(value) do out[name] = copy(item) end
  return out
end

local Model = {}
Model.__index = Model

local function is_final(record) return kinds.is_final(record.state) end

function Model:index(key)
  for i, record in ipairs(self) do
    if record.key == key then return i, record end
  end
end

--- The final message that ended first.
function Model:first_ended()
  local best
  for i, record in ipairs(self) do
    if is_final(record) and (not best or self.ended[record.serial] < self.ended[self[best].serial]) then best = i end
  end
  return best
end

function Model:open()
  local n = 0
  for _, record in ipairs(self) do n = n + (is_final(record) and 0 or 1) end
  return n
end

function Model:commit(changes)
  local opened = 0
  for _, change in ipairs(changes) do
    local _, record = self:index(change.key or change.record.key)
    if change.op == "add" then
      if record then return nil, "duplicate" end
      opened = opened + (is_final(change.record) and 0 or 1)
    elseif not record or (change.from and change.from ~= record.state) then
      return nil, "conflict"
    end
  end
  if opened > 0 and self:open() + opened > self.limit then return nil, "queue_full" end
  for _, change in ipairs(changes) do self:apply(change) end
  return true
end

function Model:note_end(record)
  self.ends = self.ends + 1
  self.ended[record.serial] = self.ends
  local finals = #self - self:open()
  for _ = self.keep_final + 1, finals do table.remove(self, self:first_ended()) end
end

function Model:apply(change)
  local at, record = self:index(change.key or change.record.key)
  if change.op == "add" then
    record = copy(change.record)
    self.serial = self.serial + 1
    record.serial, self[#self + 1] = self.serial, record
    if is_final(record) then self:note_end(record) end
  elseif record and change.op == "remove" then
    table.remove(self, at)
  elseif record then
    local was = is_final(record)
    for _, name in ipairs(change.clear or {}) do record[name] = nil end
    for name, value in pairs(change.set) do record[name] = copy(value) end
    if is_final(record) and not was then self:note_end(record) end
  end
end

function Model:find(query)
  local list = {}
  local function look(record)
    local after, fields = query.after, query.system_id ~= nil and query.source_addr ~= nil
    if after and (query.newest and record.serial >= after or not query.newest and record.serial <= after) then return end
    if query.open and is_final(record) then return end
    if fields and (record.system_id ~= query.system_id or record.source_addr ~= query.source_addr) then return end
    if fields and query.open and query.destination_addr and record.destination_addr ~= query.destination_addr then return end
    if #list < (query.limit or 100) then list[#list + 1] = record end
  end
  for i = 1, #self do look(self[query.newest and #self + 1 - i or i]) end
  return list
end

local STATES = { "ENROUTE", "ENROUTE", "SCHEDULED", "DELIVERED", "EXPIRED", "DELETED" }

describe("bind_records", function()
  it("does what a list of tables does (seeded)", function()
    property.holds(60, function(random, case)
      local limit, keep_final = random(12), random(6) - 1
      local model = setmetatable({ limit = limit, keep_final = keep_final, serial = 0, ends = 0, ended = {} }, Model)
      local records = new(limit, nil, keep_final)
      local function key() return tostring(random(14)) end
      local function any_change()
        local kind = random(5)
        if kind <= 2 then
          return add(message(key(), {
            state = STATES[random(#STATES)], system_id = ({ "a", "b" })[random(2)], source_addr = ({ "1", "" })[random(2)],
            destination_addr = ({ "2", "3" })[random(2)], octets = ("x"):rep(random(80)), own = random(3) == 1 and { random(9), { true } } or nil,
          }))
        elseif kind == 3 then
          return { op = "remove", kind = "message", key = key(), from = random(2) == 1 and STATES[random(#STATES)] or nil }
        end
        return {
          op = "change", kind = "message", key = key(), from = random(2) == 1 and "ENROUTE" or nil,
          set = { state = STATES[random(#STATES)], octets = ("y"):rep(random(200)), extra = random(1000) }, clear = random(2) == 1 and { "own", "id" } or nil,
        }
      end
      for step = 1, 60 do
        case[step] = {}
        local keys = {}
        for i = 1, random(3) do
          local change = any_change()
          local changed = change.key or change.record.key
          if not keys[changed] then table.insert(case[step], change) end
          keys[changed] = i
        end
        local ok, code = model:commit(case[step])
        local got, _, got_code = records:commit(case[step])
        assert.same({ ok or false, code }, { got or false, got_code })
        local query = {
          kind = "message", open = random(2) == 1 or nil, newest = random(2) == 1 or nil, limit = random(3) == 1 and random(4) or nil,
          after = random(3) == 1 and random(model.serial + 1) or nil,
        }
        if random(2) == 1 then query.system_id, query.source_addr = ({ "a", "b" })[random(2)], ({ "1", "" })[random(2)] end
        if random(2) == 1 then query.destination_addr = ({ "2", "3" })[random(2)] end
        assert.same(model:find(query), records:find(query))
        local wanted = key()
        local _, record = model:index(wanted)
        assert.same(record, (records:get("message", wanted)))
        assert.equal(model:open(), (records:load()))
      end
    end)
  end)

  it("reads the fields that are wanted, and takes those of a PDU", function()
    local records = new()
    local pdu = assert(codec.decode((codec.encode { command = "submit_sm", sequence_number = 1, destination_addr = "49", short_message = "x" })))
    assert(records:commit { { op = "add", kind = "message", record = { key = "1", state = "ENROUTE", own = 5 }, pdu = pdu } })
    assert.same({ key = "1", destination_addr = "49", own = 5, serial = 1 }, records:get("message", "1", own.wanted { "key", "destination_addr" }))
    assert.is_nil((records:get("message", "2")))
    assert.is_nil((records:get("id", "1")))
  end)

  it("counts its octets, and keeps final messages no longer than there is room", function()
    local records = new(100, 5000, 100)
    local taken = 0
    while records:commit { add(message(tostring(taken + 1), { octets = ("x"):rep(300) })) } do taken = taken + 1 end
    assert.is_true(taken > 5 and taken < 15)
    local _, text, code = records:commit { add(message "more") }
    assert.equal("queue_full", select(3, records:commit { add(message("more", { octets = ("x"):rep(300) })) }), text or code)
    assert(records:commit { { op = "change", kind = "message", key = "1", set = { state = "DELIVERED", done = 1 } } })
    assert(records:commit { add(message("later", { octets = ("x"):rep(300) })) })
    assert.is_nil((records:get("message", "1")))
    records:configure(2, 5000, 100)
    assert.matches("^store full: %d+ messages are queued, limit 2$", select(2, records:commit { add(message "one") }))
    records:configure(100, 10, 100)
    assert.matches("^store full: %d+ octets, limit 10$", select(2, records:commit { add(message "one") }))
  end)

  it("gives its memory back when all is gone", function()
    local records = new()
    for i = 1, 3000 do assert(records:commit { add(message(tostring(i))) }) end
    assert.is_true(select(3, records:load()) > 3000 * 100)
    for i = 1, 3000 do assert(records:commit { { op = "remove", kind = "message", key = tostring(i) } }) end
    assert.same({ 0, 0, 0 }, { records:load() })
    local changes = {}
    for i = 1, 2000 do changes[i] = add(message(tostring(i), { state = "DELETED", done = i })) end
    assert(records:commit(changes))
    records:discard("message", 1999)
    local list = records:find { kind = "message" }
    assert.same({ "1999", "2000", 2 }, { list[1].key, list[2].key, #list })
    records:discard("message", 5000)
    assert.same({ 0, 0, 0 }, { records:load() })
  end)

  it("survives a finalizer that changes it", function()
    local records = new()
    for i = 1, 300 do assert(records:commit { add(message(tostring(i), { octets = ("x"):rep(2000) })) }) end
    local count = 0
    local newproxy = rawget(_G, "newproxy") -- Lua 5.1: tables have no finalizers
    local function trap()
      local function strike()
        count = count + 1
        records:commit { { op = "remove", kind = "message", key = tostring(count) } }
        records:commit { add(message("new " .. count, { octets = ("y"):rep(3000) })) }
        if count < 250 then trap() end
      end
      if newproxy then getmetatable(newproxy(true)).__gc = strike else setmetatable({}, { __gc = strike }) end
    end
    for _ = 1, 20 do trap() end
    local pause, mul = collectgarbage("setpause", 100), collectgarbage("setstepmul", 1000)
    for i = 1, 300 do
      records:find { kind = "message", limit = 50, open = true }
      records:get("message", tostring(i))
      records:commit { { op = "change", kind = "message", key = tostring(i), set = { text = ("z"):rep(1500) } }, add(message("own " .. i)) } -- refused, if a finalizer runs meanwhile
    end
    collectgarbage("setpause", pause)
    collectgarbage("setstepmul", mul)
    assert.is_true(count > 0)
    for _, record in ipairs(records:find { kind = "message", limit = 1000 }) do assert.is_string(record.state) end
  end)

  it("raises for what is no change, no kind, no records", function()
    local records = new()
    for _, wrong in ipairs {
      {}, { kind = "message" }, { op = "add", kind = "massage", record = message "1" }, { op = "add", kind = "message" },
      { op = "add", kind = "message", record = {} }, { op = "add", kind = "message", record = message("1", { own = print }) },
      { op = "chance", kind = "message", key = "1" }, { op = "remove", kind = "message" },
    } do
      assert.is_false((pcall(records.commit, records, { wrong })))
    end
    assert.is_false((pcall(records.commit, records, { 5 })))
    assert.is_false((pcall(records.commit, io.stdout, {})))
    assert.is_false((pcall(records.commit, new, {})))
    assert.error_matches(function() records:find { kind = "nothing" } end, "unknown kind of records 'nothing'")
    assert.equal(0, (records:load()))
    assert.is_false((pcall(own.records, { message = { final = { [("x"):rep(99)] = true } } }, {}, "8 octets")))
    assert.is_false((pcall(own.records, kinds.kinds, {}, "short")))
  end)
end)
