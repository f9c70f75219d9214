-- The files of docs/gateway.md and examples/gateway.lua have no mistakes, and do what the page says of them.
local file = require "smpp.gateway.file"
local routes = require "spec.support.routes"

local function text_of(path)
  local handle = assert(io.open(path))
  local text = handle:read "*a"
  handle:close()
  return text
end

local function read(text)
  local config, problems = file.read("gateway.lua", { text = text })
  assert.same({}, problems)
  return config
end

describe("docs/gateway.md", function()
  local blocks = {}
  for block in text_of("docs/gateway.md"):gmatch "run: spec/docs/gateway_spec.lua %-%->\n```lua\n(.-)\n```" do blocks[#blocks + 1] = block end

  it("has files without mistakes", function()
    assert.equal(4, #blocks)
    for _, block in ipairs(blocks) do read(block) end
  end)

  it("goes by destination, cost and quiet hours", function()
    local config = read(blocks[3])
    local function decide(o, hour)
      return config.route:decide(routes.message(o), routes.state { time = hour * 3600 })
    end
    assert.equal("ESME_RX_R_APPN", decide({ account = "acme", short_message = "PROMO x" }, 21).reject)
    assert.same({ "telco_b", "telco_a" }, decide({ account = "acme", short_message = "PROMO x" }, 12).carriers)
    assert.same({ "direct", "telco_a", "telco_b" }, decide({ account = "acme", destination_addr = "491512" }, 12).carriers)
    local msg = routes.message { source_addr = "Shop", source_addr_ton = 5, destination_addr = "1212" }
    config.route:decide(msg, routes.state())
    assert.equal("12345", msg.changes.source_addr)
    assert.equal("You will get no more messages.", config.incoming:decide(routes.message {
      command = "deliver_sm", carrier = "telco_a", destination_addr = "4915112345", short_message = "stop now",
    }, routes.state()).reply)
  end)

  it("names all events of the log, and no other", function()
    local page = text_of "docs/gateway.md"
    local table_of = page:match "| line of the log.-\n\n"
    for _, name in ipairs { "init", "carrier", "forward", "receiving", "books", "waiting", "sending", "joining", "ending", "reload" } do
      for event in text_of(("lua/smpp/gateway/%s.lua"):format(name)):gmatch ':log%("%a+", "([%w_]+)"' do
        local internal = event == "failed" or event == "carrier_error" or event == "server_error" or event:find "^carrier_%a+ed$" or event == "not_sent"
          or event == "receipt_lost" or event == "reply_failed" or event == "lost"
        assert(internal or table_of:find("`" .. event .. "`", 1, true), event .. " is not in the table")
      end
    end
  end)
end)

describe("README.md", function()
  it("has a gateway without mistakes", function()
    read(assert(text_of("README.md"):match "run: spec/docs/gateway_spec.lua %-%->\n```lua\n(.-)\n```"))
  end)
end)

describe("examples/gateway.lua", function()
  it("has no mistakes, and decides as its comments say", function()
    local config = read(text_of "examples/gateway.lua")
    local function decide(o) return config.route:decide(routes.message(o), routes.state()) end
    assert.same({ "telco_a", "telco_b" }, decide({ destination_addr = "49151" }).carriers)
    assert.same({ "telco_b", "telco_a" }, decide({ destination_addr = "4417", dest_addr_ton = 1 }).carriers)
    assert.equal("ESME_RINVDSTADR", decide({ destination_addr = "0417" }).reject)
  end)
end)
