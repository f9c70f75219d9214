--- The output of `smpp test`: words, JSON, TAP on stdout; JUnit's XML in a file.
local json = require "smpp.codec.json"
local report = require "smpp.scenario.report"
local shown = require "smpp.base.shown"

---@class smpp.TestOutput
---@field passed integer
---@field failed integer
---@field skipped integer
local Output = {}
local mt = { __index = Output, __name = "smpp.TestOutput" }

local test_output = {}

local WORDS = { pass = "ok", fail = "FAIL", skip = "skip" }
local STYLES = { pass = "green", fail = "bold_red", skip = "yellow" }

---@param out smpp.CliOutput
---@param options table  of the command
---@param files { path: string, cases: smpp.ScenarioCase[] }[]
---@param clock smpp.Loop  for the real time
---@return smpp.TestOutput? output
---@return string? message
function test_output.new(out, options, files, clock)
  local self = setmetatable({
    out = out, tap = options.tap, worker = options.worker, verbose = (options.verbose or 0) > 0, virtual = options.virtual,
    passed = 0, failed = 0, skipped = 0, results = {}, junit = nil, clock = clock, began = clock:precise(),
  }, mt)
  if options.junit then
    local file, message = io.open(options.junit, "wb")
    if not file then return nil, message end
    self.junit = file
  end
  out.live = true
  if self.tap then
    local count = 0
    for _, file in ipairs(files) do count = count + #file.cases end
    out:print "TAP version 13"
    out:print(("1..%d"):format(count * options.runs))
  end
  return self
end

--- A string of YAML.
local function yaml(value)
  return '"' .. tostring(value):gsub('[\\"]', "\\%0"):gsub("\n", "\\n"):gsub("[%c\127]", function(c) return ("\\x%02x"):format(c:byte()) end) .. '"'
end

local function say_tap(self, result, number)
  local what = shown.text(("%s: %s"):format(result.file, result.name)):gsub("#", "\\#")
  local line = ("%s %d - %s"):format(result.outcome == "fail" and "not ok" or "ok", number, what)
  if result.outcome == "skip" then line = line .. " # SKIP " .. shown.text(result.reason) end
  self.out:print(line)
  local failure = result.failure
  if not failure then return end
  self.out:print "  ---"
  for _, name in ipairs { "message", "file", "line", "kind", "again" } do
    self.out:print(("  %s: %s"):format(name, name == "line" and ("%d"):format(failure.line) or yaml(failure[name])))
  end
  self.out:print "  ..."
end

local function say_words(self, result, text, passed)
  local out = self.out
  out:print(("%s  %s:%d  %s  (%.3g s)%s"):format(out:paint(STYLES[result.outcome], ("%-4s"):format(WORDS[result.outcome])), result.file, result.line,
    shown.text(result.name), result.duration_s, result.reason and "  " .. shown.text(result.reason) or ""))
  if text then
    for line in text:gmatch "[^\n]+" do out:print("  " .. line) end
  elseif passed and self.verbose then
    for line in passed:gmatch "[^\n]+" do out:print("  " .. line) end
  end
end

--- A result.
---@param result table  of smpp.scenario.runner; or as another process wrote it
---@param _ smpp.ScenarioCase?
---@param line? string  the JSON that another process wrote
---@param text? string  the failure in words, from there
---@param passed? string
function Output:result(result, _, line, text, passed)
  self.results[#self.results + 1] = result
  local counter = result.outcome == "pass" and "passed" or result.outcome == "fail" and "failed" or "skipped"
  self[counter] = self[counter] + 1
  local painted
  if not line then text, passed, painted = report.text_of(result) end
  if self.junit then self.results[#self.results] = { result = result, text = text } end
  if self.out.json then
    if line then self.out:print(line) else self.out:object(result) end
    if self.worker then self.out:object(json.object({ "event", "report", "text", text, "passed", self.verbose and passed or nil }, 6)) end
  elseif self.tap then
    say_tap(self, result, #self.results)
  else
    say_words(self, result, painted and self.out.colors[self.out.stdout] and painted() or text, passed)
  end
end

local ENTITIES = { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;" }

--- Text for XML: control characters are shown as escapes, since XML cannot hold them.
local function xml(value)
  return (json.text(tostring(value)):gsub("[%z\1-\8\11-\31\127]", function(c) return ("\\x%02x"):format(c:byte()) end):gsub('[&<>"]', ENTITIES))
end
local function attribute(value) return (xml(value):gsub("\n", "&#10;"):gsub("\t", "&#9;")) end

local function write_junit(self)
  local suites, by_file = {}, {}
  for _, item in ipairs(self.results) do
    local file = item.result.file
    if not by_file[file] then
      by_file[file] = { file = file, failures = 0, skipped = 0, time = 0 }
      suites[#suites + 1] = by_file[file]
    end
    local one = by_file[file]
    one[#one + 1] = item
    one.time = one.time + item.result.duration_s
    if item.result.outcome == "fail" then one.failures = one.failures + 1 end
    if item.result.outcome == "skip" then one.skipped = one.skipped + 1 end
  end
  local file = self.junit
  file:write '<?xml version="1.0" encoding="UTF-8"?>\n<testsuites>\n'
  for _, one in ipairs(suites) do
    file:write(('  <testsuite name="%s" tests="%d" failures="%d" skipped="%d" time="%.6g">\n'):format(attribute(one.file), #one, one.failures,
      one.skipped, one.time))
    for _, item in ipairs(one) do
      local result = item.result
      file:write(('    <testcase classname="%s" name="%s" file="%s" line="%d" time="%.6g"'):format(attribute((result.file:gsub("%.lua$", ""))),
        attribute(result.name), attribute(result.file), result.line, result.duration_s))
      if result.outcome == "pass" then
        file:write "/>\n"
      elseif result.outcome == "skip" then
        file:write((">\n      <skipped message=\"%s\"/>\n    </testcase>\n"):format(attribute(result.reason)))
      else
        file:write((">\n      <failure message=\"%s\" type=\"%s\">%s</failure>\n    </testcase>\n"):format(attribute(result.failure.message),
          attribute(result.failure.kind), xml(item.text or result.failure.message)))
      end
    end
    file:write "  </testsuite>\n"
  end
  file:write "</testsuites>\n"
  file:close()
end

--- The end: the summary, and the file of JUnit.
---@param interrupted boolean?
function Output:finish(interrupted)
  if self.junit then write_junit(self) end
  local wall_s = math.floor((self.clock:precise() - self.began) * 1e6 + 0.5) / 1e6
  if self.out.json then
    self.out:object(json.object { "event", "summary", "passed", self.passed, "failed", self.failed, "skipped", self.skipped, "wall_s", wall_s })
  elseif not self.tap then
    local all = self.skipped > 0 and self.passed + self.failed == 0
    self.out:print(("%d passed, %d failed, %d skipped%s"):format(self.passed, self.failed, self.skipped, all and ": all were skipped" or ""))
  end
  if interrupted then self.out:note "interrupted" end
end

return test_output
