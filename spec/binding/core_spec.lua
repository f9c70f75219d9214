-- Every function of the C module, and every method of its objects, called with whatever there is: it may raise or
-- answer, but the process lives, nothing hangs, and what was good before is good after.
local core = require "smpp.core"
local property = require "spec.support.property"

local ROUNDS = 40 -- of random arguments, per function

local methods = { __tostring = function() return "pdu" end }
local codec = core.codec(methods, {})

local function session(options)
  options.now = options.now or 0
  return codec.session(options)
end

--- Two sessions, bound to each other, and the request that bound them.
local function bound_pair()
  local esme, mc, slots = session { role = "esme" }, session { role = "mc" }, {}
  assert(esme:request(0x09, { system_id = "esme" }, 1, 0))
  mc:receive(esme:output(), 0, slots)
  local bind = slots[2]
  assert(mc:answer(bind, nil, "mc", 0))
  esme:receive(mc:output(), 0, slots)
  assert.equal("BOUND_TRX", esme:state())
  return esme, mc, bind
end

local function still_good(pdu, octets, map)
  assert.equal(octets, pdu:octets())
  assert.equal("submit_sm", pdu.command)
  assert.is_true(map:put("key", 1, 0))
  assert.equal(1, map:get("key"))
  local esme, mc = bound_pair()
  assert.equal("BOUND_TRX", mc:state())
  assert(esme:request(0x04, { short_message = "x" }, 2, 0))
end

--- What nobody should pass: each with a name for messages.
local function odd_values()
  local esme, mc, bind = bound_pair()
  local closed = session { role = "esme" }
  closed:close()
  closed:poll {}
  local deep = setmetatable({}, { __index = function(_, key) return tostring(key):rep(50) end })
  return {
    { "nil", nil }, { "true", true }, { "false", false }, { "0", 0 }, { "1", 1 }, { "-1", -1 }, { "1.5", 1.5 },
    { "4", 4 }, { "255", 255 }, { "256", 256 }, { "65536", 65536 }, { "2^31", 2 ^ 31 }, { "-2^31", -2 ^ 31 },
    { "2^32", 2 ^ 32 }, { "2^53", 2 ^ 53 }, { "2^63", 2 ^ 63 }, { "1e300", 1e300 }, { "infinity", math.huge },
    { "-infinity", -math.huge }, { "NaN", 0 / 0 },
    { '""', "" }, { '"x"', "x" }, { '"5"', "5" }, { "NULs", ("\0"):rep(20) }, { "0xFF", ("\255"):rep(300) },
    { "70000 octets", ("a"):rep(70000) }, { '"gsm7_packed"', "gsm7_packed" }, { '"shift_jis"', "shift_jis" },
    { "{}", {} }, { "{ {} }", { {} } }, { "{ true }", { [true] = true } }, { "{ 1, 2 }", { 1, 2 } },
    { "fields", { command = "submit_multi", dest_address = { deep }, tlvs = { deep } } },
    { "options", { role = "mc", window = 0 / 0 } },
    { "a function", print }, { "a coroutine", coroutine.create(function() end) }, { "a file", io.stdout },
    { "a PDU", bind }, { "an ESME", esme }, { "an MC", mc }, { "a closed session", closed }, { "a map", core.map.new() },
    { "a codec", codec },
  }
end

