local cli = require "spec.support.cli"
local smpp = require "smpp"

local function capture()
  local path = os.tmpname()
  local trace = smpp.trace.new(path)
  local a, b = { host = "127.0.0.1", port = 40000 }, { host = "127.0.0.1", port = 2775 }
  trace:pdu(assert(smpp.encode { command = "bind_transmitter", sequence_number = 1, system_id = "me", interface_version = 0x34 }), { time = 1, from = a, to = b })
  trace:pdu(assert(smpp.encode { command = "bind_transmitter_resp", sequence_number = 1, system_id = "mc", sc_interface_version = 0x34 }), { time = 1, from = b, to = a })
  trace:close()
  return path
end

describe("smpp.cli.test_record", function()
  it("writes to stdout, or to a file that does not exist yet", function()
    local from = capture()
    local code, out = cli.run { "test", "--from", from }
    assert.equal(0, code)
    cli.has(out, 'esme:send("bind_transmitter"')
    local path = cli.file "mine"
    code = cli.run { "test", "--from", from, "-o", path }
    assert.equal(2, code)
    code = cli.run { "test", "--from", from, "-o", path, "--force", "--side", "smsc" }
    assert.equal(0, code)
    assert.equal(0, (cli.run { "test", path, "--virtual" }))
    assert.equal(1, (cli.run { "test", "--from", from, "--port", "99" }))
    assert.equal(1, (cli.run { "test", "--from", path }))
    assert.equal(2, (cli.run { "test", "--from", "/nowhere" }))
    os.remove(path)
    os.remove(from)
  end)
end)
