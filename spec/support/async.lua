--- Runs the body of a spec as the main task of smpp.run: on the luv loop, with a time limit and a check for open handles,
--- or on a virtual loop.    it("answers", async.luv(function(loop, errors) … end))
--- An error that reached a sink (`loop.on_error`, `task.on_error`) fails the spec, unless the body removes it from
--- `errors`.
local run = require "smpp.loop.run"
local task = require "smpp.base.task"

local async = {}

local LIMIT_S = 30 -- for a body on the luv loop; generous, for busy machines

--- Runs `body` and collects the errors of the sinks; raises the error of the body, else those.
local function collected(loop, body)
  local errors = {}
  local function sink(trace) errors[#errors + 1] = trace end
  local of_loop, of_tasks = loop.on_error, task.on_error
  loop.on_error, task.on_error = sink, sink
  local ok, err = pcall(body, errors)
  loop.on_error, task.on_error = of_loop, of_tasks
  if not ok then error(err, 0) end
  if #errors > 0 then error(table.concat(errors, "\n"), 0) end
end

--- Open luv handles, by their tostring().
local function open_handles(uv)
  local list = {}
  uv.walk(function(handle)
    if not uv.is_closing(handle) then list[tostring(handle)] = handle end
  end)
  return list
end

--- Closes handles opened since `before`, so that a failed spec does not affect others; returns their names.
local function close_others(loop, uv, before)
  local left, own = {}, {}
  for _, name in ipairs { "prepare", "idle", "keeper", "sigpipe" } do own[tostring(loop[name])] = true end
  for name, handle in pairs(open_handles(uv)) do
    if not before[name] and not own[name] then
      left[#left + 1] = name
      uv.close(handle)
    end
  end
  if #left > 0 then
    loop.holds, loop.deferred = 0, 0
    loop:close()
  end
  return left
end

--- A body for `it`, run on the luv loop.
---@param fn fun(loop: smpp.Loop, errors: string[])
---@param limit_s? number
---@return fun()
function async.luv(fn, limit_s)
  return function()
    local loop = require("smpp.loop.luv").default()
    local uv = require "luv"
    local before, timed_out = open_handles(uv), nil
    local watchdog = loop:timer(function()
      timed_out = true
      loop:stop()
    end)
    watchdog:start(limit_s or LIMIT_S)
    collected(loop, function(errors)
      local ok, err = pcall(run.run, function() return fn(loop, errors) end, { loop = loop, signals = false })
      watchdog:close()
      uv.run "nowait" -- runs the close callbacks
      local left = close_others(loop, uv, before)
      if timed_out then error(("not over after %g s: %s"):format(limit_s or LIMIT_S, tostring(not ok and err or "the loop is kept alive")), 0) end
      if not ok then error(err, 0) end
      if #left > 0 then error("left open: " .. table.concat(left, ", "), 0) end
    end)
  end
end

--- A body for `it`, run on a virtual loop of its own.
---@param fn fun(loop: smpp.VirtualLoop, errors: string[])
---@param o? table  of smpp.loop.virtual
---@return fun()
function async.virtual(fn, o)
  return function()
    local loop = require("smpp.loop.virtual").new(o)
    collected(loop, function(errors)
      run.run(function() return fn(loop, errors) end, { loop = loop, signals = false })
      if loop:describe() ~= "nothing" then error("left open: " .. loop:describe(), 0) end
    end)
  end
end

--- Waits for a callback: `async.await(function(done) loop:connect(address, done) end)` returns the arguments of done.
---@async
---@param fn fun(done: fun(...))
function async.await(fn)
  local token = task.need()
  local key, results = {}, nil
  fn(function(...)
    if results then error("called back twice", 2) end
    results = { n = select("#", ...), ... }
    task.wake_for(token, key)
  end)
  if not results then task.wait(key) end
  return (table.unpack or unpack)(results, 1, results.n) -- luacheck: compat
end

--- Waits until `condition()` holds, looking every millisecond.
---@async
---@param condition fun(): any
function async.wait_until(condition)
  while not condition() do run.sleep(0.001) end
end

--- Two ends of a connection over `loop`: the one that connected, the one that was accepted.
---@async
---@return smpp.Transport client
---@return smpp.Transport server
function async.pair(loop)
  local server, listener, client
  listener = assert(loop:listen({ host = "127.0.0.1", port = 0 }, function(transport) server = transport end))
  client = assert(async.await(function(done) loop:connect({ host = "127.0.0.1", port = listener.port }, done) end))
  async.wait_until(function() return server end)
  listener:close()
  return client, server
end

--- Starts a transport and collects: `{ octets, closed, message, code }`.
function async.collect(transport)
  local got = { octets = "", closed = 0 }
  transport:start(function(chunk) got.octets = got.octets .. chunk end, function(message, code)
    got.closed, got.message, got.code = got.closed + 1, message, code
  end)
  return got
end

return async
