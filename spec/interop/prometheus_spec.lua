-- Prometheus itself scrapes our endpoint: it takes OpenMetrics, with the exemplars, and answers queries over the metrics.
local dkjson = require "dkjson"
local http = require "spec.support.http"
local metrics = require "smpp.metrics"
local peers = require "spec.support.peers"
local shell = require "spec.support.shell"
local smpp = require "smpp"

local CONFIGURATION = [[
global: { scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s }
rule_files: [ %s/docs/monitoring/alerts.yml ]
scrape_configs:
  - job_name: smpp
    static_configs: [ { targets: [ "127.0.0.1:%d" ] } ]
]]

describe("Prometheus", function()
  setup(function() shell.need "prometheus" end)

  it("reads what a server and a client count, with exemplars and without a complaint", function()
    peers.run(function()
      local folder, remove = shell.folder()
      local endpoint = peers.closes(assert(metrics.serve { port = 0 }))
      local port = peers.free_ports(1)
      shell.write(folder .. "/p.yml", CONFIGURATION:format(shell.must("pwd"):gsub("\n", ""), endpoint.port))
      local prometheus = peers.start("prometheus", {
        "prometheus", "--config.file=" .. folder .. "/p.yml", "--storage.tsdb.path=" .. folder .. "/data",
        "--web.listen-address=127.0.0.1:" .. port, "--enable-feature=exemplar-storage", "--log.level=warn",
      })
      local server = peers.closes(assert(smpp.server { port = 0, submit_sm = function() return "1" end }))
      local esme = peers.closes(assert(smpp.connect { host = "127.0.0.1", port = server.port, system_id = "me", password = "x", name = "scraped" }))
      for _ = 1, 20 do assert(esme:submit_sm { destination_addr = "491761234567" }) end

      local function get(path, query)
        local status, body = http.get(port, path, query)
        local object = status == 200 and dkjson.decode(body)
        return object and object.status == "success" and object.data or nil
      end
      local found
      peers.wait("a scrape", function()
        local data = get("/api/v1/query", { query = 'smpp_requests_total{target="scraped",command="submit_sm"}' })
        found = data and data.result[1]
        return found
      end)
      assert.same({ "20", "out", "client" }, { found.value[2], found.metric.direction, found.metric.role })
      local target = get("/api/v1/targets", { state = "active" }).activeTargets[1]
      assert.same({ "up", "" }, { target.health, target.lastError })
      local exemplars = get("/api/v1/query_exemplars", {
        query = 'smpp_response_seconds_bucket{target="scraped",command="submit_sm"}', start = os.time() - 60, ["end"] = os.time() + 60,
      })
      assert.equal(esme.session.id, exemplars[1].exemplars[1].labels.session)
      local about = get("/api/v1/metadata", { metric = "smpp_response_seconds" }).smpp_response_seconds[1]
      assert.same({ "histogram", "seconds" }, { about.type, about.unit })
      for _, group in ipairs(get "/api/v1/rules" .groups) do
        for _, rule in ipairs(group.rules) do assert.equal("", rule.lastError or "") end
      end
      assert.equal("", table.concat(prometheus.lines, "\n"))
      prometheus:stop()
      remove()
    end)
  end)
end)
