local core = require "smpp.core"
local util = require "spec.support.util"

describe("bind_resp", function()
  it("writes the words of a command, however long", function()
    local random = util.random(1)
    for _ = 1, 30 do
      local words, parts = {}, {}
      for i = 1, random(40) do
        words[i] = ("\r\n\0x"):rep(random(500))
        parts[i] = ("$%d\r\n"):format(#words[i]) .. words[i] .. "\r\n"
      end
      assert.equal(("*%d\r\n"):format(#words) .. table.concat(parts), core.resp_command(words, #words))
    end
    assert.equal("*0\r\n", core.resp_command({}, 0))
    assert.equal("*1\r\n$1\r\na\r\n", core.resp_command({ "a", "b" }, 1))
  end)

  it("writes numbers as people do", function()
    for number, text in pairs {
      [0] = "0", [10] = "10", [-7] = "-7", [0.5] = "0.5", [9007199254740992] = "9007199254740992", [1e300] = "1.0000000000000001e+300",
      [-4611686018427387904] = "-4611686018427387904",
    } do
      assert.equal(("*1\r\n$%d\r\n%s\r\n"):format(#text, text), core.resp_command({ number }, 1))
    end
    if math.type then -- luacheck: compat
      for _, number in ipairs { math.maxinteger, math.mininteger } do -- luacheck: compat
        assert.equal(("*1\r\n$%d\r\n%d\r\n"):format(#tostring(number), number), core.resp_command({ number }, 1))
      end
    end
  end)

  it("returns the place of what is no word, and raises for what is no list", function()
    for _, wrong in ipairs { true, {}, math.huge, -math.huge, 0 / 0, print } do
      assert.same({ nil, 2 }, { core.resp_command({ "a", wrong, "c" }, 3) })
    end
    assert.same({ nil, 3 }, { core.resp_command({ "a", "b" }, 3) })
    assert.error_matches(function() core.resp_command("a", 1) end, "table expected")
  end)
end)
