local process = require "smpp.nodes.process"

--- Files of a host.
local function host(o)
  return function(path)
    if path == "/proc/sys/kernel/random/boot_id" then return o.boot and o.boot .. "\n" end
    local pid = path:match "^/proc/(%w+)/stat$"
    local start = o[pid]
    if pid == "self" then pid = tostring(o.pid) end
    return start and ("%s (a b) c) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 %d 20 21\n"):format(pid, start)
  end
end

local BOOT = "01234567-89ab"

describe("smpp.nodes.process", function()
  it("is boot, namespace, pid and start", function()
    assert.equal(BOOT .. "/5/77/900", process.own(host { boot = BOOT, pid = 77, self = 900, ["1"] = 5 }))
  end)

  it("has ended where no process has this pid and start any more", function()
    local text = BOOT .. "/5/77/900"
    assert.is_true(process.has_ended(text, host { boot = BOOT, ["1"] = 5 }))
    assert.is_true(process.has_ended(text, host { boot = BOOT, ["1"] = 5, ["77"] = 901 })) -- another process has the number now
    assert.is_false(process.has_ended(text, host { boot = BOOT, ["1"] = 5, ["77"] = 900 }))
  end)

  it("is not known to have ended on another host, boot, or in another namespace", function()
    local text = BOOT .. "/5/77/900"
    assert.is_false(process.has_ended(text, host { boot = "fedc", ["1"] = 5 }))
    assert.is_false(process.has_ended(text, host { boot = BOOT, ["1"] = 6 }))
    assert.is_false(process.has_ended(text, host { boot = BOOT }))
    assert.is_false(process.has_ended(text, host {}))
    assert.is_false(process.has_ended("", host { boot = BOOT, ["1"] = 5 }))
    assert.equal("", process.own(host {}))
  end)

  it("knows this process, where the system tells", function()
    local own = process.own()
    if own ~= "" then assert.is_false(process.has_ended(own)) end
  end)
end)
