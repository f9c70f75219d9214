--- A gateway with an HTTP API on the luv loop, and a carrier; for specs.
local async = require "spec.support.async"
local client = require "smpp.http.client"
local gateways = require "smpp.gateway"
local http = require "smpp.http"
local json = require "smpp.codec.json"
local shell = require "spec.support.shell"
local smpp = require "smpp"
local task = require "smpp.base.task"

local support = {}

local World = {}
World.__index = World

support.TOKEN, support.OTHER = "acme-token-1", "bank-token-1"

local FILE = [[
listen { port = 0, accounts = { acme = { password = "secret", token = "acme-token-1" %s }, bank = { password = "hidden", token = "bank-token-1" } } }
http { port = 0, max_to = 4 %s }
%s
carrier "a" { "smpp://me:x@127.0.0.1:%d" %s }
%s
]]

--- A body for `it`: fn(world).  o: { store, shared (fn(loop): the statement of a store in an engine), account, http, carrier, rules, answer }; answer(session, pdu, n): as a handler of smpp.server.
---@param o table
---@param fn fun(world: table, loop: smpp.Loop, errors: string[])
function support.world(o, fn)
  return function()
    if not http.is_available() then shell.skip "no HTTP library: apt-get install libmicrohttpd-dev libcurl4-openssl-dev" end
    async.luv(function(loop, errors)
      local w = setmetatable({ got = {}, records = {}, loop = loop, token = support.TOKEN }, World)
      local function handle(session, pdu)
        if pdu.command ~= "cancel_sm" or o.cancels then w.got[#w.got + 1] = pdu end
        if o.answer then return o.answer(session, pdu, #w.got) end
        if pdu.command == "cancel_sm" then return true end
        return "c-" .. #w.got
      end
      w.carrier = assert(smpp.server { port = 0, retry_s = 0.05, accounts = { me = "x" }, submit_sm = handle, cancel_sm = handle })
      local port = o.down and 1 or w.carrier.port
      w.text = FILE:format(o.account or "", o.http or "", o.shared and o.shared(loop) or o.store and 'store "none.db"' or "", port, o.carrier or "", o.rules or 'route { via = "a" }')
      w.store = type(o.store) == "function" and o.store(loop) or o.store and require("smpp.store").memory() or nil
      w.gateway = assert(gateways.new { path = "gateway.lua", text = w.text, watch_s = 0, store = w.store, log = function(record)
        w.records[#w.records + 1] = record
        if record.event == "failed" then errors[#errors + 1] = record.reason end
      end })
      if not o.down then async.wait_until(function() return w.gateway.carriers[1].client and w.gateway.carriers[1].client:is_ready() end) end
      w.url = w.gateway.http.servers[1].url
      local ok, err = task.traced_pcall(fn, w, loop, errors)
      w.gateway:close(2)
      w.carrier:close(0)
      client.shut()
      if not ok then error(err .. "\n" .. table.concat(errors, "\n"), 0) end
    end, o.limit_s)()
  end
end

--- Calls: status, the decoded body, the answer.
---@async
function World:call(method, path, body, o)
  o = o or {}
  local headers = {}
  if o.token ~= false then headers[1] = "Authorization: Bearer " .. (o.token or self.token) end
  if body then headers[#headers + 1] = "Content-Type: " .. (o.type or "application/json") end
  for _, line in ipairs(o.headers or {}) do headers[#headers + 1] = line end
  local octets = type(body) == "table" and json.encode(body) or body
  local answer = assert(http.request { url = self.url .. path, method = method, body = octets, headers = headers })
  return answer.status, (answer.headers["content-type"] or ""):find "json$" and json.decode(answer.body, json.null) or answer.body, answer
end

--- Sends; status, the decoded body, the answer.
---@async
function World:send(fields, o)
  local body = { from = "Shop", to = "+491761234567", text = "Hello" }
  for name, value in pairs(fields or {}) do body[name] = value end
  for _, name in ipairs(o and o.without or {}) do body[name] = nil end
  return self:call("POST", "/v1/messages", body, o)
end

--- A receipt of the carrier.
function World:receipt(id, stat, err)
  assert(self.carrier:deliver("me", {
    source_addr = "491761234567", destination_addr = "Shop", esm_class = 4,
    short_message = ("id:%s sub:001 dlvrd:001 submit date:2611291200 done date:2611291200 stat:%s err:%s text:Hello"):format(id, stat or "DELIVRD", err or "000"),
  }))
end

--- Waits until a message is in a state; the message.
---@async
function World:wait(id, state)
  local message
  async.wait_until(function()
    local status
    status, message = self:call("GET", "/v1/messages/" .. id)
    return status == 200 and message.state == state
  end)
  return message
end

return support
