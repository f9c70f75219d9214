local mc = require "spec.support.mc"

local function bind_code(w, o)
  local esme, _, code = w:bind(o)
  return esme and "bound" or code
end

describe("smpp.server.accounts", function()
  it("refuse an unknown id, a wrong password, a bind type, an address, one bind too many", function()
    mc.world(function(w)
      local refused = {}
      local server = w:server { accounts = {
        acme = { password = "secret", bind = { "tx", "trx" }, max_binds = 2 },
        open = {}, short = "pw", far = { password = "secret", addresses = { "10.0.0.0/8" } },
      } }
      server:on("refused", function(_, id, status, reason) refused[#refused + 1] = id .. ": " .. reason .. " " .. status end)
      assert.equal("ESME_RINVSYSID", bind_code(w, { system_id = "nobody" }))
      assert.equal("ESME_RINVSYSID", bind_code(w, { system_id = "ACME" }))
      assert.equal("ESME_RINVPASWD", bind_code(w, { system_id = "acme", password = "secret " }))
      assert.equal("ESME_RINVPASWD", bind_code(w, { system_id = "short", password = "" }))
      assert.equal("ESME_RBINDFAIL", bind_code(w, { system_id = "acme", type = "receiver" }))
      assert.equal("ESME_RBINDFAIL", bind_code(w, { system_id = "far" }))
      assert.equal("bound", bind_code(w, { system_id = "short", password = "pw" }))
      assert.equal("bound", bind_code(w, { system_id = "open", password = "whatever", type = "receiver" }))
      local first = w:bind { system_id = "acme" }
      assert.equal("bound", bind_code(w, { system_id = "acme", type = "transmitter" }))
      assert.equal("ESME_RALYBND", bind_code(w, { system_id = "acme" }))
      first:unbind()
      assert.equal("bound", bind_code(w, { system_id = "acme" }))
      assert.same({ "nobody: unknown system_id ESME_RINVSYSID", "ACME: unknown system_id ESME_RINVSYSID",
        "acme: wrong password ESME_RINVPASWD", "short: wrong password ESME_RINVPASWD",
        "acme: bind type rx is not allowed ESME_RBINDFAIL", "far: client address not allowed ESME_RBINDFAIL",
        "acme: too many binds (2) ESME_RALYBND" }, refused)
      assert.equal("secret", server.sessions[3].account.password)
      server:close()
    end)
  end)

  it("have a thousand binds at most where nothing else is said", function()
    for _, o in ipairs {
      { accounts = { esme1 = "secret" }, most = 1000 }, { authenticate = function() return true end, most = 1000 }, { most = 1100 },
      { max_binds = 3, most = 3 }, { max_binds = 3, accounts = { esme1 = { max_binds = 5 } }, most = 5 },
    } do
      mc.world(function(w)
        local most, bound, code = o.most, 0, nil
        o.most = nil
        local server = w:server(o)
        for _ = 1, math.min(most + 1, 1100) do
          code = bind_code(w)
          bound = bound + (code == "bound" and 1 or 0)
        end
        assert.same({ most, most < 1100 and "ESME_RALYBND" or "bound" }, { bound, code })
        server:close()
      end)
    end
  end)

  it("come from a function that may wait", function()
    mc.world(function(w)
      local server = w:server { submit_sm = function() return "1" end, authenticate = function(session, bind)
        w:sleep(2)
        assert(session.peer.host == "127.0.0.1")
        if bind.password ~= "secret" then return nil, "ESME_RINVPASWD" end
        if bind.system_id == "no" then return false end
        if bind.system_id == "far" then return { addresses = { "10.0.0.0/8" } } end
        return bind.system_id == "limited" and { max_binds = 1, data = "x" } or true
      end }
      assert.equal("ESME_RINVPASWD", bind_code(w, { password = "wrong" }))
      assert.equal("ESME_RBINDFAIL", bind_code(w, { system_id = "no" }))
      assert.equal("ESME_RBINDFAIL", bind_code(w, { system_id = "far" }))
      assert.same({}, server.accounts)
      assert.equal("bound", bind_code(w, {}))
      assert.equal("bound", bind_code(w, { system_id = "limited" }))
      assert.equal("ESME_RALYBND", bind_code(w, { system_id = "limited" }))
      assert.equal("x", server.sessions[2].account.data)
      server:close()
      assert.same({}, server.accounts)
    end)
  end)

  it("count binds that authenticate still thinks about", function()
    mc.world(function(w)
      local server = w:server { authenticate = function()
        w:sleep(1)
        return { max_binds = 1 }
      end }
      local results, task = {}, require "smpp.base.task"
      for i = 1, 3 do task.spawn(function() results[i] = bind_code(w, {}) end) end
      w:sleep(5)
      table.sort(results)
      assert.same({ "ESME_RALYBND", "ESME_RALYBND", "bound" }, results)
      server:close()
    end)
  end)

  it("survive an ESME that leaves while authenticate thinks", function()
    mc.world(function(w)
      local server = w:server { authenticate = function()
        w:sleep(5)
        return true
      end }
      local esme = w:esme()
      esme:bind_transceiver({ system_id = "x" }, function() end)
      w:sleep(1)
      esme:close()
      w:sleep(10)
      assert.same({}, server.accounts)
      assert.equal(0, #server.sessions)
      assert.equal("bound", bind_code(w, { system_id = "x" }))
      server:close()
    end)
  end)

  it("answer ESME_RSYSERR when authenticate fails, at once or later, or is not done in time", function()
    mc.world(function(w)
      local server = w:server { authenticate = function(_, bind)
        if bind.system_id ~= "at once" then w:sleep(bind.system_id == "later" and 5 or 60) end
        error "database is gone"
      end }
      assert.equal("ESME_RSYSERR", bind_code(w, { system_id = "at once" }))
      assert.matches("bind_transceiver failed: .*database is gone", w.errors[1])
      assert.equal("ESME_RSYSERR", bind_code(w, { system_id = "later" }))
      assert.matches("bind_transceiver failed: .*database is gone", w.errors[2])
      local esme = w:esme()
      w:sleep(1) -- connected for 11 s when the answer is due, without a bind that was answered
      assert.equal("ESME_RSYSERR", select(3, esme:bind_transceiver { system_id = "never" }))
      w:sleep(60)
      assert.equal(0, server.connections.count)
      server:close()
    end)
  end)

  it("heed no verdict that comes after the bind was answered for authenticate", function()
    for _, verdict in ipairs { true, false } do
      mc.world(function(w)
        local refused = {}
        local server = w:server { bind_timeout_s = 20, max_failed_binds = 1, authenticate = function(_, bind)
          w:sleep(bind.system_id == "slow" and 15 or 1)
          return verdict or bind.system_id == "quick"
        end }
        server:on("refused", function(_, id) refused[#refused + 1] = id end)
        local esme = w:esme()
        assert.equal("ESME_RSYSERR", select(3, esme:bind_transceiver { system_id = "slow" }))
        assert.is_truthy(esme:bind_receiver { system_id = "quick" })
        w:sleep(10)
        assert.same({ "BOUND_RX", 0, {} }, { esme.state, esme.stray_count, refused })
        assert.same({ "quick", "quick" }, { server.sessions[1].system_id, server.sessions[1].owner.account.system_id })
        server:close()
      end)
    end
  end)

  it("close the connection after too many refused binds", function()
    mc.world(function(w)
      local server = w:server { accounts = { a = "p" }, max_failed_binds = 2 }
      local esme = w:esme()
      assert.equal("ESME_RINVPASWD", select(3, esme:bind_transceiver { system_id = "a" }))
      assert.equal("ESME_RINVPASWD", select(3, esme:bind_transceiver { system_id = "a", password = "P" }))
      w:sleep(0.1)
      assert.is_true(esme.closed)
      local second = w:esme()
      assert.equal("ESME_RINVPASWD", select(3, second:bind_transceiver { system_id = "a" }))
      assert.is_truthy(second:bind_transceiver { system_id = "a", password = "p" })
      server:close()
    end)
  end)

  it("look at no more guesses than that when they come all at once", function()
    local pdu = require("smpp.codec").encode { command = "bind_transmitter", sequence_number = 1, system_id = "a", password = "guess" }
    for waits_s = 0, 1 do
      mc.world(function(w)
        local asked, told = 0, 0
        local server = w:server { authenticate = function()
          asked = asked + 1
          if waits_s > 0 then w:sleep(waits_s) end
          return nil, "ESME_RINVPASWD"
        end }
        server:on("refused", function(_, _, _, _, request)
          if not request then told = told + 1 end
        end)
        local transport, answers, closed = w:transport(), "", false
        transport:start(function(octets) answers = answers .. octets end, function() closed = true end)
        for _ = 1, 10 do
          transport:write(pdu:rep(500))
          w:sleep(waits_s + 0.1)
        end
        assert.same({ 3, 3, true }, { asked, told, closed })
        local _, wrong = answers:gsub("\128%z%z\2%z%z%z\14", "")
        assert.equal(3, wrong)
        transport:close()
        server:close()
      end)
    end
  end)

  it("an answer of a handler, or of the checks before it, that refuses is told as rejected", function()
    mc.world(function(w)
      local rejected = {}
      local server = w:server { checks = {}, submit_sm = function(_, pdu)
        if pdu.destination_addr == "4" then return nil, "ESME_RINVDSTADR" end
        w:sleep(0.1)
        if pdu.destination_addr == "5" then return nil, "ESME_RSYSERR" end
        return "1"
      end }
      server:on("rejected", function(session, pdu, status) rejected[#rejected + 1] = session.system_id .. pdu.destination_addr .. status end)
      local session = w:bind { system_id = "a" }
      for _, to in ipairs { "4", "x", "5", "6" } do session:submit_sm { dest_addr_ton = 1, dest_addr_npi = 1, destination_addr = to } end
      assert.same({ "a4ESME_RINVDSTADR", "axESME_RINVDSTADR", "a5ESME_RSYSERR" }, rejected)
      session:close()
      server:close()
    end)
  end)

  it("throttle above the account's rate, all its binds together", function()
    mc.world(function(w)
      local server = w:server {
        accounts = { a = { rate_per_s = 10, burst = 5 }, b = {} },
        submit_sm = function() return "1" end, query_sm = function() return true end,
      }
      local one, two, other = w:bind { system_id = "a" }, w:bind { system_id = "a" }, w:bind { system_id = "b" }
      local function count(esme, n)
        local ok = 0
        for _ = 1, n do
          local response, _, code = esme:submit_sm { destination_addr = "1" }
          if response then ok = ok + 1 else assert(code == "ESME_RTHROTTLED") end
        end
        return ok
      end
      assert.equal(3, count(one, 3))
      assert.equal(2, count(two, 4))
      assert.equal(20, count(other, 20))
      assert.is_truthy(one:query_sm { message_id = "1" })
      w:sleep(0.2)
      assert.equal(2, count(one, 4))
      w:sleep(60)
      assert.equal(5, count(two, 8))
      server:close()
    end)
  end)

  it("answer ESME_RTHROTTLED above the account's window", function()
    mc.world(function(w)
      local server = w:server { accounts = { a = { window = 3, deliver_window = 2 } }, submit_sm = function()
        w:sleep(1)
        return "1"
      end }
      local esme, codes = w:bind { system_id = "a", deliver_sm = function() w:sleep(1) end }, {}
      for i = 1, 5 do esme:submit_sm({ destination_addr = "1" }, function(response, _, code) codes[i] = response and "ok" or code end) end
      w:sleep(3)
      assert.same({ "ok", "ok", "ok", "ESME_RTHROTTLED", "ESME_RTHROTTLED" }, codes)
      local sent = {}
      for i = 1, 3 do server.sessions[1]:deliver_sm({ short_message = "x" }, function(response, _, code) sent[i] = response and "ok" or code end) end
      w:sleep(3)
      assert.same({ "ok", "ok", "window_full" }, sent)
      server:close()
    end)
  end)

  it("are replaced while sessions are bound", function()
    mc.world(function(w)
      local server = w:server { accounts = { a = { password = "1" }, b = "2" }, submit_sm = function() return "1" end }
      local a, b = w:bind { system_id = "a", password = "1" }, w:bind { system_id = "b", password = "2" }
      server:set_accounts { a = { password = "new", rate_per_s = 1, burst = 1 }, c = "3" }
      w:sleep(1)
      assert.is_true(b.closed)
      assert.is_truthy(a:submit_sm { destination_addr = "1" })
      assert.equal("ESME_RTHROTTLED", select(3, a:submit_sm { destination_addr = "1" }))
      assert.equal("ESME_RINVCMDID", select(3, a:data_sm { destination_addr = "1" })) -- no handler, no rate
      server:set_accounts { a = { password = "new" }, c = "3" }
      for _ = 1, 5 do assert.is_truthy(a:submit_sm { destination_addr = "1" }) end
      assert.equal("ESME_RINVPASWD", bind_code(w, { system_id = "a", password = "1" }))
      assert.equal("bound", bind_code(w, { system_id = "c", password = "3" }))
      assert.has_error(function() server:set_accounts { a = { pasword = "x" } } end,
        "unknown option 'accounts.a.pasword'; did you mean 'accounts.a.password'?")
      assert.has_error(function() server:set_accounts { a = { "x" } } end, "accounts.a: expected name = value, got a string without a name")
      assert.has_error(function() server:set_accounts { a = { bind = { "tx", "both" } } } end,
        'accounts.a.bind[2]: expected one of "trx", "tx", "rx", got \'both\'')
      assert.has_error(function() server:set_accounts { a = { addresses = "10.0.0.0/8" } } end,
        "accounts.a.addresses: expected a list of addresses and networks, got '10.0.0.0/8'")
      assert.equal("bound", bind_code(w, { system_id = "a", password = "new" }))
      server:close()
    end)
  end)
end)

describe("smpp.server.accounts: refuse_bind", function()
  it("refuses before the account is looked up, or lets the bind go on", function()
    for _, o in ipairs { { accounts = { a = "secret" } }, { authenticate = function() return true end }, {} } do
      mc.world(function(w)
        local asked, refused = {}, {}
        function o.refuse_bind(session, bind)
          asked[#asked + 1] = { session.peer.host, bind.system_id }
          if #asked == 1 then return "ESME_RSYSERR", "maintenance" end
        end
        local server = w:server(o)
        server:on("refused", function(_, system_id, status, reason) refused[#refused + 1] = { system_id, status, reason } end)
        assert.equal("ESME_RSYSERR", bind_code(w, { system_id = "a" }))
        assert.equal("bound", bind_code(w, { system_id = "a" }))
        assert.same({ { "127.0.0.1", "a" }, { "127.0.0.1", "a" } }, asked)
        assert.same({ { "a", "ESME_RSYSERR", "maintenance" } }, refused)
        server:close()
      end)
    end
  end)
end)

describe("smpp.server.accounts: a file", function()
  local path
  local function write(text)
    local handle = assert(io.open(path, "w"))
    handle:write(text)
    handle:close()
  end
  before_each(function() path = os.tmpname() end)
  after_each(function() os.remove(path) end)

  it("is read at the start and on SIGHUP; a broken one changes nothing and says why", function()
    mc.world(function(w)
      write 'return { a = "1", b = { password = "2" } }'
      local server = w:server { accounts = path }
      local a, b = w:bind { system_id = "a", password = "1" }, w:bind { system_id = "b", password = "2" }
      for i, broken in ipairs {
        { "return {", "accounts: %S+:1: unexpected symbol" }, { "error 'no'", "no$" }, { "return 7", "expected the file to return a table, got a number" },
        { "return { a = { pasword = 'x' } }", "accounts.a.pasword.*did you mean 'accounts.a.password'" }, { "return { [5] = 'x' }", "accounts%[5%]: expected a string of at most 15 octets, got 5" },
        { "return { a = { password = 12345678 } }", "accounts.a.password: expected a string, got a number" }, { "return { a = true }", "accounts.a: expected a password or a table of settings, got a boolean" },
        { "return { a = '1', b = { 'geheim12' } }", "accounts.b: expected name = value, got a string without a name" },
        { "return { b = { password = geheim12 'x } }", "accounts: %S+:1: unfinished string" },
        { "return { b = { password = 5 'geheim12' } }", "accounts: %S+:1: '}' expected" },
        { "return { a = 'changed', z = { profile = 'nosuch' } }", "unknown profile 'nosuch'" },
      } do
        write(broken[1])
        assert.is_true(w.loop:raise "SIGHUP")
        w:sleep(1)
        assert.equal(i, #w.errors)
        assert.matches(broken[2], w.errors[i])
        assert.is_nil(w.errors[i]:find("geheim12", 1, true))
      end
      assert.equal("bound", bind_code(w, { system_id = "b", password = "2" }))
      assert.equal("bound", bind_code(w, { system_id = "a", password = "1" }))
      write 'return { a = "new" }'
      w.loop:raise "SIGHUP"
      w:sleep(1)
      assert.is_false(a.closed)
      assert.is_true(b.closed)
      assert.equal("bound", bind_code(w, { system_id = "a", password = "new" }))
      assert.equal("ESME_RINVSYSID", bind_code(w, { system_id = "b", password = "2" }))
      server:close()
    end)
  end)

  it("must be right at the start", function()
    mc.world(function(w)
      write "return nil"
      local server, message, code = require("smpp.server").new { loop = w.loop, accounts = path }
      assert.is_nil(server)
      assert.matches("expected the file to return a table, got a nil", message)
      assert.equal("bad_value", code)
      os.remove(path)
      assert.is_nil((require("smpp.server").new { loop = w.loop, accounts = path }))
    end)
  end)
end)

describe("smpp.server.accounts: profile", function()
  it("says what data_coding 0 means, under what the account says itself", function()
    mc.world(function(w)
      local seen = {}
      local server = w:server {
        profile = { default_alphabet = "ascii" },
        accounts = { a = {}, b = { profile = { default_alphabet = "ucs2" } }, c = { profile = "gatewayapi", default_alphabet = "latin1" } },
        submit_sm = function(session, pdu)
          seen[#seen + 1] = require("smpp.text").decode(pdu.short_message, pdu.data_coding, session.peer_text)
          return "1"
        end,
      }
      for _, id in ipairs { "a", "b", "c" } do
        local esme = w:bind { system_id = id }
        esme:submit_sm { destination_addr = "1", short_message = id == "b" and "\0x" or "\64" }
        if id == "c" then esme:submit_sm { destination_addr = "1", short_message = "\228" } end
      end
      assert.same({ "@", "x", "@", "ä" }, seen)
      assert.has_error(function() w:server { accounts = { x = { profile = "nosuch" } } } end)
      server:close()
    end)
  end)

  it("says what the server tolerates", function()
    for profile, code in pairs { default = "bound", strict = "ESME_RINVPASWD" } do
      mc.world(function(w)
        local server = w:server { profile = profile, accounts = { a = "longer than eight" } }
        local octets = require("smpp.codec").encode { command = "bind_transmitter", sequence_number = 1, system_id = "a", password = "x" }
        octets = octets:gsub("x", "longer than eight")
        local answer = require("smpp.codec").decode((w:talk("\0\0\0" .. string.char(#octets) .. octets:sub(5))))
        assert.equal(code == "bound" and "ESME_ROK" or code, answer.status)
        server:close()
      end)
    end
  end)

  it("names the vendor TLVs of all sessions", function()
    mc.world(function(w)
      local class
      local server = w:server { profile = "gatewayapi", submit_sm = function(_, pdu)
        class = pdu.message_class
        return "1"
      end }
      w:bind():submit_sm { destination_addr = "1", tlvs = { { 0x2900, "premium" } } }
      assert.equal("premium", class)
      server:close()
    end)
  end)
end)
