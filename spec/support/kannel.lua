--- Kannel's bearerbox and smsbox, bound to our message centre.
local http = require "spec.support.http"
local peers = require "spec.support.peers"
local shell = require "spec.support.shell"

local kannel = {}

local CONFIGURATION = [[
group = core
admin-port = $ADMIN
admin-interface = 127.0.0.1
admin-password = secret
smsbox-port = $BOX
smsbox-interface = 127.0.0.1
box-allow-ip = 127.0.0.1
dlr-storage = internal
sms-resend-freq = 1
log-level = 1

$HEAD
$BINDS
group = smsbox
bearerbox-host = 127.0.0.1
bearerbox-port = $BOX
sendsms-port = $SEND
sendsms-interface = 127.0.0.1
sendsms-chars = "+0123456789 -"
mo-recode = false
log-level = 1

group = sendsms-user
username = tester
password = tester
max-messages = 10
concatenation = true

group = sms-service
keyword = default
accept-x-kannel-headers = true
catch-all = true
max-messages = 10
concatenation = true
get-url = "http://127.0.0.1:$WEB/mo?from=%p&to=%P&text=%b&coding=%c&charset=%C&udh=%u&service=%n&tlvs=%D"
]]

local BIND = [[
group = smsc
smsc = smpp
smsc-id = mc
host = 127.0.0.1
$WAY
smsc-username = $USER
smsc-password = $PASSWORD
system-type = VMA
address-range = ""
enquire-link-interval = 1
reconnect-delay = 1
source-addr-autodetect = true
$SMSC
]]

-- One connection each; tx and rx are two connections of one name.
local WAYS = {
  trx = { "port = $PORT\ntransceiver-mode = true" },
  ["tx+rx"] = { "port = $PORT\ntransceiver-mode = false", "receive-port = $PORT\ntransceiver-mode = false" },
}

---@class spec.Kannel
---@field web { path: string, query: table<string, string> }[]  requests of Kannel to our web server
local Kannel = {}
local mt = { __index = Kannel }

local function try(o, web)
  local admin, box, send = peers.free_ports(3)
  local folder, remove = shell.folder()
  local binds = {}
  for i, way in ipairs(WAYS[o.bind]) do
    binds[i] = BIND:gsub("%$WAY", way):gsub("%$(%u+)", {
      PORT = o.port, SMSC = o.smsc or "", USER = o.username or "kannel", PASSWORD = o.password or "secret",
    })
  end
  local values = { ADMIN = admin, BOX = box, SEND = send, WEB = web.port, BINDS = table.concat(binds, "\n"), HEAD = o.head or "" }
  local path = folder .. "/kannel.conf"
  shell.write(path, (CONFIGURATION:gsub("%$(%u+)", values)))
  local bearerbox = peers.start("bearerbox", { "bearerbox", "-v", "1", path })
  local smsbox
  -- smsbox exits if bearerbox does not listen yet; sendsms answers once it is connected.
  local ready = peers.wait("bearerbox", function()
    return bearerbox.exited and "failed" or http.get(admin, "/status.txt", { password = "secret" }) == 200 and "ready"
  end)
  if ready == "ready" then
    smsbox = peers.start("smsbox", { "smsbox", "-v", "1", path })
    ready = peers.wait("smsbox", function()
      if smsbox.exited or bearerbox.exited then return "failed" end
      local _, status = http.get(admin, "/status.txt", { password = "secret" })
      return status and status:find("smsbox:", 1, true) and http.get(send, "/cgi-bin/sendsms") and "ready"
    end)
  end
  remove()
  if ready == "failed" then
    local words = table.concat((smsbox or bearerbox).lines, "\n")
    bearerbox:stop()
    if smsbox then smsbox:stop() end
    return nil, words
  end
  return setmetatable({ admin = admin, send_port = send, bearerbox = bearerbox, smsbox = smsbox }, mt)
end

--- Starts both; retries with other ports if one is in use meanwhile.
---@param o { port: integer, bind: "trx"|"tx+rx", username: string?, password: string?, smsc: string?, head: string?, reply: (fun(query: table): string)? }
---  smsc: lines for each connection; head: groups before them; reply: the answer of the service to an MO message
---@return spec.Kannel
function kannel.start(o)
  local seen = {}
  local web = peers.closes(http.server(function(path, query)
    seen[#seen + 1] = { path = path, query = query }
    return path == "/mo" and o.reply and o.reply(query) or ""
  end))
  local self, words
  for _ = 1, 5 do
    self, words = try(o, web)
    if self then break end
  end
  if not self then error("Kannel does not start: " .. words, 2) end
  self.web_port, self.web = web.port, seen
  return self
end

--- Sends a message through the sendsms interface of smsbox: HTTP status, body.
---@async
function Kannel:sendsms(query)
  query.username, query.password = "tester", "tester"
  return http.get(self.send_port, "/cgi-bin/sendsms", query)
end

--- A URL that Kannel requests for a receipt: type is Kannel's mask, 1 delivered, 2 failed, 4 buffered, 8 and 16 the MC's answer.
function Kannel:dlr_url(name)
  return ("http://127.0.0.1:%d/dlr?name=%s&type=%%d&words=%%A&id=%%F&tlvs=%%D"):format(self.web_port, name)
end

--- Waits for the next request to our web server at a path, and removes it from the list.
---@async
---@return table<string, string> query
function Kannel:visit(path, fits)
  return peers.wait("Kannel to ask for " .. path, function()
    for i, visit in ipairs(self.web) do
      if visit.path == path and (not fits or fits(visit.query)) then
        table.remove(self.web, i)
        return visit.query
      end
    end
  end)
end

--- The status page of bearerbox.
---@async
function Kannel:status() return select(2, http.get(self.admin, "/status.txt", { password = "secret" })) end

--- Shuts bearerbox down as an operator does.  It unbinds at once; does not wait for the end of its process (1.4.5
--- sometimes hangs).
---@async
function Kannel:shutdown() http.get(self.admin, "/shutdown", { password = "secret" }) end

return kannel
