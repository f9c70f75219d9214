local conformance = require "smpp.store.conformance"
local mc = require "spec.support.mc"
local stores = require "smpp.store"

--- The names of the cases that a store fails: one in memory with a method that goes wrong.
local function failed(method, wrong)
  local list = {}
  for _, case in ipairs(conformance.cases) do
    local ok = pcall(mc.world, function()
      case.run {
        within = function(fn) fn() end,
        open = function(o)
          local store = stores.open("memory", o)
          local right = store[method]
          store[method] = function(self, ...) return wrong(right, self, ...) end
          return store
        end,
        reopen = function(store) return store end,
      }
    end)
    if not ok then list[#list + 1] = case.name end
  end
  return table.concat(list, "\n")
end

describe("smpp.store.conformance", function()
  it("sees a store that forgets the state a record should have", function()
    assert.matches("the state it should have", failed("commit", function(right, self, changes, ...)
      for _, change in ipairs(changes) do change.from = nil end
      return right(self, changes, ...)
    end))
  end)

  it("sees a store that makes half of a commit", function()
    assert.matches("or none", failed("commit", function(right, self, changes, done, context)
      local message, code
      for _, change in ipairs(changes) do
        right(self, { change }, function(_, m, c) message, code = message or m, code or c end)
      end
      return done(not message or nil, message, code, context)
    end))
  end)

  it("sees a store that gives the same table to everybody", function()
    local tables = {}
    assert.matches("returns copies", failed("get", function(right, self, kind, key, done, context)
      return right(self, kind, key, function(record, message, code)
        if record then
          tables[self] = tables[self] or {}
          tables[self][key] = tables[self][key] or record
          record = tables[self][key]
        end
        return done(record, message, code, context)
      end)
    end))
  end)

  it("sees a store that ignores its order, its pages, its limit of queries", function()
    for _, field in ipairs { "newest", "after", "limit", "open" } do
      assert.not_equal("", failed("find", function(right, self, query, ...)
        local other = {}
        for name, value in pairs(query) do other[name] = value end
        other[field] = nil
        if field == "after" then other.limit = math.min(other.limit or 100, 3) end
        if field == "after" and query.after then return (...)({}, nil, nil, select(2, ...)) end
        return right(self, other, ...)
      end), field)
    end
  end)
end)
