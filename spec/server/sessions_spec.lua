local mc = require "spec.support.mc"

describe("smpp.server.sessions", function()
  it("are told of when they connect, before anything is read, in the order of arrival", function()
    mc.world(function(w)
      local server, seen = w:server {}, {}
      server:on("connection", function(session) seen[#seen + 1] = { session, session.state, server.connections.count } end)
      local esmes = {}
      for i = 1, 3 do esmes[i] = w:esme() end
      w:sleep(0.1)
      assert.equal(3, #seen)
      for i, row in ipairs(seen) do
        assert.same({ "OPEN", i }, { row[2], row[3] })
        assert.equal(row[1], server.connections:list()[i])
      end
      esmes[2]:close()
      w:sleep(0.1)
      local left = server.connections:list()
      assert.same({ 2, 2 }, { #left, server.connections.count })
      assert.is_true(left[1] == seen[1][1] and left[2] == seen[3][1])
      server:close()
    end)
  end)

  it("are counted by address, and forgotten with it", function()
    mc.world(function(w)
      local server = w:server {}
      local one, two = w:bind {}, w:bind {}
      assert.same({ 2, 0 }, { server.connections:count_of "127.0.0.1", server.connections:count_of "127.0.0.2" })
      one:unbind()
      two:close()
      w:sleep(0.1)
      assert.same({ 0, {}, {}, 0 }, { server.connections:count_of "127.0.0.1", server.connections.per_address, server.sessions,
        server.connections.count })
      server:close()
    end)
  end)

  it("stay in the order of their binds, whichever of them ends", function()
    for ended = 1, 7 do
      mc.world(function(w)
        local server, esmes, expected, ids = w:server {}, {}, {}, {}
        for i = 1, 7 do
          esmes[i] = w:bind { system_id = "e" .. i }
          if i ~= ended then expected[#expected + 1] = "e" .. i end
        end
        esmes[ended]:unbind()
        w:sleep(0.1)
        for i, session in ipairs(server.sessions) do ids[i] = session.system_id end
        assert.same(expected, ids)
        server:close()
      end)
    end
  end)
end)
