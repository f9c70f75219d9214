--- What tshark makes of our user data headers.
local pdus = require "smpp.codec"
local text = require "smpp.text"
local trace = require "smpp.capture.writer"
local util = require "spec.support.util"

local HERE, THERE = { host = "127.0.0.1", port = 40000 }, { host = "127.0.0.1", port = 2775 }

--- One line of tshark's fields per PDU.
local function dissect(list, fields)
  local path = os.tmpname()
  local t = assert(trace.new(path))
  for i, octets in ipairs(list) do t:pdu(octets, { time = i, from = HERE, to = THERE }) end
  t:close()
  local pipe = assert(io.popen(("tshark -r %s -T fields -E separator=, -e %s 2>/dev/null"):format(path, table.concat(fields, " -e "))))
  local lines = {}
  for line in pipe:lines() do lines[#lines + 1] = line end
  pipe:close()
  os.remove(path)
  return lines
end

it("tshark reads the number of every part, in every form", function()
  local ok = os.execute "tshark --version >/dev/null 2>&1"
  if ok ~= true and ok ~= 0 then return pending "tshark is not installed: apt-get install tshark" end
  local random = util.random(31)
  local octets, expected = {}, {}
  local alphabets = { { "a" }, { "Ж" }, { "ş", language = "turkish" }, { "é", encoding = "latin1" }, { "👍🏽" } }
  for _, udh in ipairs { "concat_8bit", "concat_16bit" } do
    for _, alphabet in ipairs(alphabets) do
      local reference = random(256) - 1 + (udh == "concat_16bit" and 0xAB00 or 0)
      local parts, info = assert(text.split(alphabet[1]:rep(100 + random(400)), {
        udh = udh, reference = reference, language = alphabet.language, encoding = alphabet.encoding,
        elements = { { name = "smsc_control", flags = 1 } },
      }))
      for i, part in ipairs(parts) do
        octets[#octets + 1] = assert(pdus.encode {
          command = "submit_sm", sequence_number = #octets + 1, source_addr = "1", destination_addr = "2",
          esm_class = info.esm_class, data_coding = info.data_coding, short_message = part.octets,
        })
        expected[#expected + 1] = #parts > 1 and ("%d,%d,%d,%d"):format(#octets, reference, #parts, i) or #octets .. ",,,"
      end
    end
  end
  assert.is_true(#octets > 20)
  assert.same(expected, dissect(octets, {
    "smpp.sequence_number", "gsm_sms.udh.mm.msg_id", "gsm_sms.udh.mm.msg_parts", "gsm_sms.udh.mm.msg_part",
  }))
end)
