local journal = require "smpp.cli.journal"

describe("smpp.cli.journal", function()
  local path = os.tmpname()
  before_each(function() os.remove(path) end)
  after_each(function() os.remove(path) end)

  local function content()
    local file = io.open(path, "rb")
    local text = file:read "*a"
    file:close()
    return text
  end

  it("keeps records and reads them again", function()
    local l = assert(journal.open(path, false))
    l:write { line = 2, to = "1", status = "sending" }
    l:write { line = 3, to = "2", status = "sending" }
    l:write { line = 2, to = "1", status = "accepted", message_id = "m" }
    l:write { line = 2, to = "1", status = "receipt", state = "DELIVERED" }
    l:close()
    l:write { line = 9, to = "9", status = "sending" } -- closed: no word
    assert.equal('{"line":2,"to":"1","status":"sending"}', content():match "^[^\n]*")
    l = assert(journal.open(path, true))
    assert.same({ "accepted", "1" }, { l:status(2) })
    assert.same({ "unknown", "2" }, { l:status(3) })
    assert.is_nil(l:status(9))
    l:close()
  end)

  it("is not overwritten, not invented, and nobody else's file", function()
    assert.truthy(select(2, journal.open(path, true)):find "nothing to resume")
    assert(journal.open(path, false)):close()
    local l = assert(journal.open(path, false)) -- nothing is in it: the run before did not come to send
    l:write { line = 2, to = "1", status = "sending" }
    l:close()
    assert.truthy(select(2, journal.open(path, false)):find "%-%-resume")
    local file = io.open(path, "wb")
    file:write "to,name\n1,2\n"
    file:close()
    assert.truthy(select(2, journal.open(path, true)):find "not a result file")
    assert.is_string(select(2, journal.open("/no/such/file", false)))
  end)

  it("survives a last record cut anywhere", function()
    local l = assert(journal.open(path, false))
    l:write { line = 2, to = "1", status = "accepted", message_id = "m" }
    l:write { line = 3, to = "2", status = "accepted", message_id = "n" }
    l:close()
    local whole = content()
    local first = #whole:match "^[^\n]*\n"
    for length = first, #whole do
      local file = io.open(path, "wb")
      file:write(whole:sub(1, length))
      file:close()
      l = assert(journal.open(path, true))
      assert.equal("accepted", l:status(2))
      assert.equal(length >= #whole - 1 and "accepted" or nil, (l:status(3)))
      l:write { line = 4, to = "3", status = "accepted" }
      l:close()
      l = assert(journal.open(path, true), length)
      assert.equal("accepted", l:status(4))
      l:close()
    end
  end)
end)
