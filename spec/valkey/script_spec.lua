local resp = require "smpp.valkey.resp"
local scripts = require "smpp.valkey.script"

--- A connection that keeps what is sent.
local function connection()
  return { loaded = {}, sent = {}, send = function(self, octets, done, context) table.insert(self.sent, { octets, done, context }) end }
end

local function words_of(octets)
  local list
  local reader = resp.reader(function(words) list = words end)
  assert(reader:feed(octets))
  return table.concat(list, " ")
end

describe("smpp.valkey.script", function()
  it("is sent as text until its hash is known; again where the engine forgot it", function()
    local script, results, to = scripts.new "return 1", {}, connection()
    assert.is_true(scripts.is_script(script))
    assert.is_false(scripts.is_script {})
    local entry = { octets = "$1\r\n0\r\n", words = 3, script = script, context = "mine", done = function(...) results[#results + 1] = { ... } end }
    script:send(to, entry)
    script:send(to, entry)
    assert.same({ "SCRIPT LOAD return 1", "EVAL return 1 0", "EVAL return 1 0" }, { words_of(to.sent[1][1]), words_of(to.sent[2][1]), words_of(to.sent[3][1]) })
    to.sent[1][2](("a"):rep(40))
    script:send(to, entry)
    assert.equal("EVALSHA " .. ("a"):rep(40) .. " 0", words_of(to.sent[4][1]))
    to.sent[4][2](nil, "NOSCRIPT no", "NOSCRIPT", to.sent[4][3])
    assert.same({ "SCRIPT LOAD return 1", "EVAL return 1 0" }, { words_of(to.sent[5][1]), words_of(to.sent[6][1]) })
    assert.same({}, results)
    to.sent[6][2](1, nil, nil, to.sent[6][3])
    assert.same({ { 1, nil, nil, "mine" } }, results)
    to.is_closed = true
    to.sent[4][2](nil, "NOSCRIPT no", "NOSCRIPT", to.sent[4][3])
    assert.same({ nil, "NOSCRIPT no", "NOSCRIPT", "mine" }, results[2])
  end)
end)
