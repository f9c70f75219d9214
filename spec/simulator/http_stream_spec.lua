local async = require "spec.support.async"
local dkjson = require "dkjson"
local with = require "spec.support.simulator_http"

--- Listens with octets as they are; returns the transport and a function for the events so far, as { name, object }.
local function listen(sim, path, headers)
  local transport = assert(async.await(function(done) sim.loop:connect({ host = "127.0.0.1", port = sim.http.server.port }, done) end))
  local got = async.collect(transport)
  local before = sim.http.feed and sim.http.feed.clients or 0
  transport:write(("GET %s HTTP/1.1\r\nHost: localhost\r\n%s\r\n"):format(path, headers or ""))
  async.wait_until(function() return sim.http.feed and sim.http.feed.clients > before end)
  return transport, function()
    local list = {}
    for name, data in got.octets:gmatch "event: (%a+)\ndata: ([^\n]*)\n" do list[#list + 1] = { name, dkjson.decode(data) } end
    return list, got.octets:match ".*\nid: ([%x.]+)"
  end
end

local function names(list)
  local words = {}
  for i, event in ipairs(list) do words[i] = event[1] end
  return table.concat(words, " ")
end

describe("smpp.simulator.http_stream", function()
  it("tells what happens", with({}, function(ask, esme, sim)
    local transport, got = listen(sim, "/v1/stream")
    local response = assert(esme:submit_sm { source_addr = "12345", destination_addr = "491761234567", short_message = "Hi \1", registered_delivery = 1 })
    async.wait_until(function() return #got() >= 3 end)
    local list = got()
    assert.equal("message final receipt", names(list))
    local message, final, receipt = list[1][2], list[2][2], list[3][2]
    assert.same({ response.message_id, "12345", "491761234567", "Hi £", "me", "ENROUTE" },
      { message.id, message.from, message.to, message.text, message.system_id, message.state })
    assert.is_nil(message.octets)
    assert.same({ response.message_id, "DELIVERED" }, { final.id, final.state })
    assert.is_string(final.done)
    assert.same({ response.message_id, "DELIVERED", "me" }, { receipt.id, receipt.state, receipt.system_id })
    assert.matches("^id:" .. response.message_id .. " ", receipt.text)
    assert.equal(202, (ask("POST", "/v1/mo", { from = "+491761234567", to = "12345", text = "Grüße" })))
    assert.equal(202, (ask("POST", "/v1/orders", { fault = "drop" })))
    esme:submit_sm({ destination_addr = "1", short_message = "x" }, 0.02)
    async.wait_until(function() return names(got()):find "fault" end)
    assert.equal(200, (ask("DELETE", "/v1/sessions")))
    async.wait_until(function() return names(got()):find "closed" end)
    local by_name = {}
    for _, event in ipairs((got())) do by_name[event[1]] = by_name[event[1]] or event[2] end
    assert.same({ "me", "+491761234567", "+12345", "Grüße", "gsm7" },
      { by_name.mo.system_id, by_name.mo.from, by_name.mo.to, by_name.mo.text, by_name.mo.encoding })
    assert.same({ "me", "drop" }, { by_name.fault.system_id, by_name.fault.fault })
    assert.equal("me", by_name.closed.system_id)
    assert.is_string(by_name.closed.reason)
    transport:close()
  end))

  it("tells only what is wanted, and goes on for a client that comes back", with({}, function(ask, esme, sim)
    local transport, got = listen(sim, "/v1/stream?event=final")
    local function submit() assert(esme:submit_sm { destination_addr = "1", short_message = "x" }) end
    submit()
    async.wait_until(function() return got()[1] end)
    local list, id = got()
    assert.equal("final", names(list))
    transport:close()
    async.wait_until(function() return sim.http.feed.clients == 0 end)
    submit()
    async.wait_until(function() return sim.counts.messages == 2 and sim.states.DELIVERED == 2 end)
    transport, got = listen(sim, "/v1/stream?event=final,message", ("Last-Event-ID: %s\r\n"):format(id))
    async.wait_until(function() return got()[2] end)
    assert.equal("message final", names((got())))
    transport:close()
    local status, answer = ask("GET", "/v1/stream?event=final,none")
    assert.same({ 400, "event" }, { status, answer.field })
  end))
end)
