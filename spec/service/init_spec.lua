local memory = require "smpp.store.memory"
local service = require "smpp.service"
local smpp = require "smpp"

describe("smpp.service", function()
  it("is the face of its folder, and a part of smpp", function()
    assert.equal(service, smpp.service)
    for _, name in ipairs { "ids", "lifecycle", "requests" } do
      assert.equal(require("smpp.service." .. name), service[name])
      assert.is_table(service[name].schema.rows, name)
    end
  end)

  it("raises on an invalid option at the line of the program", function()
    local store = memory.open {}
    local function error_of(fn, o)
      local ok, message = pcall(function() fn(o) end)
      assert.is_false(ok)
      return message
    end
    local line = "^spec/service/init_spec.lua:%d+: "
    assert.matches(line .. "unknown option 'firs'; did you mean 'first'%?", error_of(service.ids.new, { store = store, firs = 1 }))
    assert.matches(line .. "store: missing", error_of(service.ids.new, {}))
    assert.matches(line .. "unknown option 'plans'; did you mean 'plan'%?", error_of(service.lifecycle.new, { plans = print }))
    assert.matches(line .. "on_error: missing", error_of(service.lifecycle.new, { store = store, plan = print }))
    local o = { lifecycle = {}, next_id = print, lists = { team = { 5 } } }
    assert.matches(line .. "lists.team%[1%]: expected a string or a table, got 5", error_of(service.requests.new, o))
    o.lists, o.validity = nil, 5
    assert.matches(line .. "unknown option 'validity'; did you mean 'validity_s'%?", error_of(service.requests.new, o))
  end)
end)
