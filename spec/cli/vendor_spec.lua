local other_lua = require "spec.support.other_lua"
local cli = require "spec.support.cli"

local has = cli.has

describe("smpp.cli.vendor", function()
  local function with(text, fn)
    local path = cli.file(text)
    fn(path)
    os.remove(path)
  end

  it("names vendors' TLVs and commands for explain and decode", function()
    -- declarations are for a whole process
    with([[return { tlvs = { { tag = 0x1402, name = "campaign", type = "cstring" } },
      commands = { { name = "probe_sm", id = 0x00010201, parameters = { { name = "source_addr", type = "cstring", max = 21 } } } } }]], function(path)
      local out = other_lua(([[
        local cli = require "spec.support.cli"
        for _, words in ipairs { { "explain", "campaign" }, { "explain", "0x1402" }, { "explain", "probe_sm" },
          { "decode", "00000012 00010201 00000000 00000001 3100" },
          { "decode", "00000018 00000015 00000000 00000001 1402 0004 61626300" } } do
          words[#words + 1], words[#words + 2] = "--config", %q
          local code, out, err = cli.run(words)
          io.write(code, out, err)
        end]]):format(path))
      has(out, "campaign (0x1402), of a vendor")
      has(out, "probe_sm (0x00010201), a command of a vendor")
      has(out, "command_id  probe_sm")
      has(out, 'TLV 0x1402 campaign  "abc"')
    end)
  end)

  it("says what is wrong with the file", function()
    for text, message in pairs {
      ["return {"] = "expected", ["return 1"] = "expected the file to return a table", ["return { tlvs = 1 }"] = "tlvs", ["error 'x'"] = "x",
      ["return { profile = 'gatewayapy' }"] = "did you mean 'gatewayapi'?", ["return { commands = { { name = 'a' } } }"] = "id",
    } do
      with(text, function(path)
        local code, _, err = cli.run { "explain", "submit_sm", "--config", path }
        assert.equal(2, code)
        has(err, message)
        cli.lacks(err, "traceback")
      end)
    end
    assert.equal(2, (cli.run { "decode", "00", "--config", "/nowhere" }))
  end)
end)
