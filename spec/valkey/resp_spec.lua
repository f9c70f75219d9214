local property = require "spec.support.property"
local resp = require "smpp.valkey.resp"

--- Feeds pieces; the replies, pushes, and what was malformed.
local function read(pieces, limits)
  local replies, pushes, wrong = {}, {}, nil
  local reader = resp.reader(function(value) replies[#replies + 1] = value end, function(list) pushes[#pushes + 1] = list end, limits)
  for _, piece in ipairs(pieces) do
    local ok, message = reader:feed(piece)
    wrong = not ok and message or nil
  end
  return replies, pushes, wrong, reader
end

local function plain(value)
  if resp.is_error(value) then return { error = value.message, code = value.code } end
  return value
end

-- octets, reply
local REPLIES = {
  { "+OK\r\n", "OK" }, { "+\r\n", "" }, { ":1000\r\n", 1000 }, { ":-5\r\n", -5 }, { ":+5\r\n", 5 },
  { ":9007199254740993\r\n", "9007199254740993" }, { ":-9223372036854775808\r\n", "-9223372036854775808" },
  { "$5\r\nhello\r\n", "hello" }, { "$0\r\n\r\n", "" }, { "$-1\r\n", false }, { "$4\r\na\r\nb\r\n", "a\r\nb" },
  { "*0\r\n", {} }, { "*-1\r\n", false }, { "*2\r\n$1\r\na\r\n:3\r\n", { "a", 3 } }, { "*3\r\n:1\r\n$-1\r\n:2\r\n", { 1, false, 2 } },
  { "*2\r\n*1\r\n+a\r\n*0\r\n", { { "a" }, {} } },
  { "_\r\n", false }, { "#t\r\n", true }, { "#f\r\n", false }, { ",3.25\r\n", 3.25 }, { ",10\r\n", 10 }, { ",1.5e3\r\n", 1500 }, { ",inf\r\n", math.huge },
  { ",-inf\r\n", -math.huge }, { "(3492890328409238509324850943850943825024385\r\n", "3492890328409238509324850943850943825024385" },
  { "=15\r\ntxt:Some string\r\n", "Some string" }, { "%2\r\n+a\r\n:1\r\n+b\r\n*1\r\n:2\r\n", { a = 1, b = { 2 } } }, { "%0\r\n", {} },
  { "~2\r\n+x\r\n+y\r\n", { "x", "y" } }, { "|1\r\n+ttl\r\n:3600\r\n+value\r\n", "value" }, { "*2\r\n|1\r\n+a\r\n+b\r\n:1\r\n:2\r\n", { 1, 2 } },
  { "-ERR unknown command\r\n", { error = "ERR unknown command", code = "ERR" } },
  { "!21\r\nSYNTAX invalid syntax\r\n", { error = "SYNTAX invalid syntax", code = "SYNTAX" } },
  { "%1\r\n,nan\r\n:1\r\n", { nan = 1 } },
}

describe("smpp.valkey.resp", function()
  it("reads every type, whole and cut at each octet", function()
    for _, row in ipairs(REPLIES) do
      local octets, wanted = row[1], row[2]
      local function check(pieces)
        local replies, _, wrong = read(pieces)
        assert.is_nil(wrong, octets)
        assert.equal(1, #replies, octets)
        assert.same(wanted, plain(replies[1]), octets)
      end
      check { octets }
      local single = {}
      for i = 1, #octets do
        single[i] = octets:sub(i, i)
        if i < #octets then check { octets:sub(1, i), octets:sub(i + 1) } end
      end
      check(single)
    end
  end)

  it("reads a nan", function()
    local replies = read { ",nan\r\n" }
    assert.is_true(replies[1] ~= replies[1])
  end)

  it("reports push data apart, between replies", function()
    local replies, pushes = read { "+a\r\n>3\r\n+message\r\n+channel\r\n+text\r\n>0\r\n+b\r\n" }
    assert.same({ "a", "b" }, replies)
    assert.same({ { "message", "channel", "text" }, {} }, pushes)
  end)

  it("writes commands", function()
    assert.equal("*3\r\n$3\r\nSET\r\n$1\r\na\r\n$0\r\n\r\n", resp.command({ "SET", "a", "" }, 3))
    for value, text in pairs { [1] = "1", [-7] = "-7", [0.5] = "0.5", [9007199254740992] = "9007199254740992", [1e300] = "1.0000000000000001e+300" } do
      assert.equal(("*1\r\n$%d\r\n%s\r\n"):format(#text, text), resp.command({ value }, 1))
    end
    for _, wrong in ipairs { true, {}, math.huge, 0 / 0 } do
      local octets, message = resp.command({ "SET", wrong }, 2)
      assert.is_nil(octets)
      assert.is_truthy(message:find("argument 1: expected a string or a finite number, got ", 1, true))
    end
    assert.equal("argument 1: expected a string or a finite number, got a nil", select(2, resp.command({ "SET", nil, "x" }, 3)))
  end)

  it("says what is malformed, and reads no further", function()
    for octets, what in pairs {
      ["@x\r\n"] = "unknown type", ["\r\n"] = "unknown type", [":x\r\n"] = "invalid value", ["#x\r\n"] = "invalid value", [",x\r\n"] = "invalid value",
      ["_x\r\n"] = "invalid value", ["(x\r\n"] = "invalid value", ["$x\r\n"] = "invalid length", ["$-2\r\n"] = "invalid length", ["*x\r\n"] = "invalid length",
      ["%-1\r\n"] = "invalid length", ["$?\r\n"] = "invalid length", ["$1\r\nabc"] = "a string without its end", ["=3\r\ntxt\r\n"] = "a verbatim string without its format",
      ["*1\r\n>0\r\n"] = "push data inside a reply", ["*9999999999999999\r\n"] = "invalid length",
    } do
      local replies, _, wrong, reader = read { octets }
      assert.same({}, replies)
      assert.is_truthy(wrong and wrong:find(what, 1, true), ("%s: %s"):format(octets, tostring(wrong)))
      assert.same({ nil, wrong }, { reader:feed "+OK\r\n" })
    end
  end)

  it("limits octets, lines, elements and depth of a reply", function()
    local limits = { octets = 100, line = 20, depth = 3 }
    local function wrong(octets) return (select(3, read({ octets }, limits))) end
    assert.is_truthy(wrong("$101\r\n"):find("more than 100 octets", 1, true))
    assert.is_truthy(wrong("*101\r\n"):find("too many elements", 1, true))
    assert.is_truthy(wrong("+" .. ("x"):rep(30)):find("a line of more than 20 octets", 1, true))
    assert.is_truthy(wrong("+" .. ("x"):rep(30) .. "\r\n"):find("a line of more than 20 octets", 1, true))
    assert.is_truthy(wrong("*1\r\n*1\r\n*1\r\n*1\r\n"):find("too deeply nested", 1, true))
    assert.is_truthy(wrong("*40\r\n" .. (":12345\r\n"):rep(40)):find("more than 100 octets", 1, true))
    assert.is_truthy(wrong("*3\r\n$40\r\n" .. ("x"):rep(40) .. "\r\n$60\r\n"):find("more than 100 octets", 1, true))
    assert.is_nil(wrong(("+OK\r\n"):rep(100))) -- of one reply, not of the stream
    assert.is_nil(wrong((">1\r\n+OK\r\n"):rep(100)))
  end)

  it("has a cost that is linear in the octets, whatever the pieces", function()
    local function instructions(size, piece)
      local text = "$" .. size .. "\r\n" .. ("x"):rep(size) .. "\r\n*" .. size .. "\r\n" .. ("_\r\n"):rep(size)
      local reader, n = resp.reader(function() end), 0
      local co = coroutine.create(function()
        for at = 1, #text, piece do assert(reader:feed(text:sub(at, at + piece - 1))) end
      end)
      debug.sethook(co, function() n = n + 1 end, "", 100)
      assert(coroutine.resume(co))
      return n
    end
    for _, piece in ipairs { 1, 7, 4096 } do
      local small, large = instructions(2000, piece), instructions(20000, piece)
      assert.is_true(large < 15 * small + 100, ("pieces of %d: %d, %d"):format(piece, small, large))
    end
  end)

  it("reads what another writer wrote, in any pieces; and never raises on other octets", function()
    local function octets_of(value)
      if type(value) == "number" then return ":" .. value .. "\r\n" end
      if type(value) == "string" then return "$" .. #value .. "\r\n" .. value .. "\r\n" end
      if value == false then return "_\r\n" end
      if value == true then return "#t\r\n" end
      local parts = {}
      for i, element in ipairs(value) do parts[i] = octets_of(element) end
      return "*" .. #value .. "\r\n" .. table.concat(parts)
    end
    property.holds(500, function(random, case)
      local function value(depth)
        local kind = random(depth > 3 and 4 or 5)
        if kind == 1 then return false elseif kind == 2 then return random(1000) - 500 elseif kind == 3 then return true end
        if kind == 4 then return ("\r\n$x"):rep(random(6) - 1):sub(1, random(20)) end
        local list = {}
        for i = 1, random(5) - 1 do list[i] = value(depth + 1) end
        return list
      end
      local wanted, octets = {}, ""
      for i = 1, random(4) do
        wanted[i] = value(0)
        octets = octets .. octets_of(wanted[i])
      end
      local broken = random(3) == 1
      if broken then
        local at = random(#octets)
        octets = octets:sub(1, at - 1) .. string.char(random(256) - 1) .. octets:sub(at + 1)
      end
      case.octets = octets
      local pieces, at = {}, 1
      while at <= #octets do
        local n = random(9)
        pieces[#pieces + 1] = octets:sub(at, at + n - 1)
        at = at + n
      end
      local replies = read(pieces)
      if not broken then assert.same(wanted, replies) end
    end)
  end)
end)
