local cases = require "spec.support.conformance_cases"

describe("smpp.conformance.bind", function()
  it("are cases with an area, a section, a level and a reason", cases.are_complete "bind")
end)
