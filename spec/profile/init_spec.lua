local smpp = require "smpp"
local profiles = require "smpp.profile"
local virtual = require "smpp.loop.virtual"

--- What a server sees of messages sent under a profile.
local function sent_under(profile, messages, more)
  local seen = {}
  smpp.run(function()
    local s = assert(smpp.server { port = 0, submit_sm = function(_, pdu)
      seen[#seen + 1] = pdu
      return "1"
    end })
    local o = { "smpp://me@127.0.0.1:" .. s.port, profile = profile }
    for k, v in pairs(more or {}) do o[k] = v end
    local esme = assert(smpp.connect(o))
    for _, message in ipairs(messages) do assert(esme:send(message)) end
    esme:close()
    s:close()
  end, { loop = virtual.new { seed = 1 } })
  return seen
end

describe("smpp.profile", function()
  it("have names, and say which there are", function()
    assert.same({ "default", "gatewayapi", "node-smpp", "strict" }, profiles.names())
    assert.has_error(function() profiles.options "nobody" end, "unknown profile 'nobody'; there are default, gatewayapi, node-smpp, strict")
    assert.has_error(function() profiles.options { defalt_alphabet = "latin1" } end)
    assert.has_error(function() profiles.options { receipts = { zon_s = 1 } } end, "unknown option 'receipts.zon_s'; did you mean 'receipts.zone_s'?")
    assert.has_error(function() profiles.options { tolerate = { overlnog = true } } end, "unknown option 'tolerate.overlnog'; did you mean 'tolerate.overlong'?")
    assert.has_error(function() smpp.connect { "smpp://h", receipts = { zon_s = 1 } } end)
    assert.same({}, profiles.options(nil))
    assert.equal(30, profiles.options("gatewayapi").enquire_link_s)
  end)

  it("have vendor TLVs and commands, whose errors have a path and a suggestion", function()
    local function wrong(tlvs)
      local found = select(2, profiles.read { tlvs = tlvs })
      return { found.path, found.reason, found.suggestion }
    end
    assert.same({ "tlvs[1].nam", "unknown option", "tlvs[1].name" }, wrong { { tag = 0x1400, nam = "x" } })
    assert.same({ "tlvs[1].name", "missing" }, wrong { { tag = 0x1400 } })
    assert.same({ "tlvs[2].tag", "expected an integer from 1 to 65535, got 0" }, wrong { { tag = 0x1400, name = "x" }, { tag = 0, name = "y" } })
    assert.same({ "tlvs[1]", "duplicate tag 1060: the standard's message_payload" }, wrong { { tag = 0x0424, name = "y" } })
    assert.same({ "tlvs[2]", "duplicate name 'x': already in use in PDUs" }, wrong { { tag = 0x1400, name = "x" }, { tag = 0x1401, name = "x" } })
    assert.same({ "tlvs", "expected a list of TLVs, got a table with named keys or holes" }, wrong { tag = 0x1400, name = "x" })
    assert.has_error(function() smpp.connect { "smpp://h", profile = { tlvs = { { tag = 0x0424, name = "y" } } } } end,
      "profile.tlvs[1]: duplicate tag 1060: the standard's message_payload")
    assert.has_error(function() smpp.declare_tlv { tag = 0x1400, nam = "x" } end, "unknown option 'nam'; did you mean 'name'?")
    assert.has_error(function() smpp.declare_tlv(5) end, "expected a table of options, got 5")
    local found = select(2, profiles.read { commands = { { name = "a_sm", id = 0x10201, paramters = {} } } })
    assert.same({ "commands[1].paramters", "commands[1].parameters" }, { found.path, found.suggestion })
  end)

  it("lie over their base, and under the options of the connection, which lie under those of the call", function()
    local options = profiles.options { base = "gatewayapi", enquire_link_s = 5 }
    assert.equal(5, options.enquire_link_s)
    assert.equal("payload", options.long)
    assert.is_nil(options.base)
    local long = ("x"):rep(200)
    local seen = sent_under("gatewayapi", { { to = "+491", text = long }, { to = "+491", text = long, long = "sar" } })
    assert.equal(long, seen[1].message_payload)
    assert.equal(2, seen[2].sar_total_segments)
    seen = sent_under("gatewayapi", { { to = "+491", text = long } }, { long = "concat_16bit" })
    assert.equal(8, seen[1].short_message:byte(2))
  end)

  it("default: data_coding 0 is GSM, flash is a message class", function()
    local seen = sent_under(nil, { { to = "+491", text = "é" }, { to = "+491", text = "é", flash = true }, { to = "12345", text = "x" } })
    assert.same({ 0, "\5" }, { seen[1].data_coding, seen[1].short_message })
    assert.equal(0x10, seen[2].data_coding)
    assert.equal(3, seen[3].dest_addr_ton)
  end)

  it("gatewayapi: Latin-1 before UCS-2, flash by TLV, TON 0 for short codes, its own TLV", function()
    local seen = sent_under("gatewayapi", {
      { to = "+491", text = "þ" }, { to = "+491", text = "Ж" }, { to = "+491", text = "x", flash = true },
      { to = "12345", text = "x", message_class = "premium" },
    })
    assert.same({ 3, "\254" }, { seen[1].data_coding, seen[1].short_message })
    assert.equal(8, seen[2].data_coding)
    assert.same({ 0, 1 }, { seen[3].data_coding, seen[3].dest_addr_subunit })
    assert.equal(0, seen[4].dest_addr_ton)
    assert.equal("premium", seen[4]:tlv(0x2900))
  end)

  it("gatewayapi: receipts are Latin-1 and err is the low part of their code", function()
    local got
    smpp.run(function()
      local s = assert(smpp.server { port = 0 })
      local esme = assert(smpp.connect { "smpp://me@127.0.0.1:" .. s.port, profile = "gatewayapi", receipt = function(r) got = r end })
      assert(s.sessions[1]:deliver_sm { esm_class = 4, short_message = "id:7 submit date:2611211200 done date:2611211201 stat:UNDELIV err:126 text:\233" })
      esme:close()
      s:close()
    end, { loop = virtual.new { seed = 1 } })
    assert.equal("UNDELIVERABLE", got.state)
    assert.equal("126", got.err)
    assert.equal(0x107E, got.err_code)
    assert.equal("é", got.text)
  end)

  it("a default alphabet of Latin-1 means data_coding 0 both ways", function()
    local seen = sent_under({ default_alphabet = "latin1" }, { { to = "+491", text = "é" } })
    assert.same({ 0, "\233" }, { seen[1].data_coding, seen[1].short_message })
  end)

  it("strict: a broken request of the MC is refused, lenient reading may be asked for", function()
    local function answer(profile)
      local code
      smpp.run(function()
        local s = assert(smpp.server { port = 0 })
        local esme = assert(smpp.connect { "smpp://me@127.0.0.1:" .. s.port, profile = profile, message = function() end })
        local pdu = assert(smpp.decode(assert(smpp.encode { command = "deliver_sm", short_message = "x", trailing = "abc" })))
        local response, _, status = s.sessions[1]:forward(pdu)
        code = response and response.status or status
        esme:close()
        s:close()
      end, { loop = virtual.new { seed = 1 } })
      return code
    end
    assert.equal("ESME_RINVTLVSTREAM", answer "strict")
    assert.equal("ESME_ROK", answer { tolerate = { stray_octets = true } })
  end)
end)

describe("smpp.profile: docs/profiles.md", function()
  local file = assert(io.open "docs/profiles.md")
  local page = file:read "*a"
  file:close()

  it("tells of every habit, and of no others", function()
    local told = {}
    for row in page:match("## The options of a profile.-\n## "):gmatch "\n|([^|]+)|" do
      for name in row:gmatch "`([%w_]+)`" do told[name] = true end
    end
    for name in pairs(profiles.schema.by_name) do assert.is_true(told[name], name .. " is missing") end
    for name in pairs(told) do
      local ok = profiles.schema.by_name[name] or profiles.tolerate.by_name[name]
      assert.is_truthy(name == "tolerate" or ok, name .. " is no habit")
    end
  end)

  it("describes the profiles that ship, with all that they say", function()
    local shipped = page:match "## Those that ship.-\n## "
    for name, options in pairs(profiles.shipped) do
      assert.truthy(shipped:find("**`" .. name .. "`**", 1, true), name)
      if name == "gatewayapi" then
        for option in pairs(options) do assert.truthy(shipped:find("`" .. option, 1, true), option) end
      end
    end
  end)
end)
