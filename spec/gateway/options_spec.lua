local options = require "smpp.gateway.options"

describe("smpp.gateway.options", function()
  it("have what servers, accounts and clients have, without their handlers", function()
    for _, name in ipairs { "port", "host", "tls", "listen", "max_binds", "system_id", "accounts", "queue_limit", "keep_s" } do
      assert.truthy(options.listen.by_name[name], name)
    end
    for _, name in ipairs { "submit_sm", "store", "loop", "message_id" } do assert.is_nil(options.listen.by_name[name]) end
    for _, name in ipairs { "password", "window", "rate_per_s", "from", "to", "credit", "certificate" } do assert.truthy(options.account.by_name[name], name) end
    for _, name in ipairs { "url", "window", "binds", "order", "profile", "cost", "breaker", "off" } do assert.truthy(options.carrier.by_name[name], name) end
    for _, name in ipairs { "message", "deliver_sm", "wait", "loop", "tracker" } do assert.is_nil(options.carrier.by_name[name]) end
  end)

  it("do not show passwords", function()
    assert.is_nil(options.listen:problem({ accounts = { acme = { password = 5 } } }).message:find "5")
  end)

  it("are split between the gateway and others", function()
    local own, others = options.split({ "url", cost = 1, window = 5 }, options.carrier_own)
    assert.same({ { cost = 1 }, { "url", window = 5 } }, { own, others })
  end)
end)
