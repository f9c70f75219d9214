--- What the console of a simulator shows and does: figures, the last minutes, messages as they come, the actions of the HTTP API.
local behaviours = require "smpp.simulator.behaviours"
local commands = require "smpp.codec.commands"
local consoles = require "smpp.console"
local core = require "smpp.core"
local dkjson = require "dkjson"
local explain = require "smpp.simulator.http_explain"
local faults = require "smpp.simulator.faults"
local fields = require "smpp.http.fields"
local json = require "smpp.codec.json"
local logs = require "smpp.simulator.http_log"
local message_state = require "smpp.codec.message_state"
local metrics = require "smpp.metrics"
local net = require "smpp.base.net"
local routes = require "smpp.simulator.http_routes"
local shown = require "smpp.base.shown"
local stream = require "smpp.simulator.http_stream"

local http_console = {}

local object, list_of = json.object, json.list

local HISTORY = 300        -- seconds
local SESSIONS_MAX = 200   -- in a frame
local TEXT_MAX = 400       -- octets of a text in a list

local VIEWS, FILES = { "live.js", "messages.js", "phone.js", "behaviour.js", "explain.js" }, { "message.js" }
local MO_MAX = 200 -- that are known
local FOUND_MAX = 200

-- ---- the last minutes ----

--- Responses to messages by the time they took, so far.
local function latencies()
  local all
  for id in pairs(commands.roles.submit) do
    local one = metrics.get("smpp_response_seconds", { role = "server", direction = "out", command = commands.rows[id].name })
    if all then
      for i, n in ipairs(one.buckets) do all.buckets[i] = all.buckets[i] + n end
    else
      all = one
    end
  end
  return all
end

--- What happened in the second that ends now: time, messages, refused ones, receipts and MO; the median and the 99th percentile of the time
--- from a request to its response.
local function sample(self)
  local counts, latency, before, now = self.sim.counts, latencies(), self.before, self.sim.loop:now()
  if before then
    local seconds = math.max(now - before.now, 1e-3)
    self.count = self.count + 1
    self.points[self.count] = list_of {
      math.floor(self.sim.loop:time()), (counts.messages - before.messages) / seconds, (counts.refused - before.refused) / seconds,
      (counts.receipts + counts.mo - before.out) / seconds, metrics.quantile(latency, 0.5, before.latency) or dkjson.null,
      metrics.quantile(latency, 0.99, before.latency) or dkjson.null,
    }
    self.points[self.count - HISTORY] = nil
  end
  self.before = { now = now, messages = counts.messages, refused = counts.refused, out = counts.receipts + counts.mo, latency = latency }
end

