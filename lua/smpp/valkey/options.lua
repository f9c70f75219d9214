--- The options of smpp.valkey.connect, as rows, and its URLs:
--- valkey://[user[:password]@]host[:port][,host…][/db][?option=value]
local files = require "smpp.base.luafile"
local kind = require "smpp.base.kind"
local mistake = require "smpp.base.mistake"
local net = require "smpp.base.net"
local schema = require "smpp.base.schema"
local tls_options = require "smpp.transport.tls_options"
local transport = require "smpp.transport"

local options = {}

local PORT, SENTINEL_PORT = 6379, 26379

local address = schema.new { { "host", kind.host, required = true }, { "port", kind.integer(1, 65535), PORT } }

local reconnect = schema.new {
  { "min_s", kind.seconds, 0.1, "the first pause; each is twice as long as the one before", "min_s = 1" },
  { "max_s", kind.seconds, 5, "the longest", "max_s = 30" },
}

options.schema = schema.new {
  { 1, "string", nil, "the URL", '"valkey://:secret@localhost"', program = true },
  { "hosts", kind.list(address, "tables { host, port }"), nil, "instead of a URL", 'hosts = { { host = "10.0.0.1", port = 6379 } }', program = true },
  { "user", "string", nil, "user name of the engine's ACL", 'user = "gateway"', default_text = '"default"' },
  { "password", "string", nil, "password", 'password = "secret"', secret = true },
  { "password_file", "string", nil, "file with the password in its first line, read at each connection", 'password_file = "/etc/smpp/engine"' },
  { "password_env", "string", nil, "environment variable with the password, where there is no other",
    'password_env = "ENGINE_PASSWORD"', program = true },
  { "db", kind.integer(0, 1000000), 0, "number of the database", "db = 1" },
  { "tls", transport.kind("tls", "connect"), nil, "true: TLS, like valkeys://; or its options", "tls = true" },
  { "sentinel", "string", nil, "the hosts are sentinels; the name by which they know the primary", 'sentinel = "mymaster"' },
  { "sentinel_password", "string", nil, "password of the sentinels", 'sentinel_password = "secret"', secret = true },
  { "cluster", "boolean", false, "the hosts are of a cluster, like valkey+cluster://", "cluster = true", program = true },
  { "tag", "string", nil, "in a cluster: the hash tag of all keys; the client follows its slot", 'tag = "bot"' },
  { "protocol", kind.integer(2, 3), 3, "highest version of RESP", "protocol = 2" },
  { "client_name", kind.text(64), "smpp", "name of the connection in CLIENT LIST", 'client_name = "bot"' },
  { "timeout_s", kind.seconds, 2, "limit for a reply: then the connection is closed, and made anew", "timeout_s = 5" },
  { "connect_timeout_s", kind.seconds, 2, "limit for a connection, with its first replies", "connect_timeout_s = 1" },
  { "reconnect", reconnect, nil, "pauses between attempts", "reconnect = { max_s = 30 }" },
  { "queue_octets", kind.octets, 16 * 1024 * 1024, "limit for commands that wait for a connection or for a reply", "queue_octets = 65536" },
  { "reply_octets", kind.octets, 64 * 1024 * 1024, "limit for one reply", "reply_octets = 1048576" },
  { "wait", "boolean", false, "connect returns at once, and attempts go on until there is a connection", "wait = true" },
  { "loop", "table", nil, "event loop", "loop = loop", default_text = "the current one", program = true },
}

-- "+sentinel" or "+cluster" follows the scheme.
local SCHEMES = { valkey = {}, redis = {}, valkeys = { tls = true }, rediss = { tls = true } }

--- A URL as messages show it: what may be a password is not.
local function masked(text)
  local scheme, rest = text:match "^([%a+]*:/*)(.*)$"
  rest = (rest or text):gsub("^([^:@]*):.*@", "%1:***@"):gsub("^[^:@]*@", "***@"):gsub("([?&][^=&]*password=)[^&]*", "%1***")
  return (scheme or "") .. rest
end

local NO_DB = "expected 0 in a cluster, which has no other, got %d"

local NO_TAG = "tag: missing: all keys of a client in a cluster have one hash tag; with tag = \"bot\" they are like '{bot}:greeting'"

