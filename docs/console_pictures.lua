--- The pictures of consoles in README.md: a browser's, of programs that run, light and dark.  `make pictures` makes them in two minutes.
--- A gateway between customers and simulated carriers, one of which fails for a while; and a simulator that clients use.
local browsers = require "spec.support.browser"
local gateways = require "smpp.gateway"
local smpp = require "smpp"

local SECONDS, WIDTH, HEIGHT = 120, 1440, 680

local FILE = [[
listen { port = 0, accounts = { shop = { password = "secret", rate_per_s = 200 }, bank = "hidden", clinic = { password = "x", token = "clinic-token" } } }
http { port = 0 }
carrier "telco_north" { "smpp://me:x@127.0.0.1:%d", window = 50, binds = 2 }
carrier "telco_south" { "smpp://me:x@127.0.0.1:%d", window = 30, breaker = { failures = 5, within_s = 10, open_s = 30 } }
carrier "world" { "smpp://me:x@127.0.0.1:%d" }
carrier "reserve" { "smpp://me:x@127.0.0.1:%d", off = true }
route { to = prefix { "44", "1" }, via = failover { "world", "reserve" } }
route { to = prefix "49", via = balance { telco_north = 3, telco_south = 1, reserve = 1 } }
]]

local function write(name, page)
  local path, encoded = ("docs/pictures/%s.png"):format(name), os.tmpname()
  local file = assert(io.open(encoded, "wb"))
  file:write(page:picture())
  file:close()
  os.execute(("base64 -d %s > %s"):format(encoded, path))
  os.remove(encoded)
  print(path)
end

--- Writes both pictures of a page.
---@async
local function picture(browser, name, url, shown)
  for _, theme in ipairs { "light", "dark" } do
    local page = browser:visit(url, { dark = theme == "dark", width = WIDTH, height = HEIGHT })
    page:wait(shown)
    smpp.sleep(1.5)
    write(("%s-%s"):format(name, theme), page)
    page:close()
  end
end

local HELLO = { "Hello" }
local TEXTS = {
  "Your code is 4711.", "Ihr Paket kommt heute zwischen 14 und 16 Uhr.", "Ваш код 1234", "Votre rendez-vous est confirmé.", "Rechnung über 12,50 €: faellig am 1.12.",
  "Το δέμα σας έφτασε.", "Your table for two is reserved at 19:30. Reply STOP to end.", "مرحبا، رمزك هو 4821",
}

--- A customer that sends so many messages a second, more and less of them.
local function customer(port, account, rate, ended, source, texts)
  local esme = assert(smpp.connect { ("smpp://%s@127.0.0.1:%d?window=100"):format(account, port) })
  smpp.spawn(function()
    local n, began = 0, esme.loop:now()
    while not ended() do
      local at = esme.loop:now() - began
      local now = rate * (1 + 0.4 * math.sin(at / 9) + 0.2 * math.sin(at / 2.3))
      for _ = 1, math.max(1, math.floor(now / 20 + 0.5)) do
        n = n + 1
        local to = n % 9 == 0 and ("4477%08d"):format(n * 7919 % 99999999) or ("49176%07d"):format(n * 7919 % 9999999)
        smpp.spawn(function() esme:send { from = source, to = "+" .. to, text = texts[n % #texts + 1], receipt = true } end)
      end
      smpp.sleep(0.05)
    end
    esme:close(2)
  end)
end

smpp.run(function()
  local carriers, ports = {}, {}
  for i, usual_s in ipairs { 0.012, 0.03, 0.08, 0.01 } do
    carriers[i] = assert(smpp.simulator { port = 0, latency_s = { normal = { usual_s, usual_s / 3 } } })
    ports[i] = carriers[i].port
  end
  local gateway = assert(gateways.new { path = "gateway.lua", text = FILE:format((table.unpack or unpack)(ports)), watch_s = 0 }) -- luacheck: compat
  smpp.sleep(1)
  local over = false
  for account, rate in pairs { ["shop:secret"] = 60, ["bank:hidden"] = 25 } do
    customer(gateway.servers[1].port, account, rate, function() return over end, "Shop", HELLO)
  end
  local sim = assert(smpp.simulator { port = 0, http = 0, seed = 4, latency_s = { spikes = { 0.012, 0.09, 3 } }, refusals = { ESME_RTHROTTLED = 4 },
    outcomes = { DELIVERED = 92, UNDELIVERABLE = 5, EXPIRED = 2, REJECTED = 1 }, deliver_after_s = { uniform = { 0.5, 3 } } })
  for account, source in pairs { ["shop:secret"] = "Shop", ["bank:hidden"] = "Bank", ["clinic:x"] = "Clinic" } do
    customer(sim.port, account, 14, function() return over end, source, TEXTS)
  end
  smpp.sleep(SECONDS - 8)
  carriers[2]:set { refusals = { ESME_RSYSERR = 60 } }
  smpp.sleep(8)
  local server, browser = gateway.http.servers[1], browsers.open()
  picture(browser, "console-gateway", gateway.http.pages[server]:url(server.url), "document.querySelectorAll('.carrier').length == 4")
  picture(browser, "console-simulator", sim.http.console:url(sim.http.url), "document.querySelectorAll('tbody tr').length > 12")
  browser:close()
  over = true
  smpp.sleep(0.5)
  gateway:close(1)
  sim:close(0)
  for _, one in ipairs(carriers) do one:close(0) end
end)
