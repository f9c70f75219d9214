-- docs/pictures.lua: what a terminal shows, as SVG; and the pictures of README, which it made.
local pictures = dofile "docs/pictures.lua"

local function read(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read "*a"
  file:close()
  return text
end

--- Is this well-formed XML?  Elements that are opened are closed, and no text has an angle bracket.
local function check(svg)
  local open = {}
  for close, name, rest in svg:gmatch "<(/?)(%w+)([^<>]*)>" do
    if close == "/" then
      assert.equal(name, table.remove(open))
    elseif rest:sub(-1) ~= "/" then
      open[#open + 1] = name
    end
  end
  assert.equal(0, #open)
  assert.is_nil(svg:gsub("<[^<>]*>", ""):find "[<>]")
  assert.is_nil(svg:find "&[^alqg]")
end

describe("docs/pictures.lua", function()
  it("places text by cells, with bold, dim and colours, which last over the end of a line", function()
    local svg = pictures.svg("a  \27[1mb\27[0m \27[31mc <&\n d\27[0m e\27[2m f\27[0m\n", "light", "smpp <x>", 20)
    check(svg)
    local theme = pictures.themes.light
    for _, part in ipairs {
      '<text x="16.0" y="56.0" fill="' .. theme.text .. '" textLength="8.4">a</text>', 'font-weight="bold" textLength="8.4">b</text>',
      'fill="' .. theme.colors[31] .. '" textLength="33.6">c &lt;&amp;</text>', 'fill="' .. theme.colors[31] .. '" textLength="8.4">d</text>',
      'fill="' .. theme.dim .. '" textLength="8.4">f</text>', 'aria-label="smpp &lt;x&gt;"',
    } do
      assert.truthy(svg:find(part, 1, true), part .. "\n" .. svg)
    end
  end)

  it("draws bars and rules, and leaves wide characters two cells", function()
    local svg = pictures.svg("─▁█░ 漢x", "dark", "x", 20)
    check(svg)
    assert.equal(1 + 4, select(2, svg:gsub("<rect", "")))
    assert.truthy(svg:find('textLength="25.2">漢x<', 1, true))
    assert.is_nil(svg:find "█")
  end)

  it("cuts at the width, and ignores other sequences", function()
    local svg = pictures.svg("\27[?25labcdef\27[K", "dark", "x", 4)
    assert.truthy(svg:find(">abcd<", 1, true))
    check(svg)
  end)

  it("made those of README, light and dark", function()
    local readme, count = read "README.md", 0
    for path in readme:gmatch 'docs/pictures/[%w-]+%.svg' do
      check(read(path))
      count = count + 1
    end
    assert.equal(9, count) -- each is named as dark, as light, and as the image
  end)
end)
