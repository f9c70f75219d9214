local codec = require "smpp.codec"
local core = require "smpp.core"
local form = require "smpp.gateway.form"
local property = require "spec.support.property"
local text = require "smpp.text"
local udh = require "smpp.text.udh"

local function submit(fields)
  local o = { command = "submit_sm", source_addr = "123", destination_addr = "491" }
  for name, value in pairs(fields) do o[name] = value end
  return codec.decode(assert(codec.encode(o)))
end

local function reference(n) return function() return n or 7 end end

--- The text that a peer reads of parts, in their order.
local function read(views, peer)
  local list = {}
  for i, view in ipairs(views) do list[i] = (text.read(view, { default_alphabet = peer.default_alphabet, data_codings = peer.data_codings })) end
  return table.concat(list)
end

local function part_of(view) return text.part(view, (select(2, text.body(view)))) end

describe("smpp.gateway.form", function()
  it("leaves octets alone where they mean the same and nothing is asked for", function()
    for _, o in ipairs { {}, { long = "concat_8bit" }, { default_alphabet = "gsm7", long = "sar" } } do
      for _, fields in ipairs {
        { short_message = "Hi" }, { short_message = ("x"):rep(254) }, { short_message = "" }, { message_payload = "short" },
        { short_message = "\0H\0i", data_coding = 8 }, { short_message = "\1\2", data_coding = 4 },
      } do
        assert.is_nil(form.views(submit(fields), {}, o, reference()))
      end
    end
    assert.is_nil(form.views(submit { message_payload = ("x"):rep(500) }, {}, {}, reference()))
  end)

  it("cuts a text of message_payload into parts of the kind asked for, with one reference", function()
    local words = ("Grüße aus Köln! "):rep(30)
    local view = submit { message_payload = assert(text.encode(words)), user_message_reference = 5 }
    for kind, width in pairs { concat_8bit = 8, concat_16bit = 16, sar = "sar" } do
      local views = form.views(view, {}, { long = kind }, reference(300))
      assert.equal(4, #views)
      for i, one in ipairs(views) do
        assert.same({ reference = kind == "concat_8bit" and 44 or 300, total = 4, seq = i, width = width }, part_of(one))
        assert.same({ 5, nil, 0 }, { one.user_message_reference, one.message_payload, one.data_coding })
        assert.equal(kind == "sar" and 0 or 0x40, one.esm_class)
      end
      assert.equal(words, read(views, {}))
    end
  end)

  it("cuts binary content, and keeps its other header elements", function()
    local header = assert(udh.encode { { iei = 5, octets = "\11\132\35\240" } })
    local view = submit { message_payload = header .. ("\0\255"):rep(200), esm_class = 0x40, data_coding = 4 }
    local views = form.views(view, {}, { long = "concat_8bit" }, reference())
    assert.equal(4, #views)
    for _, one in ipairs(views) do
      local octets, found = text.body(one)
      assert.equal(2948, found.ports.dest)
      assert.is_true(#octets + found.length <= 140)
    end
    assert.equal(("\0\255"):rep(200), read(views, {}))
  end)

  it("marks parts in another way, each for itself", function()
    local words = ("The quick brown fox. "):rep(20)
    for from in pairs { concat_8bit = 8, concat_16bit = 16, sar = 0 } do
      local parts, info = text.split(words, { udh = from, reference = 77 })
      for to, width in pairs { concat_8bit = 8, concat_16bit = 16, sar = "sar" } do
        local views = {}
        for i, part in ipairs(parts) do
          local fields = { short_message = part.octets, data_coding = info.data_coding, esm_class = info.esm_class }
          if from == "sar" then fields.sar_msg_ref_num, fields.sar_total_segments, fields.sar_segment_seqnum = 77, #parts, i end
          local view = submit(fields)
          local made = form.views(view, {}, { long = to }, reference())
          if from == to then assert.is_nil(made) end
          views[i] = made and made[1] or view
          local has = part_of(views[i])
          local fits = #part.text <= core.text.capacity("gsm7", to == "concat_16bit" and 7 or 6)
          assert.same({ reference = 77, total = #parts, seq = i, width = fits and width or has.width }, has)
          if fits and to ~= "sar" then assert.is_nil(views[i].sar_msg_ref_num) end
        end
        assert.equal(words, read(views, {}))
      end
    end
  end)

  it("writes a text anew where data_coding means something else to the carrier", function()
    local o = { default_alphabet = "latin1" }
    local function views(words, more, peer)
      return form.views(submit { short_message = assert(text.encode(words, { encoding = "gsm7" })), data_coding = more or 0 }, peer or {}, o, reference())
    end
    local one = views("@ and ä, 2 €")
    assert.same({ 1, 8 }, { #one, one[1].data_coding }) -- no € in Latin 1
    assert.equal("@ and ä, 2 €", read(one, o))
    one = views "@ and ä"
    assert.same({ 1, 0, "@ and \228" }, { #one, one[1].data_coding, one[1].short_message })
    assert.is_nil(views("x", nil, { default_alphabet = "latin1" })) -- the customer's is the same
    assert.same({ 8, "ä" }, { form.views(submit { short_message = "\228" }, { default_alphabet = "latin1" }, { encoding = "ucs2" }, reference())[1].data_coding,
      read(form.views(submit { short_message = "\228" }, { default_alphabet = "latin1" }, { encoding = "ucs2" }, reference()), {}) })
  end)

  it("keeps the message class, where the encoding has one", function()
    local flash = submit { short_message = "Hi", data_coding = 0x10 }
    assert.equal(0x18, form.views(flash, {}, { encoding = "ucs2" }, reference())[1].data_coding)
    assert.equal(3, form.views(flash, {}, { encoding = "latin1" }, reference())[1].data_coding)
  end)

  it("refuses what cannot be written, or does not fit", function()
    local function refusal(fields, o)
      local views, message, status = form.views(submit(fields), {}, o, reference())
      assert.is_false(views)
      assert.equal("string", type(message))
      return status
    end
    assert.equal("ESME_RSUBMITFAIL", refusal({ short_message = "\4\38", data_coding = 8 }, { encoding = "gsm7" }))
    assert.is_nil(form.views(submit { short_message = "\4\22", data_coding = 8 }, {}, { default_alphabet = "latin1", allow = { "latin1" } }, reference()))
    local part = text.split(("x"):rep(200), {})[1]
    assert.equal("ESME_RINVMSGLEN", refusal({ short_message = part.octets, esm_class = 0x40 }, { encoding = "ucs2" }))
  end)

  it("counts references for each destination", function()
    local references = form.references(1e9)
    local first = references:next "491"
    references:next "492"
    assert.equal(first + 1, references:next "491")
    for i = 1, 25000 do references:next(tostring(i)) end
    local count = 0
    for _ in pairs(references.last) do count = count + 1 end
    assert.is_true(count <= 10000)
  end)

  local LETTERS = { "a", "Z", " ", "@", "ä", "€", "^", "Ж", "日", "😀", "é", "\n" }
  local ALPHABETS = { "gsm7", "latin1", "ascii", "utf-8" }
  local KINDS = { "concat_8bit", "concat_16bit", "sar" }

  it("keeps every text, whatever form it comes in and goes out in; parts fit into short messages", function()
    property.holds(300, function(random, case)
      local words = {}
      local few = random(3) == 1
      for i = 1, random(400) do words[i] = LETTERS[random(few and 2 or #LETTERS)] end
      words = table.concat(words)
      local peer, o = { default_alphabet = ALPHABETS[random(#ALPHABETS)] }, { default_alphabet = ALPHABETS[random(#ALPHABETS)] }
      if random(2) == 1 then o.long = KINDS[random(#KINDS)] end
      local comes, kind = ({ "payload", "parts" })[random(2)], KINDS[random(#KINDS)]
      case.words, case.from, case.to, case.long, case.comes, case.kind = words, peer.default_alphabet, o.default_alphabet, o.long, comes, kind
      local given = { default_alphabet = peer.default_alphabet, udh = comes == "payload" and "payload" or kind, graphemes = false }
      local parts, info = text.split(words, given)
      assert(parts, info)
      local views, refused = {}, nil
      for i, part in ipairs(parts) do
        local fields = { data_coding = info.data_coding, esm_class = info.esm_class }
        fields[(comes == "payload" or #part.octets > 254) and "message_payload" or "short_message"] = part.octets
        if kind == "sar" and #parts > 1 then fields.sar_msg_ref_num, fields.sar_total_segments, fields.sar_segment_seqnum = info.reference, #parts, i end
        local view = submit(fields)
        local made, _, status = form.views(view, peer, o, reference(i))
        if made == false then refused = status else
          for _, one in ipairs(made or { view }) do views[#views + 1] = one end
        end
      end
      if refused then -- only a part that is longer in the carrier's alphabet
        assert(comes == "parts" and #parts > 1 and peer.default_alphabet ~= o.default_alphabet and refused == "ESME_RINVMSGLEN", refused)
        return
      end
      assert.equal(words, read(views, o))
      for _, one in ipairs(views) do
        local part, has_payload = part_of(one), (one.message_payload or "") ~= ""
        if part and o.long and not has_payload then
          local alphabet = { default_alphabet = o.default_alphabet }
          local octets, header = text.body(one, alphabet)
          local words_of, read_info = text.read(one, alphabet)
          local units = text.measure(words_of, { encoding = read_info.encoding, default_alphabet = o.default_alphabet, udh = "payload" }).units
          assert(units <= core.text.capacity(read_info.encoding, header and header.length or 0), #octets)
        end
      end
    end)
  end)
end)
