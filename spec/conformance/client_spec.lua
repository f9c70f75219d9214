local clients = require "smpp.conformance.client"
local conformance = require "smpp.conformance"
local smpp = require "smpp"

local interpreter = jit and "luajit" or "lua" .. _VERSION:match "%d%.%d"
local URL = "smpp://{system_id}:{password}@{host}:{port}"
local SMPP = "env LUA=" .. interpreter .. " bin/smpp "
local SEND = SMPP .. "send " .. URL .. " --from {from} --to {to} {text}"
local LISTEN = SMPP .. "listen " .. URL .. " --for {seconds}"

local REFERENCE = {
  plain = SEND, receipt = SEND .. " --receipt --wait 5", many = SEND .. " --count {count} --window {window}", listen = LISTEN,
  keepalive = (LISTEN:gsub("{port}", "{port}?enquire_link_s=1")),
}

local function run(globs, commands, patience_s)
  local report
  smpp.run(function()
    report = conformance.run_client(conformance.select { only = globs, role = "esme" }, { commands = commands, patience_s = patience_s or 20, timeout_s = 5 })
  end, { signals = false })
  return report
end

-- A fault of the ESME, as another command, and the case that notices it.
local PLANTS = {
  { "it does not connect", "esme.binds", { plain = "true" } },
  { "it says 0 whatever happens", "esme.refused_rinvdstadr", { plain = "sh -c '" .. SEND .. " || true'" } },
  { "it says 0 although the bind was refused", "esme.bind_refused_rinvpaswd", { plain = "sh -c '" .. SEND .. " || true'" } },
  { "another password", "esme.credentials", { plain = (SEND:gsub("{password}", "other")) } },
  { "another destination", "esme.destination", { plain = (SEND:gsub("{to}", "+4999")) } },
  { "another text", "esme.text", { plain = (SEND:gsub("{text}", "hello")) } },
  { "it asks for no receipt", "esme.receipt_acknowledged", { receipt = SEND } },
  { "fewer messages", "esme.many_all", { many = SEND .. " --count 5" } },
  { "a larger window", "esme.many_window", { many = SEND .. " --count {count} --window 50" } },
  { "it does not listen", "esme.listen_deliver_sm", { listen = "sleep 3" } },
  { "no enquire_link", "esme.keepalive", { keepalive = LISTEN } },
}

describe("smpp.conformance.client", function()
  it("finds nothing in our own commands", function()
    local report = run(nil, REFERENCE)
    local wrong = {}
    for _, case in ipairs(report.cases) do
      if case.outcome ~= "pass" then wrong[#wrong + 1] = ("%s: %s %s"):format(case.id, case.outcome, tostring(case.detail)) end
    end
    assert.equal("", table.concat(wrong, "\n"))
    assert.same({ "esme", "3.4", SEND }, { report.peer.role, report.peer.version, report.peer.command })
  end)

  for _, plant in ipairs(PLANTS) do
    it("notices: " .. plant[1], function()
      local case = run({ plant[2] }, plant[3], 2).cases[1]
      assert.equal(case.level == "SHOULD" and "warn" or "fail", case.outcome, tostring(case.detail))
    end)
  end

  it("skips the cases of commands that are missing", function()
    local report = run({ "esme.many_*", "esme.listen_*" }, { plain = SEND })
    assert.equal(#report.cases, report.summary.skip)
    assert.equal("needs --client-many", report.cases[1].detail)
  end)

  it("knows its placeholders", function()
    assert.is_nil(clients.unknown(SEND))
    assert.equal("prot", clients.unknown "node client.js {prot}")
  end)
end)
