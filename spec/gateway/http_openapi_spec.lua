local api = require "smpp.gateway.http"
local json = require "smpp.codec.json"
local message = require "smpp.gateway.http_message"
local openapi = require "smpp.gateway.http_openapi"
local problem = require "smpp.http.problem"

describe("smpp.gateway.http_openapi", function()
  local document = json.decode(json.encode(openapi.document(api.paths)))

  it("has every path with its methods, and every status", function()
    for _, path in ipairs(api.paths) do
      local operation = document.paths[path[2]][path[1]:lower()]
      assert.is_table(operation, path[2])
      for code, row in pairs(problem.codes) do assert.is_table(operation.responses[tostring(row[1])], code) end
    end
  end)

  it("has a schema of every field that is checked", function()
    local schema = document.paths["/v1/messages"].post.requestBody.content["application/json"].schema
    for _, row in ipairs(message.rows) do
      local of_field = schema.properties[row[1]]
      assert.is_true(of_field.type ~= nil or of_field.enum ~= nil or of_field.oneOf ~= nil, row[1])
      assert.is_string(of_field.description)
    end
    assert.same({ "to" }, schema.required)
    assert.is_false(schema.additionalProperties)
    assert.same({ "string", 20 }, { schema.properties.from.type, schema.properties.from.maxLength })
    assert.same({ 0, 3 }, { schema.properties.priority.minimum, schema.properties.priority.maximum })
  end)

  it("says what webhooks are called with", function()
    for _, kind in ipairs { "receipt", "message" } do
      local properties = document.webhooks[kind].post.requestBody.content["application/json"].schema.properties
      assert.equal(kind, properties.type.const)
      assert.is_table(properties.event)
    end
  end)

  it("names only schemas that it has", function()
    local function walk(value)
      for name, item in pairs(value) do
        if name == "$ref" then assert.is_table(document.components.schemas[item:match "^#/components/schemas/(%a+)$"], item) end
        if type(item) == "table" then walk(item) end
      end
    end
    walk(document)
  end)
end)
