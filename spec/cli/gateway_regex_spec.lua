local property = require "spec.support.property"
local regex = require "smpp.cli.gateway_regex"

--- Does what was read of an expression match a text?
local function matches(found, text)
  if found.all then return true end
  for _, one in ipairs(found.exact) do
    if text == one then return true end
  end
  for _, one in ipairs(found.prefixes) do
    if text:sub(1, #one) == one then return true end
  end
  for _, one in ipairs(found.patterns) do
    if text:find(one) then return true end
  end
  return false
end

describe("smpp.cli.gateway_regex", function()
  it("says expressions as numbers, prefixes and patterns", function()
    local function read(text)
      local found = regex.read(text)
      if not found then return "none" end
      if found.all then return "all" end
      local list = {}
      for _, kind in ipairs { "exact", "prefixes", "patterns" } do
        for _, one in ipairs(found[kind]) do list[#list + 1] = kind:sub(1, 1) .. " " .. one end
      end
      return table.concat(list, ", ")
    end
    for text, expected in pairs {
      [".*"] = "all", ["^.*$"] = "all", [""] = "all", ["^85111$"] = "e 85111", ["^Shop$"] = "e Shop", ["^20\\d+"] = "p 20", ["49"] = "p 49",
      ["^\\+49.*"] = "p +49", ["^49(15|16)[0-9]+$"] = "p 4915, p 4916", ["^(49|43|41)"] = "p 49, p 43, p 41", ["^1$|^2$"] = "e 1, e 2",
      ["^hello.*$"] = "P ^hello.*$", ["^49[1-3]\\d{2}$"] = "P ^49[1-3]%d%d$", ["^a(b|c(d|e))f"] = "P ^abf, P ^acdf, P ^acef", ["^\\w+\\s?x{2,3}"] = "P ^[%w_]+%s?xxx?",
      ["^4[^5-7]"] = "P ^4[^5-7]", ["^.+?b"] = "P ^..-b", ["^10%"] = "P ^10%%", ["49*"] = "P ^49*", ["^[a\\d_]-"] = "P ^[a%d%_]%-",
      ["(?i)^stop"] = "none", ["^(ab)+$"] = "none", ["^(?=a)"] = "none", ["a{99}"] = "none", ["a**"] = "none", ["(a"] = "none", ["a)"] = "none",
      ["[a"] = "none", ["a$b"] = "none", ["\\bword"] = "none", ["\\"] = "none", [("(a|b)"):rep(20)] = "none", [("(a|b)"):rep(13000)] = "none",
    } do
      assert.equal((expected:gsub("P ", "p ")), read(text), text:sub(1, 40))
    end
  end)

  it("match what the expression matches", function()
    property.holds(400, function(random, case)
      local parts, text, near = {}, {}, {}
      local function add(expression, good, bad)
        parts[#parts + 1], text[#text + 1], near[#near + 1] = expression, good, bad
      end
      for _ = 1, random(5) do
        local digit = tostring(random(9))
        local what = random(7)
        if what == 1 then add(digit, digit, "x") end
        if what == 2 then add("\\d", digit, "x") end
        if what == 3 then add("[0-5]", "3", "8") end
        if what == 4 then add("\\d{2,3}", "123", "x") end
        if what == 5 then add("(a|" .. digit .. "|bc)", ({ "a", digit, "bc" })[random(3)], "!") end
        if what == 6 then add("\\.", ".", "-") end
        if what == 7 then add("[^%\\]]+", "^-", "]") end
      end
      case.expression, case.text = "^" .. table.concat(parts) .. "$", table.concat(text)
      local found = regex.read(case.expression)
      assert(found, "not read")
      assert(matches(found, case.text), "no match")
      assert(not matches(found, case.text .. "]"), "the end")
      assert(not matches(found, near[1] .. table.concat(text, "", 2)), "the start")
    end)
  end)
end)
