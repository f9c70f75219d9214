-- The console of a simulator, in a browser.
local browsers = require "spec.support.browser"
local http = require "smpp.http"
local shell = require "spec.support.shell"
local smpp = require "smpp"

local TOKEN = "the-token-of-the-spec"
local VIEWS = { "live", "messages", "phone", "behaviour", "explain" }
local EVIL = "<img src=x onerror=evil()><script>evil()</script>"

--- A body with a browser and a simulator: fn(browser, world); world.visit(view, o) opens a page that is logged in.
local function with(o, fn)
  local body = browsers.body(function(browser)
    local world = {}
    function world.start(port)
      local given = { port = 0, http = { port = port or 0, console_token = TOKEN }, deliver_after_s = 0.05, seed = 1 }
      for name, value in pairs(o) do given[name] = value end
      world.sim = assert(smpp.simulator(given))
      world.url = world.sim.http.url
    end
    world.start()
    function world.visit(view, how)
      local page = browser:visit(world.url .. "/console/#token=" .. TOKEN, how)
      page:wait "document.querySelector('nav a')"
      page:run(("location.hash = '#/%s'"):format(view))
      page:wait(("document.querySelector('#view-%s')"):format(view))
      return page
    end
    function world.esme(system_id)
      world.clients = world.clients or {}
      local esme = assert(smpp.connect { ("smpp://%s:secret@127.0.0.1:%d"):format(system_id or "acme", world.sim.port), reconnect = false,
        deliver_sm = function() return true end })
      esme:on("error", function() end)
      table.insert(world.clients, esme)
      return esme
    end
    fn(browser, world)
    for _, esme in ipairs(world.clients or {}) do esme:close(0) end
    world.sim:close(0)
    require("smpp.http.client").shut()
  end)
  return function()
    if not http.is_available() then shell.skip "no HTTP library: apt-get install libmicrohttpd-dev libcurl4-openssl-dev" end
    body()
  end
end

local function text_of(selector) return ("document.querySelector(%q)?.textContent ?? ''"):format(selector) end

--- Waits until an element contains a text.
local function has(page, selector, words) page:wait(("(%s).includes(%q)"):format(text_of(selector), words)) end

local function fill(page, selector, words)
  page:run(([[(() => { const e = document.querySelector(%q); e.value = %q; e.dispatchEvent(new Event("input", { bubbles: true }));
    e.dispatchEvent(new Event("change", { bubbles: true })) })()]]):format(selector, words))
end

--- Clicks the button with these words.
local function press(page, words, within)
  page:run(([[[...document.querySelectorAll(%q)].find(e => e.textContent == %q).click()]]):format((within or "body") .. " button", words))
end

local function reload(page, view)
  page:reload()
  page:wait(("document.querySelector('#view-%s')"):format(view))
end

