local ports = require "smpp.text.ports"

describe("smpp.text.ports", function()
  it("names well-known ports", function()
    assert.equal("WAP push", ports.name(2948))
    assert.equal("vCard", ports.name(9204))
    assert.is_nil(ports.name(16000))
    assert.is_nil(ports.read(16000, "x"))
  end)

  it("reads cards and calendars", function()
    assert.same({ kind = "vcard", name = "vCard", text = "Ada Lovelace" },
      ports.read(9204, "BEGIN:VCARD\r\nVERSION:2.1\r\nN:Lovelace;Ada\r\nTEL:+44\r\nEND:VCARD"))
    assert.equal("A. L.", ports.read(226, "BEGIN:VCARD\r\nN:x\r\nFN;CHARSET=UTF-8:A. L.\r\n").text)
    assert.equal("Dinner", ports.read(9205, "BEGIN:VCALENDAR\nBEGIN:VEVENT\nSUMMARY:Dinner\nEND:VEVENT").text)
    assert.is_nil(ports.read(9204, "").text)
  end)

  it("reads pushes", function()
    local push = ports.read(2948, "\1\6\1\176\2\6\106\0\133\9\3a.example\0\1")
    assert.equal("sl", push.kind)
    assert.equal("http://a.example", push.url)
    assert.same({ kind = "other", name = "WAP push" }, ports.read(2948, ""))
  end)
end)