local function history(self, after)
  local points = {}
  for i = math.max(after, self.count - HISTORY, 0) + 1, self.count do points[#points + 1] = self.points[i] end
  return points, self.count, 0
end

-- ---- figures ----

local function sessions(server)
  local list = {}
  for i = 1, math.min(#server.sessions, SESSIONS_MAX) do list[i] = stream.session_json(server.sessions[i]) end
  return list_of(list)
end

local function copy_of(counts)
  local copy = object {}
  for name, value in pairs(counts) do json.add(copy, name, value) end
  return copy
end

local function state(self)
  local sim = self.sim
  return object {
    "address", net.address(sim.host, sim.port), "now", sim.loop:time(), "up_s", sim.loop:now() - sim.started,
    "counts", copy_of(sim.counts), "states", copy_of(sim.states), "sessions", sessions(sim.server), "session_count", #sim.server.sessions,
    "waiting", sim.server.outbound.waiting, "orders", #sim.next_orders, "options", routes.options(sim), "log", self.log.last,
  }
end

-- ---- messages ----

--- A text that is not longer than a list shows; whole characters.
local function short(words)
  if not words or #words <= TEXT_MAX then return words end
  return shown.repaired(words:sub(1, TEXT_MAX)) .. "…"
end

local function message_json(entry)
  return object({
    "id", entry.id, "from", entry.from, "to", entry.to, "text", short(entry.text), "octets", #entry.data, "encoding", entry.encoding,
    "state", entry.state, "system_id", entry.system_id, "submitted", entry.submitted, "done", entry.done,
  }, 20)
end

local function messages(self, after, most)
  local entries, last = self.log:changed(after, most)
  local list = {}
  for i, entry in ipairs(entries) do list[i] = message_json(entry) end
  return list, last, after > 0 and math.max(0, last - after - #list) or 0
end

-- ---- messages to ESMEs ----

--- Keeps the last ones as they are given; what they say is read for the page.
local function follow_mo(self)
  self.sim:on("mo", function(system_id, o)
    self.mo_count = self.mo_count + 1
    self.mo[self.mo_count], self.mo[self.mo_count - MO_MAX] = { system_id, o, self.sim.loop:time() }, nil
  end)
end

local function mo(self, after, most)
  local list = {}
  for i = math.max(after, self.mo_count - math.min(most, MO_MAX)) + 1, self.mo_count do
    local one = self.mo[i]
    local told = stream.mo_json(one[1], one[2])
    json.add(told, "id", i)
    json.add(told, "time", one[3])
    list[#list + 1] = told
  end
  return list, self.mo_count, after > 0 and self.mo_count - after - #list or 0
end

-- ---- actions ----

--- What may be chosen.
local function choices()
  return object {
    "faults", faults.names, "states", message_state.names, "statuses", core.protocol.statuses(), "behaviours", behaviours.names(),
  }
end

local TEXT = fields.string()

--- One session is ended.
local function drop(self, values)
  for _, session in ipairs(self.sim.server.sessions) do
    if session.id == values.id then
      self.sim:drop(session, values.how)
      return true
    end
  end
  return nil, "no session has this id", "not_found"
end

local FIND = {
  { "words", TEXT, "in the text or a number" }, { "state", fields.one_of(message_state.names), "the state" }, { "system_id", TEXT, "the account" },
}

local function find(self, values)
  local list = {}
  for i, entry in ipairs(self.log:search(values.words or "", { state = values.state, system_id = values.system_id }, FOUND_MAX)) do
    list[i] = message_json(entry)
  end
  return object { "messages", list_of(list) }
end

local function message(self, values)
  local entry = self.log:get(values.id)
  if not entry then return nil, "no message has this id; only the last ones are kept", "not_found" end
  return logs.json(entry)
end

local function actions(self, ask)
  local function passed(method, path) return function(request) return ask(method, path, request) end end
  return {
    drop = { { { "id", TEXT, "the session", required = true }, { "how", fields.one_of { "close", "reset", "unbind" }, "how" } },
      function(values) return drop(self, values) end },
    find = { FIND, function(values) return find(self, values) end },
    message = { { { "id", TEXT, "the message", required = true } }, function(values) return message(self, values) end },
    mo = passed("POST", "/v1/mo"), options = passed("PATCH", "/v1/options"), order = passed("POST", "/v1/orders"),
    reset = passed("POST", "/v1/reset"), explain = { explain.rows, explain.pdus }, choices = { {}, choices },
    forget = passed("DELETE", "/v1/messages"),
  }
end

--- A console for a simulator.
---@param api smpp.SimulatorHttp
---@param o table                its options
---@param list smpp.HttpRoute[]  of the API, which the actions call
---@return smpp.Console? console
---@return string? message
---@return string? code
function http_console.new(api, o, list)
  local by_path = {}
  for _, route in ipairs(list) do by_path[route[1] .. " " .. route[2]] = route[3] end
  local function ask(method, path, request) return by_path[method .. " " .. path](request) end
  local self = { sim = api.sim, log = api.log, points = {}, count = 0, before = nil, mo = {}, mo_count = 0 }
  follow_mo(self)
  local files, wrong = consoles.files("console", VIEWS, FILES)
  if not files then return nil, wrong, "missing" end
  sample(self)
  return consoles.new {
    title = "Simulator", loop = api.sim.loop, host = o.host, names = o.names, token = o.console_token, views = VIEWS, files = files,
    state = function() return state(self) end,
    feeds = {
      history = function(after) return history(self, after) end,
      messages = function(after, most) return messages(self, after, most) end,
      mo = function(after, most) return mo(self, after, most) end,
    },
    actions = actions(self, ask), every_s = function() sample(self) end,
  }
end

return http_console
