-- A gateway as a process, with its books in SQLite, is killed again and again amid traffic: every message that it answered with
-- success reaches a carrier, every receipt that it acknowledged reaches its customer, and doubles are named in the books.
local async = require "spec.support.async"
local process = require "spec.support.gateway_process"
local smpp = require "smpp"

local KILLS = tonumber(os.getenv "KILLS") or 20

local has_sqlite = pcall(require, "smpp.sqlite")

describe("a gateway that is killed with kill -9", function()
  it(("loses nothing that it answered, %d times"):format(KILLS), async.luv(function(loop)
    if not has_sqlite then return end
    process.run(loop, {}, function(w)
      w:start()
      w:send(20)
      w:wait(20)
      for i = 1, KILLS do -- each one amid traffic
        smpp.sleep(i % 5 * 0.03)
        w:kill()
        w:start()
        w:wait(20)
      end
      local doubles = w:check() -- while the gateway still reads what the last run has left
      assert.is_true(doubles < w.answers / 2, ("%d were answered, %d sent twice"):format(w.answers, doubles))
    end)
  end, 120 + KILLS * 10))
end)
