-- A conversation of a hundred submits, cut at every octet of both directions: the books balance.
local books = require "spec.support.books"

describe("books", function()
  for _, direction in ipairs { "a_to_b", "b_to_a" } do
    it(("balance when the connection is cut at any octet (%s)"):format(direction), function()
      assert.is_true(books.cut_everywhere(direction, 1) > 1000)
    end)

    it(("balance when it is cut at any octet and all is resent (%s)"):format(direction), function()
      local twice = books.cut_and_resend(direction, 1)
      if direction == "b_to_a" then assert.is_true(twice > 100) end
    end)
  end
end)
