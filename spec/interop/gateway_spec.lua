--- Our gateway between implementations of others: Kannel 1.4.5 as a customer, node-smpp 0.5.1 as a customer and as a carrier; passing
--- through, and with a store.
local json = require "dkjson"
local kannel = require "spec.support.kannel"
local node = require "spec.support.node"
local peers = require "spec.support.peers"
local smpp = require "smpp"
local gateways = require "smpp.gateway"
local stores = require "smpp.store"

local MODES = { { "passing through", "" }, { "with a store", 'store "x.db"\n' } }

--- A gateway with a customer of that name and carriers by their ports; its port.
local function gateway(mode, account, carriers)
  local lines = { mode .. ('listen { port = 0, accounts = { %s = "secret" } }'):format(account) }
  local names = {}
  for name, port in pairs(carriers) do
    lines[#lines + 1] = ('carrier "%s" { "smpp://gateway:secret@127.0.0.1:%d", reconnect = { fixed_s = 0.05 } }'):format(name, port)
    names[#names + 1] = ("%q"):format(name)
  end
  table.sort(names)
  lines[#lines + 1] = ("route { via = balance { %s } }"):format(table.concat(names, ", "))
  lines[#lines + 1] = ('incoming { deliver = "%s" }'):format(account)
  local problems = {}
  local self = assert(gateways.new {
    path = "gateway.lua", text = table.concat(lines, "\n"), watch_s = 0, store = mode ~= "" and stores.memory() or nil,
    log = function(record) if record.level == "error" then problems[#problems + 1] = record.event end end,
  })
  peers.closes { close = function() self:close(1) end }
  peers.wait("the carriers", function()
    for _, one in ipairs(self.carriers) do
      if not one:available() then return false end
    end
    return true
  end)
  return self.servers[1].port, problems, self
end

for _, mode in ipairs(MODES) do
  describe("our gateway, " .. mode[1] .. ",", function()
    it("takes messages of Kannel to node-smpp, its receipts and messages back", function()
      peers.need("bearerbox", "kannel")
      node.need()
      peers.run(function()
        local carrier = node.listen()
        local port, problems, own = gateway(mode[2], "kannel", { node = carrier.port })
        local box = kannel.start { port = port, bind = "trx", reply = function(query) return "You said: " .. query.text end }
        peers.wait("Kannel to bind", function() return #own.servers[1].sessions == 1 end)
        local words = ("Grüße @ £5 ^{}[~]| € "):rep(10) -- parts
        local status, answer = box:sendsms {
          from = "Shop", to = "+491761", text = words, charset = "utf-8", ["dlr-mask"] = 31, ["dlr-url"] = box:dlr_url "one",
        }
        assert.equal(202, status, answer)
        local parts = { carrier:take "submit_sm", carrier:take "submit_sm" }
        for i, pdu in ipairs(parts) do -- Kannel asks for a receipt of the first one only
          assert.same({ "Shop", 5, "491761" }, { pdu.source_addr, pdu.source_addr_ton, pdu.destination_addr })
          assert.same({ i == 1 and 0x11 or 0, 0x43 }, { pdu.registered_delivery, pdu.esm_class })
        end
        assert.equal("8", box:visit("/dlr").type) -- accepted
        for id = 1, 2 do
          carrier:post("deliver_sm", {
            source_addr = "491761", destination_addr = "Shop", esm_class = 4,
            short_message = ("id:%d sub:001 dlvrd:001 submit date:2311142213 done date:2311142213 stat:DELIVRD err:000 text:x"):format(id),
          })
        end
        local delivered = box:visit("/dlr", function(query) return query.type == "1" end)
        assert.truthy(delivered.words:find("stat:DELIVRD", 1, true))
        assert.truthy(delivered.words:find("id:" .. delivered.id, 1, true)) -- ours, and that of the response
        carrier:post("deliver_sm", {
          source_addr = "491761", source_addr_ton = 1, source_addr_npi = 1, destination_addr = "777", short_message = "hello kannel",
        })
        local mo = box:visit "/mo"
        assert.same({ "+491761", "777", "hello kannel" }, { mo.from, mo.to, mo.text })
        assert.equal("491761", carrier:take("submit_sm").destination_addr)
        box:shutdown()
        assert.same({}, problems)
        assert.same({}, carrier.errors)
      end)
    end)

    it("takes two thousand messages of node-smpp to two carriers, and their receipts back", function()
      node.need()
      peers.run(function()
        local sims, count = {}, 2000
        for _, name in ipairs { "a", "b" } do
          sims[name] = assert(smpp.simulator {
            port = 0, accounts = { gateway = { password = "secret" } }, deliver_after_s = 0.1, message_id_prefix = name .. "-",
          })
          peers.closes { close = function() sims[name]:close(1) end }
        end
        local port, problems = gateway(mode[2], "node", { a = sims.a.port, b = sims.b.port })
        local result
        local push = peers.start("node-smpp", { "node", node.folder .. "push.js", ("%d"):format(port), ("%d"):format(count), "50" },
          function(line) result = line end)
        peers.wait("node-smpp to end", function() return push.exited end, 50)
        assert.equal("exit code 0", push.exited)
        assert.same({ answered = count, refused = 0, delivered = count, repeated = 0, strangers = 0 }, json.decode(result))
        assert.same({ count / 2, count / 2 }, { sims.a.counts.messages, sims.b.counts.messages })
        assert.same({}, problems)
      end)
    end)
  end)
end
