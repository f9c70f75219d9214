-- The page of `smpp load --html`, in a browser.
local async = require "spec.support.async"
local browsers = require "spec.support.browser"
local load = require "smpp.load"
local load_report = require "smpp.cli.load_report"
local shell = require "spec.support.shell"
local smpp = require "smpp"

--- The page of a test that had refusals, in virtual time; in a file.
local function page_file()
  local path = os.tmpname()
  os.remove(path)
  path = path .. ".html"
  async.virtual(function()
    local n = 0
    local server = assert(smpp.server { port = 2775, submit_sm = function()
      n = n + 1
      smpp.sleep(0.005 + n % 50 / 1000)
      if n % 20 == 0 then return nil, "ESME_RTHROTTLED" end
      return "id" .. n
    end })
    local result = assert(load.run { "smpp://me:secret@127.0.0.1:2775", rate = 50, for_s = 20, fail_if = { "p99 > 1s", "errors > 1%" } })
    server:close()
    shell.write(path, load_report.html(result, { { "--rate", "50" }, { "--text", "<script>alert(1)</script>" } }))
  end)()
  return path
end

-- Whether an element is drawn: it has a size, and its colour is not that of the page.
local DRAWN = [[[...document.querySelectorAll("svg polyline")].map(e => {
  const box = e.getBoundingClientRect(), svg = e.closest("svg").getBoundingClientRect(), style = getComputedStyle(e)
  return { length: e.getTotalLength(), width: box.width / svg.width, inside: box.top >= svg.top - 1 && box.bottom <= svg.bottom + 1,
    colour: style.stroke, page: getComputedStyle(document.body).backgroundColor } })]]

-- Contrast of text and page (WCAG) of all elements with text of their own.
local CONTRAST = [[(() => {
  const light = c => { const [r, g, b] = c.match(/[\d.]+/g).map(v => { v /= 255; return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4 })
    return 0.2126 * r + 0.7152 * g + 0.0722 * b }
  const page = light(getComputedStyle(document.body).backgroundColor)
  let least = 99
  for (const e of document.querySelectorAll("body *:not(title)")) {
    if (![...e.childNodes].some(n => n.nodeType == 3 && n.data.trim())) continue
    const style = getComputedStyle(e), ink = light(e instanceof SVGElement ? style.fill : style.color)
    least = Math.min(least, (Math.max(ink, page) + 0.05) / (Math.min(ink, page) + 0.05))
  }
  return least })()]]

describe("the page of smpp load", function()
  local path
  setup(function() path = page_file() end)
  teardown(function() if path then os.remove(path) end end)

  it("is drawn in a light and a dark browser, without a console error or a request", browsers.body(function(browser)
    for _, dark in ipairs { false, true } do
      local page = browser:visit("file://" .. path, { dark = dark })
      assert.matches("^Load test of smpp://me@", page:run "document.title")
      assert.equal(dark and "rgb(13, 17, 23)" or "rgb(255, 255, 255)", page:run "getComputedStyle(document.body).backgroundColor")
      local lines = page:run(DRAWN)
      assert.equal(6, #lines)
      for _, line in ipairs(lines) do
        assert.is_true(line.length > 100 and line.width > 0.8 and line.inside, "a curve is not drawn")
        assert.is_true(line.colour ~= line.page and line.colour ~= "none")
      end
      assert.is_true(page:run(CONTRAST) >= 4.5)
      assert.is_true(page:run "document.documentElement.scrollWidth <= innerWidth")
      assert.equal("failed: errors > 1%", page:run "document.querySelector('.verdict').textContent")
      assert.equal(0, page:run "document.querySelectorAll('script, link, img, iframe').length")
      assert.matches("<script>alert", page:run "document.body.textContent", 1, true)
      local colours = page:colours()
      assert.is_true((colours[dark and "13,17,23" or "255,255,255"] or 0) > 0.8, "not the colour of the page")
      assert.is_true((colours[dark and "88,166,255" or "9,105,218"] or 0) > 0, "no curve in its colour")
      assert.same({}, page.problems)
      assert.same({ "file://" .. path }, page.requests)
      page:close()
    end
  end))

  it("fits a phone", browsers.body(function(browser)
    local page = browser:visit("file://" .. path, { width = 360, height = 700 })
    assert.is_true(page:run "document.documentElement.scrollWidth <= 360")
  end))

  it("would be caught fetching, or complaining", browsers.body(function(browser)
    local bad = path .. ".bad.html"
    shell.write(bad, '<img src="http://127.0.0.1:1/x.png"><script>console.error("oops"); null.x</script><p>x</p>')
    local page = browser:visit("file://" .. bad)
    os.remove(bad)
    local problems = table.concat(page.problems, "\n")
    assert.matches("console error: oops", problems)
    assert.matches("TypeError", problems)
    assert.matches("ERR_", problems)
    assert.equal("http://127.0.0.1:1/x.png", page.requests[2])
  end))
end)
