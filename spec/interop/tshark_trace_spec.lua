-- The traces of what runs (smpp.capture.ring), read by tshark.
local mc = require "spec.support.mc"
local shell = require "spec.support.shell"
local smpp = require "smpp"

describe("tshark", function()
  setup(function() shell.need "tshark" end)

  it("reads a trace of TLS as plain SMPP over TCP with right checksums, its comments and keys", function()
    local made = assert(smpp.tls.self_signed())
    local folder, remove = shell.folder()
    local id
    mc.world(function(w)
      local server = w:server { port = 8775, tls = { cert = made.cert, key = made.key }, submit_sm = function() return "1" end }
      local esme = assert(smpp.connect {
        "smpps://me:secret@localhost", loop = w.loop, trace = folder .. "/c.pcapng", tls = { pin = made.pin, keylog = folder .. "/keys" },
      })
      id = esme.session.id
      assert(esme:submit_sm { destination_addr = "491761234567", short_message = "x" })
      esme:close()
      server:close()
    end)
    local text = shell.must(("tshark -r %s/c.pcapng -o tcp.check_checksum:TRUE -o ip.check_checksum:TRUE -Y smpp -T fields"
      .. " -e tcp.dstport -e tcp.srcport -e smpp.command_id -e smpp.password -e tcp.checksum.status -e ip.checksum.status -e frame.comment 2>/dev/null"):format(folder))
    local lines = {}
    for line in text:gmatch "[^\n]+" do lines[#lines + 1] = line end
    assert.equal(6, #lines)
    for _, line in ipairs(lines) do
      assert.matches("8775", line)
      assert.matches("\t1\t1\tsession " .. id .. "$", line) -- both checksums are good
    end
    assert.matches("^8775\t%d+\t0x00000009\t%*%*%*%*%*%*\t", lines[1])
    text = shell.must(("tshark -r %s/c.pcapng -q -z expert 2>/dev/null"):format(folder))
    assert.is_nil(text:find "Malformed")
    assert.is_nil(text:find "Retransmission")
    assert.is_nil(text:find "Out%-Of%-Order")
    assert.matches("Number of decryption secrets in file:%s+1", shell.must(("capinfos %s/c.pcapng"):format(folder)))
    remove()
  end)
end)
