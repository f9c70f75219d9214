local async = require "spec.support.async"
local cli = require "spec.support.cli"
local loops = require "smpp.loop"
local smpp = require "smpp"
local task = require "smpp.base.task"

local URL = "smpp://me:secret@127.0.0.1:2775"

--- What GET of a path gets from a port.
local function get(port, path)
  local loop, token, got = loops.current(), task.current(), {}
  loop:connect({ host = "127.0.0.1", port = port }, function(transport, message)
    if not transport then return task.wake_for(token, got, message) end
    transport:start(function(octets) got[#got + 1] = octets end, function()
      transport:close()
      task.wake_for(token, got, table.concat(got))
    end)
    transport:write("GET " .. path .. " HTTP/1.0\r\n\r\n")
  end)
  return task.wait(got)
end

describe("smpp.cli.metrics_flag: --metrics", function()
  it("serves what the simulator does while it runs", function()
    local health, metrics
    local code, _, err = cli.sim({ "--for", "10", "--metrics", "9464" }, function()
      local esme = assert(smpp.connect(URL))
      metrics, health = get(9464, "/metrics"), get(9464, "/health")
      esme:close()
    end)
    assert.equal(0, code)
    assert.equal("metrics on http://127.0.0.1:9464/metrics\n", err)
    cli.has(metrics, 'smpp_sessions{role="server",state="bound_trx"} ')
    cli.has(health, "HTTP/1.1 200 OK\r\n")
  end)

  it("serves what listen and send --file do", cli.with_simulator({ deliver_after_s = 1 }, function()
    local health
    smpp.spawn(function()
      smpp.sleep(2)
      health = get(9465, "/health")
    end)
    local code, _, err = cli.run({ "listen", URL, "--for", "5", "--metrics", "localhost:9465" }, { run = cli.inside })
    assert.equal(0, code)
    cli.has(err, "metrics on http://127.0.0.1:9465/metrics\n")
    cli.has(health, "HTTP/1.1 200 OK\r\n")
    local path = cli.file "to,text\n491761234567,Hello\n"
    health = nil
    smpp.spawn(function()
      smpp.sleep(0.1)
      health = get(9466, "/health")
    end)
    code, _, err = cli.send { URL, "--file", path, "--receipt", "--metrics", "[::1]:9466" }
    assert.equal(0, code)
    cli.has(err, "metrics on http://[::1]:9466/metrics\n")
    os.remove(path)
    os.remove(path .. ".result.jsonl")
  end))

  it("serves what a gateway does", function()
    local path = cli.file 'listen { port = 2775, accounts = { me = "secret" } }\ncarrier "a" { "smpp://me@localhost:2001" }\nroute { drop = true }\n'
    local health, metrics
    async.virtual(function()
      smpp.spawn(function()
        smpp.sleep(1)
        local esme = assert(smpp.connect(URL))
        assert(esme:send { to = "+491", text = "x" })
        metrics, health = get(9467, "/metrics"), get(9467, "/health")
        esme:close()
      end)
      local code, _, err = cli.run({ "gateway", path, "--for", "5", "--metrics", "9467" }, { run = cli.inside })
      assert.equal(0, code)
      cli.has(err, "metrics on http://127.0.0.1:9467/metrics\n")
    end)()
    os.remove(path)
    cli.has(metrics, 'smpp_gateway_messages_total{account="me",result="dropped"} 1\n')
    cli.has(metrics, 'smpp_gateway_carrier_available{carrier="a"} 0\n')
    cli.has(health, "HTTP/1.1 200 OK\r\n")
  end)

  it("is a port, and for one message not worth it", function()
    for _, word in ipairs { "x", "70000", ":9464", "host:", "1.5" } do
      local code, _, err = cli.run({ "sim", "--metrics", word }, { run = cli.inside })
      assert.equal(2, code)
      cli.has(err, "expected PORT or HOST:PORT")
    end
    local code, _, err = cli.send { URL, "--to", "491", "--metrics", "1", "x" }
    assert.equal(2, code)
    cli.has(err, "--metrics is for runs with --file")
  end)

  it("ends with 3, before it listens, where the port is taken", cli.with_simulator({}, function()
    local code, out, err = cli.run({ "sim", "--port", "2776", "--metrics", "2775" }, { run = cli.inside })
    assert.same({ 3, "" }, { code, out })
    cli.has(err, "--metrics: ")
    cli.has(err, "in use")
  end))
end)
