local cli = require "spec.support.cli"
local settings = require "smpp.simulator.settings"

local page = assert(io.open("docs/simulator.md")):read "*a"

-- The properties file of SMPPSim 3.
local SMPPSIM = [[
  SMPP_PORT SMPP_CONNECTION_HANDLERS CONNECTION_HANDLER_CLASS PROTOCOL_HANDLER_CLASS LIFE_CYCLE_MANAGER SYSTEM_IDS PASSWORDS SMSCID
  MESSAGE_STATE_CHECK_FREQUENCY MAX_TIME_ENROUTE PERCENTAGE_THAT_TRANSITION PERCENTAGE_DELIVERED PERCENTAGE_UNDELIVERABLE
  PERCENTAGE_ACCEPTED PERCENTAGE_REJECTED DISCARD_FROM_QUEUE_AFTER DELAY_DELIVERY_RECEIPTS_BY UNDELIVERABLE_PHONE_NUMBERS
  SIMULATE_VARIABLE_SUBMIT_SM_RESPONSE_TIMES OUTBOUND_QUEUE_MAX_SIZE INBOUND_QUEUE_MAX_SIZE DELAYED_INBOUND_QUEUE_PROCESSING_PERIOD
  DELAYED_INBOUND_QUEUE_MAX_ATTEMPTS DELIVERY_RECEIPT_OPTIONAL_PARAMS DELIVERY_RECEIPT_TLV DELIVER_SM_INCLUDES_USSD_SERVICE_OP
  START_MESSAGE_ID_AT MESSAGE_ID_PREFIX DELIVERY_MESSAGES_PER_MINUTE DELIVER_MESSAGES_FILE LOOPBACK ESME_TO_ESME OUTBIND_ENABLED
  OUTBIND_ESME_IP_ADDRESS OUTBIND_ESME_PORT OUTBIND_ESME_SYSTEMID OUTBIND_ESME_PASSWORD DECODE_PDUS_IN_LOG CAPTURE_SME_BINARY
  CAPTURE_SME_BINARY_TO_FILE CAPTURE_SME_DECODED CAPTURE_SME_DECODED_TO_FILE CAPTURE_SMPPSIM_BINARY CAPTURE_SMPPSIM_BINARY_TO_FILE
  CAPTURE_SMPPSIM_DECODED CAPTURE_SMPPSIM_DECODED_TO_FILE CALLBACK CALLBACK_ID CALLBACK_TARGET_HOST CALLBACK_PORT HTTP_PORT HTTP_THREADS
  DOCROOT AUTHORISED_FILES INJECT_MO_PAGE ]]

describe("smpp.simulator.settings: SMPPSim's keys", function()
  local _, help = cli.run { "sim", "--help" }
  local here, ours = {}, {}
  for keys, options_here, option in page:match("\n| SMPPSim |.*$"):gmatch "\n| ([%u][%w_, =]+) | ([^\n]-) | ([^|\n]*) |" do
    for key in keys:gmatch "[%u_]+" do here[key] = true end
    ours[#ours + 1] = { keys, options_here, option }
  end

  it("has all that there are", function()
    assert.is_true(#ours > 40)
    for key in SMPPSIM:gmatch "%S+" do assert.is_true(here[key], key) end
  end)

  it("names options that there are, as they are written", function()
    for _, row in ipairs(ours) do
      for name in row[2]:gmatch "`([%w_]+)`" do assert.is_truthy(settings.schema.by_name[name], name) end
      for name in row[3]:gmatch "%-%-([%w-]+)" do assert.is_truthy(help:find("--" .. name .. " ", 1, true), name) end
      for name in row[3]:gmatch "%-%-set ([%w_]+)=" do assert.is_truthy(settings.schema.by_name[name], name) end
    end
  end)
end)

describe("smpp.simulator.settings: a setting", function()
  for _, row in ipairs(settings.own.rows) do
    it(row[1] .. " stands beside the keys of SMPPSim that it replaces", function()
      for key in (row.smppsim and row.smppsim .. ", " or ""):gmatch "(.-), " do
        assert.is_truthy(page:find(("| %s | `%s` |"):format(key, row[1]), 1, true), key)
      end
    end)
  end
end)
