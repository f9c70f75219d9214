local dropin = require "smpp.gateway.http_dropin"
local http = require "smpp.http"
local property = require "spec.support.property"

local function escape(value) return (value:gsub("[^%w]", function(c) return c == " " and "+" or ("%%%02x"):format(c:byte()) end)) end

describe("smpp.gateway.http_dropin", function()
  it("reads the URL before a form, the first of a name", function()
    local request = { method = "POST", query = "a=1&b=%20x+y&a=2", body = "c=3&b=4", headers = { ["content-type"] = dropin.FORM .. "; charset=utf-8" } }
    assert.same({ a = "1", b = " x y", c = "3" }, dropin.params(request))
    request.headers["content-type"] = "text/plain"
    assert.same({ a = "1", b = " x y" }, dropin.params(request))
    request.query = "a=%4&b=100%zz+%41%"
    assert.same({ a = "%4", b = "100%zz A%" }, dropin.params(request))
  end)

  it("gives back what a form was made of", function() property.holds(200, function(random)
    local given, list = {}, {}
    for i = 1, random(6) do
      local octets = {}
      for k = 1, random(12) - 1 do octets[k] = string.char(random(256) - 1) end
      given["n" .. i .. (octets[1] or "")] = table.concat(octets)
    end
    for name, value in pairs(given) do list[#list + 1] = escape(name) .. "=" .. escape(value) end
    assert.same(given, dropin.params { method = "GET", query = table.concat(list, "&"), headers = {} })
  end) end)

  it("reads any octets without failing", function() property.holds(200, function(random)
    local octets = {}
    for i = 1, random(60) do octets[i] = ("&=%+aZ09\0\255"):sub(random(10), -1):sub(1, 1) end
    local values, message = http.form(table.concat(octets), "first")
    assert.is_true(values ~= nil or message == "malformed percent-encoding")
    assert.is_table((http.form(table.concat(octets), "first", true)))
  end) end)

  it("reads a form in time that grows with its length", function()
    local function cost(n, unit)
      local count = 0
      debug.sethook(function() count = count + 1 end, "", 100)
      http.form(unit:rep(n), "first")
      debug.sethook()
      return count
    end
    for _, unit in ipairs { "&", "=", "%41", "+", "a", "a=b&", "%" } do
      assert.is_true(cost(65536, unit) <= 20 * cost(8192, unit) + 100, unit)
    end
  end)

  it("knows the type of a body and its charset", function()
    local function media(value) return { dropin.media { headers = { ["content-type"] = value } } } end
    assert.same({ "text/plain", "iso-8859-1" }, media 'Text/Plain ; Charset="ISO-8859-1"')
    assert.same({ "text/plain" }, media "text/plain")
    assert.same({ "" }, media(nil))
  end)

  it("finds the passwords of all accounts, and no others", function()
    local function hash(word) return "#" .. word end
    local logins = dropin.logins({
      listens = { { accounts = { acme = { password = "secret", addresses = { "192.0.2.0/24" } }, open = {} } }, {} },
      https = { { accounts = { shop = { password = "other" }, api = {} } } },
    }, hash)
    assert.same({ "#secret", "#other" }, { logins.acme.digest, logins.shop.digest })
    assert.is_true(logins.acme.is_from "192.0.2.7")
    assert.is_false(logins.acme.is_from "198.51.100.7")
    assert.same({}, { logins.open, logins.api })
    local wrong = 0
    local self = { logins = logins, hash = function(_, word) return hash(word) end, wrong_again = function() wrong = wrong + 1 end }
    local request = { peer = "192.0.2.7" }
    assert.equal("acme", dropin.account(self, request, "acme", "secret"))
    assert.is_nil(dropin.account(self, request, "acme", "other"))
    assert.is_nil(dropin.account(self, request, "nobody", ""))
    assert.is_nil(dropin.account(self, request, nil, nil))
    assert.is_nil(dropin.account(self, { peer = "198.51.100.7" }, "acme", "secret"))
    assert.equal(4, wrong)
  end)

  it("reads whole numbers in a range", function()
    assert.same({ 0, 3 }, { dropin.integer("0", 0, 3), dropin.integer("03", 0, 3) })
    for _, word in ipairs { "4", "-1", "x", "", "1.5", "0x1", ("9"):rep(400) } do assert.is_nil(dropin.integer(word, 0, 3), word) end
  end)
end)
