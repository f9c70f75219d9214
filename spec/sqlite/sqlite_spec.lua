local has, sqlite = pcall(require, "smpp.sqlite")

describe("sqlite", function()
  it("says which SQLite runs", function()
    if has then assert.truthy(sqlite.version():find "^3%.") end
  end)
end)
