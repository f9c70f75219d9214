local shell = require "spec.support.shell"

--- The methods that the guides use, as a set.
local function documented()
  local set = {}
  for path in shell.must("ls README.md docs/*.md 2>/dev/null || true"):gmatch("%S+") do
    for line in io.lines(path) do
      for method in line:gmatch("[%w_]:([%l_]+)%s*[%({\"]") do set[method] = true end
    end
  end
  return set
end

--- The modules that `require "smpp"` exposes, and the session, as a set of files: the parameters of their functions are
--- described, too.
local function front()
  local set, file = { ["lua/smpp/init.lua"] = true, ["lua/smpp/connection.lua"] = true }, assert(io.open("lua/smpp/init.lua"))
  for name in file:read("*a"):gmatch('"(smpp%.[%w_.]+)"') do
    set["lua/" .. name:gsub("%.", "/") .. ".lua"] = true
    set["lua/" .. name:gsub("%.", "/") .. "/init.lua"] = true
  end
  file:close()
  return set
end

--- The public functions of a file: those of the table it returns, and those of `methods` that it has.
--- Items are { name, parameters, block (the comment above), line }.
local function functions(path, methods)
  local all, block, number, module = {}, {}, 0, nil
  for line in io.lines(path) do
    number = number + 1
    if line:find "^%-%-%-" then
      block[#block + 1] = line
    else
      local name, parameters = line:match("^function ([%w_]+[.:][%w_.:]+)%s*(%b())")
      if not name then name, parameters = line:match("^([%w_]+%.[%w_]+) = function%s*(%b())") end
      if name then
        all[#all + 1] = { name = name, parameters = parameters, block = table.concat(block, "\n") .. "\n", line = number }
      end
      module = line:match("^return ([%w_]+)$") or line:match("^return setmetatable%(([%w_]+),") or module
      block = {}
    end
  end
  local list = {}
  for _, fn in ipairs(all) do
    local owner, separator, name = fn.name:match("^([%w_]+)([.:])([%w_]+)$")
    if owner and not name:find "^_" and (owner == module or separator == ":" and methods[name]) then list[#list + 1] = fn end
  end
  return list
end

describe("every public function", function()
  local methods, is_front = documented(), front()
  for path in shell.must("find lua -name '*.lua' | LC_ALL=C sort"):gmatch("%S+") do
    it("of " .. path .. " has a description" .. (is_front[path] and ", and one of each parameter" or ""), function()
      local missing = {}
      for _, fn in ipairs(functions(path, is_front[path] and methods or {})) do
        if fn.block == "\n" then
          missing[#missing + 1] = ("%s:%d: %s has no --- block"):format(path, fn.line, fn.name)
        elseif is_front[path] then
          for parameter in fn.parameters:gmatch("[%w_.]+") do
            if not parameter:find "^_" and not fn.block:find("%-%-%-@param " .. parameter:gsub("%.", "%%.") .. "%??%s") then
              missing[#missing + 1] = ("%s:%d: %s has no ---@param %s"):format(path, fn.line, fn.name, parameter)
            end
          end
        end
      end
      assert.equal("", table.concat(missing, "\n"))
    end)
  end

  it("is found by the check", function()
    local path = os.tmpname()
    shell.write(path, "local m = {}\n--- Adds.\nfunction m.add(a, b) end\nfunction m.bare() end\n"
      .. "function m._own() end\nfunction other:send(x) end\nfunction other:inner() end\nreturn m\n")
    local found = {}
    for _, fn in ipairs(functions(path, { send = true })) do found[#found + 1] = fn.name .. (fn.block == "\n" and " bare" or "") end
    os.remove(path)
    assert.same({ "m.add", "m.bare bare", "other:send bare" }, found)
  end)
end)
