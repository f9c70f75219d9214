local gateways = require "smpp.gateway"
local cli = require "spec.support.cli"
local esme = require "spec.support.esme"
local smpp = require "smpp"
local support = require "spec.support.gateways"

local submit, world = support.submit, support.world

describe("smpp.gateway.reload", function()
  it("loads its file again between two messages: rules, accounts, carriers", function()
    world(nil, function(w)
      local acme, bank = w:customer(), w:customer { url = "smpp://bank:hidden@localhost:2775" }
      local id = submit(acme)
      assert.equal(1, #w.carriers[1].got)
      w.gateway.options.text = [[
        listen { port = 2775, accounts = { acme = "secret", new = "x" } }
        carrier "b" { "smpp://me:x@localhost:2002" }
        route { to = prefix "49", via = "b" }
      ]]
      assert.is_true(w.gateway:reload())
      smpp.sleep(0.1)
      assert.equal("closed", bank.state) -- the account is gone
      assert.equal("bound", acme.state)
      assert.truthy(submit(acme))
      assert.equal(1, #w.carriers[2].got)
      assert.same({ "a" }, w:logged("carrier_removed", "carrier"))
      smpp.sleep(0.1)
      assert.equal(0, #w.carriers[1].server.sessions)
      assert.equal(1, #w.carriers[2].server.sessions) -- the same binds
      assert.same({ "b" }, { w.gateway.carriers[1].name })
      assert.truthy(id)
      assert.truthy(w:customer { url = "smpp://new:x@localhost:2775" })
      assert.same({ "loaded" }, w:logged "loaded")
    end)
  end)

  it("changes nothing when the file is broken, and says why", function()
    world(nil, function(w)
      local acme = w:customer()
      local carriers = w.gateway.carriers
      w.gateway.options.text = "listen { port = 2775 }\nroute { vai = 'a' }"
      local ok, message, code = w.gateway:reload()
      assert.same({ nil, "gateway.lua:2: route: unknown option 'vai'; did you mean 'via'?", "bad_value" }, { ok, message, code })
      assert.truthy(w:logged("not_loaded", "reason")[1]:find "gateway.lua:2: route")
      assert.equal(carriers, w.gateway.carriers)
      assert.truthy(submit(acme))
    end)
  end)

  it("binds anew where the options of a carrier changed, and loses nothing that is on the way", function()
    local hold
    world(nil, function(w)
      local acme = w:customer()
      local result
      smpp.spawn(function() result = { submit(acme) } end)
      smpp.sleep(0.1)
      w.gateway.options.text = support.FILE:gsub("localhost:2001", "localhost:2001?window=5")
      assert.is_true(w.gateway:reload())
      smpp.sleep(0.1)
      assert.same({ "a" }, w:logged("carrier_reopened", "carrier"))
      assert.is_nil(result)
      hold = false
      smpp.sleep(2)
      assert.truthy(result[1])
      assert.equal(1, #w.carriers[1].server.sessions)
    end, { carriers = { function(_, _, n)
      if n == 1 then smpp.sleep(1) end
      return "id" .. n
    end } })
    assert.equal(false, hold)
  end)

  it("turns a carrier off by the file: what comes goes elsewhere, its binds stay", function()
    world(nil, function(w)
      local acme = w:customer()
      w.gateway.options.text = support.FILE:gsub("localhost:2001\" }", "localhost:2001\", off = true }")
      assert.is_true(w.gateway:reload())
      assert.truthy(submit(acme))
      assert.same({ 0, 1, 1 }, { #w.carriers[1].got, #w.carriers[2].got, #w.carriers[1].server.sessions })
      assert.equal("off", w.gateway:stats().carriers[1].reason)
    end)
  end)

  for _, how in ipairs { "turned off", "removed" } do
    it("sends what waits for the window of a carrier elsewhere when it is " .. how .. "; what it has gets its answers", function()
      local text = support.FILE:gsub("localhost:2001", "localhost:2001?window=1")
      world(text, function(w)
        local acme, ids = w:customer { window = 20 }, {}
        for i = 1, 5 do smpp.spawn(function() ids[i] = submit(acme) end) end
        smpp.sleep(0.5)
        assert.same({ 1, 0 }, { #w.carriers[1].got, #w.carriers[2].got })
        w.gateway.options.text = how == "removed" and text:gsub('carrier "a"[^\n]*\n', ""):gsub('{ "a", "b" }', '{ "b" }')
          or text:gsub('window=1"', 'window=1", off = true')
        assert.is_true(w.gateway:reload())
        smpp.sleep(0.2)
        assert.same({ 1, 4 }, { #w.carriers[1].got, #w.carriers[2].got })
        smpp.sleep(2)
        assert.equal(5, #ids)
      end, { carriers = { function()
        smpp.sleep(1)
        return "slow"
      end } })
    end)
  end

  it("says that listen needs a restart", function()
    world(nil, function(w)
      w.gateway.options.text = support.FILE:gsub("port = 2775", "port = 2776")
      assert.is_true(w.gateway:reload())
      assert.same({ "listen in line 1 has changed" }, w:logged("needs_restart", "reason"))
      w.gateway.options.text = support.FILE .. "listen { port = 2777, accounts = { acme = 'x' } }"
      assert.is_true(w.gateway:reload())
      assert.equal("listen in line 5 is new", w:logged("needs_restart", "reason")[3] or w:logged("needs_restart", "reason")[2])
    end)
  end)

  it("sees that its file, or one that it names, has changed; SIGHUP does the same", function()
    local list = cli.file "44\n"
    local path = cli.file(support.FILE .. ("route { to = prefixes %q, drop = true }"):format(list))
    local function write(name, text)
      local file = assert(io.open(name, "wb"))
      file:write(text)
      file:close()
    end
    esme.run(function(loop)
      local loaded = 0
      write(path, (support.FILE:gsub("route.*", ("route { to = prefixes %q, drop = true }"):format(list))))
      local gateway = assert(gateways.new { path = path, watch_s = 2 })
      gateway:on("error", function() end)
      gateway:on("loaded", function() loaded = loaded + 1 end)
      smpp.sleep(5)
      assert.equal(0, loaded)
      write(list, "44\n45\n")
      smpp.sleep(3)
      assert.equal(1, loaded)
      write(path, (support.FILE:gsub("route.*", "route { drop = true }")))
      smpp.sleep(3)
      assert.equal(2, loaded)
      loop:raise "SIGHUP"
      smpp.sleep(0.1)
      assert.equal(3, loaded)
      gateway:close()
    end)
    os.remove(path)
    os.remove(list)
  end)
end)
