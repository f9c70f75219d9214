-- Every block of Lua in README.md and the guides is run.  Whole programs (they begin with a require) run under virtual
-- time beside a message centre on localhost:2775, which sends each receiver a message; a server that they open gets a
-- bind and a submit_sm.  A global that nobody defines is an error.  A comment before a block says otherwise:
--   <!-- run: esme -->      a part of a program: run in smpp.run, where `esme` is bound
--   <!-- run: options -->   a file of options for smpp.simulator
--   <!-- run: spec/... -->  the spec that runs it
-- Of blocks of shell the commands of smpp run, beside a simulator; targets of make are there.
local async = require "spec.support.async"
local cli = require "spec.support.cli"
local program = require "spec.support.program"
local smpp = require "smpp"

local function read(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read "*a"
  file:close()
  return text
end

--- The blocks of a page in a language: { text, line, run }.
local function blocks(text, language)
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
    elseif line == "```" .. language then
      block, marker = { line = number, run = marker }, nil
    elseif line ~= "" then
      marker = line:match "^<!%-%- run: (%S+) %-%->$"
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

--- An ESME of the first account that a server has, if it names accounts: its submit_sm finds the handler.
local function ask(accounts, port, may_be_gone)
  local id, account = next(type(accounts) == "table" and accounts or { me = "secret" })
  local password = type(account) == "table" and account.password or account
  local esme, message, code = smpp.connect { "smpp://localhost:" .. port, system_id = id, password = password, retry = false }
  if not esme and code == "connect_failed" and may_be_gone then return end
  assert(esme, message)
  local response
  response, message, code = esme:submit_sm { destination_addr = "491761234567", short_message = "Hello" }
  assert(response or code ~= "ESME_RSYSERR", message)
  esme:close()
end

--- The others' part: a message for every receiver, a request for every server, and an end for what would run for ever.
local function beside(world, opened)
  smpp.sleep(2)
  for _, session in ipairs(world.mc.server.sessions) do
    if session.state ~= "BOUND_TX" then
      session:deliver_sm({
        source_addr = "491761234567", source_addr_ton = 1, source_addr_npi = 1, destination_addr = "12345", short_message = "Hello",
      }, function() end)
    end
  end
  for _, server in ipairs(opened) do ask(server.accounts, server.port, world.main_returned) end
  smpp.sleep(58)
  if opened[1] or not world.main_returned or #world.mc.server.sessions > 0 then world.loop:raise "SIGINT" end
end

--- Runs fn while the servers and simulators that a program opens are noted, but for one.
local function noting(list, but, fn)
  local own = { server = smpp.server, simulator = smpp.simulator }
  for name, new in pairs(own) do
    smpp[name] = function(options)
      local server, message, code = new(options)
      if server and options ~= but then list[#list + 1] = { accounts = options and options.accounts, port = (server.server or server).port } end
      return server, message, code
    end
  end
  local ok, failure = pcall(fn)
  for name, new in pairs(own) do smpp[name] = new end
  assert(ok, failure)
end

local function run(block, name)
  local text = block.run == "esme" and ESME .. block.text .. "\nend esme:close() end)" or block.text
  local path, written
  text = text:gsub('"session.pcapng"', function()
    written = os.tmpname()
    return ("%q"):format(written)
  end)
  local serves = block.text:find "smpp%.server" or block.text:find "smpp%.simulator"
  local mc, opened = { port = serves and 2780 or 2775 }, {}
  local ok, failure = pcall(noting, opened, mc, function()
    program.run(text, name, {
      mc = mc, strict = true,
      beside = function(world) beside(world, opened) end,
      open = function(wanted, mode)
        if not wanted:find "%.pcap$" then return io.open(wanted, mode) end
        path = path or capture()
        return io.open(path, mode)
      end,
    })
  end)
  if path then os.remove(path) end
  if written then os.remove(written) end
  assert(ok, failure)
end

--- A file of options for the simulator.
local function run_options(block, name)
  async.virtual(function()
    local options = assert(program.load(block.text, name))()
    local mc = assert(smpp.simulator(options))
    ask(options.accounts, 2775)
    mc:close(0)
  end)()
end

--- The commands of a block of shell, without comments.
local function commands(text)
  local list = {}
  for line in (text .. "\n"):gmatch "([^\n]*)\n" do
    local command = line:gsub("%s+#.*$", "")
    if command ~= "" then list[#list + 1] = command end
  end
  return list
end

--- What smpp would do with the words of a command, beside a simulator; its exit code.
local function run_smpp(command)
  local words = {}
  for quoted, word in (command:gsub("^smpp%s*", "") .. " "):gmatch '("?)([^"]-)%1%s' do
    if quoted ~= "" or word ~= "" then words[#words + 1] = word end
  end
  if words[#words] == "&" then table.remove(words) end
  if words[1] == "bot" and not words[3] then words[3] = "--check" end -- it would run for ever
  if words[1] == "listen" or words[1] == "sim" then words[#words + 1], words[#words + 2] = "--for", "1" end
  local code, _, err
  async.virtual(function()
    local mc = words[1] ~= "sim" and assert(smpp.simulator()) or nil
    code, _, err = cli.run(words, { run = cli.inside })
    if mc then mc:close(0) end
  end)()
  -- hosts of documentation do not exist (RFC 6761, 6.5)
  assert.equal(command:find "%.example" and 3 or 0, code, command .. "\n" .. err)
end

local function run_shell(block)
  for _, command in ipairs(commands(block.text)) do
    local target = command:match "^sudo make (.*)$" or command:match "^make (.*)$"
    if command:find "^smpp " then
      run_smpp(command)
    elseif target then
      assert.truthy(read("Makefile"):find("\n" .. target:match "%S+" .. ":"), command)
    else
      assert.matches("^sudo apt%-get install ", command) -- what nobody wants to happen in a spec
    end
  end
end

describe("the Lua of", function()
  local pages = assert(io.popen("ls README.md docs/*.md"))
  for page in pages:lines() do
    for _, block in ipairs(blocks(read(page), "lua")) do
      local name = ("=%s, block at line %d"):format(page, block.line)
      it(("%s:%d runs"):format(page, block.line), function()
        if block.run == "whole" or block.run == "esme" then return run(block, name) end
        if block.run == "options" then return run_options(block, name) end
        assert(block.run and block.run:find "^spec/", "how is it run? The head of spec/docs/blocks_spec.lua has the marks")
        assert(program.load(block.text, name))
        assert.truthy(read(block.run):find(page, 1, true), block.run .. " does not name " .. page)
      end)
    end
    for _, block in ipairs(blocks(read(page), "sh")) do
      it(("%s:%d runs"):format(page, block.line), function() run_shell(block) end)
    end
  end
  pages:close()
end)

describe("a block", function()
  it("is found, with how it is to be run", function()
    local list = blocks('```lua\nlocal x = require "smpp"\n```\ntext\n<!-- run: esme -->\n\n```lua\nesme:send{}\n```\n```sh\nls\n```\n<!-- run: esme -->\ntext\n```lua\nx()\n```\n', "lua")
    assert.equal(3, #list)
    assert.same({ "whole", "esme" }, { list[1].run, list[2].run })
    assert.is_nil(list[3].run)
    assert.equal(7, list[2].line)
    assert.same({ "a b", "c" }, commands "a b   # why\n\nc\n")
  end)

  it("fails when it is wrong", function()
    for _, text in ipairs {
      "local smpp = require 'smpp'\nsmpp.run(function() smpp.connect 'x' end)", "local smpp = require 'smpp'\nundefined()",
      "local smpp = require 'smpp'\nsmpp.run(function() smpp.server { submit_sm = function() return undefined() end } end)",
    } do
      assert.has_error(function() run({ run = "whole", text = text }, "=x") end)
    end
    assert.has_error(function() run({ run = "esme", text = "error 'x'" }, "=x") end)
    assert.has_error(function() run_shell { text = "smpp explain nonsense" } end)
    assert.has_error(function() run_shell { text = "make nonsense" } end)
  end)
end)
