-- node-smpp on the other side of a proxy that cuts, delays, garbles, stalls and half-closes.
local loops = require "smpp.loop"
local node = require "spec.support.node"
local peers = require "spec.support.peers"
local proxies = require "spec.support.proxy"
local smpp = require "smpp"

local MESSAGES = 100

local OUTCOMES = { timeout = "unknown", connection_lost = "unknown", closed = "never_sent", not_sent = "never_sent" }

--- What a client is told of a hundred messages sent through a fault on its first connection, and what node-smpp got of them.
local function send_through(mc, fault)
  local proxy = proxies.open(loops.current(), mc.port, function(n) return n == 1 and fault or nil end)
  peers.closes(proxy)
  local esme = assert(smpp.connect {
    host = "127.0.0.1", port = proxy.port, system_id = "lua", password = "secret", window = 10,
    enquire_link_s = 0.3, enquire_link_response_s = 0.3, pdu_read_s = 0.5, response_timeout_s = 1.5,
    reconnect = { min_s = 0.05, max_s = 0.2 },
  })
  esme:on("error", function() end) -- what was garbled
  local told, done = {}, 0
  for i = 1, MESSAGES do
    smpp.spawn(function()
      local response, _, code = esme:submit_sm { source_addr = "A", destination_addr = "491761234567", short_message = "m" .. i .. "." }
      told[i], done = response and "response" or OUTCOMES[code] or "refused " .. code, done + 1
    end)
  end
  peers.wait("all messages to have an outcome", function() return done == MESSAGES end)
  local connections = proxy.count
  local left = esme:close(2)
  -- What node-smpp answered it has told of before.  It keeps a stalled or garbled connection for ever: no waiting for that.
  local got = {}
  for _, pdu in ipairs(mc.pdus) do
    local n = pdu.command == "submit_sm" and type(pdu.short_message.message) == "string" and tonumber(pdu.short_message.message:match "^m(%d+)%.$")
    if n then got[n] = (got[n] or 0) + 1 end
  end
  return told, got, connections, left
end

describe("our client and node-smpp behind a proxy", function()
  for _, what in ipairs { "cut", "close", "half_close", "stall", "garble" } do
    for _, direction in ipairs { "up", "down" } do
      it(("that does this to their connection (%s %s): the books balance, and it goes on"):format(what, direction), function()
        node.need()
        peers.run(function()
          local mc = node.listen()
          local told, got, connections, left = send_through(mc, { what = what, direction = direction, after = direction == "up" and 2077 or 377 })
          local counts = { response = 0, unknown = 0 }
          for i = 1, MESSAGES do
            local outcome, times = told[i], got[i] or 0
            -- A status that came out of the garbler says nothing.
            if what == "garble" and outcome:find "^refused" then outcome = "unknown" end
            assert.is_truthy(counts[outcome], ("message %d: %s"):format(i, outcome))
            counts[outcome] = counts[outcome] + 1
            assert.is_true(times <= 1, "sent twice unasked: " .. i)
            if outcome == "response" then assert.equal(1, times, "message " .. i) end
          end
          assert.equal(2, connections)
          assert.is_true(counts.unknown >= 1 and counts.unknown <= 10, counts.unknown .. " unknown")
          assert.same({}, left)
        end)
      end)
    end
  end

  it("that delays: the window keeps the line full", function()
    node.need()
    peers.run(function()
      local mc = node.listen()
      local loop = loops.current()
      local started = loop:precise()
      local told, got, connections = send_through(mc, { delay_s = 0.05 })
      for i = 1, MESSAGES do assert.same({ "response", 1 }, { told[i], got[i] }) end
      assert.equal(1, connections)
      -- A hundred messages, ten at a time, a tenth of a second there and back: a second, and not ten.
      local took = loop:precise() - started
      assert.is_true(took >= 1 and took < 6, took .. " s")
    end)
  end)
end)

describe("our server and node-smpp behind a proxy", function()
  it("that spoils one connection after the other: every session ends, and the next one works", function()
    node.need()
    peers.run(function()
      local taken, ended = 0, {}
      local server = peers.closes(assert(smpp.server {
        port = 0, enquire_link_s = 0.2, enquire_link_response_s = 0.2, pdu_read_s = 0.4, bind_timeout_s = 2,
        submit_sm = function()
          taken = taken + 1
          return tostring(taken)
        end,
      }))
      server:on("error", function() end)
      server:on("closed", function(_, reason) table.insert(ended, reason) end)
      local faults = { "cut", "close", "half_close", "stall", "garble" }
      local proxy = peers.closes(proxies.open(loops.current(), server.port, function(n)
        return faults[n] and { what = faults[n], direction = "up", after = 300 } or nil
      end))
      local esme
      for n = 1, #faults + 1 do
        if esme then esme:tell { ["do"] = "connect" } else esme = node.connect(proxy.port) end
        peers.wait("the connection", function() return esme.connected >= n end)
        assert.equal(0, esme:bind("transceiver").command_status)
        local posted
        for i = 1, 10 do posted = esme:post("submit_sm", { destination_addr = "491761234567", short_message = "message " .. i }) end
        if n > #faults then
          assert.equal(0, esme:answer_to(posted, "submit_sm").command_status)
        else
          peers.wait(faults[n] .. " to be noticed", function() return #ended == n and server.connections.count == 0 end)
          esme:act "destroy"
        end
      end
      assert.is_true(taken >= 10 + #faults, taken .. " messages")
      assert.equal(1, #server.sessions)
    end)
  end)
end)
