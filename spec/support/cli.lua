--- Runs `smpp` inside the spec: arguments in, exit code and what was written out.
local main = require("smpp.cli").main

local cli = {}

local function sink()
  local pieces = {}
  return {
    write = function(_, ...)
      for i = 1, select("#", ...) do pieces[#pieces + 1] = tostring((select(i, ...))) end
      return true
    end,
    text = function() return table.concat(pieces) end,
  }
end

local function source(text)
  local at = 1
  local function read(_, what)
    if type(what) == "number" then
      if at > #text then return nil end
      local piece = text:sub(at, at + what - 1)
      at = at + what
      return piece
    end
    if what == "*a" then
      local piece = text:sub(at)
      at = #text + 1
      return piece
    end
    if at > #text then return nil end
    local line, following = text:match("([^\n]*)\n?()", at)
    at = following
    return line
  end
  return { read = read, lines = function(self) return function() return read(self, "*l") end end }
end

--- Runs what a command would give to smpp.run; the spec is in a task already.
function cli.inside(fn) return fn() end

--- o = { stdin = text, env = { NAME = value }, terminal = true, run = cli.inside }
---@param arguments string[]
---@return integer code
---@return string stdout
---@return string stderr
function cli.run(arguments, o)
  o = o or {}
  local out, err = sink(), sink()
  local code = main(arguments, {
    stdin = source(o.stdin or ""), stdout = out, stderr = err,
    getenv = function(name) return (o.env or {})[name] end,
    is_terminal = function() return o.terminal or false end,
    run = o.run,
  })
  return code, out.text(), err.text()
end

--- A file with some content; its path.
function cli.file(content)
  local path = os.tmpname()
  local file = assert(io.open(path, "wb"))
  file:write(content)
  file:close()
  return path
end

return cli
