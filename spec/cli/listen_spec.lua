local async = require "spec.support.async"
local cli = require "spec.support.cli"
local dkjson = require "dkjson"
local smpp = require "smpp"

local URL = "smpp://me:secret@127.0.0.1:2775"

local has = cli.has

--- A body with a message centre, which runs `on_session` for each session.
local function with(on_session, fn)
  return async.virtual(function(loop)
    local server = assert(smpp.server { accounts = { me = { password = "secret" } } })
    server:on("error", function() end)
    server:on("session", function(session) on_session(session, server) end)
    fn(server, loop)
    server:close(0)
  end)
end

local function listen(words, o)
  o = o or {}
  o.run = cli.inside
  table.insert(words, 1, "listen")
  table.insert(words, 2, URL)
  return cli.run(words, o)
end

local function deliver(session)
  local first = "\5\0\3\7\2\1" .. ("x"):rep(20)
  smpp.sleep(1)
  session:deliver_sm { source_addr = "4915112", source_addr_ton = 1, destination_addr = "12345", short_message = "Hello\n\"you\"" }
  session:deliver_sm { source_addr = "491", destination_addr = "12345", esm_class = 0x40, short_message = "\5\0\3\7\2\2 end" }
  session:deliver_sm { source_addr = "491", destination_addr = "12345", esm_class = 0x40, short_message = first }
  session:deliver_sm { source_addr = "491", destination_addr = "12345", data_coding = 4, short_message = "\1\2\255" }
  session:deliver_sm { source_addr = "492", source_addr_ton = 1, destination_addr = "12345", esm_class = 4,
    short_message = "id:m1 submit date:2401011200 done date:2401011201 stat:EXPIRED err:027" }
end

describe("smpp listen", function()
  it("says where a WAP push of several parts leads", with(function(session)
    smpp.sleep(1)
    local push = "\1\6\1\176\2\6\106\0\133\9\3example.org/a/long/path\0\1"
    for i = 1, 2 do
      session:deliver_sm { source_addr = "491", destination_addr = "12345", esm_class = 0x40, data_coding = 4,
        short_message = "\11\5\4\11\132\35\240\0\3\7\2" .. string.char(i) .. push:sub(i * 15 - 14, i == 1 and 15 or -1) }
    end
  end, function()
    has(select(2, listen { "--for", "5" }), "491 > 12345  WAP push (SL): http://example.org/a/long/path\n")
  end))

  it("stays bound for hours beside smpp sim with nothing but enquire_links", async.virtual(function()
    local sim = assert(smpp.simulator {})
    local ended = 0
    sim:on("closed", function() ended = ended + 1 end)
    local code = listen { "--for", tostring(8 * 3600) }
    assert.same({ 0, 1 }, { code, ended }) -- it left by itself
    assert.equal(1, sim.counts.sessions)
    sim:close(0)
  end))

  it("prints messages and receipts, one line each, and unbinds when the time is up", with(deliver, function(server, loop)
    local code, out, err = listen { "--for", "5" }
    assert.equal(0, code)
    assert.equal(table.concat({
      '22:13:21 +4915112 > 12345  "Hello\\n\\"you\\""',
      '22:13:21 491 > 12345  "' .. ("x"):rep(20) .. ' end"',
      "22:13:21 491 > 12345  data 0102ff",
      "22:13:21 receipt +492  id m1, EXPIRED, err 027, submitted 2024-01-01 12:00:00, done 2024-01-01 12:01:00",
    }, "\n") .. "\n", out)
    has(err, "bound as me, waiting for messages")
    assert.near(5, loop:now(), 0.1)
    assert.equal(0, #server.sessions)
  end))

  local function deliver_late(session)
    for i = 1, 2 do
      smpp.sleep(150)
      session:deliver_sm { source_addr = "491", destination_addr = "12345", esm_class = 0x40, short_message = "\5\0\3\7\2" .. string.char(i) .. "x" }
    end
  end

  it("marks a message whose parts are minutes apart", with(deliver_late, function()
    has(select(2, listen { "--for", "400" }), '491 > 12345  "xx"  (parts 150 s apart: of two texts?)\n')
  end))

  it("marks it as JSON, too", with(deliver_late, function()
    local message = cli.objects(select(2, listen { "--for", "400", "--json" }))[1]
    assert.same({ "xx", 150 }, { message.text, math.floor(message.gap_s + 0.5) })
  end))

  it("as JSON", with(deliver, function()
    local _, out = listen { "--json", "--for", "5" }
    local list = {}
    for line in out:gmatch "[^\n]+" do list[#list + 1] = assert(dkjson.decode(line)) end
    assert.same({ event = "message", time = "2023-11-14T22:13:21Z", from = "+4915112", to = "12345", text = 'Hello\n"you"', encoding = "gsm7",
      parts = 1 }, list[1])
    assert.equal(2, list[2].parts)
    assert.equal("0102ff", list[3].data)
    assert.is_nil(list[3].text)
    assert.same({ "receipt", "m1", "EXPIRED", "+492", true }, { list[4].event, list[4].id, list[4].state, list[4].to, list[4].final })
  end))

  it("tests the line when asked to", with(function() end, function()
    local _, _, err = listen { "-v", "--for", "5", "--enquire-link", "2" }
    has(err, "-> enquire_link")
    has(err, "<- enquire_link_resp")
  end))

  it("binds again when the connection is lost", with(function(session, server)
    server.count = (server.count or 0) + 1
    if server.count > 1 then return deliver(session) end
    smpp.sleep(1)
    session:close()
  end, function()
    local code, out, err = listen { "--for", "20" }
    assert.equal(0, code)
    has(err, ": binding again\nbound again\n")
    has(out, "Hello")
  end))

  it("ends with 3 when it is not let in, at first or again", with(function(session, server)
    smpp.sleep(1)
    server:set_accounts { other = { password = "x" } }
    session:close()
  end, function()
    local code, _, err = cli.run({ "listen", "smpp://me:no@127.0.0.1" }, { run = cli.inside })
    assert.equal(3, code)
    has(err, "refused the bind")
    code, _, err = listen { "--for", "1000" }
    if code ~= 0 then -- a client may also go on trying for ever
      assert.equal(3, code)
      has(err, "ESME_R")
    end
    assert.equal(3, (cli.run({ "listen", "smpp://me:no@127.0.0.1:1" }, { run = cli.inside })))
  end))

  it("ends when nobody reads, and leaves what was not read to the MC", function()
    local statuses = {}
    with(function(session)
      smpp.sleep(1)
      for _ = 1, 2 do
        session:deliver_sm({ source_addr = "491", destination_addr = "12345", short_message = "x" }, function(_, _, code)
          table.insert(statuses, code or "taken")
        end)
      end
    end, function()
      local writes = 0
      local closed = { write = function()
        writes = writes + 1
        if writes == 1 then return true end
        return nil, "Broken pipe"
      end }
      local silent = { write = function() return true end }
      local code = require("smpp.cli").main({ "listen", URL }, { stdout = closed, stderr = silent, run = cli.inside,
        is_terminal = function() return false end, getenv = function() end })
      assert.equal(1, code)
    end)()
    assert.same({ "taken", "ESME_RX_T_APPN" }, statuses)
  end)

  it("is told what it was given wrongly: 2", function()
    for _, words in ipairs { { "listen" }, { "listen", "x" }, { "listen", URL, "--for", "x" }, { "listen", URL, "y" }, { "listen", URL, "--for", "-1" } } do
      assert.equal(2, (cli.run(words, { run = function(fn) return smpp.run(fn, { signals = false }) end })))
    end
  end)
end)
