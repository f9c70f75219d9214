local cli = require "spec.support.cli"
local dkjson = require "dkjson"
local smpp = require "smpp"

local has, lacks = cli.has, cli.lacks

local sim = cli.sim

describe("smpp.cli.sim_events: a line for", function()
  local function esme_of(fields)
    fields[1] = "smpp://me:secret@127.0.0.1"
    return assert(smpp.connect(fields))
  end

  it("a message that it refuses, whoever refuses it", function()
    local words = { "--for", "20", "--refuse", "RTHROTTLED=100", "--set", "rules={ { destination = '^1', status = 'ESME_RINVDSTADR' } }" }
    local function send()
      local esme = esme_of {}
      local function submit(fields) return select(3, esme:submit_sm(fields)) end
      assert.equal("ESME_RTHROTTLED", submit { source_addr = "1", destination_addr = "491", short_message = "Hi", dest_addr_ton = 1 })
      assert.equal("ESME_RINVDSTADR", submit { destination_addr = "abc", dest_addr_ton = 1, short_message = "x" })
      esme:close()
    end
    local _, out, err = sim(words, send)
    has(out, '22:13:20 refused  me  1 > +491  "Hi": ESME_RTHROTTLED\n')
    has(out, '"x": ESME_RINVDSTADR\n')
    has(out, "1 bind, 0 refused binds, 0 messages, 0 receipts, 2 refused messages, 0 mo, 0 faults\n")
    lacks(out, "states")
    assert.equal("", err)
    _, out = sim({ "--for", "20", "--refuse", "0x58=100", "--json" }, function()
      local esme = esme_of {}
      esme:submit_sm { destination_addr = "491", short_message = "Hi" }
      esme:close()
    end)
    local object = dkjson.decode(out:match '([^\n]*"refused"[^\n]*)')
    assert.same({ "message", "submit_sm", "ESME_RTHROTTLED", "Hi", "me" },
      { object.what, object.command, object.status, object.text, object.system_id })
  end)

  it("each part of a message, and what it refuses of other kinds", function()
    local _, out = sim({ "--for", "20", "--set", "rules={ { source = '^7', status = 0x400 } }" }, function()
      local esme = esme_of { version = "5.0" }
      assert(esme:send { from = "1", to = "491", text = ("long "):rep(50) })
      esme:data_sm { source_addr = "7", destination_addr = "491", message_payload = "data" }
      esme:submit_multi { source_addr = "7", short_message = "many", dest_address = {} }
      esme:broadcast_sm { source_addr = "7", message_payload = "all" }
      esme:query_sm { source_addr = "7", message_id = "99" }
      esme:close()
    end)
    assert.truthy(out:find '22:13:20 message  1  1 > 491  "[^"]+" part 1/2\n22:13:20 message  2  1 > 491  "[^"]+" part 2/2\n')
    has(out, 'refused  me  7 > 491  "data": 0x00000400\n')
    has(out, 'refused  me  7 > -  "many": ESME_RINVNUMDESTS\n')
    has(out, 'refused  me  7 > -  "all": ESME_RMISSINGTLV\n')
    has(out, "2 messages, 0 receipts, 3 refused messages,") -- a query is none
  end)

  it("a bind that it refuses with a status of its own, and messages that are on their way in the summary", function()
    local _, out = sim({ "--for", "20", "--json", "--set", "bind_status=0x400" }, function()
      assert.is_nil((smpp.connect "smpp://me:secret@127.0.0.1"))
    end)
    has(out, '"status":"0x00000400"')
    _, out = sim({ "--for", "20", "--json", "--state", "ENROUTE" }, function()
      local esme = esme_of {}
      esme:send { to = "491", text = "Hi" }
      esme:close()
    end)
    has(out, '"states":{"ENROUTE":1}')
  end)

  it("a fault", function()
    local _, out = sim({ "--for", "20", "--json", "--fault", "drop=100" }, function()
      local esme = esme_of { response_timeout_s = 1 }
      assert.is_nil((esme:send { to = "491", text = "Hi" }))
      esme:close()
    end)
    local object = dkjson.decode(out:match '([^\n]*"fault"[^\n]*)')
    assert.same({ "fault", "drop", "submit_sm_resp", "me" }, { object.event, object.fault, object.command, object.system_id })
    has(out, '"faults":1')
    _, out = sim({ "--for", "20", "--set", "faults={ duplicate = 100 }" }, function()
      local esme = esme_of {}
      esme:send { to = "491", text = "Hi" }
      esme:close()
    end)
    assert.truthy(out:find "fault    me  duplicate  submit_sm_resp #%d+\n")
  end)

  it("a message from a phone", function()
    local path = cli.file('49151,12345,"Hi, you"\n')
    local words, heard = { "--for", "20", "--mo-file", path, "--mo-rate", "0.5" }, {}
    local _, out = sim(words, function()
      local esme = esme_of { message = function(msg) heard[#heard + 1] = msg.text end }
      smpp.sleep(5)
      esme:close()
    end)
    assert.same({ "Hi, you", "Hi, you" }, heard)
    has(out, '22:13:22 mo       to me  +49151 > +12345  "Hi, you"\n')
    has(out, "2 mo")
    os.remove(path)
  end)

  it("nothing but the summary when it is to be quiet", function()
    local _, out, err = sim({ "-q", "--for", "10" }, function()
      local esme = esme_of {}
      esme:send { to = "491", text = "Hi" }
      esme:send { to = "491", text = "sim: reject RINVDSTADR" }
      esme:send { to = "491", text = "sim: enroute" }
      esme:send { to = "491", text = "sim: nonsense" }
      esme:close()
    end)
    assert.equal("listening on 127.0.0.1:2775\nstates: 2 DELIVERED, 1 ENROUTE\n"
      .. "1 bind, 0 refused binds, 3 messages, 0 receipts, 1 refused message, 0 mo, 0 faults\n", out)
    has(err, "warning: unknown \"sim:\" directive 'nonsense' in message text\n")
  end)
end)
