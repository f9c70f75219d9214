-- The metrics, the alert rules and the dashboard of docs/monitoring, as Prometheus reads them.
local async = require "spec.support.async"
local dkjson = require "dkjson"
local metrics = require "smpp.metrics"
local shell = require "spec.support.shell"
local smpp = require "smpp"

local function read(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read "*a"
  file:close()
  return text
end

--- Metrics after some traffic, so that every kind of line is there.
local traffic = async.virtual(function()
  local sim = assert(smpp.simulator { accounts = { me = "secret" } })
  local esme = assert(smpp.connect { "smpp://me:secret@localhost", name = "acme" })
  assert(assert(esme:send { to = "+491761234567", text = "x", receipt = true }):receipt(10))
  esme:close()
  sim:close(0)
end)

describe("promtool", function()
  setup(function() shell.need "promtool" end)

  it("finds nothing wrong with the metrics", function()
    traffic()
    local path = os.tmpname()
    shell.write(path, metrics.text "prometheus")
    assert.equal("", shell.must(("promtool check metrics < %s 2>&1"):format(path)))
    os.remove(path)
  end)

  it("has the alert rules do what they say", function()
    assert.matches("SUCCESS", shell.must "promtool check rules docs/monitoring/alerts.yml 2>&1")
    assert.matches("SUCCESS", shell.must "promtool test rules spec/interop/alerts_test.yml 2>&1")
    local rules, tests = read "docs/monitoring/alerts.yml", read "spec/interop/alerts_test.yml"
    for name in rules:gmatch "alert: (%w+)" do assert.truthy(tests:find("alertname: " .. name .. "\n", 1, true), name .. " is not tested") end
  end)
end)

describe("docs/monitoring", function()
  --- The metrics that a text uses exist, with the labels that stand behind them.
  local function check(text, where)
    for name, braces in text:gmatch "%f[%w_](smpp_[%l_]+)(%b{})" do
      local metric = metrics.registry.by_name[(name:gsub("_bucket$", ""):gsub("_total$", ""):gsub("_info$", ""))]
      assert.truthy(metric, ("%s: no metric %s"):format(where, name))
      local labels = { job = true, instance = true, le = true }
      for _, label in ipairs(metric.labels) do labels[label] = true end
      for label in braces:gmatch "([%l_]+)=~?[\"\\]" do assert.is_true(labels[label], ("%s: %s has no label %s"):format(where, name, label)) end
      for label in braces:gmatch "([%l_]+)!=" do assert.is_true(labels[label], ("%s: %s has no label %s"):format(where, name, label)) end
    end
    for name in text:gmatch "%f[%w_](smpp_[%l_]+)" do
      local plain = name:gsub("_bucket$", ""):gsub("_total$", ""):gsub("_info$", "")
      assert.truthy(metrics.registry.by_name[plain], ("%s: no metric %s"):format(where, name))
    end
  end

  it("has a dashboard that shows metrics that exist", function()
    local dashboard = assert(dkjson.decode(read "docs/monitoring/dashboard.json"))
    local shown = 0
    for _, panel in ipairs(dashboard.panels) do
      for _, target in ipairs(panel.targets or {}) do
        shown = shown + 1
        check(target.expr, panel.title)
      end
    end
    assert.is_true(shown >= 20)
    for _, variable in ipairs(dashboard.templating.list) do
      if variable.definition then check(variable.definition, variable.name) end
    end
  end)

  it("has alert rules over metrics that exist", function()
    for expr in read("docs/monitoring/alerts.yml"):gmatch "expr: ([^\n]+)" do check(expr, expr) end
  end)
end)
