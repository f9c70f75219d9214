local cli = require "spec.support.cli"
local smpp = require "smpp"
local sources = require "smpp.cli.live_sources"

describe("smpp.cli.live_sources", function()
  it("reads what a message centre answered since the view began", function()
    cli.with_simulator({ refusals = { ESME_RINVDSTADR = 100 }, latency_s = 0.1 }, function(mc)
      local esme = assert(smpp.connect { "smpp://me:secret@localhost", retry = false, bind = "tx" })
      esme:send { to = "+491761234567", text = "before" }
      local read = sources.server(mc.server)
      assert.same({ 0, 0, 0 }, { read().done, read().ok, read().errors })
      smpp.spawn(function() esme:send { to = "+491761234567", text = "Hi" } end)
      smpp.sleep(0.05)
      assert.equal(1, read().window)
      smpp.sleep(0.1)
      local r = read()
      assert.same({ 1, 0, 1, 0, 0, 1, "(1 tx)" }, { r.done, r.ok, r.errors, r.window, r.queue, r.sessions, r.session_words })
      assert.same({ ESME_RINVDSTADR = 1 }, r.statuses)
      esme:close()
      assert.same({ 0, 1 }, { read().sessions, read().done }) -- an unbind is no message
    end)()
  end)

  it("reads a run of messages, and what a receiver answers", function()
    cli.with_simulator({}, function(mc)
      local esme = assert(smpp.connect { "smpp://me:secret@localhost", window = 7, message = function() end })
      local plan = { total = 10, counts = { done = 3, accepted = 1, refused = 1, unknown = 1, not_sent = 0, codes = { timeout = 1, ESME_RINVDSTADR = 1 } } }
      local r = sources.batch(esme, plan)()
      assert.same({ 3, 1, 2, 10, 0, 7, 0, 1 }, { r.done, r.ok, r.errors, r.total, r.window, r.window_limit, r.queue, r.sessions })
      assert.same({ ESME_ROK = 1, timeout = 1, ESME_RINVDSTADR = 1 }, r.statuses)
      local read = sources.receiver(esme)
      mc:deliver { from = "491761234567", to = "12345", text = "Hello", system_id = "me" }
      smpp.sleep(1)
      assert.same({ 1, 1, 0 }, { read().done, read().ok, read().errors })
      esme:close()
    end)()
  end)
end)
