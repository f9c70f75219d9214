--- Files that are read whole: Lua that returns a table (accounts, simulator settings), passwords.
local file = {}

--- Compiles a text file whose globals are those of `env`.
local function load_in(path, env)
  local octets = file.octets(path)
  if not octets then return nil, "cannot open " .. path end
  if octets:sub(1, 1) == "\27" then return nil, path .. ": expected Lua, got a compiled chunk" end
  octets = octets:gsub("^#[^\n]*", "")
  local setfenv, loadstring = setfenv, loadstring -- luacheck: ignore 113
  if not setfenv then return load(octets, "@" .. path, "t", env) end -- luacheck: compat
  local chunk, message = loadstring(octets, "@" .. path)
  return chunk and setfenv(chunk, env), message
end

--- Runs a Lua file.  Errors are returned as a message, never raised.
---@param path string
---@param env? table  its globals; default: those of the program
---@return table? value
---@return string? message
function file.load(path, env)
  local chunk, message
  if env then chunk, message = load_in(path, env) else chunk, message = loadfile(path) end
  if not chunk then return nil, (message:gsub(" near .*", ""):gsub("\n.*", "")) end -- the quoted token may be a password; a traceback
  local ok, value = pcall(chunk)
  if not ok then return nil, type(value) == "string" and value or ("%s raised a %s"):format(path, type(value)) end
  if type(value) ~= "table" then return nil, ("%s: expected the file to return a table, got a %s"):format(path, type(value)) end
  return value
end

--- The octets of a file, to see whether it has changed; nil: it cannot be read.
---@param path string
---@return string? octets
---@return string? reason  without the path: "No such file or directory"
function file.octets(path)
  local handle, message = io.open(path, "rb")
  if not handle then return nil, (message:gsub("^" .. path:gsub("%p", "%%%0") .. ": ", "")) end
  local octets, reason = handle:read("*a")
  handle:close()
  return octets, reason
end

--- The first line of a file, as of one that holds a password.
---@param path string
---@return string? line
---@return string? message
function file.first_line(path)
  local handle, message = io.open(path, "rb")
  if not handle then return nil, message end
  local line = handle:read "*l"
  handle:close()
  if not line then return nil, path .. ": empty file, expected a password in its first line" end
  return (line:gsub("\r$", ""))
end

return file
