local property = require "spec.support.property"
local core = require "smpp.core"
local receipt, timestamp = core.receipt, core.timestamp

describe("bind_receipt", function()
  it("gives the fields of a receipt's text, others in lower case, and its two dates as Unix times", function()
    local fields, submitted, done = receipt.scan "id:ab sub:001 dlvrd:001 submit date:2401011200 done date:xx stat:DELIVRD err:000 MCC:262 text:Hi you"
    assert.same({
      id = "ab", sub = "001", dlvrd = "001", submit_date = "2401011200", done_date = "xx", stat = "DELIVRD", err = "000", mcc = "262", text = "Hi you",
    }, fields)
    assert.equal(1704110400, submitted)
    assert.is_nil(done)
    assert.equal(1704110400 - 3600, (select(2, receipt.scan("submit date:2401011200", 3600))))
    assert.same({}, (receipt.scan ""))
  end)

  it("keeps sixteen of a text's own keys, the first of equal ones", function()
    local pieces = {}
    for i = 1, 40 do pieces[i] = ("k%02d:%d"):format((i - 1) % 20, i) end
    local fields, n = receipt.scan("stat:DELIVRD " .. table.concat(pieces, " ")), 0
    for name in pairs(fields) do if name:find "^k%d" then n = n + 1 end end
    assert.equal(16, n)
    assert.equal("1", fields.k00)
  end)

  it("knows states by word and number", function()
    assert.same({ "DELIVERED", true, 2, "DELIVRD" }, { receipt.state "delivrd" })
    assert.same({ receipt.state "DELIVRD" }, { receipt.state(2) })
    assert.equal(0, select("#", receipt.state "NONSENSE"))
    for _, number in ipairs { 10, -1, 2.5, 1e300 } do assert.equal(0, select("#", receipt.state(number))) end
  end)

  it("writes message ids in the other base", function()
    assert.equal("255", receipt.rebase("00FF", "dec"))
    assert.equal("ff", receipt.rebase("255", "hex"))
    assert.is_nil(receipt.rebase("xyz", "dec"))
    assert.has_error(function() receipt.rebase("1", "octal") end)
  end)

  it("reads times and writes them again", function()
    assert.same({ "none" }, { timestamp.read "" })
    assert.same({ "absolute", 1704110400, 3, 4 }, { timestamp.read "240101130000304+" })
    assert.same({ "relative", 1, 2, 3 * 86400 + 4 }, { timestamp.read "010203000004000R" })
    assert.equal("240101130000304+", timestamp.absolute(1704110400, 3, 4))
    assert.equal("010203000004000R", timestamp.relative(1, 2, 3 * 86400 + 4))
    assert.equal(1709164800, timestamp.after(0, 1, 0, 1706659200))
    assert.same({ nil, "bad_value" }, { (timestamp.read "x"), (select(3, timestamp.read "x")) })
    assert.equal("bad_value", (select(3, timestamp.absolute(0))))
    assert.equal("bad_value", (select(3, timestamp.relative(100, 0, 0))))
  end)

  it("takes Unix times beyond 2038, and no fractions", function()
    assert.equal("500101000000000+", timestamp.absolute(2524608000))
    assert.equal(2524608000, (select(2, timestamp.read "500101000000000+")))
    assert.has_error(function() timestamp.absolute(1.5) end)
    assert.has_error(function() timestamp.absolute(2 ^ 60) end)
    assert.has_error(function() timestamp.absolute(0 / 0) end)
    assert.has_error(function() timestamp.read("", 86401) end)
  end)
end)

describe("bind_receipt: message ids", function()
  local rebase = core.receipt.rebase

  it("change base at any size", function()
    local pairs_of = {
      { "0", "0" }, { "a", "10" }, { "1a3", "419" }, { "ff", "255" }, { "ffffffff", "4294967295" },
      { "20000000000001", "9007199254740993" }, -- beyond a double
      { "ab54a98ceb1f0ad2", "12345678901234567890" },
      { ("f"):rep(65), "1852673427797059126777135760139006525652319754650249024631321344126610074238975" },
    }
    for _, row in ipairs(pairs_of) do
      assert.equal(row[2], rebase(row[1], "dec"))
      assert.equal(row[2], rebase(row[1]:upper(), "dec"))
      if #row[2] <= 65 then
        assert.equal(row[1], rebase(row[2], "hex"))
        assert.equal(row[1], rebase("000" .. row[2], "hex"))
      end
    end
  end)

  it("refuse what is no number", function()
    for _, id in ipairs { "", "1g", "-1", "1 ", "0x1", ("1"):rep(66) } do
      assert.is_nil(rebase(id, "hex"))
      assert.is_nil(rebase(id, "dec"))
    end
    assert.is_nil(rebase("1a", "hex"))
  end)

  it("come back from the other base", function()
    property.holds(1000, function(random, case)
      local digits = {}
      for i = 1, random(60) do digits[i] = tostring(random(10) - 1) end
      local id = table.concat(digits)
      case.id = id
      assert.equal(id:match "^0*(.+)$", rebase(rebase(id, "hex"), "dec"))
    end, 5)
  end)
end)
