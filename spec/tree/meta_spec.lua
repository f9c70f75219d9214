local shell = require "spec.support.shell"

package.cpath = (os.getenv("SMPP_BUILD") or "build") .. "/" .. (jit and "jit" or _VERSION:match "%d%.%d") .. "/?.so;" .. package.cpath
local core = require "smpp.core"

--- class -> set of its fields, as all `---` comments of the Lua files declare them.
local function declared()
  local classes, class = {}, nil
  for path in shell.must("find lua -name '*.lua'"):gmatch("%S+") do
    for line in io.lines(path) do
      local name = line:match("^%-%-%-@class (smpp%.[%w]+)") or line:match("^%-%-%-@alias (smpp%.[%w]+)")
      local field = line:match("^%-%-%-@field (%w[%w_]*)%?? ")
      if name then
        class = classes[name] or {}
        classes[name] = class
      elseif field and class then
        class[field] = true
      elseif not line:find "^%-%-%-" then
        class = nil
      end
    end
  end
  return classes
end

local function class_of(command) return "smpp." .. ("_" .. command):gsub("_(%l)", string.upper):gsub("_", "") end

describe("the types of the C module", function()
  local classes = declared()

  it("have a class for every command, with every parameter", function()
    local missing = {}
    for _, command in ipairs(core.protocol.commands()) do
      local class = classes[class_of(command.name)]
      assert.is_table(class, command.name)
      for _, param in ipairs(command.params) do
        if not class[param.name] then missing[#missing + 1] = command.name .. "." .. param.name end
      end
    end
    assert.same({}, missing)
  end)

  it("have every TLV in some class", function()
    local known = {}
    for _, class in pairs(classes) do
      for field in pairs(class) do known[field] = true end
    end
    for _, tlv in ipairs(core.protocol.tlvs()) do assert.is_true(known[tlv.name], tlv.name) end
  end)

  it("have every function of the module, and no other", function()
    local functions = { ["smpp.Core"] = core }
    for _, name in ipairs { "protocol", "text", "receipt", "timestamp" } do functions[class_of("core_" .. name)] = core[name] end
    local none = {}
    local codec = core.codec({}, none)
    functions["smpp.Codec"] = codec
    functions["smpp.CoreSession"] = getmetatable(codec.session { role = "esme", now = 0 }).__index
    for class, module in pairs(functions) do
      local have, want = {}, {}
      for name in pairs(module) do have[#have + 1] = name end
      for name in pairs(classes[class] or {}) do want[#want + 1] = name end
      table.sort(have)
      table.sort(want)
      assert.same(have, want, class)
    end
  end)
end)

describe("every type", function()
  local classes = declared()
  for path in shell.must("find lua -name '*.lua' | LC_ALL=C sort"):gmatch("%S+") do
    it("that " .. path .. " names is declared", function()
      local missing, number = {}, 0
      for line in io.lines(path) do
        number = number + 1
        if line:find "^%s*%-%-%-@" then
          for name in line:gmatch("smpp%.%u%w+") do
            if not classes[name] then missing[#missing + 1] = ("%d: %s"):format(number, name) end
          end
        end
      end
      assert.same({}, missing)
    end)
  end
end)
