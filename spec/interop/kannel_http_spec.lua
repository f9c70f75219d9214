--- Kannel's sendsms and ours, side by side: Kannel 1.4.5 and a gateway are customers of one message centre, and get the same requests.
local async = require "spec.support.async"
local gateways = require "smpp.gateway"
local http = require "smpp.http"
local kannel = require "spec.support.kannel"
local kannel_http = require "spec.support.http"
local peers = require "spec.support.peers"
local receipts = require "smpp.receipt"
local shell = require "spec.support.shell"
local smpp = require "smpp"

local FILE = [[
listen { port = 0, accounts = { tester = { password = "tester", webhook = { url = "http://127.0.0.1:%d/mo?%s", style = "kannel" } } } }
http { port = 0, kannel = true, allow_private = true }
carrier "mc" { "smpp://gateway:secret@127.0.0.1:%d" }
route { via = "mc" }
incoming { deliver = "tester" }
]]

-- As in the configuration of spec/support/kannel.lua.
local MO = "from=%p&to=%P&text=%b&coding=%c&charset=%C&udh=%u"

--- Runs fn(w): a message centre, Kannel and a gateway; w.got: name -> submits in order, w.web: calls of the gateway.
local function with(fn)
  peers.need("bearerbox", "kannel")
  if not http.is_available() then shell.skip "no HTTP library: apt-get install libmicrohttpd-dev libcurl4-openssl-dev" end
  peers.run(function()
    local w = { got = { kannel = {}, gateway = {} }, web = {} }
    w.server = assert(smpp.server { port = 0, accounts = { kannel = "secret", gateway = "secret" }, submit_sm = function(session, pdu)
      local list = w.got[session.system_id]
      list[#list + 1] = pdu
      if pdu.destination_addr:find "99$" then return nil, "ESME_RINVDSTADR" end
      return ("%s-%d"):format(session.system_id, #list)
    end })
    w.box = kannel.start { port = w.server.port, bind = "trx" }
    local web = peers.closes(kannel_http.server(function(path, query)
      w.web[#w.web + 1] = { path = path, query = query }
      return ""
    end))
    w.web_port = web.port
    w.gateway = assert(gateways.new { path = "gateway.lua", text = FILE:format(web.port, MO, w.server.port), watch_s = 0 })
    w.port = w.gateway.http.servers[1].port
    peers.wait("both to bind", function() return #w.server.sessions == 2 end)
    fn(w)
    w.gateway:close(1)
    w.server:close(2)
    require("smpp.http.client").shut()
  end)
end

--- Sends a request to both: "status words" of each.
local function ask(w, params)
  local query = { username = "tester", password = "tester" }
  for name, value in pairs(params) do query[name] = value or nil end
  local answers = {}
  for name, port in pairs { kannel = w.box.send_port, gateway = w.port } do
    local copy = {}
    for key, value in pairs(query) do copy[key] = type(value) == "table" and value[name] or value end
    answers[name] = ("%d %s"):format(kannel_http.get(port, "/cgi-bin/sendsms", copy))
  end
  return answers
end

--- The next call of a path, of each.
local function calls(w, path)
  local of_kannel = w.box:visit(path)
  return of_kannel, peers.wait("the gateway to ask for " .. path, function()
    for i, call in ipairs(w.web) do
      if call.path == path then
        table.remove(w.web, i)
        return call.query
      end
    end
  end)
end

local BASE = { to = "491761", from = "Shop", text = "Hello" }

local function params_of(given)
  local all = {}
  for _, source in ipairs { BASE, given } do
    for name, value in pairs(source) do all[name] = value end
  end
  for name, value in pairs(all) do
    if value == false then all[name] = nil end
  end
  return all
end

describe("Kannel and a gateway", function()
  it("answer the same, and send the same", function()
    with(function(w)
      for i, given in ipairs {
        {}, { text = false }, { to = false }, { to = "" }, { from = false }, { to = "abc" }, { to = "491761 491762" }, { to = "491761 abc" },
        { coding = 3 }, { mclass = 4 }, { mwi = 8 }, { pid = 256 }, { priority = 4 }, { validity = -3 }, { ["dlr-mask"] = 1, ["dlr-url"] = "nonsense" },
        { udh = "\5\4\21" }, { account = ("a"):rep(100) }, { charset = "nosuch" }, { nosuch = 1 },
        { text = "Größe @ $_ [x] €", charset = "utf-8" }, { text = "П a", coding = 0 }, { text = "П €", coding = 2, charset = "UTF-8" },
        { text = "\4\31\0a", coding = 2 }, { text = "\4\31\0", coding = 2 }, { text = "\1\2\3", coding = 1 }, { text = "\1\2", coding = 1, mclass = 1 },
        { text = "\1\2\3", udh = "\6\5\4\21\138\0\0" }, { text = "abc", udh = "\6\5\4\21\138\0\0", coding = 0 },
        { text = "abc", udh = "\5\0\3\7\2\1", coding = 0 }, { text = "gr\252n", charset = "ISO-8859-1" },
        { mclass = 1 }, { mclass = 0, coding = 0 }, { mclass = 2, coding = 2, charset = "UTF-8" }, { mwi = 0 }, { mwi = 4 }, { mwi = 2, coding = 2, charset = "UTF-8" },
        { mwi = 1, coding = 1 }, { pid = 5, binfo = "svc", priority = 2 }, { dlrmask = 1, dlrurl = "http://127.0.0.1:1/" },
        { ["dlr-mask"] = 2, ["dlr-url"] = "http://127.0.0.1:1/" }, { ["dlr-mask"] = 24, ["dlr-url"] = "http://127.0.0.1:1/" },
        { username = "nobody" }, { user = "tester", pass = "tester" }, { password = "wrong" },
      } do
        local seen = { kannel = #w.got.kannel, gateway = #w.got.gateway }
        local answers = ask(w, params_of(given))
        local what = "request " .. i
        assert.equal(answers.kannel, answers.gateway, what)
        if answers.kannel:find "^202" then
          local count = given.to == "491761 491762" and 2 or 1
          for name, list in pairs(w.got) do
            peers.wait(("%s's submit_sm of %s"):format(name, what), function() return #list == seen[name] + count end)
          end
          local theirs, ours = w.got.kannel[seen.kannel + 1], w.got.gateway[seen.gateway + 1]
          for _, field in ipairs { "source_addr", "destination_addr", "data_coding", "short_message", "protocol_id", "service_type", "priority_flag",
            "registered_delivery" } do
            assert.same(theirs[field], ours[field], what .. ": " .. field)
          end
          assert.equal(theirs.esm_class >= 0x40, ours.esm_class >= 0x40, what)
        else
          assert.same(seen, { kannel = #w.got.kannel, gateway = #w.got.gateway }, what)
        end
      end
    end)
  end)

  it("call a dlr-url with the same values", function()
    with(function(w)
      local names, query = {}, {}
      for letter in ("abdefgkmpqrstuvxyzABCEGHJKLMNOPQSUVWXYZ"):gmatch "." do
        local name = letter:find "%u" and letter .. letter or letter
        names[#names + 1], query[#query + 1] = name, ("%s=%%%s"):format(name, letter)
      end
      local url = "http://127.0.0.1:%d/dlr?" .. table.concat(query, "&"):gsub("%%", "%%%%") .. "&percent=%%%%&one=%%1"
      local function both(to)
        local answers = ask(w, { to = to, from = "0049123", text = "Hello big World", ["dlr-mask"] = 31, account = "job",
          ["dlr-url"] = { kannel = url:format(w.box.web_port), gateway = url:format(w.web_port) } })
        assert.equal(answers.kannel, answers.gateway)
      end
      local function same(bit)
        local theirs, ours = calls(w, "/dlr")
        assert.equal(bit, ours.d)
        theirs.t, ours.t = theirs.t:sub(1, 10), ours.t:sub(1, 10)
        for _, name in ipairs(names) do
          local mine = (ours[name] or ""):gsub("gateway%-(%d+)", "kannel-%1")
          if name == "e" then mine = mine:gsub("67617465776179", "6B616E6E656C") end
          assert.equal(theirs[name] or "", mine, bit .. " " .. name)
        end
        assert.same({ theirs.percent, theirs.one }, { ours.percent, ours.one })
      end
      both "00491761"
      same "8"
      for _, account in ipairs { "kannel", "gateway" } do
        assert(w.server:deliver(account, assert(receipts.deliver_sm {
          id = account .. "-1", state = "DELIVERED", submit = w.got[account][1], done = 1796011493, err = 0, text = "Hello",
        })))
      end
      same "1"
      both "+4917699"
      same "16"
    end)
  end)

  it("call for messages from phones with the same values", function()
    with(function(w)
      for _, fields in ipairs {
        { source_addr_ton = 1, source_addr_npi = 1, short_message = "Gr\126\126e  big @" },
        { source_addr_ton = 2, short_message = "\4\31\0 \0a", data_coding = 8 },
        { source_addr_ton = 1, short_message = "\6\5\4\21\138\0\0\1\2\3", data_coding = 0xF5, esm_class = 0x40, protocol_id = 5 },
      } do
        fields.source_addr, fields.destination_addr = "491761", "00777"
        for _, account in ipairs { "kannel", "gateway" } do assert(w.server:deliver(account, fields)) end
        local theirs, ours = calls(w, "/mo")
        for _, name in ipairs { "from", "to", "text", "coding", "charset", "udh" } do assert.equal(theirs[name] or "", ours[name] or "", name) end
      end
      async.wait_until(function() return w.gateway.http.webhooks.count == 0 end)
    end)
  end)
end)
