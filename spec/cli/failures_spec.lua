local cli = require "spec.support.cli"
local failures = require "smpp.cli.failures"

local has, send, with = cli.has, cli.send, cli.with_server
local URL = "smpp://me:secret@127.0.0.1:2775"
local smpp = require "smpp"

describe("smpp.cli.failures", function()
  local function refuse(_, pdu)
    if pdu.destination_addr == "491511111112" then return nil, "ESME_RINVDSTADR" end
    return pdu.destination_addr
  end

  it("says which messages were not delivered, and why", with({ submit_sm = refuse }, function(_, server)
    server:on("session", function(session)
      smpp.sleep(1)
      for _, row in ipairs { { "491511111111", "DELIVRD", "000" }, { "491511111113", "UNDELIV", "069" }, { "491511111114", "EXPIRED", "000" } } do
        session:deliver_sm { source_addr = row[1], esm_class = 4, short_message = ("id:%s stat:%s err:%s"):format(row[1], row[2], row[3]) }
      end
    end)
    local words = { URL, "--receipt", "--wait", "3", "x" }
    for i = 1, 5 do
      table.insert(words, 1, "+49151111111" .. i)
      table.insert(words, 1, "--to")
    end
    local code, out, err = send(words)
    assert.equal(1, code)
    has(out, "4 accepted, 1 refused, 1 delivered, 2 undelivered, 1 no receipt (ESME_RINVDSTADR 1)")
    has(err, "not delivered: 1 ESME_RINVDSTADR, 1 EXPIRED, 1 UNDELIVERABLE err 069, 1 no receipt")
    has(err, "+491511111112: ESME_RINVDSTADR")
    has(err, "+491511111113: UNDELIVERABLE err 069")
    has(err, "+491511111114: EXPIRED")
    has(err, "+491511111115: no receipt")
    cli.lacks(err, "+491511111111:")
  end))

  it("shows the first ten, counts all, and keeps a limited number of reasons", function()
    local self, lines = failures.new(), {}
    for i = 1, 1000 do
      failures.add_receipt(self, { line = i, to = "t" .. i }, {}, { state = "REJECTED", err = ("%03d"):format(i) })
    end
    local out = { note = function(_, format, ...) lines[#lines + 1] = format:format(...) end, paint_note = function(_, _, text) return text end }
    failures.print(out, self, "x.result.jsonl")
    assert.equal(12, #lines)
    assert.equal("   990 more: see x.result.jsonl", lines[12])
    local total, reasons = 0, 0
    for _, count in pairs(self.reasons) do
      total, reasons = total + count, reasons + 1
    end
    assert.same({ 1000, 101 }, { total, reasons })
  end)
end)
