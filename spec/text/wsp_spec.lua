local property = require "spec.support.property"
local util = require "spec.support.util"
local wsp = require "smpp.text.wsp"

local hex = util.unhex

-- The example of WAP-167, 8.3.
local SI = hex "02056A0045C60D" .. "\3xyz\0\133\3email/123/abc.wml\0" .. hex "0AC30719990625152315" .. hex "10C30419990630"
  .. hex "01" .. "\3You have 4 new emails\0" .. hex "0101"
-- The example of WAP-168, 8.3, without its dates.
local SL = hex "02066A00" .. hex "85" .. "\10\3xyz\0\133\3ppaid/123/abc.wml\0" .. hex "01"
local MMS = "\140\130\152T1\0\141\144\137\25\128+4915112345678/TYPE=PLM\0\150\7\234Hello\0\138\128\142\2\116\0\136\5\129\3\2\162\255"
  .. "\131http://mms.example/abc?x=1\0"

local function push(content_type, body, kind) return "\1" .. (kind or "\6") .. string.char(#content_type) .. content_type .. body end

describe("smpp.text.wsp", function()
  it("reads service indications and service loading", function()
    local url, words = "http://www.xyz.com/email/123/abc.wml", "You have 4 new emails"
    local si = { kind = "si", content_type = "application/vnd.wap.sic", url = url, text = words }
    assert.same(si, wsp.push(push("\174", SI)))
    assert.same(si, wsp.push(push("\3\174\129\234", SI, "\7")))
    assert.same(si, wsp.push(push("application/vnd.wap.sic\0\175\132", SI)))
    assert.same({ kind = "sl", content_type = "application/vnd.wap.slc", url = "http://www.xyz.com/ppaid/123/abc.wml" }, wsp.push(push("\176", SL)))
    assert.same({ kind = "si", content_type = "text/vnd.wap.si", url = "http://a/", text = "News" },
      wsp.push(push("\173", '<si><indication href="http://a/" action="signal-low">News</indication></si>')))
  end)

  it("reads URLs out of string tables, and entities", function()
    local body = hex "02056A05" .. "a.de\0" .. hex "45C60C8300" .. hex "03" .. "/x\0" .. hex "0226" .. hex "01" .. "\3hi\0\1\1"
    assert.equal("http://a.de/x&", wsp.push(push("\174", body)).url)
  end)

  it("reads MMS notifications", function()
    local mms = wsp.push(push("\190", MMS))
    assert.same({ kind = "mms", content_type = "application/vnd.wap.mms-message", url = "http://mms.example/abc?x=1",
      size = 29696, text = "Hello", from = "+4915112345678/TYPE=PLM" }, mms)
    assert.equal("mms", wsp.push(push("application/vnd.wap.mms-message\0\175\132", MMS)).kind)
    assert.equal("other", wsp.push(push("\190", "\140\132")).kind) -- an m-send-conf
  end)

  it("names other content types, and knows what is no push", function()
    assert.equal("application/vnd.wap.connectivity-wbxml", wsp.push(push("\182", "")).content_type)
    assert.equal("content type 0x05", wsp.push(push("\133", "")).content_type)
    assert.is_nil(wsp.push "")
    assert.is_nil(wsp.push "\1\64\1\3")
    assert.is_nil(wsp.push "\1\6")
  end)

  it("reads what is cut, and any octets", function()
    for _, whole in ipairs { push("\174", SI), push("\176", SL), push("\190", MMS) } do
      for length = 0, #whole do wsp.push(whole:sub(1, length)) end
    end
    property.holds(2000, function(random, case)
      local pieces = {}
      for i = 1, random(60) do pieces[i] = string.char(random(256) - 1) end
      case.octets = push(string.char(128 + 0x2C + random(20)), table.concat(pieces))
      wsp.push(case.octets)
    end)
  end)
end)
