--- The metrics of gateways, smpp_gateway_*; docs/metrics.md has the table.
local registry = require("smpp.metrics").registry

local figures = {
  messages = registry:counter("smpp_gateway_messages", "Messages of customers that have got their response.", { "account", "result" }),
  carrier_messages = registry:counter("smpp_gateway_carrier_messages", "Messages sent to carriers, by outcome.", { "carrier", "result" }),
  receipts = registry:counter("smpp_gateway_receipts", "Receipts from carriers.", { "carrier", "result" }),
  maybe_twice = registry:counter("smpp_maybe_twice", "Messages that are sent again, and may have been taken before.", {}),
  incoming = registry:counter("smpp_gateway_incoming", "Incoming messages from carriers.", { "carrier" }),
}

local open = setmetatable({}, { __mode = "k" }) -- gateways, until they are closed

--- Calls put for each carrier of the gateways there are.
local function each_carrier(put)
  for gateway in pairs(open) do
    for _, carrier in ipairs(gateway.carriers) do put(carrier) end
  end
end

registry:computed("gauge", "smpp_gateway_carrier_available", "Is the carrier available?  1: yes.", { "carrier" }, function(put)
  each_carrier(function(carrier) put((carrier:available()) and 1 or 0, carrier.name) end)
end)

registry:computed("gauge", "smpp_gateway_carrier_outstanding", "Messages at a carrier without an outcome.", { "carrier" }, function(put)
  each_carrier(function(carrier) put(carrier.outstanding, carrier.name) end)
end)

registry:computed("gauge", "smpp_gateway_stored_messages", "Messages in the store that are not taken by a carrier yet.", {}, function(put)
  local count = 0
  for gateway in pairs(open) do count = count + (gateway.books and gateway.books.waiting.count or 0) end
  put(count)
end)

-- ---- messages by rule ----

local MOST_LINES = 1000 -- lines with a series of their own; messages of the rules of others are counted as line "other"

local totals, lines = {}, 0 -- statement -> line -> messages, of rules that are gone (file reloaded, gateway closed)

--- The label of a line: the first MOST_LINES that match a message keep theirs.
local function label_of(statement, line)
  local known = totals[statement]
  if not known then
    known = {}
    totals[statement] = known
  end
  line = line and tostring(line) or "none"
  if not known[line] then
    if lines >= MOST_LINES then line = "other" else lines = lines + 1 end
    known[line] = known[line] or 0
  end
  return line
end

--- Calls put(count, statement, line) for the rules that a gateway has now.
local function each_rule(gateway, put)
  for _, rules in ipairs { gateway.route, gateway.incoming } do
    local matched = gateway.state.matched[rules.kind]
    rules:each_matched(matched, function(count, line) put(count, rules.kind, label_of(rules.kind, line)) end)
  end
end

registry:computed("counter", "smpp_gateway_rule_messages", "Messages that a rule has matched, by its line in the file.", { "statement", "line" },
  function(put)
    for gateway in pairs(open) do each_rule(gateway, put) end
    for statement, counts in pairs(totals) do
      for line, count in pairs(counts) do put(count, statement, line) end
    end
  end)

--- The rules of a gateway end: the file is loaded again.
function figures.rules_ended(gateway)
  each_rule(gateway, function(count, statement, line) totals[statement][line] = totals[statement][line] + count end)
end

--- A gateway has started.
function figures.opened(gateway) open[gateway] = true end

--- A gateway has ended.
function figures.closed(gateway)
  if open[gateway] then figures.rules_ended(gateway) end
  open[gateway] = nil
end

return figures
