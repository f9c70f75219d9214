local data = require "smpp.bot.fold_data"

local function count(text) return select(2, text:gsub("%S+", "")) end

describe("smpp.bot.fold_data", function()
  it("has the rows of Unicode 14.0", function()
    assert.same({ 194, 104, 618, 382 }, { count(data.simple), count(data.full), count(data.decomposed), count(data.classes) })
    assert.truthy(data.full:find("DF:73+73", 1, true))
    assert.truthy(data.simple:find("C0-D6:E0", 1, true))
  end)

  it("is read whole: each row has its form", function()
    for row in data.simple:gmatch "%S+" do assert.truthy(row:find "^%x+%-?%x*/?2?:%x+$", row) end
    for _, list in ipairs { data.full, data.decomposed } do
      for row in list:gmatch "%S+" do assert.truthy(row:find "^%x+:[%x+]+$", row) end
    end
    for row in data.classes:gmatch "%S+" do assert.truthy(row:find "^%x+%-?%x*=%d+$", row) end
  end)
end)
