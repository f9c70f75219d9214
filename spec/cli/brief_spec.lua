local brief = require "smpp.cli.brief"
local pdus = require "smpp.codec"

local PLAIN = { paint = function(_, _, text) return text end }

local function line(fields)
  fields.sequence_number = fields.sequence_number or 1
  return brief.line(PLAIN, (assert(pdus.decode(assert(pdus.encode(fields))))))
end

local function to(list)
  for i, number in ipairs(list) do list[i] = { destination_addr = number } end
  return list
end

describe("smpp.cli.brief", function()
  it("shows who sends what to whom, on one line", function()
    assert.equal('submit_sm #1  Test > +491511  "Hi" gsm7  registered_delivery=1', (line {
      command = "submit_sm", source_addr = "Test", source_addr_ton = 5, destination_addr = "491511", dest_addr_ton = 1, dest_addr_npi = 1,
      short_message = "Hi", registered_delivery = 1,
    }:gsub("registered_delivery=%S+", "registered_delivery=1")))
    assert.equal("enquire_link #4294967295", line { command = "enquire_link", sequence_number = 4294967295 })
  end)

  it("names the status of a refusal", function()
    assert.equal("submit_sm_resp #1 ESME_RTHROTTLED", line { command = "submit_sm_resp", status = "ESME_RTHROTTLED" })
  end)

  it("shows no password", function()
    local words = line { command = "bind_receiver", system_id = "me", password = "s3cret" }
    assert.is_nil(words:find("s3cret", 1, true))
    assert.truthy(words:find("system_id=me", 1, true))
  end)

  it("shows a receipt instead of its text", function()
    local words = line { command = "deliver_sm", esm_class = 4, source_addr = "491", destination_addr = "T",
      short_message = "id:7 sub:001 dlvrd:001 submit date:2401011200 done date:2401011201 stat:DELIVRD err:000 text:" }
    assert.truthy(words:find("receipt id 7, DELIVERED", 1, true), words)
    assert.is_nil(words:find("stat:", 1, true))
  end)

  it("numbers parts, counts octets of data, and lists three destinations", function()
    local part = line { command = "deliver_sm", source_addr = "491", destination_addr = "T", esm_class = 0x40, short_message = "\5\0\3\7\2\1Hi" }
    assert.truthy(part:find("part 1/2 of 7", 1, true), part)
    assert.truthy(line { command = "submit_sm", data_coding = 4, short_message = "\1\2" }:find("2 octets of data", 1, true))
    local many = line { command = "submit_multi", dest_address = to { "1", "2", "3", "4", "5" }, short_message = "x" }
    assert.truthy(many:find("> 1, 2, 3, and 2 more", 1, true), many)
  end)

  it("is one printable line, whatever the PDU holds", function()
    local words = line { command = "submit_sm", source_addr = "a\27[31m\n", destination_addr = "\255\1", service_type = "\9x", short_message = "a\nb\27" }
    assert.is_nil(words:find "[%c\128-\255]", words)
  end)

  it("counts the problems of a PDU", function()
    local octets = pdus.encode { command = "unbind", sequence_number = 1 }
    local odd = assert(pdus.decode("\0\0\0\18" .. octets:sub(5) .. "ab"))
    assert.matches("%(%d problem", brief.line(PLAIN, odd))
  end)
end)
