--- What the library counts by itself: the metrics of sessions, clients and servers (docs/metrics.md).  Sessions count in C
--- (csrc/smpp/tally.h), in one tally for each role, and for each account or target that has a label.
local commands = require "smpp.codec.commands"
local core = require "smpp.core"
local explain = require "smpp.codec.explain"
local process = require "smpp.metrics.process"
local states = require "smpp.codec.message_state"

local standard = {}

local ROLES = { "client", "server" }
local OTHER_WAY = { ["in"] = "out", out = "in" }
local ROLE_OF = { esme = "client", mc = "server" }

local SESSION_STATES = {
  OPEN = "open", OUTBOUND = "open", BOUND_TX = "bound_tx", BOUND_RX = "bound_rx", BOUND_TRX = "bound_trx", UNBOUND = "unbound",
}
local BINDS = { bind_transmitter = "tx", bind_receiver = "rx", bind_transceiver = "trx" }

--- Why a session ended, in the words of the C session -> label.
local REASONS = {
  ["unbound"] = "unbound",
  ["closed"] = "closed",
  ["shutting down"] = "closed",
  ["closed by the peer"] = "closed_by_peer",
  ["connection lost"] = "connection_lost",
  ["inactivity"] = "inactivity",
  ["no enquire_link_resp in time"] = "no_enquire_link_resp",
  ["no unbind_resp in time"] = "no_unbind_resp",
  ["no bind in time"] = "no_bind",
  ["incomplete PDU: no more octets in time"] = "incomplete_pdu",
  ["invalid command_length: below 16"] = "malformed",
  ["invalid command_length: above the limit"] = "malformed",
  ["looks like TLS"] = "not_smpp",
  ["looks like HTTP"] = "not_smpp",
}

local PROBLEMS = {
  "bad_length", "not_smpp", "unknown_command", "wrong_state", "malformed_request", "malformed_response", "unmatched_response",
}
local RESULTS = { "ok", "refused", "timeout", "tls", "failed" }
local SERIES_PER_NAME = 30 -- of an account or target: what it usually has

local NAMED = { "account", "target" }

--- Names of commands that only a profile declares: id -> name.
local declared = {}

--- Makes the names of a codec's vendor commands known.
---@param codec smpp.Codec
local function know(codec)
  for _, row in ipairs(codec.commands.declared) do declared[row.id] = row.name end
end

local function command_name(id)
  local row = commands.rows[id]
  return row and row.name or declared[id] or "unknown"
end

local function status_name(code) return code == "other" and "other" or explain.status(code).name end

---@class smpp.StandardMetrics
---@field tally fun(role: "client"|"server", name: string?): userdata
---@field add_queue fun(role: "client"|"server", object: table)
---@field remove_queue fun(object: table)
---@field count_receipt fun(role: "client"|"server", direction: "in"|"out", state: string)
---@field know fun(codec: smpp.Codec)
---@field role_of table<"esme"|"mc", "client"|"server">
---@field connections smpp.Metric
---@field reconnections smpp.Metric
---@field tls_handshakes smpp.Metric
---@field certificates smpp.Metric
---@field loop_lag smpp.Metric

