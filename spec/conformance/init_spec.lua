local async = require "spec.support.async"
local conformance = require "smpp.conformance"
local filter = require "smpp.transport.filter"
local smpp = require "smpp"

local function u32(octets, at)
  local a, b, c, d = octets:byte(at, at + 3)
  return ((a * 256 + b) * 256 + c) * 256 + d
end

local function put(octets, at, n)
  return octets:sub(1, at - 1) .. string.char(math.floor(n / 16777216) % 256, math.floor(n / 65536) % 256, math.floor(n / 256) % 256, n % 256) .. octets:sub(at + 4)
end

--- A filter of a server that changes each PDU it sends: `fn(octets, id, status)` returns others, or nil for none.
local function changing(fn)
  local Changing = {}
  function Changing:write(octets)
    local at = 1
    while at <= #octets do
      local length = u32(octets, at)
      local pdu = octets:sub(at, at + length - 1)
      local changed = fn(pdu, u32(pdu, 5), u32(pdu, 9), self)
      if changed then self.inner:write(changed) end
      at = at + length
    end
  end
  local new = filter.class("changing", Changing)
  return function(inner) return new(inner, { count = 0 }) end
end

--- Runs cases against a simulator, in virtual time.
local function run(globs, options, with, o)
  local report
  async.virtual(function()
    local given = { port = 0, accounts = { me = { password = "secret" } }, deliver_after_s = 0.2 }
    for name, value in pairs(options or {}) do given[name] = value or nil end
    if options and options.accounts == false then given.accounts = nil end
    local sim = assert(smpp.simulator(given))
    sim:on("error", function() end)
    sim.server:on("error", function() end)
    sim.server:on("connection", function(session) session:on("error", function() end) end)
    if with then with(sim) end
    local all = { url = ("smpp://me:secret@127.0.0.1:%d"):format(sim.port), submit_to = "491761234567", broadcast_to = "here", timeout_s = 2, receipt_wait_s = 3 }
    for name, value in pairs(o or {}) do all[name] = value or nil end
    if o and o.submit_to == false then all.submit_to, all.broadcast_to = nil, nil end
    report = assert(conformance.run(conformance.select { only = globs }, all))
    sim:close(0)
  end)()
  return report
end

local BIND_RESPONSES = { [0x80000001] = true, [0x80000002] = true, [0x80000009] = true }

--- Of responses with an id: their status.
local function status_of(id, from, to)
  return changing(function(pdu, its_id, status) return its_id == id and status == from and put(pdu, 9, to) or pdu end)
end

local function without(id) return changing(function(pdu, its_id) return its_id ~= id and pdu or nil end) end

