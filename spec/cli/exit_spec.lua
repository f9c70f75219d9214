local exit = require "smpp.cli.exit"

describe("smpp.cli.exit", function()
  it("maps failures to exit codes", function()
    assert.equal(4, exit.of "timeout")
    assert.equal(4, exit.of "connection_lost")
    assert.equal(3, exit.of "connect_failed")
    assert.equal(3, exit.of "tls")
    assert.equal(1, exit.of "ESME_RTHROTTLED")
    assert.equal(1, exit.of "not_sent")
    assert.equal(1, exit.of(nil))
  end)
end)
