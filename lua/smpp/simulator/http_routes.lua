--- What the HTTP API of a simulator does: messages, MO, options, orders, sessions, counts.  docs/simulator.md.
local body = require "smpp.http.body"
local codec = require "smpp.codec"
local content = require "smpp.receipt.content"
local control = require "smpp.simulator.control"
local dkjson = require "dkjson"
local faults = require "smpp.simulator.faults"
local fields = require "smpp.http.fields"
local http = require "smpp.http"
local json = require "smpp.codec.json"
local logs = require "smpp.simulator.http_log"
local message_state = require "smpp.codec.message_state"
local metrics = require "smpp.metrics"
local mistake = require "smpp.base.mistake"
local openapi = require "smpp.http.openapi"
local read_json = require "smpp.http.json"
local settings = require "smpp.simulator.settings"
local streams = require "smpp.simulator.http_stream"
local strings = require "smpp.base.strings"

local routes = {}

local object, list_of = json.object, json.list
local problem = http.problem

local function answer(value, status) return { status = status or 200, type = "application/json", body = json.encode(value) } end

-- ---- what comes in ----

--- A number in a query.
local function number(field)
  return { schema = field.schema, read = function(word) return field.read(tonumber(word) or word) end }
end

local function read_query(request, rows)
  local words, message = http.form(request.query)
  if not words then return nil, problem("bad_value", message) end
  local values, list = fields.check(rows, words)
  if list[1] then return nil, body.faulty(list) end
  return values
end

local text = fields.string()

local FILTER = {
  { "from", text, "the source, with or without +" }, { "to", text, "the destination, with or without +" },
  { "text", text, "is contained in the text" },
  { "state", fields.one_of(message_state.names), "the state" }, { "system_id", text, "the account" },
  { "after", text, "only messages after the one with this id" },
}

