local routes = require "spec.support.routes"
local words = require "smpp.route.words"

local function wrong(fn, ...) return (select(2, pcall(fn, ...)):gsub("^.-:%d+: ", "")) end

describe("smpp.route.words", function()
  local w = routes.words { ["a.csv"] = "1\n" }

  it("make what they are called", function()
    assert.equal("prefix", words.of(w.prefix "49"))
    assert.equal("listed", words.of(w.listed "a.csv"))
    assert.is_nil(words.of { word = "prefix" })
    assert.is_nil(words.of "prefix")
    assert.same({ "b", "a" }, w.failover({ "b", "a" }).list)
    local balance = w.balance { telco_b = 1, telco_a = 3, "telco_c" }
    assert.same({ "telco_c", "telco_a", "telco_b" }, balance.list)
    assert.same({ 1, 3, 1 }, balance.weights)
  end)

  it("refuse what they cannot be made of", function()
    assert.equal("prefix: expected 1 to 21 characters, got ''", wrong(w.prefix, ""))
    assert.equal("prefix: expected a string or a list of strings, got 49", wrong(w.prefix, 49))
    assert.equal("prefix: expected strings, got 2", wrong(w.prefix, { "1", 2 }))
    assert.truthy(wrong(w.pattern, "["):find "pattern: malformed pattern")
    assert.equal('range: expected { "FROM", "TO" }', wrong(w.range, { "1" }))
    assert.equal("range: expected two numbers of equal length in order, got '2' and '1'", wrong(w.range, { "2", "1" }))
    assert.equal("range: expected two numbers of equal length in order, got '2' and '10'", wrong(w.range, { "2", "10" }))
    assert.equal("keyword: expected one word, got 'a b'", wrong(w.keyword, "a b"))
    assert.equal("prefixes: expected the name of a file, got nil", wrong(w.prefixes))
    assert.equal("cannot open b.csv", wrong(w.prefixes, "b.csv"))
    assert.equal("failover: expected at least one carrier", wrong(w.failover, {}))
    assert.equal("failover: expected the name of a carrier, got 7", wrong(w.failover, { 7 }))
    assert.equal("failover: unknown setting 'a'", wrong(w.failover, { a = 1 }))
    assert.equal("balance: telco_a: expected its share, a number above 0, got '3'", wrong(w.balance, { telco_a = "3" }))
    assert.equal("balance: b: expected its share, a number above 0, got 0", wrong(w.balance, { telco_a = 1, b = 0 }))
    assert.equal("cheapest: unknown setting 'price'; did you mean 'prices'?", wrong(w.cheapest, { "a", price = "a.csv" }))
    assert.equal("sticky: for_s: expected a number, got '1'", wrong(w.sticky, { "a", for_s = "1" }))
    assert.equal("sticky: by: expected \"from\", \"to\" or \"account\", got 'text'", wrong(w.sticky, { "a", by = "text" }))
    assert.equal("balance: expected carriers, got 3", wrong(w.balance, 3))
    assert.equal('e164: expected { country = "49" }', wrong(w.e164, {}))
  end)

  it("write national and international numbers as E.164", function()
    local to, from = w.e164 { country = "49" }, w.e164 { country = "1", national = "", international = "011", field = "source_addr" }
    assert.equal("4917612", to { to = "017612" })
    assert.equal("4417612", to { to = "004417612" })
    assert.is_nil(to { to = "4917612" })
    assert.equal("4912", from { from = "0114912" })
    assert.is_nil(from { from = "Shop" })
  end)
end)
