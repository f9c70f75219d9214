--- Runs the conformance cases of stores, each with a loop of its own.
local conformance = require "smpp.store.conformance"
local mc = require "spec.support.mc"

---@param name string
---@param store { open: fun(o: table, w: table): smpp.Store, reopen: (fun(store: smpp.Store, w: table): smpp.Store)? }
return function(name, store, describe, it)
  describe(name, function()
    for _, case in ipairs(conformance.cases) do
      if not case.needs or store[case.needs] then
        it(case.name, function()
          mc.world(function(w)
            case.run {
              within = function(fn) fn() end,
              open = function(o) return store.open(o, w) end,
              reopen = store.reopen and function(old) return store.reopen(old, w) end,
            }
          end)
        end)
      end
    end
  end)
end
