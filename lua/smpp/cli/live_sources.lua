--- What the live views read: the numbers of a run of `smpp send`, of a receiver, of a message centre, mostly from smpp.metrics.
local commands = require "smpp.codec.commands"
local metrics = require "smpp.metrics"

local sources = {}

local session_commands = commands.roles.session -- about the session, not about messages

--- The series of a metric with these first labels, of commands that carry messages or ask about them: calls fn(series).
local function each(name, role, direction, fn)
  for _, series in ipairs(metrics.registry.by_name[name]:samples()) do
    local labels = series.labels
    if labels[1] == role and labels[2] == direction and not session_commands[commands.ids[labels[3]]] then fn(series) end
  end
end

--- Responses so far: by status, and by the time they took.
local function responses(role, direction)
  local statuses, latency = {}, { buckets = {}, bounds = metrics.registry.by_name.smpp_response_seconds.bounds }
  each("smpp_responses", role, direction, function(series)
    local status = series.labels[4]
    statuses[status] = (statuses[status] or 0) + series.value
  end)
  for i = 1, #latency.bounds + 1 do latency.buckets[i] = 0 end
  each("smpp_response_seconds", role, direction, function(series)
    for i, n in ipairs(series.buckets) do latency.buckets[i] = latency.buckets[i] + n end
  end)
  return statuses, latency
end

--- A function that reads the responses since now: { done, ok, errors, statuses, latency }.
local function counted(role, direction)
  local before = responses(role, direction)
  return function()
    local now, latency = responses(role, direction)
    local r = { done = 0, ok = 0, statuses = {}, latency = latency }
    for status, n in pairs(now) do
      n = n - (before[status] or 0)
      if n > 0 then r.statuses[status], r.done = n, r.done + n end
    end
    r.ok = r.statuses.ESME_ROK or 0
    r.errors = r.done - r.ok
    return r
  end
end

local function words_of(counts)
  local list = {}
  for _, name in ipairs { "trx", "tx", "rx" } do
    if counts[name] then list[#list + 1] = ("%d %s"):format(counts[name], name) end
  end
  return #list > 0 and "(" .. table.concat(list, ", ") .. ")" or nil
end

--- Window, queue and sessions of a client.
local function add_client(r, esme)
  local s, kinds = esme:stats(), {}
  for _, bind in ipairs(s.links) do
    if bind.bound then kinds[bind.bind] = (kinds[bind.bind] or 0) + 1 end
  end
  r.window, r.window_limit, r.queue, r.sessions, r.session_words = s.in_flight, s.window, s.queued, s.bound, words_of(kinds)
  return r
end

--- A run of `smpp send`: messages, whatever their number of parts.
---@param esme smpp.Client
---@param plan { counts: smpp.BatchCounts, total: integer? }
---@return fun(): smpp.LiveReading
function sources.batch(esme, plan)
  local read = counted("client", "in")
  return function()
    local r, counts = add_client(read(), esme), plan.counts
    r.done, r.ok, r.total = counts.done, counts.accepted, plan.total
    r.errors = counts.refused + counts.unknown + counts.not_sent
    r.statuses = { ESME_ROK = counts.accepted > 0 and counts.accepted or nil }
    for code, n in pairs(counts.codes) do r.statuses[code] = n end
    return r
  end
end

--- The requests that a client answers.
---@param esme smpp.Client
---@return fun(): smpp.LiveReading
function sources.receiver(esme)
  local read = counted("client", "out")
  return function() return add_client(read(), esme) end
end

local KINDS = { BOUND_TX = "tx", BOUND_RX = "rx", BOUND_TRX = "trx" }

--- The requests that servers answer; their window is what is not answered yet, their queue what waits for receivers.
---@param list smpp.Server[]
---@return fun(): smpp.LiveReading
function sources.servers(list)
  local read = counted("server", "out")
  return function()
    local r, kinds = read(), {}
    r.window, r.queue, r.sessions = 0, 0, 0
    for _, server in ipairs(list) do
      r.queue, r.sessions = r.queue + server.outbound.waiting, r.sessions + #server.sessions
      for _, session in ipairs(server.sessions) do
        local kind = KINDS[session.state]
        if kind then kinds[kind] = (kinds[kind] or 0) + 1 end
        r.window = r.window + session:unanswered()
      end
    end
    r.session_words = words_of(kinds)
    return r
  end
end

--- The same of one server.
---@param server smpp.Server
---@return fun(): smpp.LiveReading
function sources.server(server) return sources.servers { server } end

return sources
