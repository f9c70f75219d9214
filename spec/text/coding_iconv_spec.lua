-- JIS and Korean, through libc's iconv.
local iconv = require "smpp.core".iconv
local text = require "smpp.text"
local property = require "spec.support.property"
local util = require "spec.support.util"

local hex = util.hex
local function has(encoding) return select(3, iconv.encode("a", encoding)) ~= "bad_value" end

describe("smpp.text.coding: a character set of iconv", function()
  local cases = {
    { "shift_jis", "日本\\~ｱ", "93fa967b5c7eb1" },
    { "euc-jp", "日本\\ｱ丂", "c6fccbdc5c8eb18fb0a1" },
    { "iso-2022-jp", "日本\\", "1b2442467c4b5c1b28425c" },
    { "euc-kr", "한국\\", "c7d1b1b95c" },
  }
  for _, case in ipairs(cases) do
    local encoding, message, octets = case[1], case[2], case[3]
    it(encoding .. " is written and read", function()
      if not has(encoding) then return pending("this libc lacks " .. encoding) end
      local got, info = assert(text.encode(message, { encoding = encoding }))
      assert.equal(octets, hex(got))
      assert.equal(#octets / 2, info.units)
      assert.same({ message }, { text.decode(got, encoding) })
      assert.same({ message }, { text.decode(got, info.data_coding) })
    end)

    it(encoding .. " names what it cannot write", function()
      if not has(encoding) then return pending("this libc lacks " .. encoding) end
      assert.same({ nil, ("character 2 (U+1F600, 😀) cannot be written in %s"):format(encoding), "unmappable" },
        { text.encode("a😀", { encoding = encoding }) })
      assert.same({ nil, "malformed UTF-8 at octet 2", "bad_value" }, { text.encode("a\255", { encoding = encoding }) })
      assert.equal("a?b", (text.encode("a😀b", { encoding = encoding, on_unmappable = "?" })))
    end)

    it(encoding .. " is read however it was cut", function()
      if not has(encoding) then return pending("this libc lacks " .. encoding) end
      local whole = util.unhex(octets)
      for length = 0, #whole do
        local got, problems = text.decode(whole:sub(1, length), encoding)
        assert.is_truthy(text.encode(got, { encoding = "ucs2" }))
        if problems then
          assert.equal("ill_formed", problems[1].code)
          assert.matches("\239\191\189", got, 1, true)
        end
      end
      property.holds(500, function(random, shown)
        local noise = {}
        for i = 1, random(20) do noise[i] = string.char(random(256) - 1) end
        shown.octets = table.concat(noise)
        assert.is_truthy(text.encode((text.decode(shown.octets, encoding)), { encoding = "ucs2" }))
      end, 3)
    end)
  end

  it("that ends within a character shows one replacement for it", function()
    if not has "euc-jp" then return pending "this libc lacks euc-jp" end
    assert.same({ "a\239\191\189", { { code = "ill_formed", offset = 2, message = "malformed euc-jp" }, total = 1 } },
      { text.decode("a\143\176", "euc-jp") })
  end)

  it("does not pass a yen sign off as a backslash, nor let an escape through", function()
    for _, encoding in ipairs { "shift_jis", "euc-jp" } do
      if has(encoding) then assert.equal("unmappable", select(3, text.encode("¥", { encoding = encoding }))) end
    end
    if has "iso-2022-jp" then
      assert.equal("unmappable", select(3, text.encode("a\27", { encoding = "iso-2022-jp" })))
    end
  end)
end)

describe("smpp.text.coding: splitting", function()
  local pools = {
    shift_jis = { "日", "本", "ｱ", "a", "あ", "\\", "―" },
    ["euc-jp"] = { "日", "本", "ｱ", "丂", "a", "あ" },
    ["euc-kr"] = { "한", "국", "a", "漢" },
  }
  for encoding, pool in pairs(pools) do
    it(encoding .. " never cuts a character", function()
      if not has(encoding) then return pending("this libc lacks " .. encoding) end
      property.holds(40, function(random, case)
        local list = {}
        for i = 1, random(400) do list[i] = pool[random(#pool)] end
        local message = table.concat(list)
        case.message = message
        for _, udh in ipairs { "concat_8bit", "concat_16bit", "sar", "payload" } do
          local parts = assert(text.split(message, { encoding = encoding, udh = udh }))
          local read = {}
          for i, part in ipairs(parts) do
            if udh ~= "payload" then assert.is_true(#part.octets <= 140) end
            local got, problems = text.decode(part.octets:sub(#(part.udh or "") + 1), encoding)
            assert.is_nil(problems)
            assert.equal(part.text, got)
            read[i] = got
          end
          assert.equal(message, table.concat(read))
        end
      end, 11)
    end)
  end

  it("iso-2022-jp is refused where it does not fit", function()
    if not has "iso-2022-jp" then return pending "this libc lacks iso-2022-jp" end
    assert.equal(1, #text.split(("日"):rep(60), { encoding = "iso-2022-jp" }))
    assert.same({ nil, "iso-2022-jp cannot be split: its shift states would be lost", "too_long" },
      { text.split(("日"):rep(80), { encoding = "iso-2022-jp" }) })
    assert.equal(1, #text.split(("日"):rep(80), { encoding = "iso-2022-jp", udh = "payload" }))
  end)

  it("counts what forces the dearer coding", function()
    if not has "euc-kr" then return pending "this libc lacks euc-kr" end
    local info = text.measure("한국 é", { allow = { "gsm7", "euc-kr", "ucs2" } })
    assert.equal("ucs2", info.encoding)
    info = text.measure("한국", { allow = { "gsm7", "euc-kr", "ucs2" } })
    assert.equal("euc-kr", info.encoding)
    assert.same({ 2, 2 }, { info.culprits[1].units, info.culprits[2].units })
    info = text.measure("한é", { allow = { "euc-kr", "ucs2" } })
    assert.equal(1, #info.culprits)
    assert.equal("é", info.culprits[1].character)
  end)
end)
