local guard = require "smpp.loop.guard"

local function guarded(on_error)
  local self = { on_error = on_error }
  return guard.guard(self), self
end

local function stderr_of(fn)
  local real, text = io.stderr, ""
  io.stderr = { write = function(_, ...) text = text .. table.concat { ... } end } -- luacheck: ignore 122
  local ok, err = pcall(fn)
  io.stderr = real -- luacheck: ignore 122
  assert(ok, err)
  return text
end

describe("smpp.loop.guard", function()
  it("calls with up to three arguments and tells whether it went well", function()
    local seen
    local call = guarded(error)
    assert.is_true(call(function(...) seen = { n = select("#", ...), ... } end, 1, nil, 3))
    assert.same({ 1, nil, 3, n = 3 }, seen)
  end)

  it("hands an error to on_error, with the traceback of where it was raised", function()
    local trace, raised
    local call, self = guarded(function(...) trace, raised = ... end)
    local function culprit() error("boom", 0) end
    assert.is_false(call(function() culprit() end))
    assert.matches("^boom\nstack traceback:.*guard_spec.lua", trace)
    assert.equal("boom", raised)
    local object = setmetatable({}, { __tostring = function() return "an object" end })
    call(function() error(object) end)
    assert.equal(object, raised)
    assert.matches("^an object\n", trace)
    self.on_error = function() raised = "the new one" end
    call(error)
    assert.equal("the new one", raised)
  end)

  it("writes both errors to stderr when on_error fails too", function()
    local call = guarded(function() error "second" end)
    local text = stderr_of(function() assert.is_false(call(error, "first")) end)
    assert.matches("first", text)
    assert.matches("and in its error handler: .*second", text)
  end)

  it("writes to stderr where nobody set on_error", function()
    assert.equal("error in a callback of the loop: trace\n", stderr_of(function() guard.on_error "trace" end))
  end)
end)
