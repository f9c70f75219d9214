local mc = require "spec.support.mc"
local metrics = require "smpp.metrics"
local smpp = require "smpp"

--- Sends octets; what comes back until the peer closes, or for some seconds.
local function ask(w, endpoint, octets, seconds)
  local transport, got, closed = w:transport(endpoint.port), {}, false
  transport:start(function(chunk) got[#got + 1] = chunk end, function() closed = true end)
  for _, piece in ipairs(type(octets) == "table" and octets or { octets }) do
    transport:write(piece)
    w:sleep(0.01)
  end
  w:sleep(seconds or 1)
  transport:close()
  return table.concat(got), closed
end

local function get(w, endpoint, path, headers) return ask(w, endpoint, ("GET %s HTTP/1.1\r\nHost: x\r\n%s\r\n"):format(path, headers or "")) end

local function served(fn, o)
  mc.world(function(w)
    local endpoint = assert(metrics.serve { port = 0, loop = w.loop, role = o and o.role })
    fn(w, endpoint)
    endpoint:close()
  end)
end

describe("smpp.metrics.endpoint", function()
  it("serves the metrics in the form that is asked for", function()
    served(function(w, endpoint)
      assert.equal(("http://127.0.0.1:%d/metrics"):format(endpoint.port), endpoint.url)
      local answer, closed = get(w, endpoint, "/metrics")
      assert.matches("^HTTP/1.1 200 OK\r\nContent%-Type: text/plain; version=0.0.4; charset=utf%-8\r\n", answer)
      assert.matches("\nsmpp_requests_total{", answer)
      assert.is_nil(answer:find("# EOF", 1, true))
      local head, body = answer:match "^(.-\r\n)\r\n(.*)$"
      assert.equal(#body, tonumber(head:match "Content%-Length: (%d+)"))
      assert.is_true(closed)
      answer = get(w, endpoint, "/metrics", "Accept: text/plain;q=0.5,application/openmetrics-text;version=1.0.0;q=0.75\r\n")
      assert.matches("\r\nContent%-Type: application/openmetrics%-text; version=1.0.0; charset=utf%-8\r\n", answer)
      assert.matches("\n# EOF\n$", answer)
    end)
  end)

  it("speaks HTTP/1.0 and 1.1, HEAD, and requests in any pieces", function()
    served(function(w, endpoint)
      assert.matches("^HTTP/1.1 200 OK\r\n.*smpp_requests", (ask(w, endpoint, "GET /metrics HTTP/1.0\r\n\r\n")))
      assert.matches("^HTTP/1.1 200 OK\r\n.*smpp_requests", (ask(w, endpoint, "GET http://x:1/metrics?a=b HTTP/1.1\nhost: x\n\n")))
      local pieces = {}
      for octet in ("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"):gmatch "." do pieces[#pieces + 1] = octet end
      assert.matches("^HTTP/1.1 200 OK\r\n.*smpp_requests", (ask(w, endpoint, pieces)))
      local answer = ask(w, endpoint, "HEAD /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
      assert.matches("^HTTP/1.1 200 OK\r\n.*Content%-Length: %d%d%d%d+\r\n.*\r\n\r\n$", answer)
    end)
  end)

  it("refuses what it does not have, and what is malformed", function()
    served(function(w, endpoint)
      for request, status in pairs {
        ["GET / HTTP/1.1\r\nHost: x\r\n\r\n"] = 404,
        ["POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"] = 405,
        ["GET /metrics HTTP/1.1\r\n\r\n"] = 400, -- no Host
        ["GET /metrics HTTP/2.0\r\nHost: x\r\n\r\n"] = 505,
        ["GET /metrics\r\n\r\n"] = 400,
        ["GET /metrics HTTP/1.1\r\nHost x\r\n\r\n"] = 400,
        ["\0\0\0\16\0\0\0\9\0\0\0\0\0\0\0\1\r\n\r\n"] = 400,
        [("x"):rep(9000)] = 431,
        ["GET /metrics HTTP/1.1\r\nHost: x\r\nA: " .. ("x"):rep(9000) .. "\r\n\r\n"] = 431,
      } do
        local answer, closed = ask(w, endpoint, request)
        assert.matches(("^HTTP/1.1 %d "):format(status), answer)
        assert.is_true(closed)
      end
      assert.matches("\r\nAllow: GET, HEAD\r\n", (ask(w, endpoint, "DELETE /health HTTP/1.1\r\nHost: x\r\n\r\n")))
    end)
  end)

  it("stays up whatever octets come", function()
    served(function(w, endpoint)
      local words = { "GET", " ", "/metrics", "/health", "HTTP/1.1", "HTTP/1.", "\r\n", "\n", ":", "Host: x", "\0", "\255", "a", "Accept: ", "%", "http://" }
      local random = require("smpp.base.random").generator(7)
      for _ = 1, 300 do
        local octets = {}
        for i = 1, math.floor(random() * 14) do octets[i] = words[math.floor(random() * #words) + 1] end
        assert.matches("^HTTP/1.1 %d%d%d ", (ask(w, endpoint, table.concat(octets) .. "\r\n\r\n")))
      end
      assert.matches("^HTTP/1.1 200 OK\r\n", (get(w, endpoint, "/metrics")))
    end)
  end)

  it("waits five seconds for a request", function()
    served(function(w, endpoint)
      assert.same({ "", false }, { ask(w, endpoint, "GET /met", 4.9) })
      local answer, closed = ask(w, endpoint, "GET /met", 5.1)
      assert.matches("^HTTP/1.1 408 ", answer)
      assert.is_true(closed)
    end)
  end)

  it("has 32 connections at most", function()
    served(function(w, endpoint)
      local idle, ends = {}, 0
      for i = 1, 33 do
        idle[i] = w:transport(endpoint.port)
        idle[i]:start(function() end, function() ends = ends + 1 end)
      end
      w:sleep(1)
      assert.equal(1, ends)
      w:sleep(5)
      assert.equal(33, ends)
      assert.matches("^HTTP/1.1 200", (get(w, endpoint, "/metrics")))
      for _, transport in ipairs(idle) do transport:close() end
    end)
  end)

  it("ends the connection of a peer that does not read the answer, and serves others meanwhile", function()
    served(function(w, endpoint)
      local ended
      local is_slow = true
      w.loop:on_link(function(link)
        if is_slow then link.b_to_a.capacity = 100 end
      end)
      local slow = w:transport(endpoint.port)
      is_slow = false
      slow:start(function() end, function() ended = w.loop:now() end)
      slow:pause()
      slow:write "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"
      w:sleep(1)
      assert.equal(1, endpoint.count)
      assert.matches("^HTTP/1.1 200", (get(w, endpoint, "/metrics")))
      assert.equal(1, endpoint.count)
      w:sleep(10)
      assert.equal(0, endpoint.count)
      slow:resume()
      w:sleep(1)
      assert.is_number(ended)
    end)
  end)

  it("tells the health of a client", function()
    served(function(w, endpoint)
      assert.matches("^HTTP/1.1 503 Service Unavailable\r\n.*\r\n\r\nunavailable\n$", (get(w, endpoint, "/health")))
      local sim = w:server({}, smpp.simulator)
      local esme = assert(smpp.connect { "smpp://me:secret@localhost", loop = w.loop })
      endpoint:follow(esme)
      w:sleep(2)
      assert.matches("^HTTP/1.1 200 OK\r\n.*\r\n\r\nok\n$", (get(w, endpoint, "/health")))
      local json = get(w, endpoint, "/health", "Accept: application/json\r\n")
      assert.matches('\r\nContent%-Type: application/json\r\n.*\r\n\r\n{"status":"ok","role":"client","bound":1,"since_s":3.%d+}\n$', json)
      for _, session in ipairs(sim.server.sessions) do session:reset "cut" end
      sim:close(0)
      w:sleep(1)
      json = get(w, endpoint, "/health", "Accept: application/json\r\n")
      assert.matches("^HTTP/1.1 503 ", json)
      assert.matches('{"status":"unavailable","role":"client","bound":0,', json)
      esme:close()
    end)
  end)

  it("tells the health of a server", function()
    served(function(w, endpoint)
      local server = w:server {}
      endpoint:follow(server)
      assert.matches("^HTTP/1.1 200 ", (get(w, endpoint, "/health")))
      server:close()
      assert.matches("^HTTP/1.1 503 ", (get(w, endpoint, "/health")))
    end, { role = "server" })
  end)

  it("measures the lag of the loop", function()
    local before = metrics.get("smpp_loop_lag_seconds").count
    served(function(w) w:sleep(10) end)
    assert.equal(before + 9, metrics.get("smpp_loop_lag_seconds").count)
  end)

  it("says that a port is taken", function()
    served(function(w, endpoint)
      local _, message, code = metrics.serve { port = endpoint.port, loop = w.loop }
      assert.equal("connect_failed", code)
      assert.matches("in use", message)
      assert.matches("did you mean 'port'", select(2, pcall(metrics.serve, { prt = 1 })))
    end)
  end)
end)
