local load_text = loadstring or load -- luacheck: ignore 113

describe("docs/text.md", function()
  local file = assert(io.open "docs/text.md")
  local guide = file:read "*a"
  file:close()
  local n = 0
  for block in guide:gmatch "```lua\n(.-)```" do
    n = n + 1
    it("example " .. n .. " does what it says", function() assert(load_text(block, "=docs/text.md"))() end)
  end

  it("has examples", function() assert.is_true(n >= 6) end)

  it("names every encoding with the data_coding it is sent with", function()
    for name, encoding in pairs(require "smpp.core".text.encodings) do
      local row = guide:match("\n(| `" .. name:gsub("%p", "%%%0") .. "`[^\n]*)") or guide:match("\n(| [^\n]*`" .. name .. "`[^\n]*)")
      assert.is_truthy(row and row:match("| " .. (encoding.data_coding or "|") .. "[ |]?"), name)
    end
  end)
end)
