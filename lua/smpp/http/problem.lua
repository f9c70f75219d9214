--- Problem documents (RFC 9457): the answer to a request that cannot be done.
local http_json = require "smpp.http.json"
local json = require "smpp.codec.json"

local problem = {}

---@class smpp.HttpResponse
---@field status integer
---@field headers string[]?  name, value, name, value …
---@field type string?       Content-Type
---@field body string?
---@field stream (fun(out: smpp.HttpOut))|nil  writes the body in pieces
---@field max_queued_octets integer?  of `stream`, that wait for the client
---@field stall_s number?  of `stream`: a client that takes nothing for that time is cut off

-- Status and title of each code.  A command_status, by its name, is 422.
local CODES = {
  malformed_json = { 400, "Malformed JSON" }, bad_value = { 400, "Invalid value" }, missing = { 400, "Missing field" },
  unknown_field = { 400, "Unknown field" }, url_not_allowed = { 400, "URL not allowed" }, bad_request = { 400, "Bad request" },
  unauthorized = { 401, "Unauthorized" }, no_credit = { 402, "No credit" },
  source_not_allowed = { 403, "Source not allowed" }, destination_not_allowed = { 403, "Destination not allowed" },
  cross_site = { 403, "Cross-site request" }, not_found = { 404, "Not found" }, method_not_allowed = { 405, "Method not allowed" },
  timeout = { 408, "Request timeout" }, in_progress = { 409, "Request in progress" }, not_cancellable = { 409, "Cannot be cancelled" },
  already_final = { 409, "Already final" }, too_large = { 413, "Content too large" }, too_many = { 413, "Too many recipients" },
  uri_too_long = { 414, "URI too long" }, unsupported_media_type = { 415, "Unsupported media type" }, misdirected = { 421, "Misdirected request" },
  none_accepted = { 422, "No message accepted" }, idempotency_mismatch = { 422, "Another request has this Idempotency-Key" },
  unmappable = { 422, "Text cannot be encoded" }, too_long = { 422, "Message too long" },
  rate_limited = { 429, "Rate limit exceeded" }, quota = { 429, "Quota exceeded" }, headers_too_large = { 431, "Header fields too large" },
  internal = { 500, "Internal error" }, not_implemented = { 501, "Not implemented" }, no_carrier = { 503, "No carrier available" },
  store = { 503, "Store unavailable" }, shutting_down = { 503, "Shutting down" }, outcome_unknown = { 504, "Outcome unknown" },
}
problem.codes = CODES

---@class smpp.HttpProblem
---@field field string?       the field that is wrong: "to/3"
---@field errors table[]?     { field, code, detail } of several
---@field status integer?     another than that of the code
---@field headers string[]?
---@field retry_after_s number?
---@field more any[]?         name, value, … of further members

--- The document as a table for JSON, and its status.
---@param code string
---@param detail string  in words
---@param o smpp.HttpProblem?
---@return table document
---@return integer status
function problem.document(code, detail, o)
  o = o or {}
  local row = CODES[code]
  local status = o.status or row and row[1] or 422
  local document = json.object({
    "type", "urn:smpp:" .. code, "title", row and row[2] or "Refused", "status", status, "detail", detail, "code", code,
    "field", o.field, "errors", o.errors and json.list(o.errors),
  }, 14)
  for i = 1, o.more and #o.more or 0, 2 do json.add(document, o.more[i], o.more[i + 1]) end
  return document, status
end

--- The response.
---@param code string
---@param detail string
---@param o smpp.HttpProblem?
---@return smpp.HttpResponse
function problem.new(code, detail, o)
  local document, status = problem.document(code, detail, o)
  local headers = {}
  for i, word in ipairs(o and o.headers or {}) do headers[i] = word end
  if o and o.retry_after_s then
    headers[#headers + 1] = "Retry-After"
    headers[#headers + 1] = ("%d"):format(math.max(1, math.ceil(o.retry_after_s)))
  end
  return { status = status, headers = headers, type = "application/problem+json", body = http_json.write(document), code = code }
end

return problem
