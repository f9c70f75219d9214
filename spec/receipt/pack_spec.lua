local pack = require "smpp.receipt.pack"

describe("smpp.receipt.pack", function()
  it("brings back what went in, the same octets for the same table", function()
    local values = {
      "", "a:b{}\0", 0, -5, 1.5, 2 ^ 53, 1e100, 0.1, true, false, {}, { 1, 2, { a = "x", b = { [3] = false } } }, { [1] = 1, ["1"] = 2 },
    }
    local all = {}
    for i, value in ipairs(values) do
      assert.same({ value }, pack.read_all(pack.write(value)))
      all[i] = pack.write(value)
    end
    assert.same(values, pack.read_all(table.concat(all)))
    assert.equal("{n1:s1:a}", pack.write { "a" })
    assert.equal(pack.write { b = 1, a = 2, [1] = 3 }, pack.write { [1] = 3, a = 2, b = 1 })
    assert.has_error(function() pack.write(print) end)
  end)
end)
