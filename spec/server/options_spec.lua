local codec = require "smpp.codec"
local settings = require "smpp.server.options"

describe("smpp.server.options", function()
  local function wrong(given)
    local o, mistake = settings.read(given)
    return not o and mistake.message or nil
  end

  it("have defaults, which leave the given table alone", function()
    local given = { port = 0 }
    local o, profile = settings.read(given)
    assert.same({ { { host = "127.0.0.1", port = 0 } }, 0x50, "smpp" }, { o.addresses, o.version, o.system_id })
    assert.is_table(profile)
    assert.is_table(o.loop)
    assert.same({ port = 0 }, given)
  end)

  it("name a version in any of its forms", function()
    for octet, forms in pairs { [0x33] = { "3.3", 3.3, 0x33 }, [0x34] = { "3.4", 3.4, 0x34 }, [0x50] = { "5.0", 5, 5.0, 0x50 } } do
      for _, form in ipairs(forms) do assert.equal(octet, (settings.read({ version = form })).version) end
    end
    for _, form in ipairs { "3.5", 4, "5", true } do assert.matches("3.3, 3.4 or 5.0", wrong { version = form }) end
  end)

  it("take what the profile tolerates, and prefer what was given", function()
    local o = settings.read({ profile = { tolerate = { unterminated = true } } })
    assert.same({ unterminated = true }, o.tolerate)
    o = settings.read({ profile = { tolerate = { unterminated = true } }, tolerate = {} })
    assert.same({}, o.tolerate)
  end)

  it("are those of one address, or of a list", function()
    local o = settings.read({ host = "10.0.0.1", proxy_protocol = true, backlog = 5 })
    assert.same({ { host = "10.0.0.1", port = 2775, proxy_protocol = true, backlog = 5 } }, o.addresses)
    o = settings.read({ listen = { { port = 0 }, { host = "::1", tls = true } } })
    assert.same({ { host = "127.0.0.1", port = 0 }, { host = "::1", port = 8775, tls = true } }, o.addresses)
    assert.same({ { port = 0 }, { host = "::1", tls = true } }, o.listen)
  end)

  it("refuse what does not exist, and what contradicts itself", function()
    assert.matches("did you mean 'port'", wrong { poort = 1 })
    assert.matches("port: ", wrong { port = 65536 })
    assert.matches("system_id: expected a string of at most 15 octets", wrong { system_id = ("x"):rep(16) })
    assert.matches("accounts or authenticate", wrong { accounts = {}, authenticate = function() end })
    for _, proxies in ipairs { "yes", 1, { "x" } } do assert.matches("proxy_protocol: ", wrong { proxy_protocol = proxies }) end
  end)

  it("have a handler for each request that an ESME may send and the server does not answer", function()
    local names, last = {}, 0
    for _, command in ipairs(settings.handlers) do
      assert.is_true(command.id > last)
      last = command.id
      names[command.name] = true
      assert.is_truthy(codec.encode { command = command.name, sequence_number = 1 })
    end
    for _, name in ipairs { "submit_sm", "data_sm", "query_sm", "cancel_sm", "replace_sm", "submit_multi", "broadcast_sm" } do
      assert.is_true(names[name], name)
    end
    for _, name in ipairs { "bind_transceiver", "unbind", "enquire_link", "deliver_sm", "outbind", "alert_notification" } do
      assert.is_nil(names[name], name)
      assert.matches("unknown option", wrong { [name] = function() end })
    end
  end)
end)
