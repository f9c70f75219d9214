--- Specs of the gateway: customers, a gateway, and carriers that do what they are told, under virtual time.
local engine_store = require "spec.support.engine_store"
local esme = require "spec.support.esme"
local late = require "spec.support.late_store"
local gateways = require "smpp.gateway"
local log = require "smpp.base.log"
local schema = require "smpp.base.schema"
local smpp = require "smpp"
local stores = require "smpp.store"

local support = {}

local World = {}
local WORLD = { __index = World }

support.FILE = [[
listen { port = 2775, accounts = { acme = "secret", bank = "hidden" } }
carrier "a" { "smpp://me:x@localhost:2001" }
carrier "b" { "smpp://me:x@localhost:2002" }
route { via = failover { "a", "b" } }
]]

--- The same with a store.
support.STORED_FILE = 'store { "x.db" }\n' .. support.FILE

--- Runs fn(world) beside a gateway of this text; nil: support.FILE.  `carriers` are functions (session, pdu) -> as handlers of
--- smpp.server, for the carriers on ports 2001, 2002 …; by default they take everything.
---@param text string?
---@param fn fun(world: table)
--- `quiet`: nobody sends an enquire_link, which is most of what days of virtual time cost.
---@param o? { carriers: table<integer, function|false>?, count: integer?, server: table?, store: table?, quiet: boolean? }
function support.world(text, fn, o)
  o, text = o or {}, text or support.FILE
  if o.quiet then
    text = text:gsub("listen {", "%0 enquire_link_s = 0,"):gsub('carrier %b"" {', "%0 enquire_link_s = 0,")
  end
  esme.run(function(loop)
    local world = setmetatable({ loop = loop, records = {}, carriers = {}, customers = {}, text = text, quiet = o.quiet }, WORLD)
    for i = 1, o.count or 2 do
      if not (o.carriers and o.carriers[i] == false) then world:carrier(i, o.carriers and o.carriers[i], o.server) end
    end
    world.store = type(o.store) == "function" and o.store(loop) or o.store
    world:start()
    fn(world)
    for _, customer in ipairs(world.customers) do customer:close(1) end
    world.left = world.gateway:close()
    if world.store then
      smpp.sleep(1) -- what it has not completed
      world.store:kill()
      if world.store.engine then world.store.engine.close() end
    end
    for _, one in pairs(world.carriers) do one.server:close(0) end
    for _, record in ipairs(world.records) do -- docs/logging.md has them all
      if log.events[record.event] ~= record.level then error(("event not in smpp.base.log: %s %s"):format(record.level, record.event), 0) end
    end
  end)
end

--- Starts the gateway; again after `kill`.
function World:start(store)
  self.store = store or self.store
  local message
  self.gateway, message = gateways.new {
    path = "gateway.lua", text = self.text, watch_s = 0, log = function(record) table.insert(self.records, record) end, store = self.store,
  }
  if not self.gateway then error(message, 0) end
  smpp.sleep(0.5)
end

--- Ends a gateway as kill -9 does: its connections are gone, and it does nothing more.
---@param gateway smpp.Gateway
function support.cut(gateway)
  gateway.closing, gateway.killed = true, true
  gateway.books:close()
  gateway.timer:close()
  gateway.expiry:close()
  gateway.signal:close()
  for _, one in ipairs(gateway.servers) do
    for _, session in ipairs(one.connections:list()) do session:reset "killed" end
    smpp.spawn(function() one:close(0) end)
  end
  for _, carrier in ipairs(gateway.carriers) do
    carrier.closing = true
    carrier.client.pool:each_session(function(session) session:reset "killed" end)
    carrier:close(0)
  end
end

--- kill -9: its connections are gone, its store takes nothing more; what the store has kept.
function World:kill()
  local kept, gateway = self.store:kill(), self.gateway
  support.cut(gateway)
  for _, customer in ipairs(self.customers) do customer:close(0) end
  self.customers = {}
  smpp.sleep(0.2)
  return kept
