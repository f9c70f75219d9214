local cli = require "spec.support.cli"
local dkjson = require "dkjson"
local smpp = require "smpp"

local URL = "smpp://me:secret@127.0.0.1:2775"

describe("smpp.cli.log_flags", function()
  it("writes the log of a client to stderr", cli.with_simulator({}, function()
    local code, out, err = cli.send { URL, "--to", "491761234567", "--log-level", "info", "x" }
    assert.equal(0, code)
    assert.matches("^accepted ", out)
    assert.matches("^time=%S+ level=info event=bind_up session=%x+ role=client peer=127.0.0.1:2775 system_id=me ", err)
    cli.lacks(err, "secret")
    err = select(3, cli.send { URL, "--to", "491761234567", "--log-format", "json", "x" })
    for line in err:gmatch "[^\n]+" do assert.is_table(dkjson.decode(line), line) end
    err = select(3, cli.send { URL, "--to", "491761234567", "--log-format", "journal", "--log-level", "error", "x" })
    assert.equal("", err)
  end))

  it("writes that of the simulator", function()
    local _, _, err = cli.sim({ "--for", "5", "--log-format", "journal", "--log-level", "trace" }, function()
      local esme = assert(smpp.connect(URL))
      esme:close()
    end)
    assert.matches("^<6>level=info event=listening role=server address=127.0.0.1:2775\n<7>level=trace event=pdu session=%x+ ", err)
    cli.has(err, "event=stopped")
    cli.lacks(err, "time=")
  end)

  it("has these levels and forms only", function()
    for _, words in ipairs { { "--log-level", "loud" }, { "--log-format", "xml" } } do
      assert.equal(2, (cli.run({ "sim", words[1], words[2] }, { run = cli.inside })))
    end
  end)
end)
