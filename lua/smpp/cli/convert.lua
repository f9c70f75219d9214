--- Converters of argparse: what an option's word means, or what is wrong with it.
local convert = {}

--- A number in a range.
---@param least number
---@param most? number
---@param is_integer? boolean
---@return fun(word: string): number?, string?
function convert.number(least, most, is_integer)
  local expected = is_integer and "an integer" or "a number"
  if least > 0 and least < 1 then
    expected = expected .. " above 0"
  elseif most and most < 1e15 then
    expected = ("%s from %.15g to %.15g"):format(expected, least, most)
  elseif least > -1e15 then
    expected = ("%s of at least %.15g"):format(expected, least)
  end
  return function(word)
    local n = tonumber(word)
    if n and n >= least and n <= (most or 1e15) and not (is_integer and n % 1 ~= 0) then return n end
    return nil, ("invalid value '%s': expected %s"):format(word, expected)
  end
end

--- Seconds.
convert.seconds = convert.number(0, 1e9)

--- Where to listen: [HOST:]PORT.
---@param word string
---@return { host: string, port: integer }?
---@return string? message
function convert.listen(word)
  local host, port = word:match "^%[(.*)%]:(%d+)$"
  if not host then host, port = word:match "^([^:]*):(%d+)$" end
  if not host then host, port = "127.0.0.1", word:match "^%d+$" end
  port = tonumber(port)
  if host == "" or not port or port > 65535 then
    return nil, ("invalid value '%s': expected PORT or HOST:PORT, port 0 picks one"):format(word)
  end
  return { host = host, port = port }
end

return convert
