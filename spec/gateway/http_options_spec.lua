local file = require "smpp.gateway.file"

--- The mistakes and doubts of a text, one string each.
local function problems(text)
  local config, list = file.read("gateway.lua", { text = text })
  local out = {}
  for i, one in ipairs(list) do
    if not one.message:find "not installed" then out[#out + 1] = ("%s %s: %s"):format(one.severity, tostring(one.line), one.message) end
    list[i] = nil
  end
  return out, config
end

local HEAD = 'listen { port = 2775, accounts = { acme = { password = "secret", token = "acme-token" } } }\n'
local TAIL = '\ncarrier "a" { "smpp://me@a.example" }\nroute { via = "a" }'

describe("smpp.gateway.http_options", function()
  it("reads the statement, and the accounts that only use HTTP", function()
    if not require("smpp.http").is_available() then return end
    local list, config = problems(HEAD .. 'http { port = 8080, max_to = 10, accounts = { shop = { token = { "shop-token-1", "shop-token-2" }, credit = 5, rate_per_s = 7 } } }' .. TAIL)
    assert.same({}, list)
    local one = config.https[1]
    assert.same({ "127.0.0.1", 8080, 10, 1048576 }, { one.options.host, one.options.port, one.options.max_to, one.options.max_body_octets })
    assert.same({ rate_per_s = 7 }, one.accounts.shop)
    assert.same({ 5, "acme-token" }, { config.accounts.shop.credit, config.accounts.acme.token })
  end)

  it("is enough without a listen", function()
    assert.same({}, (problems('http { port = 8080, accounts = { shop = { token = "shop-token-1" } } }' .. TAIL)))
  end)

  it("reads how webhooks are called", function()
    if not require("smpp.http").is_available() then return end
    local function webhook(text)
      local list, config = problems(HEAD .. ('http { port = 1, accounts = { shop = { token = "shop-token-1", webhook = %s } } }'):format(text) .. TAIL)
      local one = config.accounts.shop.webhooks[1]
      return { one.style, one.method }, list
    end
    assert.same({ nil, "POST" }, (webhook '"http://x.example/"'))
    assert.same({ nil, "POST" }, (webhook '{ url = "http://x.example/", style = "json" }'))
    assert.same({ "kannel", "GET" }, (webhook '{ url = "http://x.example/", style = "kannel" }'))
    assert.same({ "kannel", "POST" }, (webhook '{ url = "http://x.example/", style = "kannel", method = "POST" }'))
    assert.same({ "jasmin", "POST" }, (webhook '{ url = "http://x.example/", style = "jasmin" }'))
    local one, list = webhook '{ url = "http://x.example/%p", style = "jasmin", method = "GET" }'
    assert.same({ "jasmin", "GET" }, one)
    assert.same({ "warning 2: accounts.shop.webhook: no store: events that wait are lost at the end of the process" }, list)
  end)

  it("doubts Kannel's and Jasmin's interfaces where nobody has a password", function()
    if not require("smpp.http").is_available() then return end
    assert.same({}, (problems(HEAD .. "http { port = 1, kannel = true, jasmin = true }" .. TAIL)))
    assert.same({}, (problems('http { port = 1, kannel = true, accounts = { shop = "secret" } }' .. TAIL)))
    assert.same({ "warning 1: http: jasmin: no account has a password: nobody can use it" },
      (problems('http { port = 1, jasmin = true, accounts = { shop = { token = "shop-token-1" } } }' .. TAIL)))
  end)

  it("doubts a console that is read on the way", function()
    local function doubts(more)
      return table.concat((problems(('http { port = 8080, %s, accounts = { shop = { token = "shop-token-1" } } }'):format(more) .. TAIL)), "\n")
    end
    assert.equal("warning 1: http: console: no tls: its token and the texts of messages can be read on the way", doubts 'host = "0.0.0.0", console = true')
    assert.equal("", doubts 'host = "0.0.0.0"')
    assert.equal("", doubts 'console = true, names = { "sms.example" }')
  end)

  it("finds mistakes", function()
    for _, case in ipairs {
      { "http { port = 8080, metrisc = true }", "error 2: http: unknown option 'metrisc'; did you mean 'metrics'?" },
      { "http { }", "error 2: http: port: missing" },
      { "http(8080)", "error 2: http: expected a table of options, got 8080" },
      { 'http { port = 1, accounts = { acme = { token = "another-token" } } }', "error 2: http: accounts.acme: also in line 1" },
      { 'http { port = 1, accounts = { shop = { token = "acme-token" } } }', "error 2: accounts.shop.token: account 'acme' has the same token" },
      { 'http { port = 1, accounts = { shop = { token = "short" } } }',
        "error 2: http: accounts.shop.token: expected a token, or a list of tokens, got a string" },
      { "http { port = 1, kannel = 1 }", "error 2: http: kannel: expected true or false, got 1" },
      { 'http { port = 1, accounts = { shop = { webhook = { url = "http://x.example/", style = "kanel" } } } }',
        [[error 2: http: accounts.shop.webhook.style: expected one of "json", "kannel", "jasmin", got 'kanel'; did you mean 'kannel'?]] },
      { 'http { port = 1, accounts = { shop = { webhook = { url = "http://x.example/", method = "GET" } } } }',
        'error 2: accounts.shop.webhook: method: "GET" needs the style "kannel" or "jasmin"' },
    } do
      local list = problems(HEAD .. case[1] .. TAIL)
      assert.equal(case[2], list[1], case[1])
      assert.is_nil(list[1]:find("short", 1, true))
    end
    assert.same({ "warning 1: http: no account has a token: nobody can use the API" }, (problems('http { port = 8080, accounts = { shop = "secret" } }' .. TAIL)))
  end)
end)
