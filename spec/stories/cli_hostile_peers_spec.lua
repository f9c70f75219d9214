-- A peer that puts into system_id, addresses, ids, states and texts what a terminal obeys, and octets that are no UTF-8.
local async = require "spec.support.async"
local cli = require "spec.support.cli"
local property = require "spec.support.property"
local shell = require "spec.support.shell"
local smpp = require "smpp"

local ODD = {
  "\27[31mX\7", "\27]0;t\7", "\194\1552J", "\1552J", "a\226\128\174b", "\226\129\166x", "\224A\128\128", "\237\160\128", "\192\175", "\255\254",
  "a\nb", "\244\191\191\191", "tab\there",
}

--- Fails when a terminal would obey, or hide, any of it.
local function harmless(text)
  for _, what in ipairs { "[%z\1-\8\11-\31\127]", "\194[\128-\159]", "\226\128[\139\142\143\168-\174]", "\226\129[\160-\175]", "\239\187\191" } do
    local at = text:find(what)
    if at then error(("octet %d: %q"):format(at, text:sub(math.max(1, at - 40), at + 20))) end
  end
  assert.is_true(require("smpp.core").text.is_utf8(text))
end

--- What a parser that takes UTF-8 only makes of the lines; skipped where there is none.
local function strict(text)
  if select(2, shell.run "command -v python3") ~= 0 then shell.skip "no python3" end
  local folder, remove = shell.folder()
  shell.write(folder .. "/lines", text)
  local said, code = shell.run(("python3 -c 'import json,sys\nfor l in open(sys.argv[1],\"rb\").read().split(b\"\\n\"):\n"
    .. " if l: json.loads(l.decode(\"utf-8\",\"strict\"))' %s/lines"):format(folder))
  remove()
  assert.equal(0, code, said)
end

local function with_hostile_centre(fn)
  return async.virtual(function()
    local server = assert(smpp.server { accounts = { me = { password = "secret" } }, system_id = "\27[7mMC" })
    server:on("error", function() end)
    server:on("session", function(session)
      smpp.sleep(0.5)
      for _, odd in ipairs(ODD) do
        session:deliver_sm { source_addr = odd, destination_addr = odd, service_type = "\27[1m", short_message = odd, data_coding = 3 }
        session:deliver_sm { source_addr = odd, source_addr_ton = 5, destination_addr = "1", short_message = odd, data_coding = 4 }
        session:deliver_sm { source_addr = odd, destination_addr = "1", esm_class = 4,
          short_message = ("id:%s stat:%s err:%s text:%s"):format(odd, odd, odd, odd) }
      end
    end)
    fn()
    server:close(0)
  end)
end

local function listen(...) return cli.run({ "listen", "smpp://me:secret@127.0.0.1:2775", "--for", "5", ... }, { run = cli.inside }) end

describe("hostile peers", function()
  it("reach no terminal: smpp listen", with_hostile_centre(function()
    for _, options in ipairs { {}, { "-v" } } do
      local _, out, err = listen(options[1])
      cli.has(out, "\\x1b[31mX")
      harmless(out)
      harmless(err)
    end
  end))

  it("reach no strict parser of JSON: smpp listen", with_hostile_centre(function()
    local _, out = listen "--json"
    assert.is_true(#cli.objects(out) >= 2 * #ODD)
    strict(out)
  end))

  for _, format in ipairs { "text", "JSON" } do
    it("reach no terminal: smpp sim as " .. format, async.virtual(function()
      smpp.spawn(function()
        smpp.sleep(1)
        for i, odd in ipairs(ODD) do
          local id = #odd < 15 and not odd:find "\n" and odd or "x" .. i
          local esme = smpp.connect { "smpp://127.0.0.1:2775", system_id = id, password = "x" }
          if esme then
            esme:submit_sm { source_addr = odd, destination_addr = odd, short_message = odd, data_coding = 3, registered_delivery = 1 }
            esme:close()
          end
        end
      end)
      local words = { "sim", "--for", "20", "--port", "2775" }
      if format == "JSON" then words[#words + 1] = "--json" end
      local _, out, err = cli.run(words, { run = cli.inside })
      cli.has(out, format == "JSON" and "u001b" or "\\x1b")
      harmless(out)
      harmless(err)
      if format == "JSON" then strict(out) end
    end))
  end

  it("reach nothing: smpp decode of PDUs with any strings", function()
    local lines = {}
    property.holds(60, function(random)
      local function odd() return ODD[random(#ODD)] end
      local octets = assert(smpp.encode(({
        { command = "submit_sm", source_addr = odd(), destination_addr = odd(), service_type = odd():sub(1, 5), short_message = odd() },
        { command = "deliver_sm", esm_class = 4, source_addr = odd(),
          short_message = ("id:%s stat:%s err:%s text:%s"):format(odd(), odd(), odd(), odd()) },
        { command = "submit_multi", dest_address = { { destination_addr = odd() }, { dl_name = odd() } }, message_payload = odd() },
        { command = "submit_multi_resp", message_id = odd(), unsuccess_sme = { { destination_addr = odd(), error_status_code = random(300) } } },
        { command = "bind_transceiver_resp", system_id = odd() }, { command = "query_sm_resp", message_id = odd() },
      })[random(6)]))
      for _, options in ipairs { {}, { "--brief" } } do
        local _, out, err = cli.run({ "decode", options[1], options[1] and "-" or nil }, { stdin = octets })
        harmless(out)
        harmless(err)
      end
      harmless(tostring(smpp.decode(octets)))
      harmless((smpp.decode(octets):dump()))
      local _, out = cli.run({ "decode", "--json", "-" }, { stdin = octets })
      lines[#lines + 1] = out
    end)
    strict(table.concat(lines))
  end)

  it("write no lines of a log", function()
    local log = require "smpp.base.log"
    for _, odd in ipairs(ODD) do
      local line = log.line { time = 0, level = "info", event = "x", system_id = odd }
      harmless(line)
      assert.is_nil(line:find "[\n\t]")
    end
  end)
end)
