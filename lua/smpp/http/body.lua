--- Bodies in JSON that are one object, read by rows of smpp.http.fields.
local fields = require "smpp.http.fields"
local json = require "smpp.http.json"
local objects = require "smpp.codec.json"
local problem = require "smpp.http.problem"
local shown = require "smpp.base.shown"

local body = {}

local TYPE_MAX = 100

--- The answer to a body of another type.
---@param request smpp.HttpRequest
---@return smpp.HttpResponse
function body.unsupported(request)
  local given = request.headers["content-type"]
  local got = given and '"' .. shown.text(given):sub(1, TYPE_MAX) .. '"' or "none"
  return problem.new("unsupported_media_type", "expected Content-Type: application/json, got " .. got)
end

--- Refuses a body of another Content-Type.
---@param request smpp.HttpRequest
---@return smpp.HttpResponse?
function body.not_json(request)
  local kind = (request.headers["content-type"] or ""):lower():match "^%s*([^;%s]*)"
  return kind ~= "application/json" and body.unsupported(request) or nil
end

--- The object of a body; nil and the answer.
---@param request smpp.HttpRequest
---@param is_optional boolean?  no body is an empty object
---@return table?
---@return smpp.HttpResponse?
function body.object(request, is_optional)
  if is_optional and request.body == "" then return {} end
  local refused = body.not_json(request)
  if refused then return nil, refused end
  local value, message = json.read(request.body)
  if value == nil then return nil, problem.new("malformed_json", message) end
  if json.type_of(value) ~= "an object" then return nil, problem.new("malformed_json", "expected an object") end
  return value
end

--- The answer to a body with faults.
---@param list smpp.HttpFault[]
---@return smpp.HttpResponse
function body.faulty(list)
  local first, errors = list[1], {}
  for i, fault in ipairs(list) do errors[i] = objects.object { "field", fault.field, "code", fault.code, "detail", fault.detail } end
  return problem.new(first.code, ("%s: %s"):format(first.field, first.detail), { field = first.field, errors = list[2] and errors or nil })
end

--- The values of a body by its rows; nil and the answer.
---@param request smpp.HttpRequest
---@param rows smpp.HttpFieldRow[]
---@param is_optional boolean?
---@return table?
---@return smpp.HttpResponse?
function body.read(request, rows, is_optional)
  local value, wrong = body.object(request, is_optional)
  if not value then return nil, wrong end
  local values, list = fields.check(rows, value)
  if list[1] then return nil, body.faulty(list) end
  return values
end

return body
