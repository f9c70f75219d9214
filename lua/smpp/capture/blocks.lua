--- The blocks of a pcapng file.
local blocks = {}

local function u16(n) return string.char(math.floor(n / 256) % 256, n % 256) end
local function u32(n) return u16(math.floor(n / 65536)) .. u16(n % 65536) end
local function padded(octets) return octets .. ("\0"):rep(-#octets % 4) end

local function block(kind, body)
  local length = u32(#body + 12)
  return u32(kind) .. length .. body .. length
end

local function option(code, value) return u16(code) .. u16(#value) .. padded(value) end

--- An address in octets: 4 or 16 of them; nil for a name.
local function address(host)
  local a, b, c, d = host:match("^(%d+)%.(%d+)%.(%d+)%.(%d+)$")
  if a then
    if tonumber(a) > 255 or tonumber(b) > 255 or tonumber(c) > 255 or tonumber(d) > 255 then return nil end
    return string.char(a, b, c, d)
  end
  if not host:find(":", 1, true) or host:find("[^%x:]") then return nil end
  local function groups(text)
    local list = {}
    for word in text:gmatch("%x+") do
      if #word > 4 then return nil end
      list[#list + 1] = u16(tonumber(word, 16))
    end
    return list
  end
  local front, back = host:match("^(.-)::(.*)$")
  local left, right = groups(front or host), groups(back or "")
  local zeros = left and right and 8 - #left - #right
  if not zeros or zeros < 0 or not front and zeros ~= 0 then return nil end
  return table.concat(left) .. ("\0\0"):rep(zeros) .. table.concat(right)
end

blocks.u16, blocks.u32, blocks.padded, blocks.option, blocks.address = u16, u32, padded, option, address

--- The head of a file.
---@return string
function blocks.section()
  return block(0x0A0D0D0A, u32(0x1A2B3C4D) .. u16(1) .. u16(0) .. ("\255"):rep(8) .. option(4, "smpp (Lua)") .. u32(0))
end

--- What the packets are, with times in microseconds.
---@param linktype integer
---@return string
function blocks.interface(linktype) return block(1, u16(linktype) .. u16(0) .. u32(0) .. option(9, "\6") .. u32(0)) end

--- A packet.
---@param packet string
---@param time number  seconds since 1970
---@param o { comment: string?, direction: "in"|"out"|nil }
---@return string
function blocks.packet(packet, time, o)
  local microseconds = math.floor(time * 1e6 + 0.5)
  local extra = {}
  if o.comment then extra[#extra + 1] = option(1, o.comment) end
  if o.direction then extra[#extra + 1] = option(2, u32(o.direction == "in" and 1 or 2)) end
  if #extra > 0 then extra[#extra + 1] = u32(0) end
  return block(6, u32(0) .. u32(math.floor(microseconds / 4294967296)) .. u32(microseconds % 4294967296)
    .. u32(#packet) .. u32(#packet) .. padded(packet) .. table.concat(extra))
end

--- Secrets of TLS, lines of a key log.
---@param lines string
---@return string
function blocks.tls_keys(lines) return block(10, u32(0x544C534B) .. u32(#lines) .. padded(lines)) end

return blocks
