--- The console of a gateway in a browser: its views, what they change, what peers cannot do to them.
local async = require "spec.support.async"
local browsers = require "spec.support.browser"
local fields = require "smpp.http.fields"
local gateways = require "smpp.gateway"
local models = require "spec.support.valkey_model"
local smpp = require "smpp"
local support = require "spec.support.gateway_http"

local engine -- of a gateway that is one of several nodes

local VIEWS = { "overview", "carriers", "accounts", "messages", "routing", "waiting", "webhooks", "file" }

local EVIL = '<img src=x onerror="window.pwned = 1"><script>window.pwned = 2</script>&amp;'

local RULES = [[
carrier "off" { "smpp://me:x@127.0.0.1:1", off = true }
carrier "down" { "smpp://me:x@127.0.0.1:1" }
route { to = prefix "44", via = "down" }
route { text = "^PROMO", reject = "ESME_RX_R_APPN" }
route { via = failover { "a", "off" } }
incoming { deliver = "bank" }
]]

--- A body with a gateway and an open console: fn(w, page, show); show(view) goes to a view.
local function opened(o, fn)
  o.rules, o.store = RULES, not o.shared
  o.account = ', credit = 10, price = 0.5, webhook = "http://127.0.0.1:1/hook"'
  o.http = ", allow_private = true, retry = { first_s = 0.02, for_s = 0.1 }"
  o.limit_s = 60
  local body = support.world(o, function(w, loop)
    local browser = browsers.open()
    local ok, message = smpp.pcall(function()
      local server = w.gateway.http.servers[1]
      local page = browser:visit(w.gateway.http.pages[server]:url(server.url), o.page)
      page:wait "document.querySelector('#view-overview .carrier')"
      fn(w, page, function(view)
        page:run(("location.hash = '#/%s'"):format(view))
        page:wait(("document.querySelector('#view-%s .card')"):format(view))
      end, loop)
      assert.same({}, page.problems)
      for _, url in ipairs(page.requests) do assert.equal(server.url, url:match "^(http://[^/]*)/") end
    end)
    browser:close()
    if not ok then error(message, 0) end
  end)
  return function()
    browsers.need()
    body()
  end
end

--- The text of what a selector matches.
local function text(page, selector) return page:run(("(document.querySelector(%q) || {}).textContent"):format(selector)) end

local function wait_text(page, selector, words)
  page:wait(("(document.querySelector(%q) || { textContent: '' }).textContent.includes(%q)"):format(selector, words))
end

local function set(page, name, value)
  page:run(("(() => { const e = document.querySelector('[name=%s]'); e.focus(); e.value = '' })()"):format(name))
  page:type(value)
end

--- Options of a gateway that is node a on an engine.
local function shared(page)
  return {
    page = page, carrier = ", binds = 2",
    shared = function(loop)
      engine = models.new(loop, { port = 0 })
      return ('store { "valkey://127.0.0.1:%d", node = "a", lease_s = 2 }'):format(engine.listener.port)
    end,
  }
end

