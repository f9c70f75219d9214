--- Cases: broadcasts to an area (5.0).  A broadcast reaches everybody there, so that it needs an option of its own, --broadcast-to; cases that
--- are malformed, or name no broadcast, need none.
local AREA_FORMAT_ALIAS, BAD = "\0", "\127"
local LATER = "000000010000000R" -- in an hour: it can be cancelled before

return function(case)
  local function area(c) return AREA_FORMAT_ALIAS .. (c.o.broadcast_to or "none") end

  --- A broadcast_sm; `false` leaves a field out.
  local function fields_of(c, more)
    local fields = {
      source_addr_ton = 1, source_addr_npi = 1, source_addr = "491700000000", schedule_delivery_time = LATER, broadcast_area_identifier = area(c),
      broadcast_content_type = "\0\0\0", broadcast_rep_num = 1, broadcast_frequency_interval = "\8\0\60", message_payload = "conformance",
    }
    for name, value in pairs(more or {}) do fields[name] = value or nil end
    return fields
  end

  --- Of the source of the broadcasts.
  local function of_source(more)
    local fields = { source_addr_ton = 1, source_addr_npi = 1, source_addr = "491700000000" }
    for name, value in pairs(more or {}) do fields[name] = value end
    return fields
  end

  local function cancel(c, esme, fields) return c:answer_of(esme, "cancel_broadcast_sm", of_source(fields)) end
  local function query(c, esme, fields) return c:answer_of(esme, "query_broadcast_sm", of_source(fields)) end

  --- Sends a broadcast, which is cancelled at the end of the case.
  local function broadcast(c, esme, more)
    local response = c:answer_of(esme, "broadcast_sm", fields_of(c, more))
    c:expect_status(response, "ESME_ROK")
    c.t:defer(function() cancel(c, esme, { message_id = response.message_id }) end)
    return response
  end

  local function allowed(id, section, level, why, fn)
    case("broadcast." .. id, section, level, why, { broadcasts = 1, optional = true, version = 0x50 }, function(c) fn(c, c:bind "tx") end)
  end
  local function harmless(id, section, level, why, fn, o)
    o = o or { optional = true, version = 0x50 }
    o.malformed = true
    case("broadcast." .. id, section, level, why, o, fn)
  end

  allowed("accepted", "5.0 4.4.1", "MUST", "The message_id is what a query and a cancellation refer to.", function(c, esme)
    local response = broadcast(c, esme)
    c.t:check(response.message_id ~= nil and response.message_id ~= "", "the answer has no message_id")
  end)
  allowed("two_areas", "5.0 4.4.1; 5.0 4.8.4.4", "MUST", "A warning goes to several areas at once; the TLV may repeat.", function(c, esme)
    local one = area(c)
    local fields = fields_of(c, { broadcast_area_identifier = false })
    fields.tlvs = { { 0x0606, one }, { 0x0606, one } }
    local response = c:answer_of(esme, "broadcast_sm", fields)
    c:expect_status(response, "ESME_ROK")
    cancel(c, esme, { message_id = response.message_id })
  end)
  allowed("query", "5.0 4.6.1", "MUST", "Whether a warning has gone out is what the authority asks.", function(c, esme)
    local sent = broadcast(c, esme)
    local response = query(c, esme, { message_id = sent.message_id })
    c:expect_status(response, "ESME_ROK")
    c.t:equal(response.message_id, sent.message_id)
    c.t:check(response.message_state ~= nil, "message_state is missing")
  end)
  allowed("query_areas", "5.0 4.6.1", "MUST", "Each area is reported with its success: a warning that reached half of them did not reach all.",
    function(c, esme)
      local sent = broadcast(c, esme)
      local response = query(c, esme, { message_id = sent.message_id })
      c:expect_status(response, "ESME_ROK")
      c.t:equal(response.broadcast_area_identifier, area(c))
      c.t:check(response.broadcast_area_success ~= nil, "broadcast_area_success is missing")
    end)
  allowed("query_by_reference", "5.0 4.6.1", "SHOULD", "An ESME that lost the answer knows its own number of the broadcast.", function(c, esme)
    broadcast(c, esme, { user_message_reference = 4711 })
    c:expect_status(query(c, esme, { user_message_reference = 4711 }), "ESME_ROK")
  end)
  allowed("query_other_source", "5.0 4.6.1", "MUST", "The source address has to be that of the broadcast.", function(c, esme)
    local sent = broadcast(c, esme)
    c:refused(esme, "query_broadcast_sm", { message_id = sent.message_id, source_addr = "999" })
  end)
  allowed("cancel", "5.0 4.6.2", "MUST", "A false alarm has to be stopped.", function(c, esme)
    local sent = c:answer_of(esme, "broadcast_sm", fields_of(c))
    c:expect_status(sent, "ESME_ROK")
    c:expect_status(cancel(c, esme, { message_id = sent.message_id }), "ESME_ROK")
  end)
  allowed("cancelled_state", "5.0 4.6.1; 5.0 4.7.15", "SHOULD", "What was cancelled is DELETED.", function(c, esme)
    local sent = c:answer_of(esme, "broadcast_sm", fields_of(c))
    c:expect_status(sent, "ESME_ROK")
    c:expect_status(cancel(c, esme, { message_id = sent.message_id }), "ESME_ROK")
    c.t:equal(query(c, esme, { message_id = sent.message_id }).message_state, 4)
  end)
  allowed("cancel_twice", "5.0 4.6.2", "SHOULD", "There is nothing left to be cancelled.", function(c, esme)
    local sent = c:answer_of(esme, "broadcast_sm", fields_of(c))
    c:expect_status(sent, "ESME_ROK")
    c:expect_status(cancel(c, esme, { message_id = sent.message_id }), "ESME_ROK")
    c:refused(esme, "cancel_broadcast_sm", of_source { message_id = sent.message_id })
  end)
  allowed("cancel_by_source", "5.0 4.6.2", "SHOULD", "Without a message_id all broadcasts of a source are cancelled.", function(c, esme)
    c:expect_status(c:answer_of(esme, "broadcast_sm", fields_of(c, { service_type = "CBS" })), "ESME_ROK")
    c:expect_status(cancel(c, esme, { service_type = "CBS" }), "ESME_ROK")
  end)
  allowed("replace", "5.0 4.4.2", "SHOULD", "A corrected warning takes the place of the first.", function(c, esme)
    local first = c:answer_of(esme, "broadcast_sm", fields_of(c))
    c:expect_status(first, "ESME_ROK")
    broadcast(c, esme, { replace_if_present_flag = 1, message_id = first.message_id })
  end)
  for _, name in ipairs { "broadcast_content_type", "broadcast_rep_num", "broadcast_frequency_interval" } do
    allowed("without_" .. name:gsub("broadcast_", ""), "5.0 4.4.1", "MUST", "The TLV is mandatory: without it nobody knows what is meant.",
      function(c, esme) c:refused(esme, "broadcast_sm", fields_of(c, { [name] = false })) end)
  end
  for _, item in ipairs {
    { "content_type", "broadcast_content_type", "\127\0\0", { "ESME_RINVBCASTCNTTYPE" } },
    { "frequency_interval", "broadcast_frequency_interval", "\127\0\1", { "ESME_RINVBCASTFREQINT" } },
    { "message_class", "broadcast_message_class", 127, { "ESME_RINVBCASTMSGCLASS" } },
    { "channel_indicator", "broadcast_channel_indicator", 127, { "ESME_RINVBCASTCHANIND" } },
  } do
    allowed("bad_" .. item[1], "5.0 4.7.6", "SHOULD", "The status says which value is not understood.", function(c, esme)
      c:expect_one_of(c:refused(esme, "broadcast_sm", fields_of(c, { [item[2]] = item[3] })), item[4])
    end)
  end

  -- Without an area, or without a broadcast that is meant.
  harmless("without_area", "5.0 4.4.1", "MUST", "A broadcast without an area must not go everywhere.", function(c)
    c:refused(c:bind "tx", "broadcast_sm", fields_of(c, { broadcast_area_identifier = false }))
  end)
  harmless("without_area_status", "5.0 4.7.6", "SHOULD", "ESME_RMISSINGTLV says that something is missing.", function(c)
    c:expect_one_of(c:refused(c:bind "tx", "broadcast_sm", fields_of(c, { broadcast_area_identifier = false })), { "ESME_RMISSINGTLV" })
  end)
  harmless("bad_area_format", "5.0 4.8.4.4", "MUST", "An area in a format that is not understood is no area.", function(c)
    c:refused(c:bind "tx", "broadcast_sm", fields_of(c, { broadcast_area_identifier = BAD .. "x" }))
  end)
  harmless("bad_area_format_status", "5.0 4.7.6", "SHOULD", "ESME_RINVBCASTAREAFMT names the field.", function(c)
    local response = c:refused(c:bind "tx", "broadcast_sm", fields_of(c, { broadcast_area_identifier = BAD .. "x" }))
    c:expect_one_of(response, { "ESME_RINVBCASTAREAFMT" })
  end)
  for _, item in ipairs {
    { "query_broadcast_sm", "query", "5.0 4.6.1", { "ESME_RBCASTQUERYFAIL", "ESME_RINVMSGID" } },
    { "cancel_broadcast_sm", "cancel", "5.0 4.6.2", { "ESME_RBCASTCANCELFAIL", "ESME_RINVMSGID" } },
  } do
    harmless(item[2] .. "_unknown_id", item[3], "MUST", "An id that the MC never gave has no broadcast.", function(c)
      c:refused(c:bind "tx", item[1], { message_id = "no-such-id", source_addr = "1" })
    end)
    harmless(item[2] .. "_unknown_id_status", "5.0 4.7.6", "SHOULD", "The status says which operation failed, and why.", function(c)
      c:expect_one_of(c:refused(c:bind "tx", item[1], { message_id = "no-such-id", source_addr = "1" }), item[4])
    end)
  end
  for _, command in ipairs { "broadcast_sm", "query_broadcast_sm", "cancel_broadcast_sm" } do
    local fields = command == "broadcast_sm" and {} or { message_id = "no-such-id", source_addr = "1" }
    harmless("open_" .. command, "5.0 2.3; 5.0 4.4.1", "MUST", "Who is not bound must not reach a whole area.", function(c)
      c:refused_or_closed(c:open(), command, fields)
    end, {})
    harmless("receiver_" .. command, "5.0 2.3; 5.0 4.4.1", "MUST", "A receiver may not submit, and so not broadcast.", function(c)
      c:refused_or_closed(c:bind "rx", command, fields)
    end)
  end
  harmless("congestion_state_range", "5.0 4.8.4.18", "MUST", "An ESME slows down by it: more than 100 percent means nothing.", function(c)
    local response = c:answer_of(c:bind "tx", "enquire_link", {})
    local state = response.congestion_state
    c.t:check(state == nil or state <= 100, ("congestion_state is %s"):format(tostring(state)))
  end)
  harmless("no_congestion_state_to_34", "5.0 4.8.4.18; 3.4 5.3", "SHOULD", "SMPP 3.4 has no such TLV; old ESMEs may take it for garbage.", function(c)
    local response = c:answer_of(c:bind "tx", "query_sm", { message_id = "no-such-id", source_addr = "1" })
    c.t:check(response.congestion_state == nil, "the answer has congestion_state")
  end, {})
end
