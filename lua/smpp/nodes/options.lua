--- Options of a gateway's store on an engine: those of several nodes, also in the query of its URL.
local kind = require "smpp.base.kind"
local mistake = require "smpp.base.mistake"
local net = require "smpp.base.net"
local schema = require "smpp.base.schema"

local options = {}

local NAME, NAME_TEXT = "^[%w_.-]+$", "a name of at most 32 letters, digits, _ . and -"

local function name_problem(text)
  if type(text) == "string" and #text <= 32 and text:find(NAME) then return nil end
  return mistake.wrong(NAME_TEXT, text)
end

options.schema = schema.new {
  { "node", kind.checked(NAME_TEXT, name_problem, function(word) return word end), nil,
    "the name of this node, unlike that of every other", 'node = "a"', default_text = "SMPP_NODE, else HOSTNAME-PORT" },
  { "prefix", kind.text(64), "smpp", "of all keys: two gateways in one engine have two", 'prefix = "eu"' },
  { "lease_s", kind.with_unit("s", kind.real(2, 60)), 10, "after so long without a sign of life a node's binds and work are others'", "lease_s = 5" },
  { "durable", kind.one_of("engine", "replica", "disk"), "engine",
    "what has to be before a message is answered: the engine has it; a replica has it (WAIT); both have it on their disks (WAITAOF)",
    'durable = "replica"' },
  { "replicas", kind.integer(1, 16), 1, "how many replicas durable waits for", "replicas = 2" },
  { "wait_ms", kind.integer(1, 60000), 1000, "how long it waits for them; then the message is refused (ms)", "wait_ms = 200" },
  { "timeout_s", kind.with_unit("s", kind.real(0.1, 60)), 2, "limit for a command of the engine", "timeout_s = 1" },
  { "max_waiting_octets", kind.integer(0, 2 ^ 53), 0,
    "limit for all messages that wait, as `smpp_store_octets` counts them (octets); 0: the engine's maxmemory decides",
    "max_waiting_octets = 1000000000" },
}

--- Takes options of nodes out of the query of a URL.
---@param url string
---@return string? url    for smpp.valkey
---@return table|smpp.Mistake options  or what is wrong
function options.of_url(url)
  local main, query = url:match "^([^?]*)%?(.*)$"
  if not main then return url, {} end
  local words, rest = {}, {}
  for piece in query:gmatch "[^&]+" do
    local name, value = piece:match "^([^=]+)=(.*)$"
    name = net.decode(name or piece)
    if options.schema.by_name[name] then words[name] = net.decode(value or "true") else rest[#rest + 1] = piece end
  end
  local o, wrong = options.schema:parse_all(words)
  if not o then return nil, wrong end
  return rest[1] and main .. "?" .. table.concat(rest, "&") or main, o
end

--- The name of this node.
---@param given string?  the option
---@param port integer?  of its first listener
---@param environment? fun(name: string): string?  default os.getenv
---@param host? string    default: of the system
---@return string? name
---@return string? message
function options.name(given, port, environment, host)
  local name = given or (environment or os.getenv) "SMPP_NODE"
  if not name or name == "" then
    local file = not host and io.open "/proc/sys/kernel/hostname"
    host = host or file and file:read "*l" or (environment or os.getenv) "HOSTNAME" or "node"
    if file then file:close() end
    name = ("%s-%d"):format(host:gsub("[^%w_.-]", "-"):sub(1, 26), port or 0)
  end
  local wrong = name_problem(name)
  if wrong then return nil, "node: " .. wrong.message end
  return name
end

return options