--- All functions of a table, tables in it included, sorted by name.
local function functions_of(t, prefix, out)
  out = out or {}
  for name, value in pairs(t) do
    local path = prefix .. "." .. tostring(name)
    if type(value) == "function" and path ~= "core.lock" then -- that makes the file it is given: bind_lock_spec.lua
      out[#out + 1] = { path, value }
    elseif type(value) == "table" then
      functions_of(value, path, out)
    end
  end
  table.sort(out, function(a, b) return a[1] < b[1] end)
  return out
end

local VIEW = { "octets", "tlvs", "tlv", "totable", "layout", "problems", "with" }

local unpack = table.unpack or unpack -- luacheck: compat

--- Has fn called when this garbage is collected.
local function on_collected(fn)
  local newproxy = rawget(_G, "newproxy") -- what Lua 5.1 has instead of __gc of tables
  if newproxy then
    getmetatable(newproxy(true)).__gc = fn
  else
    setmetatable({}, { __gc = fn })
  end
end

--- Calls and says what went wrong with that, if a misuse did not raise as it should.
local function try(path, fn, arguments, n)
  local ok, err = pcall(fn, unpack(arguments, 1, n))
  if ok or type(err) == "string" then return end
  error(path .. " raised a " .. type(err))
end

describe("core: wrong arguments", function()
  local octets = assert(codec.encode { command = "submit_sm", short_message = "hello", sequence_number = 7 })
  local pdu = assert(codec.decode(octets))
  local map = core.map.new()
  local all = functions_of(core, "core")
  local session_methods = functions_of(debug.getmetatable(session { role = "esme" }).__index, "session")
  for _, list in ipairs { functions_of(codec, "codec"), functions_of(debug.getmetatable(map).__index, "map"), session_methods } do
    for _, entry in ipairs(list) do all[#all + 1] = entry end
  end
  for _, name in ipairs(VIEW) do all[#all + 1] = { "pdu." .. name, pdu[name] } end

  it("of each function, the same wrong value everywhere", function()
    for _, entry in ipairs(all) do
      for _, value in ipairs(odd_values()) do
        for n = 0, 5 do try(entry[1], entry[2], { value[2], value[2], value[2], value[2], value[2] }, n) end
      end
    end
    still_good(pdu, octets, core.map.new())
  end)

  it("of each method, wrong values behind the right object", function()
    for _, entry in ipairs(all) do
      for _, value in ipairs(odd_values()) do
        local esme, mc, bind = bound_pair()
        for _, object in ipairs { esme, mc, bind, core.map.new(), "text", 1 } do
          for _, n in ipairs { 1, 2, 5 } do try(entry[1], entry[2], { object, value[2], value[2], value[2], value[2] }, n) end
        end
      end
    end
    still_good(pdu, octets, core.map.new())
  end)

  it("of each function, any values", function()
    property.holds(ROUNDS, function(random)
      local values = odd_values()
      for _, entry in ipairs(all) do
        local arguments, n = {}, random(7) - 1
        for i = 1, n do arguments[i] = values[random(#values)][2] end
        try(entry[1], entry[2], arguments, n)
      end
    end)
    still_good(pdu, octets, core.map.new())
  end)

  it("keeps metatables, and so __gc, out of reach", function()
    assert.equal("smpp.session", getmetatable(session { role = "esme" }))
    assert.equal("smpp.pdu", getmetatable(pdu))
    assert.equal("smpp.map", getmetatable(map))
    assert.equal("smpp.tally", getmetatable(core.tally()))
    assert.equal("smpp.counts", getmetatable(core.counts()))
  end)

  it("refuses times that are none", function()
    for _, now in ipairs { math.huge, -1, 0 / 0, "soon" } do
      assert.has_error(function() session { role = "esme", now = now } end)
    end
  end)

  it("raises where a session is used after it was collected", function()
    local said = {}
    local function make()
      local box = {}
      on_collected(function()
        for _, entry in ipairs(session_methods) do
          said[entry[1]] = tostring(select(2, pcall(entry[2], box.session, pdu, {}, 1, 1)))
        end
      end)
      box.session = session { role = "esme" } -- the younger is collected first
    end
    local hook, mask, count = debug.gethook()
    debug.sethook() -- make gc collects at any instruction: the finalizer would run before the session is made or has gone
    make()
    collectgarbage()
    collectgarbage()
    debug.sethook(hook, mask, count)
    for _, entry in ipairs(session_methods) do
      local name = entry[1]
      if name ~= "session.is_answerable" then assert.truthy(tostring(said[name]):find "^bad argument #[12]", name) end
    end
    assert.truthy(said["session.state"]:find("expected a session", 1, true))
  end)
end)
