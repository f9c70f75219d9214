--- What the files of several nodes of one gateway must have in common, as a configuration that is compared: carriers, accounts, routes, and how
--- messages are kept.  Where a node listens, its engine's address and its records are its own.
local configuration = require "smpp.nodes.configuration"
local files = require "smpp.base.luafile"
local schema = require "smpp.base.schema"

local common = {}

-- Options that name files: what is in them counts.
local TLS_FILES = { cert = true, key = true, ca = true, client_ca = true }

local STORE = { "prefix", "lease_s", "durable", "keep_s", "retry" }

--- A function that gives the text of a function of the file, with the plain values that it has from outside.
---@param config smpp.GatewayConfig
local function sources(config)
  local texts = {}
  local function lines_of(path)
    if not texts[path] then
      local list = {}
      for line in ((path == config.path and config.text or files.octets(path) or "") .. "\n"):gmatch "([^\n]*)\n" do list[#list + 1] = line end
      texts[path] = list
    end
    return texts[path]
  end
  return function(fn)
    local info = debug.getinfo(fn, "S")
    local path = info.source:match "^@(.*)$" or ""
    local words
    if path == config.path then
      words = { table.concat(lines_of(path), "\n", info.linedefined, info.lastlinedefined) }
    else
      words = { (path:match "^.*/(.*)$" or path) .. ":" .. info.linedefined } -- of this program: the folder does not count
    end
    for i = 1, 60 do
      local name, value = debug.getupvalue(fn, i)
      if not name then break end
      if type(value) == "string" or type(value) == "number" then words[#words + 1] = name .. " = " .. tostring(value) end
    end
    return table.concat(words, "\n")
  end
end

--- Options of TLS with what is in their files.
local function with_contents(tls)
  if type(tls) ~= "table" then return tls end
  local out = {}
  for name, value in pairs(tls) do
    out[name] = TLS_FILES[name] and type(value) == "string" and files.octets(value) or type(value) == "table" and with_contents(value) or value
  end
  return out
end

local function carrier(one)
  local out = schema.merge(one.options, one.own)
  out.url, out[1] = out[1], nil
  out.tls = with_contents(out.tls)
  return out
end

--- An account without what may differ: the hosts of its webhook.
local function account(own, plain)
  local out = schema.merge(plain or {}, own)
  out.line, out.webhook = nil, nil
  for i, hook in ipairs(own.webhooks or {}) do
    out.webhooks = i == 1 and {} or out.webhooks
    out.webhooks[i] = schema.merge(hook, { url = hook.url:gsub("^%w+://[^/?]*", "") })
  end
  if out.price_rows then out.prices = nil end
  return out
end

local function rule(given)
  local out = schema.merge(given)
  out.line, out.file = nil, nil
  return out
end

--- The configuration of a file.
---@param config smpp.GatewayConfig
---@return smpp.NodeConfiguration
function common.of(config)
  local sections, plain = {}, {}
  for _, one in ipairs(config.carriers) do sections["carrier " .. one.name] = carrier(one) end
  for _, list in ipairs { config.listens, config.https } do
    for _, one in ipairs(list) do
      for id, options in pairs(one.accounts or {}) do plain[id] = options end
    end
  end
  for id, own in pairs(config.accounts) do sections["account " .. id] = account(own, plain[id]) end
  for kind, list in pairs { route = config.reader.routes, incoming = config.reader.incomings } do
    for i, given in ipairs(list) do sections[("%s %d"):format(kind, i)] = rule(given) end
  end
  local store = {}
  for _, name in ipairs(STORE) do store[name] = config.store and config.store[name] end
  sections.store = store
  return configuration.of(sections, sources(config))
end

return common
