--- Runs whole programs, examples and those of the guides, under virtual time beside a message centre on localhost:2775.
local loops = require "smpp.loop"
local smpp = require "smpp"
local virtual = require "smpp.loop.virtual"

local program = {}

local pack = table.pack or function(...) return { n = select("#", ...), ... } end -- luacheck: compat
local unpack = table.unpack or unpack -- luacheck: compat

--- Compiles a text whose globals are those of `env`.
---@return function? chunk
---@return string? message
function program.load(text, name, env)
  env = env or _G
  local load_in, setfenv = loadstring, setfenv -- luacheck: ignore 113
  if not setfenv then return load(text, name, "t", env) end -- luacheck: compat
  local chunk, message = load_in(text, name)
  return chunk and setfenv(chunk, env), message
end

local function environment(world, o)
  local function write(...)
    for i = 1, select("#", ...) do world.output = world.output .. tostring((select(i, ...))) end
  end
  return setmetatable({
    arg = o.arg or {},
    print = function(...)
      local words = pack(...)
      for i = 1, words.n do words[i] = tostring(words[i]) end
      write(table.concat(words, "\t", 1, words.n), "\n")
    end,
    io = setmetatable({ write = write, open = o.open }, { __index = io }),
  }, { __index = function(_, name)
    local value = _G[name]
    if value == nil and o.strict then error("undefined global '" .. name .. "'", 2) end
    return value
  end })
end

--- smpp.run for a program: the message centre opens before its main and closes when the last ESME is gone.
local function run_beside(world, o, run)
  return function(main, options)
    if options and options.loop then return run(main, options) end -- it has a loop of its own
    return run(function()
      local mc = o.mc ~= false and assert(smpp.simulator(o.mc)) or nil
      world.mc = mc
      local busy = 1 + (o.beside and 1 or 0)
      local function done()
        if busy > 0 or not mc then return end
        smpp.spawn(function()
          smpp.sleep(1) -- main may have left a callback that is about to connect
          if #mc.server.sessions == 0 then mc:close() end
        end)
      end
      if mc then mc:on("closed", done) end
      if o.beside then
        smpp.spawn(function()
          local ok, failure = smpp.pcall(o.beside, world)
          if not ok then
            world.failure = world.failure or failure
            world.loop:raise "SIGINT"
          end
          busy = busy - 1
          done()
        end)
      end
      local results = pack(main())
      world.main_returned = true
      busy = busy - 1
      done()
      return unpack(results, 1, results.n)
    end, options)
  end
end

--- Runs a program to its end.
---@param text string
---@param name string  for messages
---@param o? { mc: table|false|nil, arg: string[]?, beside: fun(world: table)?, open: function?, seed: number?, strict: boolean? }
---  mc: options of the message centre, false: none;  beside: a concurrent task; `world.loop:raise "SIGINT"`
---  ends a program that runs until it is stopped;  open: instead of io.open;  strict: an undefined global is an error
---@return string output
---@return table world  { loop, mc, output, main_returned }
function program.run(text, name, o)
  o = o or {}
  local world = { loop = virtual.new { seed = o.seed or 1, limit_s = 7 * 86400 }, output = "" }
  world.loop.on_error = function(trace) world.failure = world.failure or trace end
  local chunk = assert(program.load(text, name, environment(world, o)))
  local previous, run = loops.set(world.loop), smpp.run
  smpp.run = run_beside(world, o, run)
  local ok, failure = xpcall(chunk, debug.traceback)
  smpp.run = run
  loops.set(previous)
  failure = world.failure or not ok and failure
  if failure then error(("%s\nit had printed:\n%s"):format(failure, world.output), 0) end
  return world.output, world
end

--- Runs a file.
function program.run_file(path, o)
  local file = assert(io.open(path))
  local text = file:read "*a"
  file:close()
  return program.run(text, "@" .. path, o)
end

return program