-- A fault of the message centre, and the case that notices it.
local PLANTS = {
  { "a wrong sequence_number in bind_resp", "bind.transmitter_sequence", { filters = { changing(function(pdu, id) return BIND_RESPONSES[id] and u32(pdu, 13) > 1000 and put(pdu, 13, u32(pdu, 13) + 1) or pdu end) } } },
  { "enquire_link is not answered", "state.enquire_link_tx", { filters = { without(0x80000015) } } },
  { "enquire_link is refused", "state.enquire_link_rx", { filters = { status_of(0x80000015, 0, 8) } } },
  { "unbind is not answered", "state.unbind_tx", { filters = { without(0x80000006) } } },
  { "any password is taken", "bind.transmitter_wrong_password", { accounts = false } },
  { "any system_id is taken", "bind.receiver_unknown_system_id", { accounts = false } },
  { "unknown commands are not answered", "framing.unknown_command_0000000a", { filters = { without(0x80000000) } } },
  { "unknown commands are taken", "framing.unknown_command_00010100", { filters = { changing(function(pdu, id) return id == 0x80000000 and put(pdu, 9, 0) or pdu end) } } },
  { "unknown commands have another status", "framing.unknown_command_status", { filters = { status_of(0x80000000, 3, 8) } } },
  { "sequence numbers of 16 bits", "state.sequence_65536", { filters = { changing(function(pdu, id) return id == 0x80000015 and put(pdu, 13, u32(pdu, 13) % 65536) or pdu end) } } },
  { "no message_id", "message.plain", { filters = { changing(function(pdu, id) return id == 0x80000004 and put(pdu:sub(1, 16) .. "\0", 1, 17) or pdu end) } } },
  { "one message_id for all", "message.ids_differ", { filters = { changing(function(pdu, id) return id == 0x80000004 and put(pdu:sub(1, 16) .. "1\0", 1, 18) or pdu end) } } },
  { "submits before a bind", "state.open_submit_sm", { filters = { changing(function(pdu, id, status) return id == 0x80000004 and status ~= 0 and put(pdu, 9, 0) or pdu end) } } },
  { "submits of a receiver", "state.receiver_submit_sm", { filters = { status_of(0x80000004, 4, 0) } } },
  { "queries before a bind", "state.open_query_sm", { filters = { changing(function(pdu, id) return id == 0x80000003 and put(pdu, 9, 0) or pdu end) } } },
  { "TLVs to an ESME of SMPP 3.3", "bind.transmitter_no_tlv_to_33", { filters = { changing(function(pdu, id)
    return BIND_RESPONSES[id] and put(pdu .. "\2\16\0\1\52", 1, #pdu + 5) or pdu
  end) } } },
  { "no sc_interface_version", "bind.transceiver_sc_interface_version", { filters = { changing(function(pdu, id)
    return BIND_RESPONSES[id] and u32(pdu, 9) == 0 and put(pdu:sub(1, 16) .. "mc\0", 1, 19) or pdu
  end) } } },
  { "another status for a wrong password", "bind.transmitter_wrong_password_status", { filters = { status_of(0x80000002, 14, 8) } } },
  { "a second bind on a session", "bind.transmitter_twice", { filters = { status_of(0x80000002, 5, 0) } } },
  { "half of the joined requests", "framing.joined_10", { filters = { changing(function(pdu, id, _, self)
    self.count = self.count + (id == 0x80000015 and 1 or 0)
    return not (id == 0x80000015 and self.count % 2 == 0) and pdu or nil
  end) } } },
  { "receipts that look like messages", "receipt.esm_class", { receipt = function(_, pdu) pdu.esm_class = 0 return pdu end } },
  { "receipts without TLVs", "receipt.receipted_message_id", { receipt_tlvs = false } },
  { "no receipts", "receipt.arrives", { receipt = function() return nil end }, nil, { receipts = "yes" } },
  { "receipts that nobody asked for", "receipt.not_asked_for", {}, function(sim)
    sim:on("final", function(message) sim:receipt(message.id, "DELIVERED") end)
  end },
  { "UCS-2 is refused", "message.ucs2", { checks = { data_coding = { 0 } } } },
  { "unknown ids are found", "message.query_sm_unknown_id", { filters = { changing(function(pdu, id) return id == 0x80000003 and put(pdu, 9, 0) or pdu end) } } },
  { "a broadcast without an area is taken", "broadcast.without_area", { filters = { changing(function(pdu, id) return id == 0x80000111 and put(pdu, 9, 0) or pdu end) } } },
  { "areas without their success", "broadcast.query_areas", { filters = { changing(function(pdu, id)
    local at = id == 0x80000112 and pdu:find("\6\8\0\1", 17, true)
    return at and put(pdu:sub(1, at - 1) .. pdu:sub(at + 5), 1, #pdu - 5) or pdu
  end) } } },
  { "a cancellation that does nothing", "broadcast.cancelled_state", { filters = { changing(function(pdu, id)
    return id == 0x80000112 and (pdu:gsub("\4\39\0\1.", "\4\39\0\1\1")) or pdu
  end) } } },
  { "a congestion_state of 200 percent", "broadcast.congestion_state_range", { filters = { changing(function(pdu, id)
    return id == 0x80000015 and put(pdu .. "\4\40\0\1\200", 1, #pdu + 5) or pdu
  end) } } },
  { "an empty destination is taken", "message.no_destination", { filters = { changing(function(pdu, id) return id == 0x80000004 and put(pdu, 9, 0) or pdu end) } } },
}
for _, plant in ipairs(PLANTS) do
  if plant[3].receipt_tlvs == false then plant[3] = { receipt = function(_, pdu) pdu.receipted_message_id, pdu.message_state = nil, nil return pdu end } end
end

describe("smpp.conformance", function()
  it("finds nothing in our message centre", function()
    local report = run()
    local wrong = {}
    for _, case in ipairs(report.cases) do
      if case.outcome ~= "pass" then wrong[#wrong + 1] = ("%s: %s %s"):format(case.id, case.outcome, tostring(case.detail)) end
    end
    assert.equal("", table.concat(wrong, "\n"))
    assert.is_true(report.summary.pass >= 200)
    assert.same({ "smsc", "smppsim", "3.4" }, { report.peer.role, report.peer.system_id, report.peer.version })
    assert.is_nil(report.peer.url:find "secret")
  end)

  for _, plant in ipairs(PLANTS) do
    it("notices " .. plant[1], function()
      local report = run({ plant[2] }, plant[3], plant[4], plant[5])
      local case = report.cases[1]
      assert.equal(plant[2], case.id)
      assert.equal(case.level == "SHOULD" and "warn" or "fail", case.outcome, tostring(case.detail))
      assert.is_true(#case.detail > 0 and #case.pdus > 0)
    end)
  end

  it("submits and broadcasts nothing without a number and an area, and says so", function()
    local submits = 0
    local report = run({ "message.*", "receipt.*", "broadcast.*" }, nil, function(sim) sim:on("message", function() submits = submits + 1 end) end, { submit_to = false })
    assert.equal(0, submits)
    assert.equal(0, report.summary.fail)
    for _, case in ipairs(report.cases) do
      if case.id == "message.plain" then assert.same({ "skip", "needs --submit-to" }, { case.outcome, case.detail }) end
      if case.id == "broadcast.cancel" then assert.same({ "skip", "needs --broadcast-to" }, { case.outcome, case.detail }) end
    end
  end)

  it("sends to the number that it was given, and to no other", function()
    local to = {}
    run({ "message.*" }, nil, function(sim) sim:on("message", function(message) to[message.destination_addr] = true end) end)
    assert.same({ ["491761234567"] = true }, to)
  end)

  it("skips what is not offered, and receipts that do not come", function()
    local report = run({ "bind.transceiver*" }, { filters = { changing(function(pdu, id) return id == 0x80000009 and put(pdu, 9, 3) or pdu end) } })
    assert.equal(0, report.summary.fail)
    assert.is_true(report.summary.skip >= 10)
    report = run({ "receipt.*" }, { receipt = function() return nil end })
    assert.equal(0, report.summary.fail + report.summary.warn)
  end)

  it("gives up when the peer has gone", function()
    local seen = 0
    local report = run({ "state.*" }, nil, function(sim)
      sim.server:on("connection", function()
        seen = seen + 1
        if seen == 12 then sim.server:refuse(1e6) sim:drop(nil, "reset") end
      end)
    end, { jobs = 1 })
    local died, gone = 0, 0
    for _, case in ipairs(report.cases) do
      if case.detail and case.detail:find "^died" then died = died + 1 end
      if case.detail == "peer gone" then gone = gone + 1 end
    end
    assert.equal(3, died)
    assert.is_true(gone > 10)
  end)

  it("tests nothing where it cannot bind", async.virtual(function()
    local sim = assert(smpp.simulator { port = 0, accounts = { me = "secret" } })
    local report, message = conformance.run(conformance.select {}, { url = ("smpp://me:no@127.0.0.1:%d"):format(sim.port), timeout_s = 1 })
    assert.is_nil(report)
    assert.truthy(message:find "refused with ESME_RINVPASWD")
    sim:close(0)
  end))

  it("selects by globs and level", function()
    assert.equal(1, #conformance.select { only = { "bind.transmitter" } })
    assert.is_true(#conformance.select { only = { "bind.*" } } > 30)
    assert.equal(0, #conformance.select { only = { "bind" } })
    for _, case in ipairs(conformance.select { level = "MUST", skip = { "bind.*" } }) do
      assert.equal("MUST", case.level)
      assert.is_nil(case.id:find "^bind")
    end
  end)
end)
