-- Kannel's client (bearerbox and smsbox) as a command that ends, for `smpp conformance --client`: binds, submits COUNT messages, with
-- --receipt waits for their receipts, and shuts down; or receives for some seconds.  Exit code 0: all were accepted.
--   lua spec/interop/kannel_client.lua PORT SYSTEM_ID PASSWORD [--from A --to B --text T [--count N] [--window N] [--receipt]] [--for S]
local lua = jit and "jit" or _VERSION:match "%d%.%d"
package.path = "./?.lua;lua/?.lua;lua/?/init.lua;" .. package.path
package.cpath = ("%s/%s/?.so;"):format(os.getenv "SMPP_BUILD" or "build", lua) .. package.cpath
local kannel = require "spec.support.kannel"
local loops = require "smpp.loop"
local peers = require "spec.support.peers"
local run = require "smpp.loop.run"

local SEND_S, RECEIPT_S = 15, 10 -- Kannel itself would try for ever
local ACCEPTED, DELIVERED, REFUSED = 8, 1, 16 -- types of its reports (dlr-mask)

local o, words = {}, {}
do
  local i = 1
  while arg[i] do
    local name = arg[i]:match "^%-%-(%l+)$"
    if not name then words[#words + 1] = arg[i] elseif name == "receipt" then o.receipt = true else
      i = i + 1
      o[name] = arg[i]
    end
    i = i + 1
  end
end

--- Has it given up?  It does so when a bind is refused for good.
local function is_dead(box) return (box:status() or ""):find("%(dead") ~= nil or box.bearerbox.exited end

--- Waits until as many reports of a type came as messages were sent; false: refused, or too late.
local function reported(box, kind, count, seconds)
  local seen, deadline = 0, loops.current():now() + seconds
  while seen < count do
    for i = #box.web, 1, -1 do
      local visit = box.web[i]
      if visit.path == "/dlr" then
        local what = tonumber(visit.query.type)
        if what == REFUSED then return false end
        if what == kind then seen = seen + 1 end
        if what == kind or kind ~= ACCEPTED then table.remove(box.web, i) end
      end
    end
    if seen < count and (loops.current():now() > deadline or is_dead(box)) then return false end
    if seen < count then run.sleep(0.05) end
  end
  return true
end

--- Forwards connections to a port, beginning with `open`: bearerbox connects as soon as it is started, and would refuse messages until
--- smsbox, which takes them, is there.
local function forward(to)
  local loop, waiting = loops.current(), {}
  local function join(a, b)
    a:start(function(octets) b:write(octets) end, function(trouble)
      if trouble then b:reset() else b:close() end
      a:close()
    end)
  end
  local function connect(transport)
    loop:connect({ host = "127.0.0.1", port = to, timeout_s = 5 }, function(other)
      if not other then return transport:reset() end
      join(transport, other)
      join(other, transport)
    end)
  end
  local listener = peers.closes(assert(loop:listen({ host = "127.0.0.1", port = 0 }, function(transport)
    if waiting then waiting[#waiting + 1] = transport else connect(transport) end
  end)))
  local function open()
    local list = waiting
    waiting = nil
    for _, transport in ipairs(list) do connect(transport) end
  end
  return listener.port, open
end

local function main()
  local port, open = forward(tonumber(words[1]))
  local box = kannel.start {
    port = port, bind = "trx", username = words[2], password = words[3], smsc = o.window and "max-pending-submits = " .. o.window or "",
  }
  open()
  local ok = true
  if o["for"] then
    run.sleep(tonumber(o["for"]))
  else
    local count = tonumber(o.count or 1)
    for i = 1, count do
      box:sendsms { from = o.from, to = o.to, text = o.text, ["dlr-mask"] = o.receipt and 31 or 24, ["dlr-url"] = box:dlr_url(tostring(i)) }
    end
    ok = reported(box, ACCEPTED, count, SEND_S) and (not o.receipt or reported(box, DELIVERED, count, RECEIPT_S))
  end
  box:shutdown()
  for _ = 1, 20 do
    if box.bearerbox.exited then break end
    run.sleep(0.1)
  end
  return ok
end

local ok
peers.run(function() ok = main() end, 90)
os.exit(ok and 0 or 1)
