local common = require "smpp.gateway.common"
local configuration = require "smpp.nodes.configuration"
local gateways = require "smpp.gateway"
local shell = require "spec.support.shell"

local FILE = [[
listen { port = 2775, accounts = { acme = { password = "secret", credit = 5 }, bank = { password = "hidden", from = prefix "49" } } }
carrier "a" { "smpp://me:x@localhost:2001", binds = 2, rate_per_s = 50 }
carrier "b" { "smpp://me:x@localhost:2002" }
local limit = 3
route { when = function(msg) return #msg.to > limit end, via = "a" }
route { via = failover { "a", "b" } }
]]

local function of(text, path)
  local config, problems = gateways.read(path or "gateway.lua", { text = text })
  assert(config, problems[1] and problems[1].message)
  return common.of(config)
end

--- What differs after a change of the file.
local function changed(from, to)
  local text, count = FILE:gsub((from:gsub("%p", "%%%0")), (to:gsub("%%", "%%%%")))
  assert(count > 0, from)
  return configuration.differences(of(FILE).parts, of(text).parts)
end

describe("smpp.gateway.common", function()
  it("is the same for the same file, wherever the node listens", function()
    assert.equal(of(FILE).hash, of(FILE).hash)
    assert.same({}, changed("port = 2775", "port = 2776"))
    assert.same({}, changed("local limit", "\n\nlocal limit"))
  end)

  it("names what differs", function()
    assert.same({ "carrier a: binds 2, there 3" }, changed("binds = 2", "binds = 3"))
    assert.same({ "account acme: credit 5, there 6" }, changed("credit = 5", "credit = 6"))
    assert.same({ "account acme: password differs" }, changed('password = "secret"', 'password = "secrex"'))
    assert.same({ "carrier b: url differs" }, changed("me:x@localhost:2002", "me:y@localhost:2002"))
    assert.same({ "carrier c: only there" }, changed("local limit", 'carrier "c" { "smpp://me:x@localhost:2003" }\nlocal limit'))
    assert.same({ "account bank: from { list = { 49 }, word = prefix }, there { list = { 43 }, word = prefix }" }, changed('prefix "49"', 'prefix "43"'))
    assert.same({ "route 2: via differs" }, changed('failover { "a", "b" }', 'failover { "b", "a" }'))
    assert.same({ "route 1: when differs" }, changed("#msg.to > limit", "#msg.to < limit"))
    assert.same({ "route 1: when differs" }, changed("limit = 3", "limit = 4"))
    assert.same({ "carrier a: rate_per_s 50, there nothing" }, changed(", rate_per_s = 50", ""))
  end)

  it("takes files by what is in them", function()
    local folder, remove = shell.folder()
    local function with(text)
      local file = assert(io.open(folder .. "/numbers.txt", "w"))
      file:write(text)
      file:close()
      return of((FILE:gsub("local limit", 'route { to = listed "numbers.txt", drop = true }\n%0')), folder .. "/gateway.lua")
    end
    local a, b = with "491\n", with "492\n"
    assert.is_true(a.hash ~= b.hash)
    assert.equal(b.hash, with("492\n").hash)
    assert.same({ "route 1: to differs" }, configuration.differences(a.parts, b.parts))
    remove()
  end)

  it("lets webhooks have hosts of their own", function()
    local function with(url)
      return of(FILE .. ('http { port = 1, accounts = { s = { token = "t-123456", webhook = { url = "%s", secret = "w-1" } } } }\n'):format(url))
    end
    assert.equal(with("https://a.example/hook").hash, with("https://b.example/hook").hash)
    assert.is_true(with("https://a.example/hook").hash ~= with("https://a.example/hook2").hash)
  end)
end)
