--- Kannel 1.4.5 and the codings that are settings: what data_coding 0 means, message classes, waiting indications.
local kannel = require "spec.support.kannel"
local peers = require "spec.support.peers"
local smpp = require "smpp"
local text = require "smpp.text"

--- Runs fn(server, box, seen): a message centre of ours with Kannel bound to it; seen: { text, data_coding, info } of submits.
local function with(account, smsc, fn)
  peers.need("bearerbox", "kannel")
  peers.run(function()
    local seen = {}
    account.password = "secret"
    local server = assert(smpp.server { port = 0, accounts = { kannel = account }, submit_sm = function(session, pdu)
      local words, info = text.read(pdu, session.peer_text)
      seen[#seen + 1] = { words = words, data_coding = pdu.data_coding, info = info, octets = pdu.short_message }
    end })
    local box = kannel.start { port = server.port, bind = "trx", smsc = smsc }
    peers.wait("Kannel to bind", function() return #server.sessions == 1 end)
    fn(server, box, seen)
    server:close(2)
  end)
end

local function submit(box, seen, query)
  query.from, query.to, query.charset = "4912345", "+491761", query.charset or "utf-8"
  local n = #seen + 1
  local status, words = box:sendsms(query)
  assert.equal(202, status, words)
  return peers.wait("submit_sm " .. n, function() return seen[n] end)
end

describe("Kannel", function()
  for charset, encoding in pairs { ["ISO-8859-1"] = "latin1", ASCII = "ascii" } do
    it("and we mean " .. charset .. " by data_coding 0, when both are told so", function()
      -- What it sends has gone through GSM 03.38: ç would come as Ç.
      with({ default_alphabet = encoding }, "alt-charset = " .. charset, function(server, box, seen)
        local words = encoding == "latin1" and "Größe, à Ñ @ $_ [x]" or "plain @ $_ text"
        local got = submit(box, seen, { text = words })
        assert.same({ words, 0, encoding }, { got.words, got.data_coding, got.info.encoding })
        assert.equal(assert(text.encode(words, { encoding = encoding })), got.octets)
        assert(server:deliver("kannel", {
          source_addr = "491761", source_addr_ton = 1, destination_addr = "777", short_message = assert(text.encode(words, { encoding = encoding })),
        }))
        assert.equal(words, box:visit("/mo").text)
      end)
    end)
  end

  it("sends message classes and waiting indications that we understand", function()
    with({}, nil, function(_, box, seen)
      for class = 0, 3 do
        local got = submit(box, seen, { text = "Grüße", mclass = class })
        local coding = text.data_coding(got.data_coding)
        assert.same({ "Grüße", class, class == 0, "gsm7" }, { got.words, coding.class, coding.flash, coding.encoding })
        got = submit(box, seen, { text = "Привет", mclass = class, coding = 2 })
        coding = text.data_coding(got.data_coding)
        assert.same({ "Привет", class, "ucs2" }, { got.words, coding.class, coding.encoding })
      end
      for mwi, want in pairs { [0] = { "voicemail", true }, [1] = { "fax", true }, [2] = { "email", true }, [3] = { "other", true }, [4] = { "voicemail", false } } do
        local got = submit(box, seen, { text = "5 new", mwi = mwi })
        local waiting = assert(text.data_coding(got.data_coding).mwi, ("mwi %d: data_coding 0x%02X"):format(mwi, got.data_coding))
        assert.same(want, { waiting.type, waiting.active })
        assert.equal("5 new", got.words)
      end
    end)
  end)
end)
