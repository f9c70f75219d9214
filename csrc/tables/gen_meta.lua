-- Writes the LuaCATS types of PDUs and of the C module from the tables in this folder:
--   lua csrc/tables/gen_meta.lua csrc/tables > lua/smpp/meta/core.lua
-- The output is committed; `make check` runs this again and compares.
local dir = arg[1] or "csrc/tables"
local tsv = dofile(dir .. "/tsv.lua")(dir)

local lines = {}
local function out(...) lines[#lines + 1] = select("#", ...) > 1 and string.format(...) or (...) end

-- submit_sm -> SubmitSm
local function class_of(command)
  return "smpp." .. ("_" .. command):gsub("_(%l)", string.upper):gsub("_", "")
end

local LUA_TYPES = {
  int1 = "integer", int2 = "integer", int4 = "integer", bitmask1 = "integer", int1_or_empty = "integer",
  cstring = "string", cstring_fixed = "string", octets = "string",
}
local LISTS = { dest_address = "smpp.DestAddress[]", unsuccess_sme = "smpp.UnsuccessSme[]", message_id = "string[]" }
-- A parameter that only counts the next one is optional.
local COUNTS = { sm_length = "short_message", number_of_dests = "dest_address", no_unsuccess = "unsuccess_sme", number_msgs = "message_id" }

local by_command, tlvs_of, tlv_row = {}, {}, {}
for _, row in ipairs(tsv "params.tsv") do
  local list = by_command[row.command] or {}
  by_command[row.command] = list
  if not row.pos:find(".", 1, true) then list[#list + 1] = row end
end
for _, row in ipairs(tsv "tlvs.tsv") do tlv_row[row.name] = row end
tlv_row.failed_broadcast_area_identifier = tlv_row.broadcast_area_identifier
for _, row in ipairs(tsv "command_tlvs.tsv") do
  tlvs_of[row.command] = tlvs_of[row.command] or {}
  table.insert(tlvs_of[row.command], row)
end

-- Names of values: one alias per set, of the names with exactly one value.
local sets, set_of = {}, {}
for _, row in ipairs(tsv "enums.tsv") do
  local name, sub = row.field:match("^([^.]+)%.?(.*)$")
  if row.mask ~= "text" and name ~= "dcs" then
    local set = set_of[name]
    if not set then
      set = { name = name, names = {}, seen = {}, has_subs = false }
      sets[#sets + 1], set_of[name] = set, set
    end
    local label = row.name:lower()
    set.has_subs = set.has_subs or sub ~= ""
    if not row.value:find "[,-]" and not set.seen[label] and label ~= "reserved" then
      set.names[#set.names + 1], set.seen[label] = label, true
    end
  end
end
local ALIASES = {
  sc_interface_version = "interface_version", source_addr_subunit = "addr_subunit", dest_addr_subunit = "addr_subunit",
  source_network_type = "network_type", dest_network_type = "network_type", source_bearer_type = "bearer_type",
  dest_bearer_type = "bearer_type",
}
local function values_of(field)
  local set = set_of[ALIASES[field] or field:match "_(ton)$" or field:match "_(npi)$" or field]
  if not set then return nil end
  set.is_used = true
  return class_of(set.name) .. "Value"
end

local function read_type(row)
  if row.type == "list" then return LISTS[row.name] end
  return LUA_TYPES[row.type]
end

local function write_type(row, name)
  local kind = read_type(row)
  return kind == "integer" and values_of(name) or kind
end

local commands = tsv "commands.tsv"
for _, command in ipairs(commands) do
  local class, params, tlvs = class_of(command.name), by_command[command.name] or {}, tlvs_of[command.name] or {}
  out("\n---@class %s : smpp.Pdu  as received", class)
  for _, row in ipairs(params) do
    out("---@field %s %s%s", row.name, read_type(row), row.when:find "^command_status" and "?" or "")
  end
  for _, row in ipairs(tlvs) do out("---@field %s %s?", row.tlv, read_type(tlv_row[row.tlv])) end
  if command.name:find "_resp$" then out "---@field congestion_state integer?" end
  if #params > 0 and not command.name:find "_resp$" then
    out("\n---@class %sFields : smpp.Fields  to send", class)
    for i, row in ipairs(params) do
      local following = params[i + 1]
      if not (COUNTS[row.name] and following and following.name == COUNTS[row.name]) then
        out("---@field %s %s?", row.name, write_type(row, row.name))
      end
    end
    for _, row in ipairs(tlvs) do out("---@field %s %s?", row.tlv, write_type(tlv_row[row.tlv], row.tlv)) end
  end
end

local responses = {}
for _, command in ipairs(commands) do responses[command.name] = command.response end
out "\n--- Every request by its name.  Given a function as last argument it calls that with the results instead of waiting."
out "---@class smpp.RequestMethods"
for _, command in ipairs(commands) do
  local response = responses[command.name]
  if response ~= "-" then
    local fields = by_command[command.name] and class_of(command.name) .. "Fields|smpp.Pdu" or "table?"
    out("---@field %s async fun(self: self, fields: %s, timeout_s: (number|function)?, callback: function?): %s?, string?, string?, smpp.Pdu?",
      command.name, fields, class_of(response))
  end
end

out [=[

--- A client and a session have every request as a method.
---@class smpp.Client : smpp.RequestMethods
---@class smpp.Session : smpp.RequestMethods

--- A received PDU: a read-only view that owns its octets and decodes fields on access.
--- An unknown field name raises; a field that is absent from this PDU is nil.
---@class smpp.Pdu
---@field command string           "submit_sm" ..., "0x01000001" if unknown
---@field command_id integer
---@field command_length integer   octets
---@field command_status integer
---@field status string            name of command_status; "0x00010203" if unknown
---@field sequence_number integer
---@field padding string?          octets before the TLVs that are not counted: a NUL behind short_message
---@field trailing string?         trailing octets after the last parameter that are not TLVs
---@field [string] any             parameters and TLVs by name
---@field octets fun(self): string  the PDU as received
---@field totable fun(self): smpp.Fields  smpp.encode of it gives the same octets
---@field with fun(self, changes: table): smpp.Pdu?, string?, string?  a changed copy; smpp.none removes a field
---@field tlv fun(self, tag: integer|string): string?  value of a TLV; of several the first
---@field tlvs fun(self): smpp.Tlv[]  in wire order
---@field fields fun(self): (fun(): string?, any)  iterates over parameters, then TLVs, in wire order
---@field layout fun(self): smpp.Place[]  positions of all parameters and TLVs after the header
---@field problems fun(self): smpp.Problem[]  malformed and unusual parts
---@field values fun(self, ...: string): ...: any  several fields in one call
---@field dump fun(self, options: { secrets: boolean? }?): string  hex dump with the meaning of each field

---@class smpp.Tlv
---@field tag integer
---@field octets string
---@field name string?
---@field value integer|string

---@class smpp.Place
---@field offset integer   from the start of the PDU, from 0
---@field length integer   octets; length octets, TLV headers and NULs included
---@field name string?
---@field tag integer?
---@field value any

---@class smpp.Problem
---@field code string
---@field field string?
---@field tag integer?
---@field offset integer   from 0
---@field severity "note"|"warning"|"fault"
---@field message string
---@field status string?   command_status of a strict receiver

--- Fields of every PDU to send, besides its parameters and TLVs.
---@class smpp.Fields
---@field command string?                 required by smpp.encode
---@field command_status integer|string?  or its name
---@field status integer|string?          the same
---@field sequence_number integer?
---@field tlvs { [1]: integer, [2]: string }[]?  tag and octets, in this order, before named ones
---@field padding string?   octets between parameters and TLVs
---@field trailing string?  octets behind the TLVs

---@class smpp.DestAddress  a number, or a distribution list
---@field dest_addr_ton smpp.TonValue?
---@field dest_addr_npi smpp.NpiValue?
---@field destination_addr string?
---@field dl_name string?

---@class smpp.UnsuccessSme
---@field dest_addr_ton smpp.TonValue?
---@field dest_addr_npi smpp.NpiValue?
---@field destination_addr string
---@field error_status_code integer|string

---@class smpp.Codec
---@field decode fun(octets: string, position: integer?, max_length: integer?, strict: boolean?): smpp.Pdu?, integer|string, string?
---@field encode fun(value: smpp.Fields|smpp.Pdu, version: integer?): string?, string?, string?
---@field declare fun(tag: integer, name: string, type: "int1"|"int2"|"int4"|"cstring"|"octets"|nil)
---@field declare_command fun(name: string, id: integer, esme_sends_in: integer, mc_sends_in: integer, params: table[], response: any): smpp.Command
---@field field fun(command: string, name: string): string?, string?  integer, string, time, octets, list, flag; or nil, a similar name
---@field unknown_field fun(command_id: integer, fields: table): string?  message about a name that the command does not have
---@field selector fun(...: string): fun(pdu: smpp.Pdu): ...  a function that reads these fields as `pdu:values` does, and faster
---@field spend fun(pdu: smpp.Pdu)  nobody uses this PDU any more, a request once it is answered: its memory serves another
---@field session fun(options: table): smpp.CoreSession  docs/session.md lists the options

--- The rules of one session, without I/O or clock: docs/session.md.  `now` is in seconds; `events` is filled and reused.
---@class smpp.CoreSession
---@field receive fun(self, octets: string, now: number, events: table): integer  slots filled
---@field tick fun(self, now: number, events: table): integer
---@field poll fun(self, events: table): integer  events caused by calls other than receive and tick
---@field request fun(self, command_id: integer, fields: smpp.Fields|smpp.Pdu|string, waiter: any, now: number): integer?, integer|string, string?
---@field forward fun(self, pdu: smpp.Pdu, changes: table?, waiter: any, now: number): integer?, integer|string, string?
---@field ask fun(self, command_id: integer, fields: smpp.Fields|smpp.Pdu|string, task: thread, now: number): any, string?, string?, smpp.Pdu?
---  as request, and yields: what resumes the task are the results; false: nothing was sent, request does it or tells why not
---@field stop_waiting fun(self, cookie: integer, waiter: any): boolean  cookie: the second result of request
---@field waiting fun(self): integer  requests in flight that have a waiter
---@field answer fun(self, pdu: smpp.Pdu, status: integer|string|nil, message_id: string?, now: number): boolean?, string?, string?
---@field accept fun(self, pdu: smpp.Pdu, result: any, now: number): boolean  as `answer` with status 0; false: not done
---@field respond fun(self, pdu: smpp.Pdu, fields: smpp.Fields, now: number): boolean?, string?, string?
---@field is_answerable fun(self, pdu: smpp.Pdu): boolean
---@field unbind fun(self, drain_s: number, now: number): boolean?, string?, string?
---@field lost fun(self, reason: string?)
---@field close fun(self, reason: string?)
---@field output fun(self): string?  takes the octets to send
---@field unwritten fun(self, octets: string)  what was taken last was not written, and the connection is lost
---@field deadline fun(self): number?  when to call tick
---@field state fun(self): string
---@field info fun(self): smpp.CoreSessionInfo
---@field in_flight fun(self): integer
---@field unanswered fun(self): integer
---@field set_window fun(self, requests: integer)
---@field set_max_unanswered fun(self, requests: integer)
---@field set_tally fun(self, tally: smpp.Tally?)  counts there from now on
---@field set_counts fun(self, counts: smpp.Counts?)  likewise
---@field reply fun(self, pdu: smpp.Pdu, text: string, waiter: any, now: number): integer?, integer|string|nil, string?  bind_session_request.c
---@field send_batch fun(self, batch: smpp.CoreBatch, ...): integer, integer, integer, string?, string?  csrc/binding/bind_batch.c

--- Messages of a load test, made of templates and counted in C; the only one of a session.
---@class smpp.CoreBatch
---@field number fun(self, address: string, at: integer, kind: "digits"|"counter"|"range", width: integer, ...): boolean?, string?, string?
---@field template fun(self, octets: string): integer?, string?, string?
---@field pick fun(self, how: "in_order"|"at_random")
---@field settle fun(self, now: number, latency: smpp.LoadHistogram, service: smpp.LoadHistogram?): integer, integer, integer, integer, table?
---@field abandon fun(self): integer  how many in flight are forgotten

--- What sessions count together, for smpp.metrics; the field `tally` of a session's options.
---@class smpp.Tally
---@field read fun(self): table  rows, sessions, ends, problems, octets_in, octets_out, unknown, window_used, window_limit

--- What the owner of sessions counts of its requests while they are bound; the field `counts` of a session's options.
---@class smpp.Counts
---@field take fun(self): table?  { requests, responses, answered, unknown, seconds, slowest, buckets } since the last call; nil: nothing

---@class smpp.CoreSessionInfo
---@field state string
---@field version integer        in force; before the bind: requested
---@field unbinding boolean
---@field in_flight integer      requests of ours without a response
---@field unanswered integer     requests of the peer without an answer
---@field memory_octets integer
---@field bind_version integer   requested by a pending bind

---@class smpp.Map : smpp.KeyStore  octets or whole numbers by octets, with expiry
---@field memory fun(self): integer  octets
---@field clear fun(self)

---@class smpp.Prefixes  prefixes of numbers, with a number of 32 bits each
---@field add fun(self, prefix: string, value: integer): boolean?, string?, string?  code: "too_long"
---@field find fun(self, number: string, list: integer[]): integer  how many values it has put into the list
---@field longest fun(self, number: string): integer?, integer?
---@field count fun(self): integer
---@field memory fun(self): integer  octets

---@class smpp.Core
---@field prefixes { new: fun(): smpp.Prefixes }
---@field codec fun(methods: table<string, function>, none: any): smpp.Codec  methods and metamethods of views; the value that removes a field
---@field is_pdu fun(value: any): boolean
---@field next fun(t: table, key: any): any, any  Lua's, as a function that LuaJIT does not compile
---@field suggest fun(name: string, names: table<string, any>): string?  the most similar key
---@field protocol smpp.CoreProtocol
---@field text smpp.CoreText
---@field udh { decode: function, encode: function, row: function }  as smpp.udh
---@field receipt smpp.CoreReceipt
---@field timestamp smpp.CoreTimestamp
---@field defaults table<string, integer>  session defaults: window, max_unanswered, max_pdu_octets, and its timers by the names of options
---@field session_events table<string, { kind: integer, [integer]: string }>  session events: number, names of the slots
---@field iconv { encode: function, decode: function }  (text, encoding), (octets, encoding)
---@field map smpp.CoreMap
---@field notify fun(address: string, text: string): boolean?, string?  a datagram to a service manager: a path, or @ and an abstract name
---@field process_id fun(): integer
---@field lock fun(path: string): smpp.CoreLock?, string?, string?  a file that one process has at a time, until it ends; code: "busy", "failed"
---@field resp_command fun(words: (string|number)[], count: integer): string?, integer?  octets; nil and the place of what is no word
---@field tally fun(): smpp.Tally
---@field batch fun(seed: number): smpp.CoreBatch
---@field histogram fun(): smpp.LoadHistogram
---@field sha256 fun(octets: string): string  64 hex digits
---@field histogram_methods table
---@field tally_bounds number[]  of its latencies, in seconds
---@field counts fun(): smpp.Counts
---@field counts_bounds number[]  likewise
---@field part smpp.CorePart
---@field submit smpp.CoreSubmit
---@field relay smpp.CoreRelay
---@field reply smpp.CoreReply
---@field record fun(names: string[]): smpp.RecordCodec  names: one octet each in what is written; a list only grows at its end

---@class smpp.RecordCodec  tables of plain data <-> octets
---@field write fun(record: table, pdu: smpp.Pdu?): string  pdu: the parameters that the record lacks and whose names are in the list
---@field writer fun(names: string[]): (fun(record: table): string)  that leaves these out, whose names are in the list
---@field committer fun(ages: table<string, string|false>, is_shared: boolean): (fun(changes: smpp.Change[]): string, integer)  ages: of each kind
---  the field that `discard` compares; what it makes writes a commit as words of a command: octets, how many; it raises for what is no change
---@field reader fun(names: string[]): (fun(octets: string): table?, string?, string?)  of these fields, and those not in the list
---@field read fun(octets: string): table?, string?, string?
---@field field fun(octets: string, name: string): any
---@field change fun(octets: string, fields: table, clear: string[]?): string?, string?, string?
---@field finisher fun(over: string[]): (fun(octets: string, now: number, latest: number, has_tlvs: boolean?): string?, string?, string?,
---  string?, number?)  gives a message that is due its planned state, without the fields
---  `over`: octets, state, deliver_sm of its receipt, system_id, bind
---@field wanted fun(names: string[]): userdata  for `get` of records
---@field records fun(kinds: table, over: string[], seed: string): smpp.Records  in memory; kinds and over as in smpp.store.kinds; seed: 8 octets

---@class smpp.Records  as a store has them
---@field configure fun(self, limit: number, max_octets: number, keep_final: number)
---@field commit fun(self, changes: smpp.Change[]): boolean?, string?, string?
---@field get fun(self, kind: string, key: string, wanted: userdata?): table?
---@field find fun(self, query: smpp.Query): table[]
---@field discard fun(self, kind: string, before: number)
---@field add_due fun(self, pdu: smpp.Pdu, id: string, system_id: string, version: integer, bind: integer?, now: number, planned: string|false,
---  planned_at: number?, planned_error: integer?, expires: number?): boolean?, string?, string?  pdu: usual
---@field finish_due fun(self, key: string, now: number, latest: number): string?
---@field draft_due fun(self, key: string, now: number, latest: number, has_tlvs: boolean): string?, string?, number?
---@field commit_due fun(self, key: string, kind: string, run: string, number: integer, since: number): integer?, string?, string?
---@field octets_at fun(self, kind: string, serial: integer): string?
---@field remove_at fun(self, kind: string, serials: integer[], count: integer)
---@field load fun(self): integer, integer, integer  messages that are not final, octets of all records, octets taken for them

---@class smpp.CoreRelay  receipts passed on to the senders of messages
---@field handle fun(pdu: smpp.Pdu, id: string, account: string, submitted: number, books: string?): string?
---@field receipt fun(pdu: smpp.Pdu, handle: string): octets: string?, account: string?, books: string?
---@field addresses fun(pdu: smpp.Pdu): from: string, from_ton: integer, to: string, to_ton: integer
---@field remember fun(map: smpp.Map, id: string, name: string, taken: smpp.Pdu, account: string, pdu: smpp.Pdu, sent: string?, now: number): boolean

---@class smpp.CoreReply  usual messages of subscribers, and loop protection
---@field read fun(pdu: smpp.Pdu, only_international: boolean): string?, string, string, string?  source_addr, octets of the destination
---  (dest_addr_ton, dest_addr_npi, destination_addr), text, its first letters and digits in lower case (nil: it has none, or is not ASCII) of a
---  deliver_sm with a whole text in a usual coding, from a number; nothing: it is another
---@field echoes fun(ttl_s: number, seed: string): smpp.Echoes  seed: 8 octets

---@class smpp.Echoes  how often senders wrote of late, and got the same answer to the same text
---@field heard fun(self, sender: string, text: string, now: number, n: number, per_s: number, repeats: number): boolean  counted; false: too many
---@field said fun(self, sender: string, text: string): boolean  the first answer; false: nothing is known of the sender
---@field mark fun(self, text: string): integer  what a text is known by again
---@field take fun(self, sender: string): number?, integer, integer, integer?, integer?  since, n, repeats, marks of text and answer; forgets them
---@field put fun(self, sender: string, now: number, since: number, n: integer, repeats: integer, heard: integer?, said: integer?): boolean
---@field drop fun(self, now: number)
---@field count fun(self): integer, integer  senders, octets

---@class smpp.CoreSubmit  what a message centre asks of most submit_sm
---@field is_plain fun(pdu: smpp.Pdu, version: integer, digits: boolean, default_messages: integer, max_octets: integer): boolean  valid in all its
---  fields, without times, message_payload and problems; from version 5.0 without TLVs
---@field usual fun(pdu: smpp.Pdu): string?, integer?  text and priority_flag of one without times, payload, replacement, transaction mode,
---  intermediate notification and USSD; nothing: it is another

---@class smpp.CoreProtocol
---@field status fun(status: integer|string): table?
---@field statuses fun(): string[]
---@field commands fun(): table[]
---@field tlvs fun(): table[]
---@field values fun(): table<string, { sub: string, mask: integer, low: integer, high: integer, name: string }[]>

---@class smpp.CorePart
---@field reader fun(account: string, digest_key: string, index: userdata):
---  fun(pdu: smpp.Pdu): integer?, integer, integer, integer, string, string, number?
---@field sender fun(pdu: smpp.Pdu, account: string, digest_key: string): string?
---@field content fun(digest_key: string, text: string, seq: integer, octets: string, data_coding: integer?, locking: integer?,
---  single: integer?): string  what a part is known by when it comes again
---@field find fun(map: userdata, content: string): number?
---@field put fun(map: userdata, number: integer, now: number, parts: smpp.Part[], count: integer): boolean?, string?, string?
---@field join fun(parts: smpp.Part[], count: integer, encodings: table<integer, "gsm7"|"ucs2">): string?, string?

---@class smpp.CoreLock
---@field close fun(self)

---@class smpp.CoreMap  seed, key: 8 and 16 random octets
---@field new fun(limit: integer?, ttl_s: number?, seed: string?): smpp.Map
---@field digest fun(octets: string, key: string): string
---@field mark fun(pdu: smpp.Pdu, address: string, octets: string?, key: string): number, integer  of an address and octets, or the text:
---  52 and 16 bits

---@class smpp.CoreText
---@field encode fun(text: string, encoding: string, locking: integer?, single: integer?, fill: integer?): string?, integer|string, string?
---@field decode fun(octets: string, encoding: string, locking: integer?, single: integer?, fill: integer?, septets: integer?): string, table?
---@field cut function
---@field unmappable function
---@field usual function
---@field capacity fun(encoding: string, header_octets: integer): integer
---@field data_coding fun(octet: integer): table
---@field with_class fun(encoding: string, class: integer): integer?
---@field shown fun(octets: string, as: "plain"|"quoted"|"lines"|"styled"): string
---@field is_utf8 fun(octets: string): boolean
---@field encodings table<string, { data_coding: integer, unit: string }>
---@field languages table<integer, { name: string, locking: boolean, single: boolean }>

---@class smpp.CoreReceipt
---@field scan fun(text: string, zone_s: number?, first_year: number?): table, number?, number?
---@field read fun(pdu: smpp.Pdu): string?, string, boolean, integer, string
---@field open_part fun(open: userdata, ended: userdata, id: string, handle: integer|string, address: string?, now: number): boolean
---@field end_part fun(open: userdata, ended: userdata, id: string, now: number): integer|string|nil
---@field write fun(id: string, sub: string, dlvrd: string, submitted: integer?, done: integer?, stat: string, err: string,
---  text: string): string?, string?
---@field state fun(word: string|integer): string?, boolean?, integer?, string?
---@field rebase fun(id: string, base: "hex"|"dec"): string?
---@field fold fun(id: string): string, boolean
---@field trim fun(id: string): string
---@field number fun(address: string?): integer

---@class smpp.CoreTimestamp
---@field read fun(octets: string, zone_s: number?, first_year: number?, lenient: boolean?): string?, ...
---@field absolute fun(unix: integer, tenths: integer?, quarters: integer?, first_year: integer?): string?, string?, string?
---@field relative fun(years: integer, months: integer, seconds: integer): string?, string?, string?
---@field after fun(years: integer, months: integer, seconds: integer, unix: integer): integer

---@type smpp.Core
local core
return core]=]

io.write "---@meta smpp.core\n-- Written by csrc/tables/gen_meta.lua: change the tables there, not this file.\n-- luacheck: ignore\n\n"
for _, set in ipairs(sets) do
  if set.is_used then
    io.write(("---@alias %sValue integer%s|\"%s\"\n"):format(class_of(set.name), set.has_subs and "|table" or "", table.concat(set.names, '"|"')))
  end
end
io.write(table.concat(lines, "\n"), "\n")
