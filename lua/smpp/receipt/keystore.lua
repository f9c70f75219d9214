--- Where a tracker keeps what is open: the interface of key stores.  The C map has it; a store that several processes share
--- may be written in Lua.  Values that are tables become octets by smpp.receipt.pack.
local keystore = {}

---@class smpp.KeyStore  keys and values are strings of any octets
---@field get fun(self, key: string): string?
---@field put fun(self, key: string, value: string, now: number): boolean?  false: full.  An entry that is there keeps its age
---@field delete fun(self, key: string): boolean?
---@field expire fun(self, now: number): string?, string?  takes out and returns the oldest entry whose time is up
---@field next_expiry fun(self): number?
---@field count fun(self): integer

local METHODS = { "get", "put", "delete", "expire", "next_expiry", "count" }

--- What is wrong with a key store, nil: nothing.
---@param value any
---@return string? message
function keystore.wrong(value)
  local kind = type(value)
  if kind ~= "table" and kind ~= "userdata" then return "a key store expected, got " .. kind end
  for _, method in ipairs(METHODS) do
    if not value[method] then return "a key store needs the method '" .. method .. "'" end
  end
end

return keystore
