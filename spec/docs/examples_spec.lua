local program = require "spec.support.program"
local smpp = require "smpp"
local virtual = require "smpp.loop.virtual"

local function example(name, o) return program.run_file("examples/" .. name .. ".lua", o) end

local function count(text, pattern) return select(2, text:gsub(pattern, "")) end

--- What the message centre got, as lists of messages.
local function collect(world)
  local list = {}
  world.mc:on("message", function(message) list[#list + 1] = message end)
  return list
end

local specs = {}

function specs.demo()
  local output = example("demo", { mc = false })
  assert.truthy(output:find("message 3 (3, 4, 5): DELIVERED", 1, true))
  assert.truthy(output:find("Grüße aus dem Zug 🚂👋", 1, true))
end

function specs.metrics()
  local output = example "metrics"
  assert.matches("^metrics on http://127.0.0.1:%d+/metrics\n", output)
  assert.matches("\n20 responses, 99 %% within ", output)
  assert.truthy(output:find('\nshop_orders_total{outcome="told"} 20\n', 1, true))
end

function specs.receipt()
  assert.equal("accepted as\t1\nand now\tDELIVERED\n", (example "receipt"))
  local output = example("receipt", { mc = { deliver_after_s = 3600 } })
  assert.truthy(output:find("no receipt yet\tno receipt within 10 s\ttimeout\nthe message centre says\tenroute", 1, true))
end

function specs.echo_bot()
  local replies
  local output = example("echo_bot", { beside = function(world)
    replies = collect(world)
    smpp.sleep(1)
    assert(world.mc.server.sessions[1]:deliver_sm {
      source_addr = "491761234567", source_addr_ton = 1, source_addr_npi = 1, destination_addr = "12345", short_message = "Hi!",
    })
    smpp.sleep(1)
    world.loop:raise "SIGINT"
  end })
  assert.equal(1, #replies)
  assert.same({ "You said: Hi!", "12345", "491761234567" }, { replies[1].octets, replies[1].source_addr, replies[1].destination_addr })
  assert.truthy(output:find("bound to smppsim\n+491761234567 -> 12345: Hi!\n", 1, true))
end

function specs.bulk()
  local seen
  local output = example("bulk", { beside = function(world) seen = collect(world) end })
  assert.equal("1000 sent, 0 failed\n", output)
  assert.equal(1000, #seen)
  local path = os.tmpname()
  local file = assert(io.open(path, "w"))
  file:write("+4915111111111\nnot a number at all\n+4915122222222\n")
  file:close()
  output = example("bulk", { arg = { path } })
  os.remove(path)
  assert.truthy(output:find("2 sent, 1 failed\nbad_value\t1\n", 1, true))
end

function specs.two_factor()
  local seen
  local output = example("two_factor", { beside = function(world) seen = collect(world) end })
  assert.equal("the code is on its way\nlogged in with a guess:\tfalse\n", output)
  assert.truthy(seen[1].octets:find "^%d%d%d%d%d%d is your code")
  assert.equal(1, seen[1].priority_flag)
  assert.equal(300, seen[1].expires - seen[1].submitted)
end

function specs.server()
  local text, codes = nil, {}
  local output = program.run_file("examples/server.lua", { mc = { port = 2776 }, beside = function(world)
    local _, _, code = smpp.connect "smpp://acme:wrong@localhost"
    codes[1] = code
    local esme = assert(smpp.connect { "smpp://acme:secret@localhost", message = function(msg) text = msg.text end })
    assert(esme:send { to = "+491761234567", text = "Hello" })
    codes[2] = select(3, esme:send { to = "+491700000000", text = "Hello" })
    smpp.sleep(1)
    esme:close()
    world.loop:raise "SIGINT"
  end })
  assert.same({ "ESME_RINVPASWD", "ESME_RINVDSTADR" }, codes)
  assert.equal("Hello!", text)
  assert.truthy(output:find('"acme" refused: ESME_RINVPASWD, wrong password', 1, true))
  assert.truthy(output:find('acme: submit_sm #2 .-short_message="Hello"'))
  assert.truthy(output:find("acme closed: ", 1, true))
end

function specs.router()
  local output = example("router", { mc = { port = 2776, message_id_prefix = "a", deliver_after_s = 60 }, beside = function(world)
    local first = world.mc
    local second = assert(smpp.simulator { port = 2777, message_id_prefix = "b", deliver_after_s = 5 })
    local states, taken = {}, { 0, 0 }
    for i, mc in ipairs { first, second } do mc:on("message", function() taken[i] = taken[i] + 1 end) end
    smpp.sleep(30)
    local esme = assert(smpp.connect { "smpp://acme:secret@localhost", retry = false, receipt = function(receipt)
      states[#states + 1] = receipt.id .. " " .. receipt.state
    end })
    local function send()
      return assert(esme:send { to = "+491761234567", text = "Hello", receipt = true }).message_id
    end
    local one, two = send(), send()
    smpp.sleep(90)
    first.server.sessions[1]:close() -- the first is gone for a second or two
    smpp.sleep(0.01)
    local three = send()
    smpp.sleep(60)
    assert.same({ one .. " DELIVERED", two .. " DELIVERED", three .. " DELIVERED" }, states)
    assert.same({ 2, 1 }, taken)
    second:close(1)
    first.server.sessions[1]:close()
    smpp.sleep(0.01)
    assert.equal("ESME_RSYSERR", (select(3, esme:send { to = "+491761234567", text = "Hello" })))
    esme:close()
    world.loop:raise "SIGINT"
  end })
  assert.equal("", output)
end

-- A file for `smpp gateway`, no program: spec/docs/gateway_spec.lua reads it.
function specs.gateway() assert.has_error(function() example "gateway" end) end

function specs.decode()
  local output = example("decode", { mc = false })
  assert.truthy(output:find('submit_sm #7 source_addr_ton=5 source_addr="TestApp"', 1, true))
  assert.truthy(output:find("TLV 0x1400: 3 octets\n", 1, true))
  assert.truthy(output:find("\nfault\t", 1, true))
  assert.has_error(function() example("decode", { arg = { "00000010 00000015" }, mc = false }) end)
end

function specs.cost()
  local output = example("cost", { mc = false })
  assert.truthy(output:find("gsm7: 1 part, 44 units, 116 left", 1, true))
  assert.truthy(output:find("because of ’ (U+2019), character 39", 1, true))
  assert.truthy(output:find("1 part if sent as: Your parcel arrives today - please don't", 1, true))
end

function specs.vendor_tlvs()
  local output = example "vendor_tlvs"
  assert.equal(2, count(output, 'out\tsubmit_sm [^\n]*pe_id="1201159080000000000"'))
  assert.equal(1, count(output, 'template_id="1207161000000000000"'))
  assert.equal(1, count(output, 'tlv_0x2FFF="\\x01\\x02"'))
end

function specs.ports()
  local seen
  local output = example("ports", { beside = function(world)
    seen = collect(world)
    smpp.sleep(1)
    local deliver = { source_addr = "491761234567", source_addr_ton = 1, data_coding = 4, esm_class = 0x40 }
    for i = 1, 2 do
      deliver.short_message = seen[i].octets
      assert(world.mc.server.sessions[1]:deliver_sm(deliver))
    end
    world.loop:raise "SIGINT"
  end })
  assert.equal("2 parts, each with the ports in its header\n200 octets from +491761234567 for port 2948\n", output)
  assert.equal("\6\5\4\11\132\35\240\1\6\3", seen[3].octets)
end

function specs.scenario()
  local first = example "scenario"
  assert.truthy(first:find("connection reset by peer", 1, true))
  assert.truthy(first:find("%d+ accepted, %d+ unknown, %d+ received"))
  assert.equal(first, (example "scenario"))
  assert.are_not.equal(first, (example("scenario", { arg = { "8" } })))
end

function specs.outcomes()
  local output, fast = example("outcomes", { mc = false }), 0
  assert.truthy(output:find("slow DELIVERED\t50\n", 1, true))
  assert.truthy(output:find("wrong ESME_RINVDSTADR\t50\n", 1, true))
  for state, n in output:gmatch "fast (%u+)\t(%d+)" do
    fast = fast + n
    assert.is_true(tonumber(n) < (state == "DELIVERED" and 48 or 20), state)
  end
  assert.equal(50, fast)
  assert.equal(output, (example("outcomes", { mc = false })))
end

function specs.capture()
  local output = example "capture"
  assert.truthy(output:find('submit_sm #2 .-short_message="Recorded."\n'))
  assert.truthy(output:find("answered after %d+%.%d ms"))
  assert.truthy(output:find("6 PDUs, 0 requests without an answer\n", 1, true))
end

describe("an example", function()
  local list = assert(io.popen("cd examples && ls *.lua"))
  for name in list:lines() do
    it(name .. " does what it says in at most 40 lines", function()
      local lines = 0
      for _ in io.lines("examples/" .. name) do lines = lines + 1 end
      assert.is_true(lines <= 40, lines .. " lines")
      local spec = specs[name:match("^(.*)%.lua$")]
      assert.is_function(spec, "examples/" .. name .. " has no spec")
      spec()
    end)
  end
  list:close()
end)

describe("a program beside others", function()
  it("fails with what failed in it, or beside it", function()
    assert.has_error(function() program.run("require 'smpp'.run(function() error 'own' end)", "=x") end)
    assert.has_error(function()
      program.run("require 'smpp'.run(function() end)", "=x", { beside = function() error "beside" end })
    end)
  end)

  it("leaves the loop as it was", function()
    local loops = require "smpp.loop"
    local mine = virtual.new()
    local previous = loops.set(mine)
    program.run("print(1)", "=x")
    assert.equal(mine, loops.set(previous))
  end)
end)
