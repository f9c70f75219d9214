local async = require "spec.support.async"
local dkjson = require "dkjson"
local with = require "spec.support.console"

local CSP = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; "
  .. "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

describe("smpp.console", function()
  it("serves the page and its files with headers that let nothing else in", with({}, function(ask)
    local status, _, headers = ask("GET", "/")
    assert.same({ 302, "/console/" }, { status, headers.location })
    for _, path in ipairs { "/console/", "/console/style.css", "/console/console.js", "/console/view.js", "/console/none.js", "/console/api/state" } do
      status, _, headers = ask("GET", path)
      assert.equal(path:find "none" and 404 or path:find "state" and 401 or 200, status)
      assert.equal(CSP, headers["content-security-policy"])
      assert.equal("nosniff", headers["x-content-type-options"])
      assert.equal("no-referrer", headers["referrer-policy"])
      assert.equal("DENY", headers["x-frame-options"])
      assert.equal("same-origin", headers["cross-origin-opener-policy"])
      assert.matches("no%-store", headers["cache-control"])
      assert.is_nil(headers["access-control-allow-origin"])
    end
    local _, page, of_page = ask("GET", "/console/")
    assert.equal("text/html; charset=utf-8", of_page["content-type"])
    assert.is_nil(page:find("//", 1, true), "names another origin")
    assert.is_nil(page:find("<style", 1, true) or page:find("style=", 1, true) or page:find "<script[^>]*>[^<]")
    assert.equal("text/javascript; charset=utf-8", select(3, ask("GET", "/console/console.js"))["content-type"])
  end))

  it("lets in who has the token, by a cookie that scripts and other sites do not get", with({}, function(ask, program)
    local login = program.login()
    assert.equal(200, login.status)
    assert.matches("^smpp_console=[%w_-]+; Path=/console; HttpOnly; SameSite=Strict; Max%-Age=43200$", login.headers["set-cookie"])
    assert.matches("^[%w_-]+$", login.csrf)
    local status, value = ask("GET", "/console/api/state", { as = login })
    assert.equal(200, status)
    assert.same({ "Program", { "view.js" }, { calls = 0 }, login.csrf }, { value.title, value.views, value.state, value.csrf })
    assert.equal(401, (ask("GET", "/console/api/state", { headers = { "Authorization: Bearer the right token" } })))
    assert.equal(401, (ask("GET", "/console/api/state", { headers = { "Cookie: smpp_console=" .. ("x"):rep(43) } })))
    local left, _, headers = ask("POST", "/console/logout", { as = login, body = "" })
    assert.equal(204, left)
    assert.matches("^smpp_console=; Path=/console; .*; Max%-Age=0$", headers["set-cookie"])
    assert.equal(401, (ask("GET", "/console/api/state", { as = login })))
  end))

  it("refuses wrong tokens, and after five in a minute all from that address", with({}, function(ask, program)
    assert.equal(415, (ask("POST", "/console/login", { body = "token=x", headers = { "Content-Type: text/plain" } })))
    assert.equal(400, (ask("POST", "/console/login", { body = {} })))
    for _ = 1, 5 do assert.equal(401, program.login("wrong").status) end
    local sixth = program.login("wrong")
    assert.equal(429, sixth.status)
    assert.is_true(tonumber(sixth.headers["retry-after"]) <= 60)
    assert.equal(429, program.login().status)
  end))

  it("changes something only with the token of the login, from its own origin", with({}, function(ask, program, server)
    local login = program.login()
    local function note(headers, as) return (ask("POST", "/console/api/note", { as = as, body = { words = "x" }, headers = headers })) end
    assert.equal(200, note(nil, login))
    assert.equal(200, note({ "Origin: " .. server.url, "Sec-Fetch-Site: same-origin" }, login))
    assert.equal(2, #program.calls)
    assert.equal(401, note())
    assert.equal(403, note({ "Cookie: " .. login.cookie }))
    assert.equal(403, note({ "Cookie: " .. login.cookie, "X-CSRF-Token: " .. ("x"):rep(43) }))
    for _, line in ipairs { "Origin: http://evil.example", "Origin: http://127.0.0.1:1", "Origin: null", "Sec-Fetch-Site: cross-site", "Sec-Fetch-Site: same-site" } do
      local status, value = ask("POST", "/console/api/note", { as = login, body = { words = "x" }, headers = { line } })
      assert.same({ 403, "cross_site" }, { status, value.code }, line)
      assert.equal(403, (ask("POST", "/console/login", { body = { token = "the right token" }, headers = { line } })))
      assert.equal(403, (ask("GET", "/console/api/state", { as = login, headers = { line } })))
    end
    assert.equal(2, #program.calls)
  end))

  it("answers to its own names only", with({ names = { "SMS.example" } }, function(ask, program)
    local login = program.login()
    for _, path in ipairs { "/", "/console/", "/console/console.js", "/console/api/state", "/console/x.js" } do
      local status, value = ask("GET", path, { as = login, headers = { "Host: evil.example" } })
      assert.same({ 421, "misdirected" }, { status, value.code }, path)
    end
    assert.equal(421, (ask("POST", "/console/login", { body = { token = "the right token" }, headers = { "Host: evil.example" } })))
    assert.equal(200, (ask("GET", "/console/", { headers = { "Host: sms.example:8080" } })))
    assert.equal(200, (ask("GET", "/console/", { headers = { "Host: localhost" } })))
  end))

  it("performs actions, whose parameters are checked", with({}, function(ask, program)
    local login = program.login()
    local function act(name, body)
      local status, value = ask("POST", "/console/api/" .. name, { as = login, body = body })
      return status, value.code, value.field or value.words
    end
    assert.same({ 200, nil, "hello" }, { act("note", { words = "hello" }) })
    assert.same({ 400, "missing", "words" }, { act("note", {}) })
    assert.same({ 400, "bad_value", "words" }, { act("note", { words = ("x"):rep(11) }) })
    assert.same({ 400, "unknown_field", "wrods" }, { act("note", { words = "x", wrods = 1 }) })
    assert.same({ 400, "bad_value", "words" }, { act("note", { words = "no" }) })
    assert.equal(204, (ask("POST", "/console/api/nothing", { as = login, body = "" })))
    assert.equal(404, (ask("GET", "/console/api/other", { as = login })))
    assert.equal(404, (ask("POST", "/console/api/other", { as = login, body = {} })))
    assert.equal(403, (ask("POST", "/console/api/other", { headers = { "Cookie: " .. login.cookie }, body = {} })))
    assert.equal(401, (ask("GET", "/console/api/other")))
    assert.equal(401, (ask("POST", "/console/api/other", { body = {} })))
    assert.same({ "hello" }, program.calls)
  end))

  it("shows everything at first, then what is new, and everything again to who comes from another process", with({}, function(ask, program)
    local login = program.login()
    for i = 1, 300 do program.items[i] = { id = i } end
    local function state(cursor)
      local _, value = ask("GET", "/console/api/state" .. (cursor and "?after=" .. cursor or ""), { as = login })
      local list = value.feeds.items.items
      return value, #list, list[1] and list[1].id, value.feeds.items.skipped
    end
    local first, count, from = state()
    assert.same({ 200, 101 }, { count, from })
    assert.is_string(first.csrf)
    local again, n = state(first.cursor)
    assert.same({ 0, first.cursor, nil }, { n, again.cursor, again.csrf })
    for i = 301, 400 do program.items[i] = { id = i } end
    local _, more, at, skipped = state(first.cursor)
    assert.same({ 60, 341, 40 }, { more, at, skipped })
    for _, cursor in ipairs { "other:300", first.instance, first.instance .. ":x", first.instance .. ":1:2", "" } do
      assert.is_string(state(cursor).csrf, cursor)
    end
  end))

  it("streams the same as server-sent events, until the login ends", with({}, function(ask, program, server, loop)
    local login = program.login()
    local function open(more)
      local transport = assert(async.await(function(done) loop:connect({ host = "127.0.0.1", port = server.port }, done) end))
      local got = async.collect(transport)
      transport:write(("GET /console/api/stream%s HTTP/1.1\r\nHost: localhost\r\nCookie: %s\r\n%s\r\n"):format(more.query or "", login.cookie, more.header or ""))
      return transport, got
    end
    local function frames(got)
      local list = {}
      for id, data in got.octets:gmatch "id: (%S+)\ndata: ([^\n]*)\n\n" do list[#list + 1] = { id = id, frame = dkjson.decode(data) } end
      return list
    end
    assert.equal(401, (ask("GET", "/console/api/stream")))
    local transport, got = open {}
    async.wait_until(function() return #frames(got) >= 2 end)
    assert.matches("HTTP/1.1 200 .*text/event%-stream", got.octets)
    local list = frames(got)
    assert.equal("Program", list[1].frame.title)
    assert.same({ list[1].id, nil }, { list[1].frame.cursor, list[2].frame.title })
    program.items[1] = { id = 1 }
    async.wait_until(function() return frames(got)[#frames(got)].frame.feeds.items.items[1] end)
    transport:close()
    async.wait_until(function() return program.console.streams == 0 end)
    program.items[2] = { id = 2 }
    local last = frames(got)[#frames(got)].id
    for _, more in ipairs { { header = "Last-Event-ID: " .. last .. "\r\n" }, { query = "?after=" .. last } } do
      transport, got = open(more)
      async.wait_until(function() return frames(got)[1] end)
      assert.same({ { id = 2 } }, frames(got)[1].frame.feeds.items.items)
      if more.header then transport:close() end
    end
    ask("POST", "/console/logout", { as = login, body = "" })
    async.wait_until(function() return got.octets:find "event: end\n" end)
    transport:close()
  end))

  it("counts a stream no more that has failed", function()
    local fails = false
    with({ state = function() return { x = fails and error "oops" or 1 } end }, function(_, program, server, loop, errors)
      local login = program.login()
      local transport = assert(async.await(function(done) loop:connect({ host = "127.0.0.1", port = server.port }, done) end))
      local got = async.collect(transport)
      transport:write("GET /console/api/stream HTTP/1.1\r\nHost: localhost\r\nCookie: " .. login.cookie .. "\r\n\r\n")
      async.wait_until(function() return program.console.streams == 1 and got.octets:find "data:" end)
      fails = true
      async.wait_until(function() return program.console.streams == 0 and got.closed > 0 end)
      assert.matches("oops", errors[1])
      errors[1] = nil
      transport:close()
    end)()
  end)

  it("streams to 32 pages at once", with({}, function(ask, program)
    local login = program.login()
    program.console.streams = 32
    assert.equal(429, (ask("GET", "/console/api/stream", { as = login })))
  end))

  it("makes a token of 256 bits, and the address with it", with({}, function()
    local consoles = require "smpp.console"
    local o = { title = "x", host = "127.0.0.1", loop = {}, views = {}, files = {}, state = function() return {} end }
    local one, other = assert(consoles.new(o)), assert(consoles.new(o))
    assert.matches("^[%w_-]+$", one.token)
    assert.equal(43, #one.token)
    assert.are_not.equal(one.token, other.token)
    assert.equal("http://127.0.0.1:8080/console/#token=" .. one.token, one:url "http://127.0.0.1:8080")
  end))
end)