describe("the console of a simulator", function()
  it("is opened by its address, else by the token; and left", with({}, function(browser, world)
    local page = world.visit "live"
    assert.equal("/console/#/live", page:run "location.pathname + location.hash")
    assert.is_nil(page:run("document.documentElement.outerHTML"):find(TOKEN, 1, true))
    for _, address in ipairs(page.requests) do assert.is_nil(address:find("token=", 1, true) and not address:find("#token=", 1, true), address) end
    reload(page, "live")
    press(page, "Log out")
    page:wait "document.querySelector('form.login')"
    fill(page, "input[name=token]", "wrong")
    press(page, "Log in")
    has(page, ".wrong", "This is not the token.")
    fill(page, "input[name=token]", world.url .. "/console/#token=" .. TOKEN)
    press(page, "Log in")
    page:wait "document.querySelector('#view-live')"
    local stale = browser:visit(world.url .. "/console/#token=of-another-run")
    has(stale, ".wrong", "another run")
  end))

  it("shows each view in both themes, on a phone and a desk, without a complaint; axe-core finds no serious fault", with({
    refusals = { ESME_RTHROTTLED = 20 }, outcomes = { DELIVERED = 60, UNDELIVERABLE = 40 },
  }, function(_, world)
    browsers.need_axe()
    local esme = world.esme()
    for i = 1, 20 do esme:submit_sm { source_addr = "TestApp", destination_addr = "49170000000" .. i % 3, short_message = "Message " .. i } end
    for _, dark in ipairs { false, true } do
      local page = world.visit("live", { dark = dark, width = 1440, height = 900 })
      for _, view in ipairs(VIEWS) do
        page:run(("location.hash = '#/%s'"):format(view))
        page:wait(("document.querySelector('#view-%s')"):format(view))
        if view == "explain" then press(page, "Show an example") end
        page:wait(({ live = "document.querySelector('tbody tr')", messages = "document.querySelector('tbody tr')", phone = "document.querySelector('.bubble')",
          behaviour = "document.querySelectorAll('.share').length > 20", explain = "document.querySelector('tbody tr')" })[view])
        assert.same({}, page:axe(), view)
        assert.equal(0, page:run "document.querySelectorAll('[style*=expression], iframe, object, embed').length")
        for _, width in ipairs { 390, 1440 } do
          page:call("Emulation.setDeviceMetricsOverride", { width = width, height = 844, deviceScaleFactor = 1, mobile = false })
          assert.is_true(page:run "document.documentElement.scrollWidth <= innerWidth", ("%s is wider than %d"):format(view, width))
        end
      end
      assert.equal(dark and "dark" or "light", page:run "document.documentElement.dataset.theme")
      assert.same({}, page.problems)
      for _, address in ipairs(page.requests) do assert.equal(world.url, address:match "^%a+://[^/]*", address) end
      page:close()
    end
  end))

  it("shows what comes as it comes; what peers send is text, never markup", with({ checks = false }, function(_, world)
    local page = world.visit "messages"
    page:run "window.evil = () => { window.hit = true }"
    has(page, ".empty", "No message yet")
    local esme = world.esme("<b>bold</b>")
    assert(esme:submit_sm { source_addr = "<img src=x onload=a>", source_addr_ton = 5, destination_addr = "<i>491</i>", short_message = EVIL })
    has(page, "tbody tr .from", "<img src=x onload=a>")
    has(page, "tbody tr .to", "<i>491</i>")
    has(page, "tbody tr .text", EVIL)
    has(page, "tbody tr .account", "<b>bold</b>")
    has(page, "tbody tr .state", "delivered")
    page:click "tbody tr"
    has(page, "dialog .words", EVIL)
    has(page, "dialog", "short_message")
    press(page, "Explain this PDU", "dialog")
    page:wait "!document.querySelector('dialog')"
    has(page, "#view-explain", "source_addr_ton")
    page:run "location.hash = '#/messages'"
    page:wait "document.querySelector('#view-messages tbody tr')"
    fill(page, "input[type=search]", "nobody")
    has(page, ".empty", "No message fits")
    fill(page, "input[type=search]", "SCRIPT")
    page:wait "document.querySelector('tbody tr')"
    for _, view in ipairs { "live", "phone" } do
      page:run(("location.hash = '#/%s'"):format(view))
      has(page, "#view-" .. view, EVIL)
    end
    page:run "location.hash = '#/messages?q=%3Cimg%20src=x%20onerror=evil()%3E'"
    page:wait "document.querySelector('#view-messages')"
    assert.is_nil(page:run "window.hit")
    assert.equal(0, page:run "document.querySelectorAll('main img, main script, main b:not([class]), main i[onerror]').length")
    assert.same({}, page.problems)
  end))

  it("sends as a phone, changes what happens, ends sessions, explains", with({ deliver_after_s = 0 }, function(_, world)
    world.esme()
    local page = world.visit "phone"
    fill(page, "input[name=from]", "491701234567")
    fill(page, "input[name=to]", "12345")
    fill(page, "textarea", "Grüße " .. ("x"):rep(200))
    press(page, "Send")
    has(page, ".bubble.mine", "Grüße x")
    has(page, "form [role=status]", "2 parts sent")

    page:run "location.hash = '#/behaviour'"
    page:wait "document.querySelectorAll('.share').length > 20"
    page:run [[(() => { const range = document.querySelector("input[aria-label='undeliverable, percent']"); range.value = 100
      range.dispatchEvent(new Event("change")) })()]]
    has(page, ".said", "undeliverable: 100 %")
    assert.same({ DELIVERED = 100, UNDELIVERABLE = 100 }, world.sim.settings.outcomes)
    fill(page, "select[aria-label='What happens to them']", "status")
    press(page, "Set")
    has(page, ".said", "The next message.")
    assert.equal("ESME_RTHROTTLED", world.sim.next_orders[1].status)
    press(page, "Reset to the start")
    press(page, "Reset", "dialog")
    has(page, ".said", "As at the start.")
    assert.same({ DELIVERED = 100 }, world.sim.settings.outcomes)

    page:run "location.hash = '#/explain'"
    page:wait "document.querySelector('textarea')"
    fill(page, "textarea", "0000   00 00 00 10 80 00 00 04 00 00 00 58 00 00 00 07   ................")
    has(page, "#view-explain h2", "submit_sm_resp")
    has(page, "#view-explain", "ESME_RTHROTTLED")
    fill(page, "textarea", "0000001")
    has(page, ".wrong", "expected pairs of hexadecimal digits")

    page:run "location.hash = '#/live'"
    page:wait "document.querySelector('tbody button')"
    press(page, "End", "tbody")
    press(page, "Close", "dialog")
    page:wait "!document.querySelector('#view-live tbody button') && document.querySelector('.empty:not([hidden])')"
    assert.equal(0, #world.sim.server.sessions)
    assert.equal(1, #page.problems)
    assert.matches("status of 400", page.problems[1]) -- that of the PDU of seven digits
  end))

  it("is driven by keys, and keeps the theme that was chosen", with({}, function(_, world)
    local page = world.visit "live"
    local function key(name)
      page:call("Input.dispatchKeyEvent", { type = "keyDown", key = name, text = #name == 1 and name or nil })
      page:call("Input.dispatchKeyEvent", { type = "keyUp", key = name })
    end
    key "2"
    page:wait "document.querySelector('#view-messages')"
    key "/"
    page:wait "document.activeElement.type == 'search'"
    page:type "491"
    assert.equal("491", page:run "document.activeElement.value")
    key "1"
    key "Escape"
    page:wait "document.activeElement == document.body"
    assert.is_true(page:run "!!document.querySelector('#view-messages')")
    key "?"
    has(page, "dialog", "light or dark")
    page:run "document.querySelector('dialog').close()"
    page:wait "!document.querySelector('dialog')"
    key "t"
    assert.equal("dark", page:run "document.documentElement.dataset.theme")
    reload(page, "messages")
    assert.equal("dark", page:run "document.documentElement.dataset.theme")
    key "t"
  end))

  it("comes back by itself when the simulator has been restarted", with({}, function(_, world)
    local page = world.visit "messages"
    assert(world.esme():submit_sm { destination_addr = "491", short_message = "before" })
    has(page, "tbody", "before")
    local port = tonumber(world.url:match "%d+$")
    for _, esme in ipairs(world.clients) do esme:close(0) end
    world.clients = {}
    world.sim:close(0)
    has(page, ".status", "reconnecting")
    world.start(port)
    has(page, ".status", "live")
    page:wait "document.querySelector('.empty:not([hidden])')"
    assert(world.esme():submit_sm { destination_addr = "491", short_message = "after" })
    has(page, "tbody", "after")
    assert.is_nil(page:run(text_of "tbody"):find("before", 1, true))
  end))

  it("does not stall while 10,000 messages come in a second", with({}, function(_, world)
    local page = world.visit("messages", { width = 1440, height = 900 })
    local sim, loop, n = world.sim, world.sim.loop, 0
    local began, timer = loop:now(), nil
    timer = loop:timer(function()
      while n < (loop:now() - began) * 10000 do
        n = n + 1
        local pdu = smpp.decode(smpp.encode {
          command = "submit_sm", source_addr = "Load", destination_addr = ("4917%08d"):format(n), short_message = "Message " .. n,
        })
        sim.message_log:add(nil, { system_id = "acme" }, pdu, "load" .. n)
      end
      timer:start(0.01)
    end)
    timer:start(0)
    page:wait "document.querySelectorAll('tbody tr').length > 50"
    local measured = page:run [[new Promise((done) => {
      const gaps = [], texts = new Set(), began = performance.now(); let last = began
      requestAnimationFrame(function frame(now) {
        gaps.push(now - last); last = now; texts.add(document.querySelector("tbody tr .text").textContent)
        if (now - began < 3000) requestAnimationFrame(frame)
        else { gaps.sort((a, b) => a - b); done({ frames: gaps.length, median: gaps[gaps.length >> 1], p95: gaps[Math.floor(gaps.length * 0.95)],
          most: gaps[gaps.length - 1], shown: texts.size, rows: document.querySelectorAll("tbody tr").length }) }
      }) })]]
    timer:close()
    if os.getenv "SMPP_MEASURE" then
      print(("%d messages; frames: %d in 3 s, median %.1f ms, p95 %.1f ms, longest %.1f ms"):format(n, measured.frames, measured.median, measured.p95, measured.most))
    end
    assert.is_true(n > 20000, n .. " messages")
    assert.is_true(measured.shown >= 4, "the list stands still")
    assert.equal(200, measured.rows)
    assert.is_true(measured.p95 < 200 and measured.most < 1500, ("p95 %.0f ms, longest %.0f ms"):format(measured.p95, measured.most))
    has(page, ".toolbar", "came in all")
    fill(page, "input[type=search]", ("4917%08d"):format(n - 9000)) -- the page has the last 500
    page:wait(("document.querySelector('tbody tr .to')?.textContent == '%s'"):format(("4917%08d"):format(n - 9000)))
    assert.same({}, page.problems)
  end))
end)
