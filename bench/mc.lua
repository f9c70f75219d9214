-- The peer of bench/path.lua: a message centre that answers, sends requested receipts, or pushes messages.
-- Arguments: [deliver_sm | message | message_3 | receipt | answer | bot | dialogues] [COUNT]: what to push to the first bound client, and how many.
-- Prints its port; ends when killed.  A destination 4999 gets no receipt.
local smpp = require "smpp"

local kind, count = arg[1], tonumber(arg[2])
local WINDOW = 100

local ADDRESSES = { source_addr_ton = 1, source_addr_npi = 1, source_addr = "491761234567", dest_addr_ton = 3, destination_addr = "12345" }

local function with(fields)
  for name, value in pairs(ADDRESSES) do fields[name] = value end
  return fields
end

local RECEIPT = "id:%s sub:001 dlvrd:001 submit date:2611290100 done date:2611290101 stat:DELIVRD err:000 text:Your code is 481516,"

local function receipt(id, fields)
  fields = fields or with {}
  fields.esm_class, fields.short_message = 4, RECEIPT:format(id)
  fields.receipted_message_id, fields.message_state = id, 2
  return fields
end

local parts = assert(smpp.text.split(("Ваш код 481516, он действует пять минут. "):rep(4), { reference = 0 }))

--- The n-th PDU to push.
local function pushed(n)
  if kind == "receipt" then return receipt("A" .. n) end
  if kind == "answer" or kind == "bot" or kind == "dialogues" then -- of as many subscribers
    local fields = with { short_message = "Hello number " .. n }
    fields.source_addr = ("49176%07d"):format(n % 100000)
    return fields
  end
  if kind ~= "message_3" then return with { short_message = "Your code is 481516, valid for 5 minutes" } end
  local part = parts[(n - 1) % 3 + 1].octets
  local reference = math.floor((n - 1) / 3)
  return with {
    esm_class = 0x40, data_coding = 8, source_addr = "4917612345" .. 10 + math.floor(reference / 256) % 90,
    short_message = part:sub(1, 3) .. string.char(reference % 256) .. part:sub(5),
  }
end

local last = 0

smpp.run(function()
  local server
  server = assert(smpp.server {
    port = 0, window = WINDOW, accounts = { bench = "bench" }, queue_limit = 1e6,
    submit_sm = function(session, pdu)
      last = last + 1
      local id = tostring(last)
      if pdu.registered_delivery ~= 0 and pdu.destination_addr ~= "4999" then
        local fields = receipt(id, { source_addr = pdu.destination_addr, source_addr_ton = pdu.dest_addr_ton, destination_addr = pdu.source_addr })
        server:deliver(session.system_id, fields)
      end
      return id
    end,
  })
  server:on("session", function(session)
    if not kind then return end
    local n = 0
    smpp.each(function()
      n = n + 1
      return n <= count and n or nil
    end, WINDOW / 2, function(i) assert(session:deliver_sm(pushed(i))) end)
  end)
  io.stdout:write(server.port, "\n")
  io.stdout:flush()
end)
