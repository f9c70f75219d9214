--- Lua files that return a table: accounts, simulator settings.
local file = {}

--- Runs a Lua file.  Errors are returned as a message, never raised.
---@param path string
---@return table? value
---@return string? message
function file.load(path)
  local chunk, message = loadfile(path)
  if not chunk then return nil, (message:gsub(" near .*", "")) end -- the quoted token may be a password
  local ok, value = pcall(chunk)
  if not ok then return nil, type(value) == "string" and value or ("%s raised a %s"):format(path, type(value)) end
  if type(value) ~= "table" then return nil, ("%s: expected the file to return a table, got a %s"):format(path, type(value)) end
  return value
end

--- The octets of a file, to see whether it has changed; nil: it cannot be read.
---@param path string
---@return string?
function file.octets(path)
  local handle = io.open(path, "rb")
  if not handle then return nil end
  local octets = handle:read("*a")
  handle:close()
  return octets
end

return file
