local cli = require "spec.support.cli"
local dkjson = require "dkjson"
local util = require "spec.support.util"
local run = cli.run

local WAVE = "\240\159\145\139"

local has = cli.has

local function count(words, o)
  table.insert(words, 1, "count")
  table.insert(words, 2, "--json")
  local code, out, err = run(words, o)
  assert.equal(0, code, err)
  return dkjson.decode(out)
end

describe("smpp count", function()
  it("tells coding, parts and what is left", function()
    local code, out = run { "count", "Hello World!" }
    assert.equal(0, code)
    has(out, "encoding   gsm7 (data_coding 0)")
    has(out, "parts      1\n")
    has(out, "left       148 septets in the message")
  end)

  it("agrees with the golden vectors", function()
    for _, vector in ipairs(util.vectors "text.jsonl") do
      if vector.kind == "choose" then
        local got = count({ "--", vector.text })
        assert.equal(vector.encoding, got.encoding)
        assert.equal(vector.segments, got.parts, vector.name)
      end
    end
  end)

  it("names the characters that make it dearer, and the cost without them", function()
    local text = ("x"):rep(100) .. WAVE .. "\226\128\166" .. WAVE
    local code, out = run { "count", text }
    assert.equal(0, code)
    has(out, ('because of "%s" (U+1F44B) at character 101, 2 times'):format(WAVE))
    has(out, '(U+2026) at character 102')
    has(out, "without    gsm7, 1 part, 60 septets left")
    local got = count { text }
    assert.equal(2, got.parts)
    assert.equal(1, got.without.parts)
    assert.same({ WAVE, "\226\128\166" }, { got.culprits[1].character, got.culprits[2].character })
    assert.equal(2, got.culprits[1].times)
    got = count { "it\226\128\153s fine\226\128\166" }
    assert.equal("gsm7", got.transliterated.encoding)
    assert.equal("gsm7", count({ "--transliterate", "it\226\128\153s" }).encoding)
  end)

  it("many kinds of them are cut short", function()
    local list = {}
    for i = 0, 19 do list[i + 1] = "\208" .. string.char(0xB0 + i % 16) .. (i > 15 and "\209\128" or "") end
    local _, out = run { "count", table.concat(list) .. "\209\129\209\130\209\131" }
    has(out, "... and ")
  end)

  it("reads stdin and files, without their last line end", function()
    assert.equal(3, count({}, { stdin = "abc\n" }).characters)
    assert.equal(3, count({ "-" }, { stdin = "abc" }).characters)
    assert.equal(7, count({}, { stdin = "abc\ndef\n" }).characters)
    local path = cli.file "four\r\n"
    assert.equal(4, count({ "--file", path }).characters)
    os.remove(path)
    assert.equal(0, count({ "" }).characters)
  end)

  it("takes encodings, languages and the form of parts", function()
    assert.equal("latin1", count({ "--encoding", "latin1", "abc" }).encoding)
    assert.equal("gsm7", count({ "--language", "turkish", ("\196\177\196\159\197\159"):rep(30) }).encoding)
    assert.equal(1, count({ "--long", "payload", ("x"):rep(500) }).parts)
    assert.equal(4, count({ ("x"):rep(500) }).parts)
  end)

  it("fails with a word: 1 for the text, 2 for the options", function()
    for _, case in ipairs {
      { 1, { "--encoding", "latin1", "\226\130\172" }, "latin1" }, { 1, { "\255\254" }, "" }, { 2, { "--language", "klingon", "x" }, "klingon" },
      { 2, { "--encoding", "klingon", "x" }, "klingon" }, { 2, { "--file", "/no/such" }, "/no/such" }, { 2, { "--file", "/" }, "/" },
      { 2, { "--long", "x", "y" }, "long" }, { 2, { "a", "b" }, "" },
    } do
      table.insert(case[2], 1, "count")
      local code, out, err = run(case[2])
      assert.equal(case[1], code, err)
      assert.equal("", out)
      has(err, case[3])
      assert.is_nil(err:find("traceback", 1, true))
    end
    assert.equal(2, (run({ "count" }, { terminal = true })))
  end)
end)
