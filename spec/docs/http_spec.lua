-- docs/http.md: its program runs on the luv loop; its calls of the API, as they stand there, against a gateway of its file.
local async = require "spec.support.async"
local gateways = require "smpp.gateway"
local http = require "smpp.http"
local program = require "spec.support.program"
local shell = require "spec.support.shell"
local smpp = require "smpp"

local file = assert(io.open "docs/http.md")
local PAGE = file:read "*a"
file:close()

local blocks = {} -- a program; one that serves events; a gateway's file
for text in PAGE:gmatch "<!%-%- run: spec/docs/http_spec%.lua %-%->\n```lua\n(.-)```" do blocks[#blocks + 1] = text end

describe("docs/http.md", function()
  it("has a program that serves and calls", function()
    if not http.is_available() then shell.skip "no HTTP library: apt-get install libmicrohttpd-dev libcurl4-openssl-dev" end
    local printed = {}
    local env = setmetatable({ print = function(...) printed[#printed + 1] = (...) end }, { __index = _G })
    assert(program.load(blocks[1], "=docs/http.md", env))()
    require("smpp.http.client").shut()
    assert.matches("^http://127.0.0.1:%d+$", printed[1])
    assert.equal("hello world\n", printed[2])
  end)

  it("has a program that tells of events", function()
    if not http.is_available() then shell.skip "no HTTP library: apt-get install libmicrohttpd-dev libcurl4-openssl-dev" end
    local answer
    local env = setmetatable({ print = function(url) http.request({ url = url }, function(got) answer = got end) end }, { __index = _G })
    assert(program.load(blocks[2], "=docs/http.md", env))()
    require("smpp.http.client").shut()
    assert.matches('^retry: 2000\n\nid: %x+%.1\nevent: tick\ndata: {"count":1}\n\n.*data: {"count":10}\n\n$', answer.body)
  end)

  it("has calls that a gateway answers as it says", function()
    shell.need "curl"
    if not http.is_available() then shell.skip "no HTTP library: apt-get install libmicrohttpd-dev libcurl4-openssl-dev" end
    async.luv(function(loop)
      local carrier = assert(smpp.simulator { port = 0 })
      local text = blocks[3]:gsub("port = 2775", "port = 0"):gsub("port = 8080", "port = 0"):gsub("smsc.example", "127.0.0.1:" .. carrier.port)
      local gateway = assert(gateways.new { path = "gateway.lua", text = text })
      async.wait_until(function() return gateway.carriers[1].client and gateway.carriers[1].client:is_ready() end)
      local count = 0
      local calls = {}
      for block in PAGE:gmatch "```console\n(.-)```" do calls[#calls + 1] = block end
      for command, expected in table.concat(calls):gmatch "(curl [^\n]*)\n([^\n]*)\n" do
        command = command:gsub("http://127.0.0.1:8080", gateway.http.servers[1].url)
        -- The sanitizers of this Lua do not belong into curl, which would hang.
        if not shell.must("unset LD_PRELOAD; curl --help all"):find "--json" then command = command:gsub("%-%-json", "-H 'Content-Type: application/json' -d") end
        local output = async.await(function(done) loop:run_command("unset LD_PRELOAD; " .. command, 10, done) end)
        local pattern = "^" .. expected:gsub("[%^%$%(%)%%%.%[%]%*%+%-%?]", "%%%0"):gsub("…", ".-") .. "%s*$"
        assert.matches(pattern, output, command)
        count = count + 1
      end
      assert.equal(14, count)
      gateway:close(1)
      carrier:close(0)
    end, 20)()
  end)
end)