local function with(rows, ...)
  local all = {}
  for _, row in ipairs(rows) do all[#all + 1] = row end
  for _, row in ipairs { ... } do all[#all + 1] = row end
  return all
end

-- ---- messages ----

local LIST = with(FILTER, { "limit", number(fields.number(1, 1000, true)), "at most so many, default 100" },
  { "cursor", text, "`next` of the page before" })
local WAIT = with(FILTER, { "count", number(fields.number(1, 10000, true)), "so many, default 1" },
  { "timeout_s", number(fields.number(0, 3600)), "default 10" })

local function unknown_id(field, id) return problem("bad_value", ("%s: no message has the id '%s'"):format(field, id), { field = field }) end

local function messages_json(list)
  local out = {}
  for i, entry in ipairs(list) do out[i] = logs.json(entry) end
  return list_of(out)
end

local function get_messages(self, request)
  local o, wrong = read_query(request, LIST)
  if not o then return wrong end
  local field = o.cursor and "cursor" or "after"
  o.after, o.limit = o.cursor or o.after, o.limit or 100
  local list, more = self.log:find(o)
  if not list then return unknown_id(field, o.after) end
  return answer(object { "messages", messages_json(list), "next", more and list[#list].id or dkjson.null })
end

local function wait_messages(self, request)
  local o, wrong = read_query(request, WAIT)
  if not o then return wrong end
  local list = self.log:wait(o, o.count or 1, o.timeout_s or 10)
  if list == false then return unknown_id("after", o.after) end
  if not list then return problem("timeout", ("fewer than %d messages match after %.14g s"):format(o.count or 1, o.timeout_s or 10)) end
  return answer(object { "messages", messages_json(list) })
end

local function get_message(self, request)
  local entry = self.log:get(request.params.id)
  if not entry then return problem("not_found", "no message has this id") end
  return answer(logs.json(entry))
end

local function forget_messages(self)
  self.log:clear()
  return { status = 204 }
end

-- ---- MO ----

local MO = {
  { "from", text, "the phone's number" }, { "to", text, "the number that it writes to" }, { "text", text, "the text" },
  { "data", fields.data, "octets that are no text" }, { "encoding", text, "of the text" }, { "long", text, "how long texts are sent" },
  { "system_id", text, "the account; default: of the receiver for `to`" },
}
local IS_MO = {}
for _, row in ipairs(MO) do IS_MO[row[1]] = true end

--- Hands a message to ESMEs.
---@return integer? parts
---@return integer|string waiting_or_message
---@return string? code
local function deliver(self, o)
  o.from, o.to = o.from and o.from:gsub("^%+", ""), o.to and o.to:gsub("^%+", "")
  local ran, ok, parts, code = pcall(self.sim.deliver, self.sim, o)
  if not ran then return nil, (tostring(ok):gsub("^[^\n:]+:%d+: ", ""):gsub("^deliver: ", "")), "bad_value" end
  if not ok then return nil, parts, code end
  if o.system_id then return parts, self.sim.server:waiting(o.system_id) end
  local waiting = 0
  for _, session in ipairs(self.sim.server.sessions) do
    if session.system_id then waiting = math.max(waiting, self.sim.server:waiting(session.system_id)) end
  end
  return parts, waiting
end

local function post_mo(self, request)
  local value, wrong = body.object(request)
  if not value then return wrong end
  local own, parameters = {}, {}
  for name, item in pairs(value) do
    if IS_MO[name] then own[name] = item else parameters[name] = item end
  end
  local o, list = fields.check(MO, own)
  if list[1] then return body.faulty(list) end
  for name, item in pairs(parameters) do
    local known, like = codec.codec.field("deliver_sm", name)
    if not known then
      like = mistake.similar(name, IS_MO) or like
      local suggestion = like and ("; did you mean '%s'?"):format(like) or ""
      return problem("unknown_field", ("unknown field '%s'%s"):format(name, suggestion), { field = name })
    end
    if type(item) ~= "string" and type(item) ~= "number" then
      return problem("bad_value", name .. ": expected a string or a number", { field = name })
    end
    o[name] = item
  end
  local parts, waiting, code = deliver(self, o)
  if not parts then return problem(code == "queue_full" and "ESME_RMSGQFUL" or "bad_value", waiting) end
  return answer(object { "parts", parts, "waiting", waiting }, 202)
end

-- ---- options, orders ----

local HIDDEN = { http = true, store = true, file = true, capture = true } -- set at the start only

--- A value for JSON; functions are only named, passwords hidden.
local function plain(value, is_list)
  if type(value) == "function" then return "(a function)" end
  if type(value) ~= "table" then return value end
  if next(value) == nil then return is_list and list_of {} or object {} end
  local copy = {}
  for name, item in pairs(value) do copy[name] = name == "password" and type(item) == "string" and "***" or plain(item) end
  return copy
end

--- The options in force.
---@param sim smpp.Simulator
---@return table
function routes.options(sim)
  local pairs_of = {}
  for _, row in ipairs(settings.own.rows) do
    local name = row[1]
    if not HIDDEN[name] then
      pairs_of[#pairs_of + 1] = name
      pairs_of[#pairs_of + 1] = sim.settings[name] == nil and dkjson.null or plain(sim.settings[name], settings.own.kinds[name].is_list)
    end
  end
  return object(pairs_of)
end

local function get_options(self) return answer(routes.options(self.sim)) end

local function patch_options(self, request)
  local refused = body.not_json(request)
  if refused then return refused end
  local given, message = json.decode(request.body, dkjson.null)
  if not given or read_json.read(request.body) == nil then return problem("malformed_json", message or select(2, read_json.read(request.body))) end
  local checked, changes = {}, {}
  for name, value in pairs(given) do
    if HIDDEN[name] then return problem("bad_value", name .. ": is set at the start only", { field = name }) end
    if value == dkjson.null and settings.own.by_name[name] then
      changes[name] = self.sim.default
    else
      changes[name], checked[name] = value, value
    end
  end
  local wrong = settings.own:problem(checked)
  if wrong then return problem(wrong.unknown and "unknown_field" or "bad_value", wrong.message, { field = wrong.path }) end
  local ok, why = self.sim:set(changes)
  if not ok then return problem("bad_value", why) end
  return get_options(self)
end

local ORDER = {
  { "status", text, "refuse with this command_status" }, { "fault", fields.one_of(faults.names), "fault of the response" },
  { "state", text, "final state; ENROUTE: none" }, { "count", fields.number(1, 1e9, true), "of so many messages, default 1" },
  { "to", text, "only messages to this number" },
}

local function post_order(self, request)
  local o, wrong = body.read(request, ORDER)
  if not o then return wrong end
  local found = control.order:problem(o)
  if found then return problem("bad_value", found.message, { field = found.path }) end
  if o.status == nil and o.state == nil and o.fault == nil then return problem("missing", "expected status, fault or state", { field = "status" }) end
  self.sim:order(o)
  return answer(object {}, 202)
end

-- ---- sessions ----

local function get_sessions(self)
  local out = {}
  for i, session in ipairs(self.sim.server.sessions) do out[i] = streams.session_json(session) end
  return answer(object { "sessions", list_of(out) })
end

local SYSTEM_ID = { "system_id", text, "only of this account" }
local HOW = { "how", fields.one_of { "close", "reset", "unbind" }, "default close" }

local function delete_session(self, request)
  local o, wrong = read_query(request, { HOW })
  if not o then return wrong end
  for _, session in ipairs(self.sim.server.sessions) do
    if session.id == request.params.id then return answer(object { "dropped", self.sim:drop(session, o.how) }) end
  end
  return problem("not_found", "no session has this id")
end

local function delete_sessions(self, request)
  local o, wrong = read_query(request, { HOW, SYSTEM_ID })
  if not o then return wrong end
  return answer(object { "dropped", self.sim:drop(o.system_id, o.how) })
end

-- ---- the rest ----

local function get_counts(self)
  local counts, pairs_of, states = self.sim.counts, {}, {}
  for _, name in ipairs { "sessions", "refused_binds", "messages", "refused", "receipts", "mo", "faults" } do
    pairs_of[#pairs_of + 1], pairs_of[#pairs_of + 2] = name, counts[name]
  end
  for _, name in ipairs(message_state.finals) do
    if self.sim.states[name] then states[#states + 1], states[#states + 2] = name, self.sim.states[name] end
  end
  pairs_of[#pairs_of + 1], pairs_of[#pairs_of + 2] = "states", object(states)
  return answer(object(pairs_of))
end

local RESET = { { "sessions", fields.boolean, "end all sessions" } }

local function post_reset(self, request)
  local o, wrong = body.read(request, RESET, true)
  if not o then return wrong end
  self.log:clear()
  if o.sessions then self.sim:drop() end
  self.sim:reset(self.given)
  return answer(object {})
end

local SEED = { { "seed", fields.number(-1e15, 1e15), "of the random numbers", required = true } }

local function put_seed(self, request)
  local o, wrong = body.read(request, SEED)
  if not o then return wrong end
  self.sim:seed(o.seed)
  return answer(object { "seed", o.seed })
end

local function get_clock(self) return answer(object { "now", fields.time_text(self.sim.loop:time()), "virtual", false }) end

local ADVANCE = { { "advance_s", fields.number(0), "seconds", required = true } }

local function post_clock(_, request)
  local o, wrong = body.read(request, ADVANCE)
  if not o then return wrong end
  return problem("real_clock", "the clock is real: it cannot be advanced", { status = 409 })
end

local HEX = { { "hex", text, "the octets of a PDU", required = true } }

local function post_explain(_, request)
  local o, wrong = body.read(request, HEX)
  if not o then return wrong end
  local digits = o.hex:gsub("%s", "")
  if #digits % 2 == 1 or digits:find "%X" or digits == "" then
    return problem("bad_value", "hex: expected pairs of hexadecimal digits", { field = "hex" })
  end
  local pdu, message = codec.decode((digits:gsub("%x%x", function(pair) return string.char(tonumber(pair, 16)) end)))
  if not pdu then return problem("bad_value", "hex: " .. message, { field = "hex" }) end
  local value = json.pdu(pdu)
  content.add_json(value, content.of(pdu))
  return answer(value)
end

-- ---- what happens ----

local LISTEN = { { "event", text, "only events of these names, parted by commas: " .. table.concat(streams.names, ", ") } }

local function get_stream(self, request)
  local o, wrong = read_query(request, LISTEN)
  if not o then return wrong end
  local wanted
  for name in (o.event or ""):gmatch "[^,]+" do
    if not streams.names[name] then return problem("bad_value", ("event: unknown event '%s'"):format(name), { field = "event" }) end
    wanted = wanted or {}
    wanted[name] = true
  end
  return streams.of(self):serve(request, wanted)
end

local function get_metrics() return { status = 200, type = metrics.types.openmetrics, body = metrics.text "openmetrics" } end

-- ---- SMPPSim ----

-- SMPPSim's names -> ours; others are the same.
local OF_SMPPSIM = { ["protocol_ID"] = "protocol_id", registered_delivery_flag = "registered_delivery" }

--- The fields of SMPPSim's form /inject_mo; nil, message: a value is wrong.
local function of_form(form)
  local o, tlvs, in_hex = {}, {}, form.format == "hex"
  for name, value in pairs(form) do
    local index = name:match "^tlv([1-7])_tag$"
    if index and value ~= "" then
      local tag, octets = tonumber(strings.trim(value)), form["tlv" .. index .. "_val"] or ""
      if not tag and value:find "^%x+$" then tag = tonumber(value, 16) end
      if not tag then return nil, name .. ": expected a number" end
      if #octets % 2 == 0 and not octets:find "%X" then octets = octets:gsub("%x%x", function(pair) return string.char(tonumber(pair, 16)) end) end
      tlvs[#tlvs + 1] = { tag, octets }
    elseif value ~= "" and name ~= "submit" and name ~= "format" and not name:find "^tlv[1-7]_" then
      local ours = OF_SMPPSIM[name] or name
      local kind, like = codec.codec.field("deliver_sm", ours)
      if not kind then return nil, ("unknown parameter '%s'%s"):format(name, like and ("; did you mean '%s'?"):format(like) or "") end
      o[ours] = kind == "integer" and tonumber(value) or value
      if kind == "integer" and not tonumber(value) then return nil, name .. ": expected a number" end
    end
  end
  if tlvs[1] then
    table.sort(tlvs, function(a, b) return a[1] < b[1] end)
    o.tlvs = tlvs
  end
  local words = o.short_message
  o.from, o.to, o.short_message = o.source_addr, o.destination_addr, nil
  o.source_addr, o.destination_addr = nil, nil
  if words and in_hex then
    if #words % 2 == 1 or words:find "%X" then return nil, "short_message: expected pairs of hexadecimal digits" end
    o.data = words:gsub("%x%x", function(pair) return string.char(tonumber(pair, 16)) end)
  elseif words then
    o.text = words
    o.data_coding = nil -- that of the text
  end
  return o
end

local function html(status, words)
  return { status = status, type = "text/html; charset=utf-8", body = "<html><body>" .. words .. "</body></html>\n" }
end

local ESCAPES = { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;" }

local function escaped(words) return (words:gsub('[&<>"]', ESCAPES)) end

local function inject_mo(self, request)
  local form, message = http.form(request.method == "POST" and request.body or request.query, true)
  local o
  if form then o, message = of_form(form) end
  if not o then return html(400, escaped(message)) end
  local parts, failure = deliver(self, o)
  if not parts then return html(400, escaped(failure)) end
  return html(200, "Message added to SMPPSim InboundQueue OK")
end

local function smppsim_stats(self, request)
  if request.query ~= "stats" then
    return self.console and self.console:home(request) or problem("not_found", "there is nothing at this path; see /v1/messages")
  end
  local counts = self.sim.counts
  return { status = 200, type = "text/plain", body = ("submittedok=%d,deliveredok=%d"):format(counts.messages, counts.mo + counts.receipts) }
end

-- All routes: method, path, handler, what it does; the rows of its query or body, and its status.
local ALL = {
  { "GET", "/v1/messages", get_messages, "The messages that came, the oldest first", query = LIST },
  { "GET", "/v1/messages/wait", wait_messages, "Waits until so many messages match", query = WAIT },
  { "DELETE", "/v1/messages", forget_messages, "Forgets all messages", status = 204 },
  { "GET", "/v1/messages/{id}", get_message, "A message" },
  { "POST", "/v1/mo", post_mo, "A message from a phone; parameters of deliver_sm may be given by name", body = MO, status = 202, is_open = true },
  { "GET", "/v1/options", get_options, "The options" },
  { "PATCH", "/v1/options", patch_options, "Changes options; null takes one back", body = {}, is_open = true },
  { "POST", "/v1/orders", post_order, "The outcome of the next messages", body = ORDER, status = 202 },
  { "GET", "/v1/sessions", get_sessions, "The sessions" }, { "DELETE", "/v1/sessions", delete_sessions, "Ends sessions", query = { HOW, SYSTEM_ID } },
  { "DELETE", "/v1/sessions/{id}", delete_session, "Ends a session", query = { HOW } },
  { "GET", "/v1/counts", get_counts, "Counts" }, { "POST", "/v1/reset", post_reset, "As at the start", body = RESET },
  { "PUT", "/v1/seed", put_seed, "Begins the random numbers anew", body = SEED },
  { "GET", "/v1/clock", get_clock, "The time" }, { "POST", "/v1/clock", post_clock, "Refused: the clock is real", body = ADVANCE, status = 409 },
  { "GET", "/v1/stream", get_stream, "What happens, as server-sent events", query = LISTEN, type = "text/event-stream" },
  { "POST", "/v1/explain", post_explain, "A PDU in JSON", body = HEX },
  { "GET", "/health", function() return answer(object { "status", "ok" }) end }, { "GET", "/metrics", get_metrics },
  { "GET", "/inject_mo", inject_mo }, { "POST", "/inject_mo", inject_mo }, { "GET", "/", smppsim_stats },
}

local PROBLEM = object { "description", "a problem document (RFC 9457)", "content", object { "application/problem+json",
  object { "schema", object { "type", "object" } } } }

local function operation(row)
  local status, parameters = row.status or 200, row.query and openapi.parameters(row.query) or {}
  if row[2]:find("{id}", 1, true) then
    table.insert(parameters, 1, object { "name", "id", "in", "path", "required", true, "schema", object { "type", "string" } })
  end
  local done = object { "description", "done" }
  local shape = object { "schema", object { "type", row.type and "string" or "object" } }
  if status ~= 204 then json.add(done, "content", object { row.type or "application/json", shape }) end
  local made = object { "summary", row[4], "operationId", (row[1] .. row[2]):lower():gsub("[^%l]+", "_"):gsub("_$", "") }
  if parameters[1] then json.add(made, "parameters", list_of(parameters)) end
  if row.body then
    local schema = openapi.body(row.body)
    if row.is_open then schema.additionalProperties = true end
    json.add(made, "requestBody", object { "content", object { "application/json", object { "schema", schema } } })
  end
  json.add(made, "responses", object { tostring(status), done, "default", PROBLEM })
  return made
end

--- The OpenAPI 3.1 document.
---@return table
function routes.openapi()
  local paths, by_path = {}, {}
  for _, row in ipairs(ALL) do
    if row[4] then
      local item = by_path[row[2]]
      if not item then
        item = object {}
        by_path[row[2]] = item
        paths[#paths + 1], paths[#paths + 2] = row[2], item
      end
      json.add(item, row[1]:lower(), operation(row))
    end
  end
  return object {
    "openapi", "3.1.0", "info", object { "title", "smpp sim", "version", "1", "description", "The message centre simulator, for tests" },
    "paths", object(paths), "security", list_of { object {}, object { "bearer", list_of {} } },
    "components", object { "securitySchemes", object { "bearer", object { "type", "http", "scheme", "bearer" } } },
  }
end

--- The routes for one simulator.
---@param self { sim: smpp.Simulator, log: smpp.HttpLog, given: table }
---@return smpp.HttpRoute[]
function routes.of(self)
  local list = {}
  for i, row in ipairs(ALL) do list[i] = { row[1], row[2], function(request) return row[3](self, request) end } end
  list[#list + 1] = { "GET", "/openapi.json", function() return answer(routes.openapi()) end }
  return list
end

return routes