end

--- A carrier, that is its message centre: { server, got = PDUs, answer }.
function World:carrier(i, answer, options)
  local one = { got = {}, answer = answer, name = ("abcdef"):sub(i, i) }
  local o = { port = 2000 + i, accounts = { me = "x" }, enquire_link_s = self.quiet and 0 or nil }
  for name, value in pairs(options or {}) do o[name] = value end
  local function handle(session, pdu)
    table.insert(one.got, pdu)
    if one.answer then return one.answer(session, pdu, #one.got) end
    return ("%s-%d"):format(one.name, #one.got)
  end
  for _, name in ipairs { "submit_sm", "data_sm", "query_sm", "cancel_sm", "replace_sm" } do o[name] = o[name] or handle end
  one.server = assert(smpp.server(o))
  one.server:on("error", function() end)
  self.carriers[i] = one
  return one
end

--- A bound customer; `got` are the deliver_sm that it gets.
function World:customer(o)
  o = o or {}
  local got = {}
  local options = { o.url or "smpp://acme:secret@localhost:2775", reconnect = false, enquire_link_s = self.quiet and 0 or nil }
  for name, value in pairs(o) do
    if name ~= "url" then options[name] = value end
  end
  options.deliver_sm = options.deliver_sm or function(pdu)
    table.insert(got, pdu)
    return true
  end
  local client = assert(smpp.connect(options))
  client:on("error", function() end)
  client.got = got
  self.customers[#self.customers + 1] = client
  return client
end

--- A receipt of a carrier for a message that it has.
function World:receipt(i, id, o)
  o = o or {}
  local fields = {
    source_addr = o.from or "491", destination_addr = o.to or "12345", esm_class = o.esm_class or 4,
    short_message = o.text or ("id:%s sub:001 dlvrd:001 submit date:2311142213 done date:2311142213 stat:%s err:000 text:Hi"):format(id, o.stat or "DELIVRD"),
    tlvs = o.tlvs,
  }
  return self.carriers[i].server:deliver("me", fields)
end

--- The records of the log of one event, each as the value of a field.
function World:logged(event, field)
  local list = {}
  for _, record in ipairs(self.records) do
    if record.event == event then list[#list + 1] = field and record[field] or record.event end
  end
  return list
end

--- Submits; the message_id, or the code of the failure.
function support.submit(client, fields, command)
  local o = { source_addr = "12345", destination_addr = "491", short_message = "Hi" }
  for name, value in pairs(fields or {}) do o[name] = value end
  local response, _, code = client[command or "submit_sm"](client, o)
  return response and response.message_id, code, response
end

--- `support.world` for a gateway with a store, whose calls complete later than they are made.
function support.stored(text, fn, o)
  o = o or {}
  o.store = o.store or function(loop) return late.new(loop) end
  support.world(text or support.STORED_FILE, fn, o)
end

--- The same, and once more with a store in an engine, unless `o` has a store.
function support.both(text, fn, o)
  support.stored(text, fn, schema.merge(o or {}))
  if o and o.store then return end
  support.stored(text, fn, schema.merge(o or {}, { store = function(loop) return engine_store.new(loop) end }))
end

--- The store of the next life of a gateway that was killed.
---@param w table
---@param kept any  what `kill` returned
---@param o? table  of a late store
function support.reborn(w, kept, o)
  if type(kept) == "table" and kept.engine then return engine_store.reborn(w.loop, kept, o and o.fails) end
  local with = { inner = kept }
  for name, value in pairs(o or {}) do with[name] = value end
  return late.new(w.loop, with)
end

--- The credit of an account, in millionths.
---@async
function support.credit(w, name)
  name = name or "acme"
  if w.gateway.books.is_shared then return tonumber(stores.get(w.store, "counter", "credit/" .. name).state) end
  return w.gateway.customers[name].balance
end

--- The record of a message.
---@async
function support.kept(w, id) return (stores.get(w.store, "message", id)) end

support.World = World

return support
