--- The OpenAPI 3.1 document, made from the rows that check bodies and parameters.
local books = require "smpp.gateway.http_book"
local json = require "smpp.codec.json"
local problem = require "smpp.http.problem"
local rows_of = require "smpp.http.openapi"

local openapi = {}

local object, list = json.object, json.list

local body_schema = rows_of.body

local function ref(name) return object { "$ref", "#/components/schemas/" .. name } end

local function content(media, schema) return object { media, object { "schema", schema } } end

local function nullable(kind) return object { "type", list { kind, "null" } } end

local function text() return object { "type", "string" } end

local function schemas()
  local states = {}
  for i, state in ipairs(books.states) do states[i] = state end
  local state = object { "enum", list(states) }
  local part = object { "type", "object", "properties", object {
    "n", object { "type", "integer" }, "state", state, "carrier", nullable "string", "carrier_id", nullable "string", "status", nullable "string",
    "error", nullable "string", "sent", nullable "string", "done", nullable "string",
  } }
  local fault = object { "type", list { "object", "null" }, "properties", object { "code", text(), "text", text() } }
  return object {
    "Accepted", object { "type", "object", "properties", object {
      "id", text(), "to", text(), "parts", object { "type", "integer" }, "encoding", text(), "state", state, "reference", text(),
    }, "required", list { "id", "to", "parts", "encoding", "state" } },
    "AcceptedList", object { "type", "object", "properties", object {
      "messages", object { "type", "array", "items", object { "oneOf", list { ref "Accepted", ref "Refused" } } },
      "accepted", object { "type", "integer" }, "refused", object { "type", "integer" },
    }, "required", list { "messages", "accepted", "refused" } },
    "Refused", object {
      "type", "object", "properties", object { "to", text(), "error", ref "Problem" }, "required", list { "to", "error" },
    },
    "Message", object { "type", "object", "properties", object {
      "id", text(), "account", text(), "from", nullable "string", "to", text(), "text", text(), "data", text(), "encoding", text(), "state", state,
      "final", object { "type", "boolean" }, "reference", nullable "string", "receipt", object { "type", list { "boolean", "string" } },
      "created", text(), "at", nullable "string", "valid_until", nullable "string", "updated", text(),
      "parts", object { "type", "array", "items", part }, "error", fault,
    } },
    "MessageList", object { "type", "object", "properties", object {
      "messages", object { "type", "array", "items", ref "Message" }, "next", nullable "string",
    } },
    "Account", object { "type", "object", "properties", object {
      "account", text(), "credit", nullable "number", "currency", nullable "string", "rate_per_s", nullable "number", "quota", nullable "object",
      "binds", object { "type", "integer" }, "waiting", object { "type", "integer" },
      "webhooks", object { "type", "array", "items", object { "type", "object" } },
    } },
    "Lookup", object { "type", "object", "properties", object {
      "encoding", text(), "data_coding", object { "type", "integer" }, "parts", object { "type", "integer" }, "units", nullable "integer",
      "units_left", nullable "integer", "culprits", object { "type", "array", "items", object { "type", "object" } },
      "route", object { "type", "object" },
    } },
    "Problem", object { "type", "object", "properties", object {
      "type", text(), "title", text(), "status", object { "type", "integer" }, "detail", text(), "code", text(), "field", text(),
      "errors", object { "type", "array", "items", object { "type", "object" } },
    }, "required", list { "type", "title", "status", "detail", "code" } },
  }
end

