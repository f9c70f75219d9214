--- Registry of implementations by name, loaded on first use; programs can add their own.
local core = require "smpp.core"

local registry = {}

local Registry = {}
local mt = { __index = Registry, __name = "smpp.Registry" }

---@class smpp.Registry

--- Makes a registry.
---@param what string  what its entries are, for messages: "store"
---@param entries table<string, any>  a string is the name of a module
---@return smpp.Registry
function registry.new(what, entries)
  local self = setmetatable({ what = what, entries = {} }, mt)
  for name, entry in pairs(entries) do self.entries[name] = entry end
  return self
end

--- Adds an entry, or replaces one.
---@param name string
---@param entry any  a string is the name of a module
function Registry:add(name, entry)
  if type(name) ~= "string" or entry == nil then error(("add: expected a name and a %s"):format(self.what), 2) end
  self.entries[name] = entry
end

--- The error for an unknown name; nil: the name is known.
---@param name any
---@return string? message
function Registry:wrong(name)
  if self.entries[name] ~= nil then return nil end
  local like = core.suggest(tostring(name), self.entries)
  return ("unknown %s '%s'%s"):format(self.what, tostring(name), like and ("; did you mean '" .. like .. "'?") or "")
end

--- The entry of a name; raises when there is none.
---@param name string
---@param level? integer  as of `error`
---@return any entry
function Registry:get(name, level)
  local entry = self.entries[name]
  if entry == nil then error(self:wrong(name), (level or 1) + 1) end
  return type(entry) == "string" and require(entry) or entry
end

--- All names, sorted.
---@return string[]
function Registry:names()
  local list = {}
  for name in pairs(self.entries) do list[#list + 1] = name end
  table.sort(list)
  return list
end

return registry
