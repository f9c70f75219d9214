--- What is true of the cases of every area of conformance.
local assert = require "luassert"
local conformance = require "smpp.conformance"

local cases = {}

--- A body for `it`: each case of an area has an id, a section of the standard, a level and a reason.
---@param area string           what stands before the dot of the ids
---@param role? "smsc"|"esme"   of the peer that is tested
---@param least? integer        there are at least so many
function cases.are_complete(area, role, least)
  return function()
    local count = 0
    for _, case in ipairs(conformance.cases(role)) do
      if case.id:find("^" .. area .. "%.") then
        count = count + 1
        assert.truthy(case.id:find "^%l+%.[%w_]+$", case.id)
        assert.truthy(case.section:find "^[35]%.[34 0]", case.id)
        assert.truthy(case.why:find "^%w.*%.$", case.id)
        assert.is_true(case.submits == 0 or not case.malformed, case.id)
      end
    end
    assert.is_true(count >= (least or 10))
  end
end

return cases
