-- Sends, counts orders of its own beside what the library counts, and serves both to Prometheus.
local smpp = require "smpp"
local metrics = smpp.metrics

local orders = metrics.counter("shop_orders", "Orders, by what became of their message.", { "outcome" })

smpp.run(function()
  local endpoint = assert(metrics.serve { port = tonumber(arg[1] or 0) })
  local esme = assert(smpp.connect { "smpp://smppclient1:password@localhost", name = "localhost", log = "warn" })
  endpoint:follow(esme) -- /health is 200 while it has a bind
  print("metrics on " .. endpoint.url)

  for order = 1, 20 do
    local sent = esme:send { from = "Shop", to = "+491761234567", text = ("Order %d is on its way"):format(order) }
    orders:add(1, sent and "told" or "not_told")
  end

  local latency = metrics.get("smpp_response_seconds", { target = "localhost", command = "submit_sm" })
  print(("%d responses, 99 %% within %.3g s"):format(latency.count, metrics.quantile(latency, 0.99)))
  print(metrics.text():match "shop_orders_total[^\n]*")
  esme:close()
  endpoint:close()
end)
