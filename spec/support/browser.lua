--- A browser, driven over the DevTools protocol: chromium-headless-shell, whose messages go through a pair of pipes.  A page of
--- a file, or of a server in this process:
---
---     it("is drawn", browsers.body(function(browser)
---       local page = browser:visit("file:///tmp/report.html", { dark = true })
---       assert.equal(3, page:run "document.querySelectorAll('svg').length")
---       assert.same({}, page.problems)      -- console errors, exceptions, refused requests
---       assert.same({ … }, page.requests)   -- addresses that were asked for
---     end))
---
--- Its methods wait: the body is a task on the luv loop, where servers may run, too.
local async = require "spec.support.async"
local json = require "dkjson"
local peers = require "spec.support.peers"
local run = require "smpp.loop.run"
local shell = require "spec.support.shell"
local task = require "smpp.base.task"
local uv = require "luv"

local browsers = {}

local PROGRAM = "chromium-headless-shell"
local LIMIT_S, BODY_S = 20, 60 -- for one answer, for a spec; generous, for busy machines

local FLAGS = {
  "--remote-debugging-pipe", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-default-apps", "--disable-sync", "--disable-extensions", "--disable-dev-shm-usage",
  "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1", -- no page reaches another machine
  "about:blank",
}

---@class spec.Browser
local Browser = {}
local mt = { __index = Browser }

---@class spec.Page
---@field problems string[]  errors of its console, exceptions, requests that failed or were refused
---@field requests string[]  addresses it asked for, its own first
local Page = {}
local PAGE = { __index = Page }

--- Skips the spec where the browser is missing.
function browsers.need() shell.need(PROGRAM) end

--- The body of a spec with a browser; skipped where that is missing.
---@param fn fun(browser: spec.Browser, loop: smpp.Loop)
---@return fun()
function browsers.body(fn)
  local body = async.luv(function(loop)
    local browser = browsers.open()
    local ok, message = task.pcall(fn, browser, loop)
    browser:close()
    if not ok then error(message, 0) end
  end, BODY_S)
  return function()
    browsers.need()
    body()
  end
end

