--- Parts of OpenAPI 3.1 documents, made from the rows that check bodies and queries (smpp.http.fields).
local json = require "smpp.codec.json"

local openapi = {}

local object, list = json.object, json.list

--- An ordered list name, value, name, value … as an object; lists whose first item is no name stay lists.
local KEYED = { properties = true }
local LISTED = { oneOf = true, enum = true, required = true }

local function schema_of(pairs_, count)
  local out = {}
  for i = 1, count or #pairs_, 2 do
    local name, value = pairs_[i], pairs_[i + 1]
    if type(value) == "table" then
      if LISTED[name] then
        local items = {}
        for k, item in ipairs(value) do items[k] = type(item) == "table" and schema_of(item) or item end
        value = list(items)
      elseif KEYED[name] or type(value[1]) == "string" then
        value = schema_of(value)
      end
    end
    out[i], out[i + 1] = name, value
  end
  return object(out, count or #pairs_)
end

local MOST = 8 -- names and values of a row's schema, with holes

--- The schema of a row's values, with its description.
local function field_schema(row)
  local made = schema_of(row[2].schema, MOST)
  json.add(made, "description", row[3])
  return made
end

--- The schema of an object that has these fields, and no others.
---@param rows smpp.HttpFieldRow[]
---@return table
function openapi.body(rows)
  local properties, required = {}, {}
  for _, row in ipairs(rows) do
    properties[#properties + 1], properties[#properties + 2] = row[1], field_schema(row)
    if row.required then required[#required + 1] = row[1] end
  end
  return object { "type", "object", "properties", object(properties), "required", list(required), "additionalProperties", false }
end

--- The parameters of a query.
---@param rows smpp.HttpFieldRow[]
---@return table[]
function openapi.parameters(rows)
  local out = {}
  for i, row in ipairs(rows) do
    out[i] = object { "name", row[1], "in", "query", "description", row[3], "schema", schema_of(row[2].schema, MOST) }
  end
  return out
end

return openapi
