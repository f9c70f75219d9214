local fold = require "smpp.bot.fold"
local words = require "smpp.bot.words"

describe("smpp.bot.words", function()
  it("has words that can be said, each once in its list", function()
    local lists = { words.stop, words.stop_outside, words.start, words.help, words.cancel }
    for _, one in pairs(words.yes_no) do
      lists[#lists + 1], lists[#lists + 2] = one.yes, one.no
      local is_no = fold.set(false, one.no)
      for _, word in ipairs(one.yes) do assert.is_false(is_no(fold.words(word)), word) end
    end
    for _, list in ipairs(lists) do
      local seen = {}
      for _, word in ipairs(list) do
        assert.is_nil(seen[word], word)
        seen[word] = true
        assert.is_true(fold.set(true, list)(fold.words(word:lower())), word)
      end
    end
  end)

  it("has no opt-out that is an opt-in, or a wish for help", function()
    local is_stop = fold.set(true, words.stop, words.stop_outside)
    for _, list in ipairs { words.start, words.help } do
      for _, word in ipairs(list) do assert.is_false(is_stop(fold.words(word)), word) end
    end
  end)
end)
