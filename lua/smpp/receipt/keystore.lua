--- The interface of key stores, in which a tracker keeps open messages.  The C map has it; a store shared by several processes
--- may be written in Lua.  Values that are tables become octets by smpp.receipt.pack.
local keystore = {}

---@class smpp.KeyStore  keys and values are strings of any octets
---@field get fun(self, key: string): string?
---@field put fun(self, key: string, value: string, now: number): boolean?  false: full.  An entry that is there keeps its age
---@field delete fun(self, key: string): boolean?
---@field expire fun(self, now: number): string?, string?  removes and returns the oldest expired entry
---@field next_expiry fun(self): number?
---@field count fun(self): integer

local METHODS = { "get", "put", "delete", "expire", "next_expiry", "count" }

--- Validates a key store: the error, nil: valid.
---@param value any
---@return string? message
function keystore.wrong(value)
  local kind = type(value)
  if kind ~= "table" and kind ~= "userdata" then return "expected a key store, got a " .. kind end
  for _, method in ipairs(METHODS) do
    if not value[method] then return "invalid key store: missing method '" .. method .. "'" end
  end
end

return keystore
