local charset = require "smpp.cli.charset"
local cli = require "spec.support.cli"
local lines = require "smpp.cli.lines"
local text = require "smpp.text"

local function encoded(words, encoding) return assert(text.encode(words, { encoding = encoding })) end

local TEXT = "to,text\n491,h\195\164llo\n492,\240\159\145\139 \226\130\172\n"

--- The lines of octets, read in pieces of that size; and the first line that is not UTF-8.
local function read(octets, name, size)
  local at, odd, list = 1, nil, {}
  local stdin = { read = function()
    local piece = octets:sub(at, at + size - 1)
    at = at + size
    return piece ~= "" and piece or nil
  end }
  local following = assert(lines.open("-", stdin, { charset = name, on_not_utf8 = function(n) odd = odd or n end }))
  for line in following do list[#list + 1] = line .. "\n" end
  return table.concat(list), odd
end

describe("smpp.cli.charset", function()
  it("reads UTF-16 by its mark or its NULs, in pieces of any size", function()
    local be, le = encoded(TEXT, "ucs2"), encoded(TEXT, "ucs2_le")
    for size = 1, 13 do
      for _, octets in ipairs { be, le, "\254\255" .. be, "\255\254" .. le } do
        assert.equal(TEXT, (read(octets, nil, size)))
        assert.equal(TEXT, (read(octets, "utf-16", size)))
      end
      assert.equal(TEXT, (read(be, "utf-16be", size)))
      assert.equal(TEXT, (read("\255\254" .. le, "utf-16le", size)))
      assert.equal(TEXT, (read(TEXT, nil, size)))
    end
  end)

  it("decides for a pipe at its first line that is not ASCII, and tells which lines are not UTF-8", function()
    local words, odd = read("to,text\n491,h\228llo\n492,h\195\164llo\n493,\128\n", nil, 7)
    assert.equal("to,text\n491,h\195\164llo\n492,h\195\131\194\164llo\n493,\226\130\172\n", words)
    assert.equal(2, odd)
    words, odd = read("to,text\n491,h\195\164llo\n492,h\228llo\n", nil, 7)
    assert.equal("to,text\n491,h\195\164llo\n492,h\228llo\n", words) -- an invalid row of a UTF-8 file
    assert.is_nil(odd)
    assert.is_nil(select(2, read(TEXT, nil, 7)))
  end)

  it("decides for a file by all its lines, or by the mark of UTF-8", function()
    local function survey(...)
      local list, i = { ... }, 0
      return charset.survey(function()
        i = i + 1
        return list[i]
      end)
    end
    assert.same({ nil, 2 }, { survey("to", "491") })
    assert.same({ "utf-8", 3 }, { survey("to", "h\228llo", "h\195\164llo") })
    assert.same({ "cp1252", 3 }, { survey("\228", "h\195\164llo", "h\228llo") })
    assert.same({ "utf-8", 3 }, { survey("\239\187\191to", "h\228llo", "h\228llo") })
    local path = cli.file "to,text\n491,h\195\164llo\n492,h\228llo\n493,h\228llo\n494,\246\n"
    local following, close, total = lines.open(path, io.stdin)
    assert.same({ 5, "to,text", "491,h\195\131\194\164llo", "492,h\195\164llo" }, { total, following(), following(), following() })
    close()
    os.remove(path)
  end)

  it("does as it is told", function()
    assert.equal("\195\131\194\164\n", (read("\195\164", "latin1", 9)))
    assert.equal("\226\130\172\n", (read("\164", "iso-8859-15", 9)))
    local words, odd = read("\228", "utf-8", 9)
    assert.equal("\228\n", words)
    assert.is_nil(odd)
    for _, name in ipairs(charset.names) do assert.equal("to\n", (read(name:find "16" and encoded("to", name:find "le" and "ucs2_le" or "ucs2") or "to", name, 9))) end
  end)

  it("reads the shortest files", function()
    for _, octets in ipairs { "", "a", "a\n", "\n", "\255\254", "\254\255" } do
      for _, name in ipairs { "auto", "utf-8", "latin1", "utf-16" } do assert.is_string((read(octets, name, 1))) end
    end
    assert.equal("a\n", (read("a", nil, 1)))
  end)

  it("is there for smpp send", function()
    local path = cli.file "to,text\n491511111111,h\228llo\n"
    local code, out, err = cli.run { "send", "smpp://me@localhost", "--file", path, "--dry-run" }
    assert.equal(0, code)
    cli.has(out, "1 message, 1 part")
    cli.has(err, path .. ": not UTF-8 in line 2: read as Windows-1252")
    code = cli.run { "send", "smpp://me@localhost", "--file", path, "--dry-run", "--charset", "ebcdic" }
    assert.equal(2, code)
    os.remove(path)
    path = cli.file "to,text\n491511111111,h\195\164llo\n491511111112,h\228llo\n"
    code, out, err = cli.run { "send", "smpp://me@localhost", "--file", path, "--dry-run" }
    assert.equal(1, code)
    cli.has(out, "line 3: malformed UTF-8")
    cli.lacks(err, "1252")
    os.remove(path)
  end)
end)
