--- Texts through a client and a message centre: which option counts, what becomes of each coding, parts.
local property = require "spec.support.property"
local smpp = require "smpp"
local text = require "smpp.text"
local virtual = require "smpp.loop.virtual"

--- Runs fn(esme, seen, server, loop) with a client bound to a server that takes everything; seen: its submit_sm.
local function with(o, fn)
  local loop = virtual.new { seed = 1, limit_s = 1000000 }
  loop.on_error = function(trace) error(trace, 0) end
  smpp.run(function()
    local seen = {}
    local server = assert(smpp.server { port = 2775, submit_sm = function(_, pdu)
      seen[#seen + 1] = pdu
      return tostring(#seen)
    end })
    local given = { "smpp://me@127.0.0.1:2775" }
    for name, value in pairs(o) do given[name] = value end
    local esme = assert(smpp.connect(given))
    fn(esme, seen, server, loop)
    esme:close()
    server:close()
  end, { loop = loop })
  assert.equal("nothing", loop:describe())
end

--- What is on the wire for a message, under a profile and options of the connection.
local function sent(profile, connection, message)
  local o, result = { profile = profile }, nil
  for name, value in pairs(connection or {}) do o[name] = value end
  with(o, function(esme, seen)
    local fields = { from = "1234", to = "+491761234567" }
    for name, value in pairs(message) do fields[name] = value end
    local ok, _, code = esme:send(fields)
    result = ok and seen or code
  end)
  return result
end

describe("smpp.client.composer: option", function()
  local LONG = ("x"):rep(200)
  local CLUSTERS = ("a"):rep(66) .. ("e\204\129"):rep(4) -- the 67th unit of UCS-2 is half of a character

  -- name, text, what shows it, then { value, what is seen }: of the profile, the connection, the call
  local rows = {
    { "long", LONG, function(seen) return seen[1].message_payload and "payload" or seen[1].sar_total_segments and "sar" or seen[1].short_message:byte(2) end,
      { "payload", "payload" }, { "sar", "sar" }, { "concat_16bit", 8 } },
    { "allow", "þ", function(seen) return seen[1].data_coding end,
      { { "gsm7", "latin1" }, 3 }, { { "ucs2" }, 8 }, { { "latin1" }, 3 } },
    { "language", "ığş", function(seen) return seen[1].esm_class end,
      { "turkish", 0x40 }, { "spanish", 0 }, { { "spanish", "turkish" }, 0x40 } },
    { "max_parts", LONG, function(seen) return type(seen) == "string" and seen or #seen end,
      { 1, "too_long" }, { 2, 2 }, { 1, "too_long" } },
    { "on_unmappable", "it’s", function(seen) return seen[1].data_coding end,
      { "transliterate", 0 }, { "error", 8 }, { "transliterate", 0 } },
    { "graphemes", CLUSTERS, function(seen) return #seen[1].short_message end,
      nil, { false, 6 + 2 * 67 }, { true, 6 + 2 * 66 } },
    { "encoding", "x", function(seen) return seen[1].data_coding end,
      nil, { "ucs2", 8 }, { "latin1", 3 } },
  }
  for _, row in ipairs(rows) do
    local name, words, shows, profile, connection, call = row[1], row[2], row[3], row[4], row[5], row[6]
    it(name .. " of the call overrides the connection's, which overrides the profile's", function()
      local under = profile and { [name] = profile[1] } or nil
      if profile then assert.equal(profile[2], shows(sent(under, nil, { text = words }))) end
      assert.equal(connection[2], shows(sent(under, { [name] = connection[1] }, { text = words })))
      assert.equal(call[2], shows(sent(under, { [name] = connection[1] }, { text = words, [name] = call[1] })))
    end)
  end

  it("allow of the call counts although the connection has an encoding", function()
    assert.equal(0, sent(nil, { encoding = "ucs2" }, { text = "x", allow = { "gsm7", "ucs2" } })[1].data_coding)
    assert.equal(8, sent(nil, { encoding = "ucs2" }, { text = "x" })[1].data_coding)
  end)

  it("of the connection alone overrides the profile's: alphabet, flash, short codes, timers", function()
    local profile = {
      default_alphabet = "latin1", data_codings = { [1] = "gsm7" }, flash_by = "subunit", short_code_ton = 6, short_code_npi = 9,
    }
    local seen = sent(profile, nil, { text = "é", from = "12345", flash = true })[1]
    assert.same({ 0, "\233", 1, 6, 9 }, { seen.data_coding, seen.short_message, seen.dest_addr_subunit, seen.source_addr_ton, seen.source_addr_npi })
    seen = sent(profile, { default_alphabet = "gsm7", flash_by = "class", short_code_ton = 3, short_code_npi = 0, data_codings = {} },
      { text = "é", from = "12345", flash = true })[1]
    assert.same({ 0x10, "\5", 3, 0 }, { seen.data_coding, seen.short_message, seen.source_addr_ton, seen.source_addr_npi })
    assert.is_nil(seen.dest_addr_subunit)
    with({ profile = { enquire_link_s = 7, window = 3 }, enquire_link_s = 9 }, function(esme)
      assert.same({ 9, 3 }, { esme.options.enquire_link_s, esme.options.window })
    end)
  end)

  it("of defaults gives way to the call's own field", function()
    local seen = sent({ defaults = { service_type = "A", protocol_id = 1 } }, { defaults = { service_type = "B" } }, { text = "x" })[1]
    assert.same({ "B", 0 }, { seen.service_type, seen.protocol_id })
    assert.equal("C", sent(nil, { defaults = { service_type = "B" } }, { text = "x", service_type = "C" })[1].service_type)
    assert.equal(1, sent(nil, { defaults = { registered_delivery = 1 } }, { text = "x" })[1].registered_delivery)
    assert.equal(0, sent(nil, { defaults = { registered_delivery = 1 } }, { text = "x", receipt = false })[1].registered_delivery)
  end)

  it("that is wrong raises where it is given", function()
    for name, value in pairs { default_alphabet = "latin-1", encoding = "utf8", allow = { "gsm" }, language = "klingon", data_codings = { [1] = "gsm" } } do
      assert.has_error(function() sent(nil, { [name] = value }, { text = "x" }) end)
      if name ~= "encoding" then assert.has_error(function() sent({ [name] = value }, nil, { text = "x" }) end) end
    end
    assert.has_error(function() smpp.server { port = 0, accounts = { me = { default_alphabet = "latin-1" } }, loop = virtual.new {} } end)
  end)
end)

describe("smpp.client.composer: flash", function()
  it("is message class 0 in the alphabet chosen, or dest_addr_subunit, as the profile says", function()
    local function wire(o, message)
      message.flash = true
      local pdu = sent(o, nil, message)[1]
      return { pdu.data_coding, pdu.dest_addr_subunit or false }
    end
    assert.same({ 0x10, false }, wire(nil, { text = "x" }))
    assert.same({ 0x18, false }, wire(nil, { text = "Ж" }))
    assert.same({ 0, 1 }, wire({ flash_by = "subunit" }, { text = "x" }))
    assert.same({ 8, 1 }, wire({ flash_by = "subunit" }, { text = "Ж" }))
    assert.same({ 0x18, false }, wire({ allow = { "latin1", "ucs2" } }, { text = "þ" })) -- Latin-1 has no classes
    assert.is_nil(sent(nil, nil, { text = "x", flash = false })[1].dest_addr_subunit)
  end)
end)

describe("smpp.client.composer: references of long texts", function()
  --- The references of texts to these numbers, in order.
  local function references(long, list)
    local out = {}
    with({ long = long }, function(esme, seen)
      for _, to in ipairs(list) do assert(esme:send { from = "A", to = to, text = ("x"):rep(161) }) end
      for i = 1, #seen, 2 do
        local pdu = seen[i]
        local a, b = pdu.short_message:byte(4, 5)
        out[#out + 1] = long == "sar" and pdu.sar_msg_ref_num or long == "concat_16bit" and a * 256 + b or a
      end
    end)
    return out
  end

  it("count up for each pair of addresses, whatever else is sent between", function()
    for long, limit in pairs { concat_8bit = 0xFF, concat_16bit = 0xFFFF, sar = 0xFFFF } do
      local list = {}
      for i = 1, 60 do list[i] = "+4917612345" .. (i % 3 == 0 and "67" or 10 + i) end
      local got = references(long, list)
      for i = 6, 60, 3 do assert.equal((got[i - 3] + 1) % (limit + 1), got[i]) end
    end
  end)

  it("come again only when all have been used", function()
    local list = {}
    for i = 1, 257 do list[i] = "+491761234567" end
    local got, used = references("concat_8bit", list), {}
    for i = 1, 256 do
      assert.is_nil(used[got[i]])
      used[got[i]] = true
    end
    assert.equal(got[1], got[257])
  end)

  it("may be given", function()
    assert.equal(99, sent(nil, nil, { text = ("x"):rep(161), concat_reference = 99 })[1].short_message:byte(4))
  end)
end)

describe("smpp.client.composer: message", function()
  --- Hands PDUs to a client; what its handler got.
  local function received(o, pdus)
    local got, incomplete = {}, {}
    o.message = function(msg) got[#got + 1] = msg end
    with(o, function(esme, _, server, loop)
      esme:on("error", function() end)
      esme:on("incomplete", function(set) incomplete[#incomplete + 1] = set end)
      for _, fields in ipairs(pdus) do
        fields.source_addr, fields.source_addr_ton, fields.destination_addr = fields.source_addr or "491761", 1, "12345"
        if fields.wait_s then smpp.sleep(fields.wait_s) end
        fields.wait_s = nil
        assert(server.sessions[1]:deliver_sm(fields))
      end
      incomplete.at = loop:now()
    end)
    return got, incomplete
  end

  local function parts_of(words, o, peer)
    local all = {}
    for name, value in pairs(peer or {}) do all[name] = value end
    for name, value in pairs(o) do all[name] = value end
    local parts, info = assert(text.split(words, all))
    local pdus = {}
    for i, part in ipairs(parts) do
      pdus[i] = { esm_class = info.esm_class, data_coding = info.data_coding, short_message = part.octets }
      if all.udh == "sar" and #parts > 1 then
        pdus[i].sar_msg_ref_num, pdus[i].sar_total_segments, pdus[i].sar_segment_seqnum = info.reference, #parts, i
      end
    end
    return pdus
  end

  it("in any alphabet the peer means by its data_coding is read, whole or in parts, in any order", function()
    local PEERS = {
      {}, { default_alphabet = "latin1" }, { default_alphabet = "gsm7_packed" }, { data_codings = { [8] = "ucs2_le" } },
      { data_codings = { [8] = "ucs2_bom" } }, { default_alphabet = "ucs2" },
    }
    local POOL = { "a", "é", "ß", "@", "€", "[", "ğ", "ş", "Ж", "你", "👍🏽", " " }
    property.holds(60, function(random, case)
      local peer, list = PEERS[random(#PEERS)], {}
      local kinds = ({ 5, 6, 8, #POOL })[random(4)]
      for i = 1, random(250) do list[i] = POOL[random(kinds)] end
      local words = table.concat(list)
      local o = { udh = ({ "concat_8bit", "concat_16bit", "sar" })[random(3)], language = random(2) == 1 and "turkish" or nil, reference = 5 }
      local pdus = parts_of(words, o, peer)
      for i = #pdus, 2, -1 do
        local j = random(i)
        pdus[i], pdus[j] = pdus[j], pdus[i]
      end
      case.peer, case.options, case.words, case.pdus = peer, o, words, pdus
      local got = received({ default_alphabet = peer.default_alphabet, data_codings = peer.data_codings }, pdus)
      assert.equal(1, #got)
      -- A final @ that fills the octet cannot be told from filling.
      local want, have = words, got[1].text
      if got[1].encoding == "gsm7_packed" then want, have = want:gsub("@+$", ""), have:gsub("@+$", "") end
      if peer.default_alphabet == "gsm7_packed" and #pdus > 1 then want, have = want:gsub("@", ""), have:gsub("@", "") end
      assert.equal(want, have)
    end, 12)
  end)

  it("that never gets whole is told of with the parts it has", function()
    local pdus = parts_of(("Hello "):rep(70), { reference = 3 })
    local got, incomplete = received({ reassembly = { max_age_s = 50 } }, {
      pdus[3], pdus[1], { short_message = "later", wait_s = 60 },
    })
    assert.equal("later", got[1].text)
    local set = incomplete[1]
    assert.same({ "age", 3, { 2 } }, { set.reason, set.total, set.missing })
    assert.equal("491761", set.source.addr)
    assert.equal(pdus[3].short_message, set.parts[3].pdu.short_message)
    assert.same({ 1, 3 }, { set.parts[1].seq, set.parts[3].seq })
  end)

  it("that is not whole when the client closes is told of, too", function()
    local pdus = parts_of(("Hello "):rep(70), { reference = 3 })
    local _, incomplete = received({}, { pdus[2] })
    assert.same({ "closed", { 1, 3 } }, { incomplete[1].reason, incomplete[1].missing })
  end)

  it("does not keep others from being kept: sets are limited, for each sender and in all", function()
    local pdus = {}
    for i = 1, 8 do
      local pdu = parts_of(("Hello "):rep(30), { reference = i })[1]
      pdu.source_addr = i <= 6 and "491111" or "492222"
      pdus[#pdus + 1] = pdu
    end
    pdus[#pdus + 1] = { short_message = "later", wait_s = 1 }
    local _, incomplete = received({ reassembly = { max_sets = 5, max_sets_per_sender = 3 } }, pdus)
    local limited = 0
    for _, set in ipairs(incomplete) do
      if set.reason == "limit" then
        limited = limited + 1
        assert.equal("491111", set.source.addr)
      end
    end
    assert.equal(3, limited)
    assert.equal(8, #incomplete) -- and the rest at the close
  end)
end)

describe("smpp.client.composer: at", function()
  local world = require "spec.support.esme"

  it("is a Unix time, written as schedule_delivery_time; one that the field cannot name is not sent", function()
    world.run(function()
      local s, seen = world.server()
      local esme = assert(world.connect())
      assert(esme:send { to = "+491", text = "x", at = 1700003600 })
      assert.equal("231114231320000+", seen.submits[1].schedule_delivery_time)
      local sent, message, code = esme:send { to = "+491", text = "x", at = 0 }
      assert.is_nil(sent)
      assert.matches("^at: ", message)
      assert.equal("bad_value", code)
      assert.equal(1, #seen.submits)
      esme:close()
      s:close()
    end)
  end)
end)
