--- Every key that a file for `smpp sim` may have, and --set: what it is, and an example.
local settings = require "smpp.simulator.settings"

local sim_keys = {}

---@class smpp.SimKey
---@field [1] string  name
---@field [2] string  what it is
---@field [3] string  an example
---@field [4] string? its default

--- Those of the server under the simulator.
---@type smpp.SimKey[]
sim_keys.server = {
  { "host", "where to listen", 'host = "0.0.0.0"', "127.0.0.1" },
  { "port", "0 picks a free one", "port = 2776", "2775" },
  { "listen", "instead of host, port, proxy_protocol and tls: several addresses, each with its own",
    'listen = { { port = 2775 }, { host = "::1", port = 2776, proxy_protocol = true } }' },
  { "backlog", "connections that the system keeps until they are taken", "backlog = 128" },
  { "system_id", "the name it answers binds with", 'system_id = "SMSC"', "smppsim" },
  { "version", "the highest that it speaks", 'version = "3.4"', "5.0" },
  { "accounts", "who may bind: passwords, tables of limits, or a Lua file with them",
    'accounts = { me = "secret", you = { password = "x", rate_per_s = 10 } }',
    "everybody" },
  { "authenticate", "decides about binds instead: (session, bind) -> true, or nil and a status",
    "authenticate = function(session, bind) return bind.password == os.date '%H' end" },
  { "refuse_bind", "asked before the account is looked up: (session, bind) -> a status and a reason, or nothing",
    'refuse_bind = function(session, bind) if bind.system_id == "old" then return "ESME_RBINDFAIL" end end' },
  { "checks", "what is refused before anything else sees it; false: nothing", "checks = { ton = { 0, 1 }, data_coding = { 0, 8 } }", "by the book" },
  { "profile", "what data_coding and the like mean to its peers", 'profile = "gatewayapi"' },
  { "tolerate", "what of a peer's mistakes is forgiven", 'tolerate = { stray_octets = true }' },
  { "window", "requests of its own that may be unanswered on one bind", "window = 1", "100" },
  { "queue_limit", "messages and receipts that wait for an ESME, of one account", "queue_limit = 25000", "1000000" },
  { "max_waiting", "the same, of all accounts", "max_waiting = 10000", "1000000" },
  { "keep_s", "how long they wait", "keep_s = 3600", "172800" },
  { "retry_s", "until one that the ESME refused for now is sent again", "retry_s = 5", "30" },
  { "max_attempts", "how often it is sent", "max_attempts = 3" },
  { "spread", "over the receivers of an account: round_robin, least_outstanding, same_bind", 'spread = "same_bind"', "round_robin" },
  { "max_binds", "of one account at once", "max_binds = 2", "1000" },
  { "max_failed_binds", "then the connection is closed", "max_failed_binds = 1", "3" },
  { "max_unanswered", "requests of one session; beyond: ESME_RTHROTTLED", "max_unanswered = 10", "1000" },
  { "max_unanswered_in_all", "requests of all sessions whose answers take their time; beyond: ESME_RTHROTTLED", "max_unanswered_in_all = 100",
    "100000" },
  { "max_connections", "bound or not", "max_connections = 10", "20000" },
  { "max_connections_per_address", "not for 127.0.0.1", "max_connections_per_address = 2", "1000" },
  { "max_pdu_octets", "beyond: generic_nack, and the connection ends", "max_pdu_octets = 4096", "131072" },
  { "bind_timeout_s", "from connecting to a bind", "bind_timeout_s = 5", "10" },
  { "pdu_read_s", "inside one PDU", "pdu_read_s = 2", "10" },
  { "enquire_link_s", "of silence until it asks; 0: never", "enquire_link_s = 5", "30" },
  { "enquire_link_response_s", "then the session ends", "enquire_link_response_s = 2", "10" },
  { "inactivity_s", "without a request but enquire_link: unbind; 0: never", "inactivity_s = 60", "0" },
  { "response_timeout_s", "for requests of its own", "response_timeout_s = 5", "60" },
  { "answer_timeout_s", "for its handlers", "answer_timeout_s = 10", "3600" },
  { "tls", "TLS on every connection: true, or its options", "tls = true" },
  { "proxy_protocol", "the PROXY header of a balancer is taken: true, or from whom", 'proxy_protocol = { "10.0.0.0/8" }' },
  { "submit_sm", "a handler, here and for other requests by their names, takes the place of the simulator's",
    'submit_sm = function(session, pdu) return nil, "ESME_RSYSERR" end' },
}

--- Those of the simulator.
---@type smpp.SimKey[]
sim_keys.simulator = {}
for _, row in ipairs(settings.rows) do
  if row[1] ~= "file" then -- it is the argument
    local default = row[3]
    if type(default) == "table" or default == "" then default = nil end
    sim_keys.simulator[#sim_keys.simulator + 1] = { row[1], row[4], row[5], default ~= nil and tostring(default) or nil }
  end
end

local WIDTH = 96

--- A text in lines, the first and the others indented.
local function wrapped(text, first, others)
  local lines, line = {}, first
  for word in text:gmatch "%S+" do
    if #line + #word + 1 > WIDTH and line:find "%S" then
      lines[#lines + 1] = line
      line = others
    end
    line = line:find "%S" and line .. " " .. word or line .. word
  end
  lines[#lines + 1] = line
  return table.concat(lines, "\n")
end

local function put(lines, keys)
  for _, key in ipairs(keys) do
    lines[#lines + 1] = wrapped(key[3], "   ", "      ")
    lines[#lines + 1] = wrapped(key[4] and ("%s (%s)"):format(key[2], key[4]) or key[2], "        ", "        ")
  end
end

--- All of them, for `smpp sim --help`.
---@return string
function sim_keys.help()
  local lines = { "Keys of FILE and of --set, each with an example (in brackets: what holds without it):" }
  put(lines, sim_keys.simulator)
  lines[#lines + 1] = "\nKeys of the server under it; in a file that is read again only accounts change:"
  put(lines, sim_keys.server)
  return table.concat(lines, "\n")
end

return sim_keys
