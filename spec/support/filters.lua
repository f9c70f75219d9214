--- Conformance of transport filters: octets, ends and limits pass through, on both loops, wherever the octets are cut.
local assert = require "luassert"
local async = require "spec.support.async"
local memory = require "smpp.transport.memory"
local task = require "smpp.base.task"
local transports = require "smpp.transport"

local filters = {}

--- The transport of a chain over one end of a memory pair, once it is established.
---@async
---@param side "accept"|"connect"
---@param inner smpp.Transport
---@param list function[]  as `filters` of smpp.transport.chain
---@return smpp.Transport? transport
---@return string? message
---@return string? code
function filters.establish(loop, side, inner, list, timeout_s)
  local token, key, result = task.need(), {}, nil
  local chain = assert(transports.chain(side, {}, list))
  chain:establish(inner, { side = side, loop = loop, timeout_s = timeout_s }, function(...)
    result = { ... }
    task.wake_for(token, key)
  end)
  if not result then task.wait(key) end
  return result[1], result[2], result[3]
end

local TEXT = ("0123456789abcdef"):rep(200) .. "end"

--- Declares the specs of a filter on the accepting side.  `o.before` are octets that the other side sends first, and
--- that the filter consumes; `o.new(loop)` makes the function that puts the filter on a transport.
---@param it function  of busted
---@param o { before: string?, new: fun(loop: smpp.Loop): fun(inner: smpp.Transport, context: table): smpp.Transport }
function filters.carries(it, o)
  for _, name in ipairs { "virtual", "luv" } do
    local on = async[name]

    --- Both ends, and the octets received by the accepting one; octets arrive in chunks of `size`.
    local function pair(loop, size)
      local a, b, link = memory.pair(loop)
      link.a_to_b.chunk, link.b_to_a.chunk = size, size
      a:write(o.before or "")
      local top = assert(filters.establish(loop, "accept", b, { o.new(loop) }))
      return a, top, link
    end

    for _, size in ipairs { 1, 2, 3, 7, 64, 65536 } do
      it(("carries octets both ways in chunks of %d (%s)"):format(size, name), on(function(loop)
        local a, top = pair(loop, size)
        a:write(TEXT) -- may arrive in one chunk with what the filter consumes
        local here, there = async.collect(top), async.collect(a)
        top:write(TEXT)
        async.wait_until(function() return #here.octets == #TEXT and #there.octets == #TEXT end)
        assert.same({ TEXT, TEXT, 0, 0 }, { here.octets, there.octets, here.closed, there.closed })
        a:close()
        async.wait_until(function() return here.closed == 1 end)
        assert.is_nil(here.message)
        top:close()
      end))
    end

    it(("loses nothing where octets are cut at any point of the first ones (%s)"):format(name), on(function(loop)
      local before = o.before or ""
      for cut = 0, #before + 2 do
        local a, b = memory.pair(loop)
        local octets = before .. "xyz"
        a:write(octets:sub(1, cut))
        loop:defer(function() a:write(octets:sub(cut + 1)) end)
        local top = assert(filters.establish(loop, "accept", b, { o.new(loop) }))
        local here = async.collect(top)
        async.wait_until(function() return #here.octets >= 3 end)
        assert.equal("xyz", here.octets, cut)
        top:close()
        a:close()
      end
    end))

    it(("pauses, drains, resets and closes like the transport below (%s)"):format(name), on(function(loop)
      local a, top, link = pair(loop, 1000)
      link.b_to_a.capacity = 100
      local here, there, drained = async.collect(top), { octets = "" }, 0
      top.on_drain = function() drained = drained + 1 end
      top:pause()
      a:write "unread"
      top:write(TEXT)
      assert.is_true(top:pending() > 0)
      loop:defer(function() there = async.collect(a) end)
      async.wait_until(function() return #there.octets == #TEXT end)
      async.wait_until(function() return drained > 0 end)
      assert.same({ "", 0 }, { here.octets, top:pending() })
      top:resume()
      async.wait_until(function() return here.octets == "unread" end)
      top:reset()
      async.wait_until(function() return there.closed == 1 end)
      assert.equal("connection_lost", there.code)

      local c, flushed = pair(loop, 1000)
      local last = async.collect(c)
      async.collect(flushed)
      flushed:write "last"
      flushed:close_after_flush(1)
      async.wait_until(function() return last.closed == 1 end)
      assert.same({ "last" }, { last.octets, last.message })
      c:close()
    end))
  end
end

return filters
