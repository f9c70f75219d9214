--- What a case against an ESME is given: a scripted message centre, and the command that runs the ESME.
local external = require "smpp.scenario.external"
local schema = require "smpp.base.schema"
local smscs = require "smpp.scenario.smsc"
local text = require "smpp.text"

local client = {}

---@class smpp.ConformanceClient
---@field t smpp.ScenarioSteps
---@field smsc smpp.ScenarioSmsc
local Client = {}
local mt = { __index = Client, __name = "smpp.ConformanceClient" }

--- The placeholders of the commands.
client.placeholders = {
  host = "", port = "", system_id = "", password = "", from = "", to = "", text = "", count = "", window = "", seconds = "",
}

--- The first placeholder of a command that there is not, nil: all are known.
---@param command string
---@return string?
function client.unknown(command)
  local words, message = external.words(command)
  if not words then return message end
  return (select(2, external.fill(words, client.placeholders)))
end

---@param t smpp.ScenarioSteps
---@param o { commands: table<string, string>, patience_s: number, shared: table }
---@return smpp.ConformanceClient
function client.new(t, o)
  local smsc = smscs.new(t.world, { accounts = { tester = "secret" }, system_id = "mc", unexpected = "ignore", auto = { "enquire_link", "unbind" } })
  return setmetatable({
    t = t, o = o, smsc = smsc, shared = o.shared, process = nil, case = {},
    system_id = "tester", password = "secret", from = "12345", to = "+491761234567", text = "conformance",
  }, mt)
end

--- Starts the ESME.
---@async
---@param kind? "receipt"|"many"|"listen"|"keepalive"
---@param values? table
function Client:start(kind, values)
  local words = external.words(self.o.commands[kind or "plain"])
  local filled = external.fill(words, schema.merge({
    host = self.smsc.host, port = self.smsc.port, system_id = self.system_id, password = self.password, from = self.from, to = self.to,
    text = self.text, count = 10, window = 5, seconds = 5,
  }, values))
  for i, word in ipairs(filled) do filled[i] = "'" .. word:gsub("'", "'\\''"):gsub("[{}]", "") .. "'" end
  self.process = external.new(self.t.world, { self.smsc, table.concat(filled, " "), exit = "any" }, ".")
end

--- The bind of the ESME, not answered.
---@async
---@return smpp.ScenarioArrival
function Client:bind_request()
  local bind = self.smsc:expect("bind", {}, { within_s = self.o.patience_s })
  self.shared.version = self.shared.version or ("%d.%d"):format(math.floor(bind.interface_version / 16), bind.interface_version % 16)
  return bind
end

--- The bind of the ESME, accepted.
---@async
---@return smpp.ScenarioArrival
function Client:bound() return self:bind_request():answer() end

--- The next submit_sm.
---@async
---@return smpp.ScenarioArrival
function Client:submitted() return self.smsc:expect("submit_sm", {}, { within_s = self.o.patience_s, any = true }) end

--- The unbind of the ESME.
---@async
function Client:unbind_request() self.smsc:expect("unbind", {}, { within_s = self.o.patience_s, any = true }):answer() end

--- Fails if a submit_sm comes.
---@async
---@param seconds number
function Client:never_submits(seconds) self.smsc:never("submit_sm", { for_s = seconds }) end

--- The process ends, with 0 or with another code.
---@async
---@param wanted 0|"not 0"
function Client:ended(wanted)
  local code = self.process:wait(self.o.patience_s)
  if wanted == 0 and code ~= 0 then self.t:fail(("exit code %d although the message was accepted"):format(code)) end
  if wanted ~= 0 and code == 0 then self.t:fail "exit code 0 although the message was not accepted" end
end

--- How many submit_sm came.
---@return integer
function Client:count_submits()
  local count = 0
  for _, pdu in ipairs(self.smsc.inbox.recent) do
    if pdu.command == "submit_sm" then count = count + 1 end
  end
  return count
end

--- The text of a PDU.
---@param pdu smpp.Pdu
---@return string
function Client:text_of(pdu) return (text.read(pdu)) end -- luacheck: no self

local function u32(n) return string.char(math.floor(n / 16777216) % 256, math.floor(n / 65536) % 256, math.floor(n / 256) % 256, n % 256) end

--- The octets of a PDU.
function Client:pdu(id, sequence, body) return u32(16 + #body) .. u32(id) .. u32(0) .. u32(sequence) .. body end -- luacheck: no self

return client