--- Starts the browser, without a page.
---@async
---@return spec.Browser
function browsers.open()
  local self = setmetatable({ folder = assert(uv.fs_mkdtemp((os.getenv "TMPDIR" or "/tmp") .. "/smpp-browser-XXXXXX")), last_id = 0, waiting = {},
    pages = {}, received = "", ended = false, notes = {} }, mt)
  self.to, self.from = uv.new_pipe(false), uv.new_pipe(false)
  local arguments = { "--user-data-dir=" .. self.folder }
  for _, flag in ipairs(FLAGS) do arguments[#arguments + 1] = flag end
  self.process = assert(uv.spawn(PROGRAM, { args = arguments, stdio = { nil, nil, nil, self.to, self.from } }, function()
    self.ended = true
    self.process:close()
    for id, waiter in pairs(self.waiting) do
      self.waiting[id] = nil
      task.wake_for(waiter, id, { error = { message = "the browser has ended" } })
    end
    if self.closer then task.wake_for(self.closer, self) end
  end))
  self.from:read_start(function(_, chunk)
    self.received = self.received .. (chunk or "")
    while true do
      local message, rest = self.received:match "^([^%z]*)%z(.*)$"
      if not message then break end
      self.received = rest
      self:take(assert(json.decode(message)))
    end
  end)
  return self
end

---@private
function Browser:take(message)
  local id = message.id
  if id then
    local waiter = self.waiting[id]
    self.waiting[id] = nil
    if waiter then task.wake_for(waiter, id, message) end
    return
  end
  local page = self.pages[message.sessionId or ""]
  if page then page:hear(message.method, message.params) end
end

--- Calls a method of the DevTools protocol; raises where that fails.
---@async
---@param method string
---@param params? table
---@param session_id? string
---@return table result
function Browser:call(method, params, session_id)
  local id, waiter = self.last_id + 1, task.need()
  self.last_id, self.waiting[id] = id, waiter
  local timer = uv.new_timer()
  timer:start(LIMIT_S * 1000, 0, function() task.wake_for(waiter, id, { error = { message = "no answer in time" } }) end)
  self.to:write(json.encode({ id = id, method = method, params = setmetatable(params or {}, { __jsontype = "object" }), sessionId = session_id }) .. "\0")
  local answer = task.wait(id)
  timer:close()
  if answer.error then error(("%s: %s"):format(method, answer.error.message), 2) end
  return answer.result
end

--- Opens a page and waits until it is loaded.
---@async
---@param url string
---@param o? { dark: boolean?, width: integer?, height: integer? }
---@return spec.Page
function Browser:visit(url, o)
  o = o or {}
  local target = self:call("Target.createTarget", { url = "about:blank" }).targetId
  local session_id = self:call("Target.attachToTarget", { targetId = target, flatten = true }).sessionId
  local page = setmetatable({ browser = self, target = target, session_id = session_id, problems = {}, requests = {}, loads = 0 }, PAGE)
  self.pages[session_id] = page
  for _, domain in ipairs { "Page", "Runtime", "Log", "Network" } do page:call(domain .. ".enable") end
  page:call("Emulation.setEmulatedMedia", { features = { { name = "prefers-color-scheme", value = o.dark and "dark" or "light" } } })
  page:call("Emulation.setDeviceMetricsOverride", { width = o.width or 800, height = o.height or 1000, deviceScaleFactor = 1, mobile = false })
  local answer = page:call("Page.navigate", { url = url })
  if answer.errorText then error(("%s: %s"):format(url, answer.errorText), 2) end
  page:wait("document.readyState == 'complete'")
  return page
end

--- Ends the browser.
---@async
function Browser:close()
  if not self.ended then
    pcall(self.to.write, self.to, '{"id":0,"method":"Browser.close"}\0')
    self.closer = task.need()
    local timer = uv.new_timer()
    timer:start(5000, 0, function() self.process:kill "sigkill" end)
    task.wait(self)
    timer:close()
  end
  self.to:close()
  self.from:close()
  for _ = 1, 50 do -- a process of it may still write
    if select(2, shell.run("rm -rf '" .. self.folder .. "'")) == 0 then return end
    run.sleep(0.05)
  end
end

---@async
---@private
function Page:call(method, params) return self.browser:call(method, params, self.session_id) end

local function value_of(argument) return tostring(argument.value ~= nil and argument.value or argument.description or argument.type) end

---@private
function Page:hear(event, params)
  local function problem(...) self.problems[#self.problems + 1] = (...) end
  if event == "Page.loadEventFired" then
    self.loads = self.loads + 1
  elseif event == "Network.requestWillBeSent" then
    self.requests[#self.requests + 1] = params.request.url
  elseif event == "Network.loadingFailed" then
    problem(("request failed: %s"):format(params.blockedReason or params.errorText))
  elseif event == "Runtime.exceptionThrown" then
    local details = params.exceptionDetails
    problem(details.exception and details.exception.description or details.text)
  elseif event == "Runtime.consoleAPICalled" and (params.type == "error" or params.type == "warning" or params.type == "assert") then
    local words = {}
    for i, argument in ipairs(params.args) do words[i] = value_of(argument) end
    problem(("console %s: %s"):format(params.type, table.concat(words, " ")))
  elseif event == "Log.entryAdded" and (params.entry.level == "error" or params.entry.level == "warning") then
    problem(("%s: %s"):format(params.entry.source, params.entry.text))
  end
end

--- The value of an expression of JavaScript, or of the promise that it is; tables and numbers as JSON has them.
---@async
---@param expression string
---@return any
function Page:run(expression)
  local answer = self:call("Runtime.evaluate", { expression = expression, returnByValue = true, awaitPromise = true })
  local details = answer.exceptionDetails
  if details then error(details.exception and details.exception.description or details.text, 2) end
  return answer.result.value
end

--- Waits until an expression holds.
---@async
---@param expression string
---@param limit_s? number  default 10
function Page:wait(expression, limit_s)
  for _ = 1, (limit_s or 10) * 50 do
    if self:run("!!(" .. expression .. ")") then return end
    run.sleep(0.02)
  end
  error("never true: " .. expression, 2)
end

--- Loads the page again, and waits until it is loaded.
---@async
function Page:reload()
  local before = self.loads
  self:call "Page.reload"
  for _ = 1, LIMIT_S * 50 do
    if self.loads > before then return end
    run.sleep(0.02)
  end
  error("the page is not loaded again", 2)
end

--- Clicks the first element that a selector matches, where it is.
---@async
---@param selector string
function Page:click(selector)
  local place = self:run(([[(() => { const e = document.querySelector(%s); e.scrollIntoView({ block: "center" });
    const r = e.getBoundingClientRect(); return { x: r.x + r.width / 2, y: r.y + r.height / 2 } })()]]):format(json.encode(selector)))
  for _, kind in ipairs { "mousePressed", "mouseReleased" } do
    self:call("Input.dispatchMouseEvent", { type = kind, x = place.x, y = place.y, button = "left", clickCount = 1 })
  end
end

--- Types a text where the focus is.
---@async
---@param text string
function Page:type(text) self:call("Input.insertText", { text = text }) end

local AXE = "spec/interop/node/node_modules/axe-core/axe.min.js"
local axe

--- Skips the spec where axe-core is missing.
function browsers.need_axe() peers.need_file(AXE, "cd spec/interop/node && npm ci") end

--- What axe-core finds serious or critical about the page as it is shown: "rule: elements and words".
---@async
---@return string[]
function Page:axe()
  if not axe then
    local file = assert(io.open(AXE))
    axe = file:read "*a"
    file:close()
  end
  if not self:run "!!window.axe" then self:run(axe .. "; 0") end
  return self:run [[axe.run({ resultTypes: ["violations"] }).then(r => r.violations.filter(v => /serious|critical/.test(v.impact))
    .map(v => v.id + ": " + v.nodes.slice(0, 3).map(n => n.target + " " + n.any.map(a => a.message)).join("; ")))]]
end

--- A picture of the whole page as base64 of a PNG.
---@async
---@return string
function Page:picture() return self:call("Page.captureScreenshot", { format = "png", captureBeyondViewport = true }).data end

--- The colours of a picture of the whole page, drawn on a canvas of a page of its own: "r,g,b" -> share of the pixels.
---@async
---@return table<string, number>
function Page:colours()
  local data, other = self:picture(), self.browser:visit "about:blank"
  local counts = other:run(([[(async () => {
    const image = new Image(); image.src = "data:image/png;base64,%s"; await image.decode()
    const canvas = document.createElement("canvas"); canvas.width = image.width; canvas.height = image.height
    const context = canvas.getContext("2d"); context.drawImage(image, 0, 0)
    const octets = context.getImageData(0, 0, image.width, image.height).data, counts = {}
    for (let i = 0; i < octets.length; i += 4) { const key = octets[i] + "," + octets[i + 1] + "," + octets[i + 2]; counts[key] = (counts[key] || 0) + 1 }
    for (const key in counts) counts[key] /= octets.length / 4
    return counts })()]]):format(data))
  other:close()
  return counts
end

--- Closes the page.
---@async
function Page:close()
  self.browser.pages[self.session_id] = nil
  self.browser:call("Target.closeTarget", { targetId = self.target })
end

return browsers
