--- Tables of strings, numbers, booleans and such tables <-> octets, for stores that keep octets.

local pack = {}

local function by_type_and_name(a, b)
  if type(a) ~= type(b) then return type(a) < type(b) end
  return a < b
end

local function write(value, out)
  local kind = type(value)
  if kind == "string" then
    out[#out + 1] = "s" .. #value .. ":" .. value
  elseif kind == "number" then
    out[#out + 1] = "n" .. (value % 1 == 0 and ("%.0f"):format(value) or ("%.17g"):format(value)) .. ":"
  elseif kind == "boolean" then
    out[#out + 1] = value and "t" or "f"
  elseif kind == "table" then
    local keys = {}
    for key in pairs(value) do keys[#keys + 1] = key end
    table.sort(keys, by_type_and_name)
    out[#out + 1] = "{"
    for _, key in ipairs(keys) do
      write(key, out)
      write(value[key], out)
    end
    out[#out + 1] = "}"
  else
    error("cannot pack a " .. kind, 0)
  end
  return out
end

local function read(octets, at)
  local kind = octets:sub(at, at)
  if kind == "t" or kind == "f" then return kind == "t", at + 1 end
  if kind == "{" then
    local out = {}
    at = at + 1
    while octets:sub(at, at) ~= "}" do
      local key, value
      key, at = read(octets, at)
      value, at = read(octets, at)
      out[key] = value
    end
    return out, at + 1
  end
  local number, colon = octets:match("^([^:]+)():", at + 1)
  if kind == "n" then return tonumber(number), colon + 1 end
  local last = colon + tonumber(number)
  return octets:sub(colon + 1, last), last + 1
end

--- Writes a value.  Numbers must be finite.
---@param value any
---@return string
function pack.write(value) return table.concat(write(value, {})) end

--- Reads the consecutive values in `octets`, as written by write().
---@param octets string
---@return any[]
function pack.read_all(octets)
  local list, at = {}, 1
  while at <= #octets do list[#list + 1], at = read(octets, at) end
  return list
end

--- The position after the value at `at`.
---@param octets string  which write() made
---@param at integer
---@return integer
function pack.next(octets, at) return (select(2, read(octets, at))) end

return pack
