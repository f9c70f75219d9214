local core = require "smpp.core"
local receipt_terms = require "smpp.cli.receipt_terms"

describe("smpp.cli.receipt_terms", function()
  local function find(what, value)
    local lines = {}
    local known = receipt_terms.find(function(name, words) lines[name] = words end, what, value)
    return known, lines
  end

  it("has words for every state of message_state", function()
    for _, row in ipairs(core.protocol.values().message_state) do
      local known, lines = find(row.name)
      assert.is_true(known)
      assert.equal(("%s (%d)"):format(row.name:upper(), row.low), lines.message_state)
      assert.is_string(lines.meaning)
    end
  end)

  it("leaves other words alone", function()
    for _, word in ipairs { "submit_sm", "ESME_ROK", "0x58", "", ":", "stat_x", "OK" } do
      assert.is_false((find(word)))
      assert.is_false((find(word, "1")))
    end
  end)
end)
