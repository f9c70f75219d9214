--- Runs `smpp` in the process of the spec: arguments -> exit code and output.
local async = require "spec.support.async"
local dkjson = require "dkjson"
local main = require("smpp.cli").main
local smpp = require "smpp"

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

cli.sink = sink

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

--- Runs the function that a command passes to smpp.run; the spec already runs in a task.
function cli.inside(fn) return fn() end

--- o = { stdin = text, env = { NAME = value }, terminal = true, run = cli.inside, stdout = cli.sink() }
---@param arguments string[]
---@return integer code
---@return string stdout
---@return string stderr
function cli.run(arguments, o)
  o = o or {}
  local out, err = o.stdout or sink(), sink()
  local code = main(arguments, {
    stdin = source(o.stdin or ""), stdout = out, stderr = err,
    getenv = function(name) return (o.env or {})[name] end,
    is_terminal = function() return o.terminal or false end,
    run = o.run,
  })
  return code, out:text(), err:text()
end

--- Writes a temporary file; returns its path.
function cli.file(content)
  local path = os.tmpname()
  local file = assert(io.open(path, "wb"))
  file:write(content)
  file:close()
  return path
end

--- Fails, showing the text, unless it has the part.
function cli.has(text, part) assert(text:find(part, 1, true), ("'%s' not in:\n%s"):format(part, text)) end

--- Fails, showing the text, if it has the part.
function cli.lacks(text, part) assert(not text:find(part, 1, true), ("'%s' in:\n%s"):format(part, text)) end

--- The lines of a text.
function cli.lines(text)
  local list = {}
  for line in text:gmatch "[^\n]+" do list[#list + 1] = line end
  return list
end

--- The objects of lines of JSON.
function cli.objects(text)
  local list = {}
  for line in text:gmatch "[^\n]+" do list[#list + 1] = assert(dkjson.decode(line)) end
  return list
end

--- Runs `smpp send` in the task of the spec.
function cli.send(words, o)
  o = o or {}
  o.run = cli.inside
  table.insert(words, 1, "send")
  return cli.run(words, o)
end

--- A body with a message centre: `mc` has options of smpp.server; `seen` collects its requests.
function cli.with_server(options, fn)
  return async.virtual(function(loop)
    local seen, o = {}, {}
    for name, value in pairs(options) do o[name] = value end
    if not o.authenticate then o.accounts = o.accounts or { me = { password = "secret" } } end
    local answer = o.submit_sm
    o.submit_sm = function(session, pdu)
      seen[#seen + 1] = pdu
      if answer then return answer(session, pdu, #seen, loop) end
      return "m" .. #seen
    end
    local server = assert(smpp.server(o))
    server:on("error", function() end)
    fn(seen, server, loop)
    server:close(0)
  end)
end

--- A body with a running simulator.
function cli.with_simulator(options, fn)
  return async.virtual(function(loop)
    local mc = assert(smpp.simulator(options))
    fn(mc, loop)
    mc:close(0)
  end)
end

--- Runs `smpp sim` concurrently with `fn`, under virtual time; returns its results.
function cli.sim(words, fn, o)
  o = o or {}
  o.run = cli.inside
  local results
  async.virtual(function(loop)
    local running = true
    if o.prepare then o.prepare(loop) end
    smpp.spawn(function()
      table.insert(words, 1, "sim")
      results = { cli.run(words, o) }
      running = false
    end)
    fn(loop)
    for _ = 1, 100 do
      if running then smpp.sleep(0.5) end
    end
  end)()
  return (table.unpack or unpack)(results) -- luacheck: compat
end

return cli