describe("the console of a gateway in a browser", function()
  it("show what goes on as it goes on, and turn carriers off and on", opened({}, function(w, page, show)
    wait_text(page, ".verdict", "1 of 2 carriers take messages")
    wait_text(page, ".verdict", "down: not bound")
    wait_text(page, ".verdict", "off is off")
    for i = 1, 10 do w:send { to = "+49176" .. i } end
    page:wait "Number(document.querySelector('.figure b').textContent) > 0"
    wait_text(page, ".carrier.good .big", "messages / s")
    show "carriers"
    wait_text(page, "tbody tr", "a")
    page:click "button[aria-label='Turn off a']"
    page:wait "document.querySelector('dialog[open]')"
    page:click "dialog button.danger"
    wait_text(page, "tbody tr", "off, by hand")
    assert.is_true(w.gateway.by_name.a.own.off)
    page:click "button[aria-label='Turn on a']"
    wait_text(page, "tbody tr", "up")
    assert.is_false(w.gateway.by_name.a.own.off)
    show "accounts"
    wait_text(page, "tbody tr", "acme")
    wait_text(page, "tbody tr", "5") -- credit left
  end))

  it("find messages, tell their life, and show what peers sent as text", opened({}, function(w, page, show)
    local _, sent = w:send { from = "<b>x</b>", text = EVIL }
    w:send { to = "+4912", text = "Another" }
    assert(w.carrier:deliver("me", { source_addr = "<i>", destination_addr = "1", short_message = EVIL }))
    w:wait(sent.id, "sent")
    show "messages"
    page:wait "document.querySelectorAll('tbody tr').length == 2"
    set(page, "text", "ONERROR")
    page:run "document.querySelector('form').requestSubmit()"
    page:wait "document.querySelectorAll('tbody tr').length == 1 && location.hash.includes('text=ONERROR')"
    assert.equal(EVIL, text(page, "td.text"))
    wait_text(page, "section.card header", "Looked at 2 messages")
    page:click "tbody tr td button"
    page:wait "document.querySelector('dialog[open]')"
    assert.equal(EVIL, text(page, "dialog .words"))
    assert.equal("accepted sent valid until", page:run "[...document.querySelectorAll('dialog .life strong')].map((e) => e.textContent).join(' ')")
    wait_text(page, "dialog .decision", "via a")
    page:run "document.querySelector('dialog').close()"
    w:receipt "c-1"
    w:wait(sent.id, "delivered")
    page:run "document.querySelector('form').requestSubmit()"
    wait_text(page, "tbody tr", "delivered")
    show "webhooks"
    page:wait "document.querySelectorAll('tbody tr').length >= 2"
    async.wait_until(function() return (w.gateway.counts.webhook_dead or {}).acme == 1 end)
    wait_text(page, "tbody .tag", "given up")
    page:click "button[aria-label='Send again: events of acme']"
    wait_text(page, ".said", "again")
    show "overview"
    assert.same({ 0, 0 }, { page:run "document.querySelectorAll('main img, main script, main b b').length", page:run "window.pwned || 0" })
  end))

  it("send a test message, and show at its field what is wrong with one", opened({}, function(w, page, show)
    show "messages"
    page:run "[...document.querySelectorAll('button')].find((e) => e.textContent == 'Send a test message').click()"
    page:wait "document.querySelector('dialog[open] form')"
    local function fill(name, value)
      page:run(("(() => { const e = document.querySelector('dialog [name=%s]'); e.focus(); e.value = '' })()"):format(name))
      page:type(value)
    end
    fill("account", "nobody")
    fill("from", "Test")
    fill("to", "+491761")
    fill("text", "By hand")
    page:run "document.querySelector('dialog form').requestSubmit()"
    wait_text(page, "dialog .wrong", "there is no account 'nobody'")
    assert.equal("account", page:run "document.activeElement.name")
    fill("account", "acme")
    page:run "document.querySelector('dialog form').requestSubmit()"
    wait_text(page, "dialog .words", "By hand")
    assert.equal("By hand", w.got[1].short_message)
    table.remove(page.problems) -- the browser notes the refused request itself
  end))

  it("explain a route, and say what waits and why", opened({}, function(w, page, show)
    w:send { to = "+4420", text = "Waits" }
    w:send { text = "Later", at = fields.time_text(w.loop:time() + 7200) }
    assert(w.carrier:deliver("me", { source_addr = "491", destination_addr = "1", short_message = "Hi" }))
    show "routing"
    set(page, "account", "acme")
    set(page, "to", "+49 176")
    set(page, "text", "PROMO!")
    page:run "document.querySelector('form').requestSubmit()"
    wait_text(page, ".decision", "reject ESME_RX_R_APPN")
    assert.equal("no,yes", page:run "[...document.querySelectorAll('.steps li')].map((e) => e.className).join(',')")
    page:wait "document.querySelectorAll('tbody tr').length == 4"
    wait_text(page, "tbody tr", "to is prefix 44")
    show "waiting"
    page:wait "document.querySelectorAll('tbody tr').length == 3"
    local words = page:run "[...document.querySelectorAll('tbody td.wrap')].map((e) => e.textContent).join('; ')"
    assert.equal("down: not bound; held until H; no bind that receives", (words:gsub("until [%d: -]+", "until H")))
  end))

  it("show all nodes, who serves the page, who holds which bind, and an engine that is away", opened(shared { dark = true, width = 390, height = 844 },
    function(w, page, show)
      assert.equal("Gateway a", text(page, ".brand strong"))
      local other = assert(gateways.new { path = "b.lua", text = (w.text:gsub('node = "a"', 'node = "b"')), watch_s = 0 })
      w:send { to = "+4420", text = "Waits" }
      show "nodes"
      page:wait "document.querySelectorAll('[aria-label=Nodes] tbody tr').length == 2"
      wait_text(page, "[aria-label=Nodes] tbody tr", "a serves this page")
      wait_text(page, "[aria-label='Binds by carrier'] tbody", "2 / 2")
      page:wait "['1 a2 b', '1 b2 a'].includes(document.querySelector('.slots').textContent)"
      wait_text(page, ".figure small", "a serves this page")
      wait_text(page, "[aria-label='What waits for carriers'] tbody", "down")
      assert.is_true(page:run "document.documentElement.scrollWidth <= innerWidth")
      other:close()
      page:wait "document.querySelectorAll('[aria-label=Nodes] tbody tr').length == 1"
      engine.close()
      wait_text(page, "[role=alert]", "The engine is away")
      wait_text(page, "[role=alert]", "was true before")
      engine = models.new(w.loop, { port = engine.listener.port, data = engine.data })
      page:wait "document.querySelector('[role=alert]').hidden"
      w.gateway:close(2)
      engine.close()
      page.problems = {} -- the browser notes the failed requests itself
    end))

  it("load the file again: one with mistakes changes nothing, and they are shown", opened({}, function(w, page, show)
    show "file"
    w.gateway.options.text = w.text .. '\nroute { via = "<b>" }\n'
    page:click "button.primary"
    wait_text(page, ".decision", "Not loaded")
    assert.equal("mistake", text(page, ".problem .tag"))
    wait_text(page, ".problem p", "<b>")
    w.gateway.options.text = w.text
    page:click "button.primary"
    page:wait "document.querySelector('.decision').textContent.startsWith('Loaded')"
  end))

  for _, o in ipairs { { width = 390, height = 844, dark = true }, { width = 1440, height = 900 } } do
    it(("fit %d pixels, %s; keys lead to each; nothing moves that need not"):format(o.width, o.dark and "dark" or "light"), opened({ page = o }, function(w, page)
      for i = 1, 20 do w:send { to = "+49176" .. i, text = ("long "):rep(60) } end
      for i, view in ipairs(VIEWS) do
        page:run(("dispatchEvent(new KeyboardEvent('keydown', { key: '%d' }))"):format(i))
        page:wait(("document.querySelector('#view-%s .card')"):format(view))
        smpp.sleep(0.1)
        assert.is_true(page:run "document.documentElement.scrollWidth <= innerWidth", view .. " is wider than the page")
      end
      page:run "dispatchEvent(new KeyboardEvent('keydown', { key: '1' }))"
      page:wait "document.querySelector('#view-overview .carrier')"
      page:run [[new PerformanceObserver((list) => { for (const one of list.getEntries()) window.moved = (window.moved || 0) + one.value })
        .observe({ type: "layout-shift" })]]
      for i = 1, 10 do
        w:send { to = "+49177" .. i }
        smpp.sleep(0.1)
      end
      local moved = page:run "window.moved || 0"
      assert.is_true(moved < 0.02, "moved by " .. moved)
    end))
  end

  it("say of which nodes a view is, and have credit of all of them", opened(shared { width = 1280, height = 900 }, function(w, page, show)
    local other = assert(gateways.new { path = "b.lua", text = (w.text:gsub('node = "a"', 'node = "b"')), watch_s = 0 })
    for _, view in ipairs { "overview", "carriers", "accounts", "routing", "waiting", "webhooks", "file" } do
      show(view)
      wait_text(page, ("#view-%s > .note-line:last-child"):format(view), "node")
    end
    show "messages"
    assert.is_nil(text(page, "#view-messages > .note-line"))
    w:send { to = "+4420", text = "Waits" }
    show "accounts"
    page:wait "document.querySelector('tbody tr')?.children[5].textContent == '9.5'"
    other:close()
    w.gateway:close(2)
    engine.close()
    page.problems = {} -- the browser notes the failed requests itself
  end))

  for _, o in ipairs { { width = 400, height = 800 }, { width = 1280, height = 900 } } do
    it(("have no serious fault for axe-core where there are several nodes, at %d pixels"):format(o.width), function()
      browsers.need_axe()
      opened(shared(o), function(w, page, show)
        local text_of_b = w.text:gsub('node = "a"', 'node = "b.example"'):gsub("price = 0.5", "price = 0.6")
        local other = assert(gateways.new { path = "b.lua", text = text_of_b, watch_s = 0 })
        w:send { to = "+4420", text = "Waits" }
        show "nodes"
        wait_text(page, "[aria-label=Nodes]", "differs")
        wait_text(page, "[aria-label='What waits for carriers'] tbody", "down")
        for _, theme in ipairs { "light", "dark" } do
          page:run(("document.documentElement.dataset.theme = %q"):format(theme))
          assert.same({}, page:axe(), theme)
        end
        assert.is_true(page:run "[...document.querySelectorAll('.figure *')].every((e) => e.scrollWidth <= e.clientWidth + 1)", "a figure is cut off")
        other:close()
        engine.close()
        wait_text(page, "[role=alert]", "was true before")
        assert.same({}, page:axe(), "away")
        show "overview"
        show "nodes"
        wait_text(page, "[role=alert]", "The engine is away")
        assert.equal(0, page:run "[...document.querySelectorAll('#view-nodes .card')].filter((e) => e.offsetHeight > 0).length")
        engine = models.new(w.loop, { port = engine.listener.port, data = engine.data })
        page:wait "document.querySelector('[role=alert]').hidden"
        w.gateway:close(2)
        engine.close()
        page.problems = {} -- the browser notes the failed requests itself
      end)()
    end)
  end

  it("have no serious fault for axe-core, in both themes, and their dialogs", function()
    browsers.need_axe()
    opened({}, function(w, page, show)
      local _, sent = w:send { to = "+491761" }
      w:send { to = "+4420", text = "Waits" }
      w:wait(sent.id, "sent")
      w:receipt "c-1"
      assert(w.carrier:deliver("me", { source_addr = "491", destination_addr = "1", short_message = "Hi" }))
      for _, theme in ipairs { "light", "dark" } do
        page:run(("document.documentElement.dataset.theme = %q"):format(theme))
        for _, view in ipairs(VIEWS) do
          show(view)
          if view == "file" then page:click "button.primary" end
          if view == "routing" then page:run "document.querySelector('form').requestSubmit()" end
          page:wait(({ routing = "document.querySelector('.decision')", file = "document.querySelector('.decision')" })[view]
            or "document.querySelector('tbody tr, .carrier')")
          assert.same({}, page:axe(), view)
          for _, opener in ipairs(view == "messages" and { "tbody tr td button", ".filters .toolbar button:last-child" } or {}) do
            page:run(("document.querySelector(%q).click()"):format(opener))
            page:wait "document.querySelector('dialog[open] .sheet > :nth-child(2)')"
            assert.same({}, page:axe(), opener)
            page:run "document.querySelector('dialog').close()"
          end
        end
      end
    end)()
  end)
end)
