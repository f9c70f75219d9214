-- Each command in each state that a server's session can be in, sent by an ESME and by the server itself: the answer,
-- and whether the session stays.  Expected is what the standards say, not what the server's own tables say.
local core = require "smpp.core"
local mc = require "spec.support.mc"
local smpp = require "smpp"

-- Who may send a request: E the ESME, M the MC (5.0, 2.4; 3.4, 2.3; those of 3.3 only: 3.3, 5.3).
local TABLE = [[
  request               OPEN  OUTBOUND  BOUND_TX  BOUND_RX  BOUND_TRX
  bind_transmitter      E     E         -         -         -
  bind_receiver         E     E         -         -         -
  bind_transceiver      E     E         -         -         -
  outbind               M     -         -         -         -
  unbind                -     -         EM        EM        EM
  enquire_link          EM    EM        EM        EM        EM
  submit_sm             -     -         E         -         E
  submit_multi          -     -         E         -         E
  query_sm              -     -         E         -         E
  cancel_sm             -     -         E         -         E
  replace_sm            -     -         E         -         E
  broadcast_sm          -     -         E         -         E
  query_broadcast_sm    -     -         E         -         E
  cancel_broadcast_sm   -     -         E         -         E
  param_retrieve        -     -         E         -         -
  query_last_msgs       -     -         E         -         -
  query_msg_details     -     -         E         -         -
  deliver_sm            -     -         -         M         M
  data_sm               -     -         E         M         EM
  alert_notification    -     -         -         M         M
]]
local SENDS = {} -- state -> request -> "E", "M", "EM" or "-"
do
  local states
  for line in TABLE:gmatch "[^\n]+" do
    local words = {}
    for word in line:gmatch "%S+" do words[#words + 1] = word end
    if not states then
      states = words
      for i = 2, #words do SENDS[words[i]] = {} end
    else
      for i = 2, #words do SENDS[states[i]][words[1]] = words[i] end
    end
  end
end

local IS_BIND = { bind_transmitter = true, bind_receiver = true, bind_transceiver = true }
-- The server answers these itself.
local OWN = { bind_transmitter = true, bind_receiver = true, bind_transceiver = true, unbind = true, enquire_link = true }
local UNANSWERED = { outbind = true, alert_notification = true }
-- No server may send these to a peer that agreed on less.
local SINCE = { data_sm = 0x34, alert_notification = 0x34, outbind = 0x34 }

--- The octets of a request, or of a response.
local function octets_of(name, sequence)
  local pdu = { command = name, sequence_number = sequence }
  if name == "broadcast_sm" then
    pdu.broadcast_area_identifier, pdu.broadcast_content_type = "\0town", "\1\0\1"
    pdu.broadcast_rep_num, pdu.broadcast_frequency_interval = 3, "\8\0\5"
  end
  if IS_BIND[name] then pdu.system_id, pdu.interface_version = "esme", 0x34 end
  return assert(smpp.encode(pdu))
end

-- ---- an ESME that sends octets and keeps what comes ----

local Peer = {}
Peer.__index = Peer

local function peer_of(w, transport)
  local self = setmetatable({ world = w, transport = transport, octets = "", closed = false }, Peer)
  transport:start(function(chunk) self.octets = self.octets .. chunk end, function() self.closed = true end)
  return self
end

--- Sends octets; what comes back, as "command status #sequence_number".
function Peer:ask(octets)
  self.transport:write(octets)
  self.world:sleep(0.01)
  return self:come()
end

--- What has come since the last look.
function Peer:come()
  local list, at = {}, 1
  while at <= #self.octets do
    local pdu
    pdu, at = assert(smpp.decode(self.octets, at))
    list[#list + 1] = ("%s %s #%d"):format(pdu.command, pdu.status, pdu.sequence_number)
  end
  self.octets = ""
  return list
end

function Peer:bind(kind, version)
  return self:ask(assert(smpp.encode {
    command = "bind_" .. kind, sequence_number = 1, system_id = "esme", interface_version = version,
  }))
end

-- ---- the states, and the ways there ----

local KIND = { BOUND_TX = "transmitter", BOUND_RX = "receiver", BOUND_TRX = "transceiver" }

local function open(w) return peer_of(w, w:transport()) end

--- One that the server has called.
local function outbound(w, server)
  local peer
  local listener = assert(w.loop:listen({ host = "127.0.0.1", port = 2776 }, function(transport) peer = peer_of(w, transport) end))
  assert(server:outbind { host = "127.0.0.1", port = 2776 })
  w:sleep(0.01)
  listener:close()
  assert.same({ "outbind ESME_ROK #1" }, peer:come())
  return peer
end

local function bound(state, version)
  return function(w)
    local peer = open(w)
    assert.same({ ("bind_%s_resp ESME_ROK #1"):format(KIND[state]) }, peer:bind(KIND[state], version))
    return peer
  end
end

--- A bind that authenticate still thinks about.
local function bind_pending(reach)
  return function(w, server)
    local peer = reach(w, server)
    w.thinks_s = 5
    assert.same({}, peer:bind("transceiver", 0x34))
    return peer
  end
end

--- The server has sent its unbind.
local function we_unbind(reach)
  return function(w, server)
    local peer = reach(w, server)
    server.sessions[1]:begin_unbind()
    w:sleep(0.01)
    assert.same({ "unbind ESME_ROK #1" }, peer:come())
    return peer
  end
end

--- The server's unbind waits for an answer of the ESME's.
local function draining(reach)
  return function(w, server)
    local peer = reach(w, server)
    server.sessions[1]:deliver_sm({}, function() end)
    server.sessions[1]:begin_unbind()
    w:sleep(0.01)
    assert.same({ "deliver_sm ESME_ROK #1" }, peer:come())
    return peer
  end
end

--- The ESME's unbind waits for an answer of ours.
local function they_unbind(reach)
  return function(w, server)
    local peer = reach(w, server)
    assert.same({}, peer:ask(octets_of("query_sm", 2) .. octets_of("unbind", 3)))
    return peer
  end
end

--- Both have sent an unbind, and the ESME owes its answer.
local function unbinds_cross(reach)
  return function(w, server)
    local peer = we_unbind(reach)(w, server)
    assert.same({ "unbind_resp ESME_ROK #9" }, peer:ask(octets_of("unbind", 9)))
    return peer
  end
end

---@class spec.State
---@field name string
---@field state string   as the session has it
---@field column string  of the table, which holds but for what the next three say
---@field reach fun(world, server): table  a peer whose session is in that state
---@field pending boolean?  a bind waits for its answer
---@field they_unbind boolean?
---@field unbound boolean?
---@field we_unbind boolean?
---@field drains boolean?
---@field version integer?
local STATES = {
  { name = "OPEN", state = "OPEN", column = "OPEN", reach = open },
  { name = "OUTBOUND", state = "OUTBOUND", column = "OUTBOUND", reach = outbound },
  { name = "OPEN with a bind pending", state = "OPEN", column = "OPEN", reach = bind_pending(open), pending = true },
  { name = "OUTBOUND with a bind pending", state = "OUTBOUND", column = "OUTBOUND", reach = bind_pending(outbound), pending = true },
}
for _, version in ipairs { 0x33, 0x34, 0x50 } do
  for _, state in ipairs { "BOUND_TX", "BOUND_RX", "BOUND_TRX" } do
    local reach = bound(state, version)
    local rows = {
      { name = state, state = state, reach = reach },
      { name = state .. ", unbinding", state = state, reach = we_unbind(reach), we_unbind = true },
      { name = "UNBOUND after " .. state, state = "UNBOUND", reach = unbinds_cross(reach), unbound = true },
    }
    if state ~= "BOUND_RX" then -- nothing of an ESME's can wait there
      rows[4] = { name = state .. ", the ESME unbinding", state = state, reach = they_unbind(reach), they_unbind = true }
    end
    if state ~= "BOUND_TX" then
      rows[#rows + 1] = { name = state .. ", draining", state = state, reach = draining(reach), drains = true }
    end
    for _, row in ipairs(rows) do
      row.name, row.column, row.version = ("%s of %x"):format(row.name, version), state, version
      STATES[#STATES + 1] = row
    end
  end
end

--- Runs fn(world, server, peer, calls) with a session in the state; `calls` are those of handlers.
local function in_state(row, fn, without_handlers)
  mc.world(function(w)
    local calls, o = {}, {}
    for name, who in pairs(SENDS.BOUND_TX) do
      if who:find "E" and not OWN[name] and not without_handlers then
        o[name] = function(_, pdu)
          calls[#calls + 1] = pdu.command
          return true
        end
      end
    end
    if row.they_unbind then o.query_sm = function() w:sleep(3) end end
    w.thinks_s = 0
    function o.authenticate()
      if w.thinks_s > 0 then w:sleep(w.thinks_s) end
      return true
    end
    local server = w:server(o)
    local peer = row.reach(w, server)
    assert.equal(row.state, server.connections:list()[1].state)
    for i = #calls, 1, -1 do calls[i] = nil end
    fn(w, server, peer, calls)
    peer.transport:close()
    server:close(0)
    assert.same({}, w.errors)
  end)
end

--- What an ESME gets for a request: its status, and whether a handler is asked.
local function expected(row, name)
  if name == "enquire_link" then return "ESME_ROK", false end
  if row.unbound then return "ESME_RINVBNDSTS", false end
  if IS_BIND[name] and (row.pending or KIND[row.column]) then return "ESME_RALYBND", false end
  if row.pending or row.they_unbind or not SENDS[row.column][name]:find "E" then return "ESME_RINVBNDSTS", false end
  return "ESME_ROK", not OWN[name]
end

local function answer_of(name, status) return UNANSWERED[name] and {} or { ("%s_resp %s #77"):format(name, status) } end

local requests, responses = {}, {}
for _, command in ipairs(core.protocol.commands()) do
  local list = command.id < 0x80000000 and requests or responses
  list[#list + 1] = command
end

describe("session states: a server's session", function()
  it("is asked for every request that there is", function()
    local n = 0
    for _ in pairs(SENDS.OPEN) do n = n + 1 end
    assert.equal(#requests, n)
    for _, command in ipairs(requests) do assert.is_string(SENDS.OPEN[command.name], command.name) end
  end)

  for _, row in ipairs(STATES) do
    describe(row.name, function()
      it("answers each request of an ESME", function()
        for _, command in ipairs(requests) do
          local name = command.name
          in_state(row, function(_, _, peer, calls)
            local status, is_served = expected(row, name)
            assert.same(answer_of(name, status), peer:ask(octets_of(name, 77)), name)
            assert.same(is_served and { name } or {}, calls)
            -- It stays but for an unbind, which ends it unless one of the server's waits for its answer, too.
            local ends = name == "unbind" and status == "ESME_ROK" and not row.we_unbind
            assert.equal(ends, peer.closed, name)
            if not ends then assert.same({ "enquire_link_resp ESME_ROK #78" }, peer:ask(octets_of("enquire_link", 78)), name) end
          end)
        end
      end)

      it("looks at the state before the body, and at the body before a handler does", function()
        for _, command in ipairs(requests) do
          local name = command.name
          in_state(row, function(_, _, peer, calls)
            local status = expected(row, name)
            if status == "ESME_ROK" and #command.params > 0 then status = "ESME_RINVCMDLEN" end
            assert.same(answer_of(name, status), peer:ask("\0\0\0\16" .. octets_of(name, 77):sub(5, 16)), name)
            assert.same({}, calls)
          end)
        end
      end)

      it("answers with ESME_RINVCMDID where there is no handler", function()
        for _, command in ipairs(requests) do
          local status, is_served = expected(row, command.name)
          if is_served then status = "ESME_RINVCMDID" end
          in_state(row, function(_, _, peer)
            assert.same(answer_of(command.name, status), peer:ask(octets_of(command.name, 77)))
          end, true)
        end
      end)

      it("answers no response, and an unknown request with generic_nack", function()
        in_state(row, function(_, server, peer)
          local session = server.connections:list()[1]
          local strays = session.stray_count
          for _, command in ipairs(responses) do assert.same({}, peer:ask(octets_of(command.name, 0x7777)), command.name) end
          assert.equal(strays + #responses, session.stray_count)
          for _, id in ipairs { "\0\0\1\255", "\0\1\2\0", "\0\0\0\0" } do
            assert.same({ "generic_nack ESME_RINVCMDID #5" }, peer:ask("\0\0\0\16" .. id .. "\0\0\0\0\0\0\0\5"))
          end
          assert.same({}, peer:ask "\0\0\0\16\128\1\2\0\0\0\0\0\0\0\0\5")
          assert.same({ "enquire_link_resp ESME_ROK #78" }, peer:ask(octets_of("enquire_link", 78)))
        end)
      end)

      it("ends when the server closes: what it says was left, and when", function()
        in_state(row, function(w, server, peer)
          local before, left = w.loop:now(), server:close(8)
          -- An ESME that owes an unbind_resp, or an answer, has 8 seconds; the handler needs 3.
          local owes = KIND[row.state] ~= nil and not row.they_unbind
          assert.same({ sessions = owes and 1 or 0, unanswered = 0, unacknowledged = row.drains and 1 or 0, waiting = 0 }, left)
          assert.near(owes and 8 or row.they_unbind and 3 or 0, w.loop:now() - before, 0.1)
          w:sleep(0.1)
          assert.is_true(peer.closed)
          local sent = {}
          if row.they_unbind then sent = { "query_sm_resp ESME_ROK #2", "unbind_resp ESME_ROK #3" }
          elseif owes and not (row.we_unbind or row.drains) then sent = { "unbind ESME_ROK #1" } end
          assert.same(sent, peer:come())
        end)
      end)

      it("sends what an MC may send there, and nothing else", function()
        local is_ready = not (row.pending or row.we_unbind or row.drains or row.they_unbind or row.unbound)
        for _, command in ipairs(requests) do
          local name = command.name
          if name ~= "unbind" then in_state(row, function(w, server, peer) -- its method ends the session
            local session = server.connections:list()[1]
            local is_allowed = name == "enquire_link" or (is_ready and SENDS[row.column][name]:find "M" ~= nil)
            local is_known = (row.version or 0x34) >= (SINCE[name] or 0)
            local _, code
            if UNANSWERED[name] then
              _, _, code = session[name](session, {})
            else
              session[name](session, {}, function(_, _, why) code = code or why end)
            end
            assert.equal(not is_allowed and "not_sent" or not is_known and "bad_value" or nil, code, name)
            w:sleep(0.01)
            local come = peer:come()
            assert.equal(code and 0 or 1, #come, name)
            if come[1] then assert.matches("^" .. name .. " ESME_ROK #", come[1]) end
          end) end
        end
      end)
    end)
  end
end)
