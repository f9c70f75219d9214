local iconv = require("smpp.core").iconv

describe("bind_iconv", function()
  local function has(encoding) return select(3, iconv.encode("a", encoding)) ~= "bad_value" end

  it("converts there and back, as far as libc has the character set", function()
    for encoding, octets in pairs { shift_jis = "\147\250\150\123", ["euc-jp"] = "\198\252\203\220", ["euc-kr"] = "\199\209" } do
      if has(encoding) then
        local text = iconv.decode(octets, encoding)
        assert.equal(octets, iconv.encode(text, encoding), encoding)
      end
    end
    if has "iso-2022-jp" then assert.equal("\27$BF|\27(B", iconv.encode("日", "iso-2022-jp")) end -- back in the first shift state
  end)

  it("says which character has no octets there, and what is no UTF-8", function()
    if not has "shift_jis" then return end
    local octets, message, code = iconv.encode("日😀", "shift_jis")
    assert.is_nil(octets)
    assert.matches("U%+1F600", message)
    assert.equal("unmappable", code)
    assert.equal("bad_value", (select(3, iconv.encode("日\255", "shift_jis"))))
  end)

  it("puts U+FFFD for octets that are no character, and tells where the first is", function()
    if not has "euc-kr" then return end
    local text, bad = iconv.decode("a\199\209\255b\199", "euc-kr")
    assert.equal("a한\239\191\189b\239\191\189", text)
    assert.equal(4, bad)
    assert.same({ "" }, { iconv.decode("", "euc-kr") })
  end)

  it("raises for other encodings", function()
    assert.has_error(function() iconv.encode("a", "ucs2") end)
    assert.has_error(function() iconv.decode("a", "klingon") end)
  end)
end)
