local options = require "smpp.nodes.options"

describe("smpp.nodes.options", function()
  it("takes its own out of a URL, and leaves the engine's", function()
    local url, o = options.of_url "valkey://:s@h1,h2/2?lease_s=5&ca=ca.pem&node=a&durable=replica&prefix=eu"
    assert.equal("valkey://:s@h1,h2/2?ca=ca.pem", url)
    assert.same({ lease_s = 5, node = "a", durable = "replica", prefix = "eu" }, o)
    assert.same({ "valkey://h", {} }, { options.of_url "valkey://h" })
    assert.equal("valkey://h", (options.of_url "valkey://h?node=b"))
  end)

  it("refuses values that are out of range", function()
    for _, query in ipairs { "lease_s=1", "lease_s=61", "durable=yes", "node=a%20b", "node=" .. ("x"):rep(33), "replicas=0", "wait_ms=x" } do
      local url, wrong = options.of_url("valkey://h?" .. query)
      assert.is_nil(url, query)
      assert.is_string(wrong.message, query)
    end
    assert.is_nil(options.schema:problem { node = "a.b_C-9", lease_s = 2, max_waiting_octets = 0 })
    assert.is_truthy(options.schema:problem { node = "a/b" })
  end)

  it("names a node by the option, the environment, or the host and port", function()
    local function environment(values) return function(name) return values[name] end end
    assert.equal("x", options.name("x", 2775, environment { SMPP_NODE = "y" }))
    assert.equal("y", options.name(nil, 2775, environment { SMPP_NODE = "y" }))
    assert.equal("h1-2775", options.name(nil, 2775, environment {}, "h1"))
    assert.equal("h-1-2775", options.name(nil, 2775, environment { SMPP_NODE = "" }, "h 1"))
    assert.is_true(#options.name(nil, 65535, environment {}, ("h"):rep(200)) <= 32)
    assert.same({ nil, "node: expected a name of at most 32 letters, digits, _ . and -, got 'a b'" }, { options.name(nil, 1, environment { SMPP_NODE = "a b" }) })
  end)
end)