local function wrong_url(text)
  return nil, mistake.new(("invalid URL '%s': expected valkey://user:password@host:%d/db"):format(masked(text), PORT))
end

--- Options whose names differ in a URL.
local function of_word(name, word)
  if name == "name" then name = "sentinel" end
  return tls_options.of_url(name, word)
end

--- Reads a URL.
---@param text string
---@return table? options
---@return smpp.Mistake? wrong
function options.of_url(text)
  local scheme, variant, rest = text:match "^(%a+)(%+?%a*)://(.*)$"
  local implied = scheme and SCHEMES[scheme:lower()]
  if not implied then return wrong_url(text) end
  if variant ~= "" and variant ~= "+sentinel" and variant ~= "+cluster" then return wrong_url(text) end
  local main, query = rest:match "^([^?]*)%??(.*)$"
  local place, db = main:match "^(.*)/(%d*)$"
  place = place or main
  local user, hosts = place:match "^(.*)@([^@]*)$"
  hosts = hosts or place
  if hosts:find("/", 1, true) then return wrong_url(text) end
  local words = {}
  for piece in query:gmatch "[^&]+" do
    local name, value = piece:match "^([^=]+)=(.*)$"
    local option, word = of_word(net.decode(name or piece), name and net.decode(value) or "true")
    words[option] = word
  end
  local o, wrong = options.schema:parse_all(words)
  if not o then return nil, wrong end
  if implied.tls and o.tls == nil then o.tls = true end
  if db and db ~= "" then o.db = tonumber(db) end
  if user then
    local id, password = user:match "^([^:]*):(.*)$"
    if id and id ~= "" then o.user = net.decode(id) end
    local decoded = net.decode(password or user) -- "password@" is a password, as ":password@" is
    if decoded ~= "" then o.password = decoded end
  end
  if variant == "+sentinel" and not o.sentinel then return nil, mistake.inside(mistake.new "missing: the sentinels' name of the primary", "name") end
  if o.sentinel and variant ~= "+sentinel" then return nil, mistake.inside(mistake.new "expected the scheme valkey+sentinel", "name") end
  if variant == "+cluster" then
    o.cluster = true
    if o.db and o.db ~= 0 then return nil, mistake.inside(mistake.new(NO_DB:format(o.db)), "db") end
  end
  o.hosts = {}
  for piece in (hosts .. ","):gmatch "([^,]*)," do
    local host, message = net.read_address(piece, o.sentinel and SENTINEL_PORT or PORT)
    if not host then return nil, mistake.new(message) end
    o.hosts[#o.hosts + 1] = host
  end
  return o
end

--- The password of a connection that is made now.
---@param o table
---@return string? password
---@return string? message  it cannot be read
function options.password(o)
  if o.password then return o.password end
  if o.password_file then
    local line, message = files.first_line(o.password_file)
    return line, not line and "password_file: " .. message or nil
  end
  local word = o.password_env and os.getenv(o.password_env)
  return word ~= "" and word or nil
end

--- The options of a program: a URL, or a table that may have one in front and wins over it.
---@param given string|table
---@param level integer  as of `error`, seen from the caller
---@return table
function options.read(given, level)
  if type(given) == "string" then given = { given } end
  options.schema:check(given, level + 1)
  local of_url = {}
  if given[1] then
    local wrong
    of_url, wrong = options.of_url(given[1])
    if not of_url then mistake.raise(wrong, level + 1) end
  elseif not given.hosts or #given.hosts == 0 then
    error("expected a URL or hosts", level + 1)
  end
  local o = options.schema:fill(of_url, given)
  o[1] = nil
  local hosts = {}
  for i, host in ipairs(o.hosts) do hosts[i] = { host = host.host, port = host.port or PORT } end
  o.hosts, o.reconnect = hosts, reconnect:fill(o.reconnect)
  if o.cluster then
    if o.db ~= 0 then error("db: " .. NO_DB:format(o.db), level + 1) end
    if o.sentinel then error("expected either sentinels or a cluster", level + 1) end
    if not o.tag then error(NO_TAG, level + 1) end
  end
  return o
end

return options