local function problems()
  local seen, statuses = {}, {}
  for _, row in pairs(problem.codes) do
    if not seen[row[1]] then
      seen[row[1]] = true
      statuses[#statuses + 1] = row[1]
    end
  end
  table.sort(statuses)
  return statuses
end

-- What each path answers.
local ANSWERS = {
  ["POST /v1/messages"] = { 202, object { "oneOf", list { ref "Accepted", ref "AcceptedList" } } },
  ["GET /v1/messages"] = { 200, ref "MessageList" },
  ["GET /v1/messages/{id}"] = { 200, ref "Message" },
  ["DELETE /v1/messages/{id}"] = { 200, ref "Message" },
  ["GET /v1/account"] = { 200, ref "Account" },
  ["POST /v1/lookup"] = { 200, ref "Lookup" },
  ["GET /v1/events"] = { 200, object { "type", "object" } },
  ["POST /v1/events/{id}/retry"] = { 202, object { "type", "object" } },
  ["POST /v1/events/retry"] = { 202, object { "type", "object" } },
}

local function operation(path, statuses)
  local method, where = path[1], path[2]
  local answer = ANSWERS[method .. " " .. where]
  local responses = { tostring(answer[1]), object { "description", "done", "content", content("application/json", answer[2]) } }
  for _, status in ipairs(statuses) do
    responses[#responses + 1] = tostring(status)
    responses[#responses + 1] = object { "description", "problem", "content", content("application/problem+json", ref "Problem") }
  end
  local parameters = {}
  if where:find("{id}", 1, true) then
    parameters[1] = object { "name", "id", "in", "path", "required", true, "schema", text() }
  end
  for _, parameter in ipairs(rows_of.parameters(path.query or {})) do parameters[#parameters + 1] = parameter end
  if where == "/v1/messages" and method == "POST" then
    parameters[1] = object {
      "name", "Idempotency-Key", "in", "header", "description", "the same request again gets the same answer, for 24 hours",
      "schema", object { "type", "string", "minLength", 1, "maxLength", 255 },
    }
  end
  local made = object { "summary", path.summary, "operationId", (method .. where):lower():gsub("[^%l]+", "_"):gsub("_$", "") }
  if parameters[1] then json.add(made, "parameters", list(parameters)) end
  if path.body then json.add(made, "requestBody", object { "required", true, "content", content("application/json", body_schema(path.body)) }) end
  json.add(made, "responses", object(responses))
  return made
end

--- What webhooks are called with.
local function webhooks()
  local function called(summary, properties)
    return object { "post", object {
      "summary", summary, "requestBody", object { "required", true, "content", content("application/json", object {
        "type", "object", "properties", properties,
      }) }, "responses", object { "204", object { "description", "taken; any other status than 2xx: it is sent again" } },
    } }
  end
  local addresses = { "event", text(), "id", text(), "account", text(), "from", nullable "string", "to", text() }
  local function with(kind, more)
    local list_ = { "type", object { "const", kind } }
    for _, part in ipairs { addresses, more } do
      for _, item in ipairs(part) do list_[#list_ + 1] = item end
    end
    return object(list_)
  end
  local state = object { "enum", list(books.states) }
  return object {
    "receipt", called("A message has reached a state", with("receipt", {
      "reference", nullable "string", "state", state, "final", object { "type", "boolean" }, "error", nullable "object", "carrier", nullable "string",
      "created", text(), "time", text(),
    })),
    "message", called("A message has come from a phone", with("message", {
      "text", text(), "data", text(), "encoding", text(), "parts", object { "type", "integer" },
      "missing", object { "type", "array", "items", object { "type", "integer" } }, "carrier", text(), "received", text(),
      "tlvs", object { "type", "object" },
    })),
  }
end

--- The document.
---@param paths table[]  of smpp.gateway.http
---@return table
function openapi.document(paths)
  local statuses, out, by_path = problems(), {}, {}
  for _, path in ipairs(paths) do
    local item = by_path[path[2]]
    if not item then
      item = object {}
      by_path[path[2]] = item
      out[#out + 1], out[#out + 2] = path[2], item
    end
    json.add(item, path[1]:lower(), operation(path, statuses))
  end
  return object {
    "openapi", "3.1.0",
    "info", object { "title", "SMS", "version", "1", "description", "Messages by HTTP, the way of those by SMPP" },
    "security", list { object { "bearer", list {} } },
    "paths", object(out),
    "webhooks", webhooks(),
    "components", object { "schemas", schemas(), "securitySchemes", object { "bearer", object { "type", "http", "scheme", "bearer" } } },
  }
end

return openapi