--- Declares the metrics in a registry.
---@param registry smpp.MetricsRegistry
---@return smpp.StandardMetrics
function standard.declare(registry)
  local self = { registry = registry, role_of = ROLE_OF, know = know }
  local tallies, by_name = {}, {}
  local queues = setmetatable({}, { __mode = "k" })

  --- The tally of a role, and of an account or a target if it has a label.
  ---@param role "client"|"server"
  ---@param name? string  of the account or the target
  ---@return userdata
  function self.tally(role, name)
    local key = name and role .. " " .. name or role
    local entry = by_name[key]
    if not entry then
      if name and name ~= "other" then
        if registry.series + SERIES_PER_NAME > registry.max_series then
          registry.overflow = registry.overflow + 1
          return self.tally(role, "other")
        end
        registry.series = registry.series + SERIES_PER_NAME
      end
      entry = {
        tally = core.tally(), role = role,
        account = name and role == "server" and name or "", target = name and role == "client" and name or "",
      }
      by_name[key], tallies[#tallies + 1] = entry, entry
    end
    return entry.tally
  end

  --- An object with a queue: its method `queue_metrics()` returns the messages, their octets, and the age of the oldest.
  ---@param role "client"|"server"
  ---@param object table
  function self.add_queue(role, object) queues[object] = role end
  function self.remove_queue(object) queues[object] = nil end

  for _, role in ipairs(ROLES) do self.tally(role) end

  --- Calls fn with what each tally has counted, and its entry.  Each is read once in a reading of the registry.
  local reads, reading = {}, nil
  local function each(fn)
    if reading ~= registry.reading then reads, reading = {}, registry.reading end
    for i, entry in ipairs(tallies) do
      reads[i] = reads[i] or entry.tally:read()
      fn(reads[i], entry)
    end
    if not registry.is_reading then reads = {} end
  end
  local function labels(...)
    local list = { ... }
    for _, name in ipairs(NAMED) do list[#list + 1] = name end
    return list
  end
  local function each_row(fn)
    each(function(read, entry)
      for _, row in ipairs(read.rows) do fn(row, entry, command_name(row.command_id)) end
    end)
  end

  --- The responses that are usual: role, direction, command.  They are 0 from the start, so that the first one is an increase.
  local usual = {}
  for _, command in ipairs(commands.requests) do
    if command.response_id and command.esme_sends_in > 0 then
      usual[#usual + 1] = { "client", "in", command.name }
      usual[#usual + 1] = { "server", "out", command.name }
    end
    if command.response_id and command.mc_sends_in > 0 then
      usual[#usual + 1] = { "client", "out", command.name }
      usual[#usual + 1] = { "server", "in", command.name }
    end
  end
  local function none()
    local buckets = {}
    for i = 1, #core.tally_bounds + 1 do buckets[i] = 0 end
    return buckets
  end

  registry:computed("info", "smpp_build", "Versions of what runs.", { "version", "lua", "openssl" }, function(put)
    put(1, process.versions())
  end)

  -- ---- sessions ----
  registry:computed("gauge", "smpp_sessions", "Sessions by state.", labels("role", "state"), function(put)
    each(function(read, entry)
      for state, name in pairs(SESSION_STATES) do put(read.sessions[state], entry.role, name, entry.account, entry.target) end
    end)
  end)
  registry:computed("gauge", "smpp_window_used", "Requests that await a response.", { "role", "target" }, function(put)
    each(function(read, entry) put(read.window_used, entry.role, entry.target) end)
  end)
  registry:computed("gauge", "smpp_window_limit", "Sum of the windows of bound sessions.", { "role", "target" }, function(put)
    each(function(read, entry) put(read.window_limit, entry.role, entry.target) end)
  end)

  -- ---- queues ----
  local function queue_metric(name, help, unit, index, combine)
    registry:computed("gauge", name, help, { "role" }, function(put)
      local total = { client = 0, server = 0 }
      for object, role in pairs(queues) do total[role] = combine(total[role], (select(index, object:queue_metrics()))) end
      for _, role in ipairs(ROLES) do put(total[role], role) end
    end, { unit = unit })
  end
  local function plus(a, b) return a + b end
  queue_metric("smpp_queue_messages", "Requests that wait to be sent.", nil, 1, plus)
  queue_metric("smpp_queue_bytes", "Octets of the requests that wait to be sent.", "bytes", 2, plus)
  queue_metric("smpp_queue_oldest_seconds", "How long the oldest of them has waited.", "seconds", 3, math.max)

  -- ---- connections ----
  self.connections = registry:counter("smpp_connections", "Connections made or accepted, and attempts that failed.", { "role", "result" })
  for _, role in ipairs(ROLES) do
    for _, result in ipairs(RESULTS) do self.connections:at(role, result) end
  end
  registry:computed("counter", "smpp_disconnections", "Sessions that ended, by reason.", { "role", "reason" }, function(put)
    for _, role in ipairs(ROLES) do
      for _, reason in pairs(REASONS) do put(0, role, reason) end
      put(0, role, "other")
    end
    each(function(read, entry)
      for reason, count in pairs(read.ends) do put(count, entry.role, REASONS[reason] or "other") end
    end)
  end)
  registry:computed("counter", "smpp_binds", "Answered binds, by status.", labels("role", "bind", "status"), function(put)
    for _, role in ipairs(ROLES) do
      for _, bind in pairs(BINDS) do put(0, role, bind, "ESME_ROK") end
    end
    each_row(function(row, entry, command)
      if not BINDS[command] then return end
      for status, count in pairs(row.statuses) do put(count, entry.role, BINDS[command], status_name(status), entry.account, entry.target) end
    end)
  end)
  self.reconnections = registry:counter("smpp_reconnections", "Binds that came up again after their connection was lost.", { "role" })
  for _, role in ipairs(ROLES) do self.reconnections:at(role) end

  -- ---- PDUs ----
  registry:computed("counter", "smpp_requests", "Requests, by direction and command.", labels("role", "direction", "command"), function(put)
    for _, role in ipairs(ROLES) do
      for _, command in ipairs(commands.requests) do
        put(0, role, "in", command.name)
        put(0, role, "out", command.name)
      end
    end
    each_row(function(row, entry, command) put(row.requests, entry.role, row.direction, command, entry.account, entry.target) end)
  end)
  registry:computed("counter", "smpp_responses", "Responses, by direction, the command of the request and status.",
    labels("role", "direction", "command", "status"), function(put)
      for _, row in ipairs(usual) do put(0, row[1], row[2], row[3], "ESME_ROK") end
      each_row(function(row, entry, command)
        for status, count in pairs(row.statuses) do
          put(count, entry.role, OTHER_WAY[row.direction], command, status_name(status), entry.account, entry.target)
        end
      end)
    end)
  registry:computed("histogram", "smpp_response_seconds", "Time from a request to its response.",
    { "role", "direction", "command", "target" }, function(put)
      for _, row in ipairs(usual) do
        if row[3] == "submit_sm" or row[3] == "deliver_sm" then put({ buckets = none(), sum = 0 }, row[1], row[2], row[3]) end
      end
      each_row(function(row, entry, command)
        local answered = false
        for _, n in ipairs(row.buckets) do answered = answered or n > 0 end
        if not answered then return end
        put({ buckets = row.buckets, sum = row.seconds, latest = row.latest, session = row.session },
          entry.role, OTHER_WAY[row.direction], command, entry.target)
      end)
    end, { unit = "seconds" })
  registry:computed("counter", "smpp_bytes", "Octets of SMPP, TLS not counted.", { "role", "direction", "target" }, function(put)
    each(function(read, entry)
      put(read.octets_in, entry.role, "in", entry.target)
      put(read.octets_out, entry.role, "out", entry.target)
    end)
  end, { unit = "bytes" })
  registry:computed("counter", "smpp_invalid_pdus", "PDUs that break the rules, by problem.", { "role", "problem" }, function(put)
    each(function(read, entry)
      for _, problem in ipairs(PROBLEMS) do put(read.problems[problem], entry.role, problem) end
    end)
  end)
  registry:computed("counter", "smpp_throttled", "Responses that ask for less traffic, such as ESME_RTHROTTLED.",
    labels("role", "direction"), function(put)
      for _, role in ipairs(ROLES) do
        put(0, role, "in")
        put(0, role, "out")
      end
      each_row(function(row, entry)
        for status, count in pairs(row.statuses) do
          if status ~= "other" and explain.class(status) == "throttle" then
            put(count, entry.role, OTHER_WAY[row.direction], entry.account, entry.target)
          end
        end
      end)
    end)
  registry:computed("counter", "smpp_outcome_unknown", "Requests without a response, or with one that cannot be read.", { "role", "target" },
    function(put)
      each(function(read, entry) put(read.unknown, entry.role, entry.target) end)
    end)
  local receipts = registry:counter("smpp_receipts", "Receipts, by the state they report.", { "role", "direction", "state" })
  local label_of = {}
  for _, name in ipairs(states.names) do
    label_of[name] = name:lower()
    receipts:at("client", "in", label_of[name])
    receipts:at("server", "out", label_of[name])
  end

  --- Counts a receipt; a state that SMPP does not know is `other`.
  ---@param role "client"|"server"
  ---@param direction "in"|"out"
  ---@param state string  "DELIVERED"
  function self.count_receipt(role, direction, state)
    local series = receipts:at(role, direction, label_of[state] or "other")
    series.value = series.value + 1
  end

  -- ---- TLS ----
  self.tls_handshakes = registry:counter("smpp_tls_handshakes", "TLS handshakes.", { "role", "result", "version", "resumed" })
  for _, role in ipairs(ROLES) do
    for _, version in ipairs { "1.2", "1.3" } do
      self.tls_handshakes:at(role, "ok", version, "false")
      self.tls_handshakes:at(role, "ok", version, "true")
    end
    self.tls_handshakes:at(role, "failed", "none", "false")
  end
  self.certificates = registry:gauge("smpp_tls_certificate_not_after_timestamp_seconds", "When certificates expire, Unix time.",
    { "role", "name" }, { unit = "seconds" })

  -- ---- the process ----
  registry:computed("gauge", "smpp_lua_heap_bytes", "Memory of this Lua state.", {}, function(put)
    put(collectgarbage "count" * 1024)
  end, { unit = "bytes" })
  self.loop_lag = registry:histogram("smpp_loop_lag_seconds", "How late the timers of the event loop are.", {}, { unit = "seconds" })
  registry:computed("counter", "smpp_metrics_overflow", "Observations whose labels were counted as other (max_series).", {}, function(put)
    put(registry.overflow)
  end)
  process.declare(registry)
  return self
end

return standard
