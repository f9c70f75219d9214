-- The Lua of README.md and the guides: every block compiles; those that are whole programs (they begin with a require)
-- run under virtual time beside a message centre on localhost:2775, which sends each receiver a message.
-- A comment before a block says otherwise:
--   <!-- run: esme -->   a part of a program: run in smpp.run, where `esme` is bound
--   <!-- run: no -->     only compiled
local program = require "spec.support.program"
local smpp = require "smpp"

local function read(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read "*a"
  file:close()
  return text
end

--- The blocks of a page: { text, line, run }.
local function blocks(text)
  local list, number, marker, block = {}, 0, nil, nil
  for line in text:gmatch "([^\n]*)\n" do
    number = number + 1
    if block then
      if line:find "^```" then
        block.text = table.concat(block, "\n")
        if not block.run and block.text:find "^%s*local [%w_]+ = require" then block.run = "whole" end
        list[#list + 1], block = block, nil
      else
        block[#block + 1] = line
      end
    elseif line == "```lua" then
      block, marker = { line = number, run = marker }, nil
    elseif line ~= "" then
      marker = line:match "^<!%-%- run: (%w+) %-%->$"
    end
  end
  assert(not block, "a block without an end")
  return list
end

--- A capture for programs that read one.
local function capture()
  local octets = {}
  local trace = smpp.trace.new { write = function(_, ...) octets[#octets + 1] = table.concat { ... } end }
  local ends = { from = { host = "127.0.0.1", port = 50000 }, to = { host = "127.0.0.1", port = 2775 } }
  local back = { from = ends.to, to = ends.from }
  ends.time, back.time = 1700000000, 1700000000.25
  trace:pdu(assert(smpp.encode { command = "submit_sm", sequence_number = 1, destination_addr = "491761234567", short_message = "Hi" }), ends)
  trace:pdu(assert(smpp.encode { command = "submit_sm_resp", sequence_number = 1, message_id = "1" }), back)
  local path = os.tmpname()
  local file = assert(io.open(path, "wb"))
  file:write(table.concat(octets))
  file:close()
  return path
end

local ESME = 'local smpp = require "smpp" smpp.run(function() local esme = assert(smpp.connect "smpp://me:secret@localhost") do '

--- The others' part: a message for every receiver, and an end for what would run for ever.
local function beside(world, serves)
  smpp.sleep(2)
  for _, session in ipairs(world.mc.server.sessions) do
    if session.state ~= "BOUND_TX" then
      session:deliver_sm({
        source_addr = "491761234567", source_addr_ton = 1, source_addr_npi = 1, destination_addr = "12345", short_message = "Hello",
      }, function() end)
    end
  end
  smpp.sleep(58)
  if serves or not world.main_returned or #world.mc.server.sessions > 0 then world.loop:raise "SIGINT" end
end

local function run(block, name)
  local text = block.run == "esme" and ESME .. block.text .. "\nend esme:close() end)" or block.text
  local path
  local serves = block.text:find "smpp%.server" or block.text:find "smpp%.simulator"
  local ok, failure = pcall(program.run, text, name, {
    mc = { port = serves and 2780 or 2775 },
    beside = function(world) beside(world, serves) end,
    open = function(wanted, mode)
      if not wanted:find "%.pcap$" then return io.open(wanted, mode) end
      path = path or capture()
      return io.open(path, mode)
    end,
  })
  if path then os.remove(path) end
  assert(ok, failure)
end

describe("the Lua of", function()
  local pages = assert(io.popen("ls README.md docs/*.md"))
  for page in pages:lines() do
    for _, block in ipairs(blocks(read(page))) do
      local name = ("=%s, block at line %d"):format(page, block.line)
      local what = (block.run == "whole" or block.run == "esme") and "runs" or "compiles"
      it(("%s:%d %s"):format(page, block.line, what), function()
        assert.is_truthy(({ whole = true, esme = true, no = true })[block.run or "no"], "run: esme or no expected, got " .. tostring(block.run))
        assert(program.load(block.text, name))
        if what == "runs" then run(block, name) end
      end)
    end
  end
  pages:close()
end)

describe("a block", function()
  it("is found, with how it is to be run", function()
    local list = blocks '```lua\nlocal x = require "smpp"\n```\ntext\n<!-- run: esme -->\n\n```lua\nesme:send{}\n```\n```sh\nls\n```\n<!-- run: no -->\ntext\n```lua\nx()\n```\n'
    assert.equal(3, #list)
    assert.same({ "whole", "esme" }, { list[1].run, list[2].run })
    assert.is_nil(list[3].run)
    assert.equal(7, list[2].line)
  end)

  it("fails when it is wrong", function()
    assert.has_error(function() run({ run = "esme", text = "error 'x'" }, "=x") end)
    assert.has_error(function() run({ run = "whole", text = "local smpp = require 'smpp'\nsmpp.run(function() smpp.connect 'x' end)" }, "=x") end)
  end)
end)
