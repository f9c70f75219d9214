--- SMPP 3.3, 3.4 and 5.0: codec, text, sessions, clients, servers, simulation.
--- Requiring this loads no event loop; it is loaded on first use.
local explain = require "smpp.codec.explain"
local pdus = require "smpp.codec"

local smpp = {
  _VERSION = "0.1.0",
  decode = pdus.decode,
  encode = pdus.encode,
  declare_tlv = pdus.declare_tlv,
  declare_command = pdus.declare_command,
  none = pdus.none,
  explain = explain.field,
  status = explain.status,
}

-- name -> module, and the function in it (none: the module itself)
local LAZY = {
  text = { "smpp.text" }, udh = { "smpp.text.udh" }, receipt = { "smpp.receipt" }, timestamp = { "smpp.codec.timestamp" },
  address = { "smpp.codec.address" }, profile = { "smpp.profile" }, tracker = { "smpp.receipt.tracker", "new" },
  reassembly = { "smpp.text.reassembly", "new" },
  run = { "smpp.loop.run", "run" }, spawn = { "smpp.loop.run", "spawn" }, sleep = { "smpp.loop.run", "sleep" },
  each = { "smpp.loop.run", "each" }, pcall = { "smpp.loop.run", "pcall" },
  metrics = { "smpp.metrics" },
  tls = { "smpp.transport.certificate" },
  loop = { "smpp.loop" }, connect = { "smpp.client", "connect" }, open = { "smpp.client", "open" },
  pool = { "smpp.client", "pool" }, listen_outbind = { "smpp.client", "listen_outbind" },
  server = { "smpp.server", "new" }, simulator = { "smpp.simulator", "new" }, service = { "smpp.service" }, load = { "smpp.load" },
  trace = { "smpp.capture.writer" }, capture = { "smpp.capture" },
  gateway = { "smpp.gateway", "new" }, route = { "smpp.route" },
}

return setmetatable(smpp, {
  __index = function(_, name)
    local place = LAZY[name]
    if not place then return nil end
    local value = require(place[1])
    if place[2] then value = value[place[2]] end
    rawset(smpp, name, value)
    return value
  end,
})
