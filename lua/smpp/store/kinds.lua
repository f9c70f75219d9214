--- The kinds of records that stores keep.
local message_state = require "smpp.codec.message_state"

local kinds = {}

local FINAL = message_state.final

--- Returns true if a state of a message is final.
---@param state string
---@return boolean
function kinds.is_final(state) return FINAL[state] == true end

---@class smpp.StoreKind
---@field final table<string, boolean>?  states in which a record is final: removed only by `discard` or limits
---@field age string?            the field with the Unix time that `discard` compares
---@field groups table<string, smpp.StoreGroup>  the queries that `find` supports, by name

---@class smpp.StoreGroup
---@field fields string[]        names of string fields that never change in a record
---@field open boolean?          only for queries with `open = true`

--- The kinds of records.  Their fields are those of `names`, and any others that are plain data.
---@type table<string, smpp.StoreKind>
kinds.kinds = {
  -- messages of a message centre: key is the message_id (further destinations of a submit_multi: id/2, id/3 …)
  message = {
    final = FINAL, age = "done",
    groups = {
      between = { fields = { "system_id", "source_addr", "destination_addr" }, open = true },
      sender = { fields = { "system_id", "source_addr" } },
    },
  },
  -- receipts and MO messages until a receiver of the account has acknowledged them
  outbound = { groups = { account = { fields = { "system_id" } } } },
  -- message ids of carriers -> our message
  id = { age = "since", groups = {} },
  -- counters that continue after a restart
  counter = { groups = {} },
  -- values by name, as `value`: what programs remember, as bots do; `group`: what can be listed
  value = { groups = { group = { fields = { "group" } } } },
}

--- Names of fields that stores may write as one octet each.  Only append to it: records written with a shorter
--- list stay readable.
kinds.names = {
  "key", "id", "state", "system_id", "octets", "submitted", "done", "error", "schedule", "expires", "due", "service_type",
  "source_addr_ton", "source_addr_npi", "source_addr", "dest_addr_ton", "dest_addr_npi", "destination_addr", "esm_class", "protocol_id",
  "priority_flag", "registered_delivery", "data_coding", "command", "version", "bind", "user_message_reference", "planned", "planned_at",
  "planned_error", "notify_at", "receipt", "siblings", "outcome", "since", "value", "is_broadcast", "areas", "content_type",
  "ussd_service_op", "its_session_info", "number", "command_id", "message", "carrier",
  "not_before", "reference_octets", "group",
  "bound", "sending", "held", "attempts", "maybe_twice", "carrier_id", "sent", "sent_source", "parts", "part_ids", "reference", "part", "handle",
  "charged", "admitted", "tags", "http_id", "http_dlr", "join", "join_total", "join_seq", "members", "of",
}

--- Names of fields that a final message no longer has.
kinds.over = { "planned", "planned_at", "planned_error", "notify_at", "receipt", "bind", "outcome" }

return kinds
