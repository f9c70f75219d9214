--- What a message centre makes of texts: by the account's alphabet.
local mc = require "spec.support.mc"
local receipt = require "smpp.receipt"
local simulator = require "smpp.simulator"
local text = require "smpp.text"

describe("smpp.server.accounts: default_alphabet", function()
  it("is what data_coding 0 means in its messages and in the receipts for them", function()
    mc.world(function(w)
      local server = w:server({
        accounts = { plain = {}, latin = { default_alphabet = "latin1" }, packed = { profile = { default_alphabet = "gsm7_packed" } } },
        deliver_after_s = 1,
      }, simulator.new)
      for _, case in ipairs {
        { "plain", "Gr\126\30e", "Gr\126\30e", "gsm7" }, { "latin", "Gr\252\223e", "Gr\252\223e", "latin1" },
        { "packed", assert(text.encode("Grüße", { encoding = "gsm7_packed" })), "Gr\126\30e", "gsm7" },
        { "latin", "\4\22", "?", "latin1", 8 },
      } do
        local got
        local esme = w:bind { system_id = case[1], deliver_sm = function(_, pdu) got = pdu end }
        assert(esme:submit_sm {
          destination_addr = "491761234567", short_message = case[2], registered_delivery = 1, data_coding = case[5],
        })
        w:sleep(5)
        local r = assert(receipt.parse(got, { default_alphabet = case[4] }))
        assert.equal(case[3], got.short_message:match "text:(.*)$")
        assert.equal(case[5] and "?" or "Grüße", r.text)
        esme:close()
      end
      server:close()
    end)
  end)

  it("and national tables are heeded by the check whether a text can be read", function()
    mc.world(function(w)
      local server = w:server {
        accounts = { me = {} }, checks = { decodable = true }, submit_sm = function() return "1" end,
      }
      local esme = w:bind { system_id = "me" }
      local function answer(fields)
        fields.destination_addr = "491761234567"
        local response, _, code = esme:submit_sm(fields)
        return response and "ok" or code
      end
      local parts, info = assert(text.split("ığş Ğ", { language = "turkish" }))
      assert.equal("ok", answer { short_message = parts[1].octets, esm_class = info.esm_class })
      assert.equal("ESME_RSUBMITFAIL", answer { short_message = parts[1].octets:sub(5) }) -- no table, no such character
      assert.equal("ESME_RINVESMCLASS", answer { short_message = "\200x", esm_class = 0x40 })
      assert.equal("ESME_RSUBMITFAIL", answer { short_message = "\200x" })
      esme:close()
      server:close()
    end)
  end)
end)
