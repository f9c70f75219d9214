--- Collects the parts of long messages until they are whole.  Rules only: no I/O, no clock (`now` is an argument), no
--- decoding.  The caller handles the parts; the engine limits its memory.
local finished = require "smpp.text.finished"
local kind = require "smpp.base.kind"
local list = require "smpp.base.list"
local random = require "smpp.base.random"
local schema = require "smpp.base.schema"

local core = require "smpp.core"

local digest = core.map.digest
local reader_of, sender_of_pdu, content_of = core.part.reader, core.part.sender, core.part.content

local reassembly = {}

local Reassembly = {}
Reassembly.__index = Reassembly
Reassembly.__name = "smpp.text.reassembly"

local PART_COST = 2048 -- memory of a part beside its octets: its tables, and those of its addresses and header
local SET_COST = 1024 -- and a set
local MISSING_COST = 16 -- and the number of a missing part in a report
local ALL, IDLE, SENDER = list.links "all", list.links "idle", list.links "sender"
local REMEMBERED = 4 -- completed and settled texts may take 1/REMEMBERED of max_octets
local REPORTS = 4 -- reports of sets given up may take 1/REPORTS of max_octets, in addition

--- Options of `new`.
reassembly.schema = schema.new {
  { "max_sets", kind.count, 10000, "incomplete texts at a time; above, a whole text is forgotten, or the oldest given up", "max_sets = 1000" },
  { "max_octets", kind.octets, 64 * 1024 * 1024,
    "held in all: a part counts 2048 for its tables, its octets and its size, a set 1024", "max_octets = 1048576" },
  { "max_sets_per_sender", kind.count, 100, "of one account and source address: above, a sender loses its own oldest", "max_sets_per_sender = 10" },
  { "max_age_s", kind.seconds, 24 * 3600, "from the first part until the text is given up; whole texts are remembered as long", "max_age_s = 3600" },
  { "max_gap_s", kind.seconds, 3600, "between two parts: those further apart are of two texts", "max_gap_s = 600" },
  { "suspicious_gap_s", kind.seconds, 120, "beyond this only the part that is next in order is of the same text", "suspicious_gap_s = 60" },
  { "seed", "string", nil,
    "16 unpredictable octets, against hash flooding by the contents of parts", 'seed = ("x"):rep(16)', default_text = "the system's" },
}

---@class smpp.PartAddress
---@field addr string
---@field ton integer?
---@field npi integer?

---@class smpp.Part
---@field account string|integer|nil  whose connection it came on
---@field source smpp.PartAddress
---@field destination smpp.PartAddress
---@field reference integer?    nil: the message is not a part of a longer one
---@field width 8|16|"sar"|nil  where the reference comes from: UDH of 8 or 16 bits, or the sar_* TLVs
---@field total integer?
---@field seq integer?          from 1
---@field octets string         user data without its header
---@field data_coding integer?  with `locking` and `single`: what has to agree for octets to be joined
---@field locking integer?      national languages of the UDH
---@field single integer?
---@field packed boolean?       packed septets, which cannot be joined as octets
---@field size integer?         octets that are held for it beside `octets`: those of its PDU
---@field link table?           its connection; once its field `closed` is true, the response to the part may have been lost

---@class smpp.PartSet
---@field account string|integer|nil
---@field source smpp.PartAddress
---@field destination smpp.PartAddress
---@field reference integer
---@field width 8|16|"sar"
---@field total integer
---@field parts smpp.Part[]     those that came, by their number
---@field missing integer[]     numbers of those that did not
---@field octets integer        of all parts
---@field started number        when the first part came
---@field gap_s number          the longest time between two parts, in the order they came
---@field suspicious true?      of a complete one: gap_s is suspicious_gap_s or longer, so its parts may be of two texts
---@field text smpp.FinishedText?  of a complete one: to be passed to settle()
---@field reason "age"|"limit"|"replaced"|"refused"|nil  why it was given up; refused: complete, but its handler never accepted it

---@class smpp.Reassembly
---@field sets integer    open sets
---@field octets integer  held in all, tables and whole texts included; without the reports for expire()
---@field lost integer    reports of sets given up that were dropped because expire() was not called in time

---@class smpp.ReassemblyOptions
---@field max_sets integer?     open messages at a time (10000).  At a limit the oldest whole text is forgotten, or the oldest set gives way
---@field max_octets integer?   held at a time (64 MiB): a part counts 2048 beside its octets and its `size`, a set 1024
---@field max_sets_per_sender integer?  of one account and source address (100), so that a flood costs only its sender
---@field max_age_s number?     from the first part, and how long whole texts are remembered (24 hours)
---@field max_gap_s number?     between two parts: those further apart are of two texts (1 hour)
---@field suspicious_gap_s number?  beyond this only the part that is next in order is of the same text (120)
---@field seed string?          16 unpredictable octets (default: the system's)

--- Makes a reassembler.
---@param o? smpp.ReassemblyOptions
---@return smpp.Reassembly
function reassembly.new(o)
  o = reassembly.schema:fill(reassembly.schema:check(o))
  local seed = ((o.seed or "") .. random.octets(16)):sub(1, 16)
  return setmetatable({
    max_sets = o.max_sets,
    max_octets = o.max_octets,
    max_sets_per_sender = o.max_sets_per_sender,
    max_age_s = o.max_age_s,
    max_gap_s = o.max_gap_s,
    shortest_s = math.min(o.max_gap_s, o.max_age_s),
    suspicious_gap_s = o.suspicious_gap_s,
    sets = 0,
    octets = 0,
    open_octets = 0, -- of open sets
    -- Peers choose the content of keys, and Lua hashes long strings by a few of their octets (5.1 to 5.3, LuaJIT) or all
    -- without a secret (5.1).  So the keys of tables are keyed digests (SipHash): no collisions by hostile peers.
    digest_key = seed,
    by_key = {},  -- digest of a key -> open set
    senders = {}, -- digest of a sender -> list of its open sets (base/list)
    spare = nil, spare_sender = nil, -- tables of the last ones that were removed
    all = {},     -- list of all open sets, by their first part
    idle = {},    -- and by their last one
    finished = finished.new(o.max_age_s, seed),
    given_up = {}, -- what expire() has to report, a queue
    first_given_up = 1,
    last_given_up = 0,
    given_up_octets = 0,
    lost = 0,
  }, Reassembly)
end

--- Fields of any octets, told apart by their lengths.
local function field(value)
  value = tostring(value)
  return #value .. ":" .. value
end

local function address_key(address)
  return (address.ton or 0) .. "/" .. (address.npi or 0) .. "/" .. field(address.addr)
end

local function account_key(account) return type(account) .. field(account) end

local function sender_key(part) return account_key(part.account) .. address_key(part.source) end

local function set_key(part, sender)
  return ("%s>%s#%s/%d/%d"):format(sender, address_key(part.destination), part.width, part.reference, part.total)
end

local function is_whole(n) return type(n) == "number" and n % 1 == 0 end

local function check_part(part)
  if type(part) ~= "table" then error("part: expected a table, got " .. type(part), 3) end
  for _, name in ipairs { "source", "destination" } do
    if type(part[name]) ~= "table" or type(part[name].addr) ~= "string" then error(name .. ": expected { addr, ton, npi }", 3) end
  end
  if type(part.octets) ~= "string" then error("octets: expected a string, got " .. type(part.octets), 3) end
  if part.reference == nil then return end
  for _, name in ipairs { "reference", "total", "seq" } do
    if not is_whole(part[name]) then error(name .. ": expected an integer, got " .. tostring(part[name]), 3) end
  end
  if part.width ~= 8 and part.width ~= 16 and part.width ~= "sar" then
    error('width: expected 8, 16 or "sar", got ' .. tostring(part.width), 3)
  end
end

--- What few look at is of the part that came first, or is found when somebody asks.
local OF_PART = { account = true, source = true, destination = true, reference = true, width = true }
local LATER = {
  octets = function(set)
    local octets = 0
    for seq = 1, set.total do
      local part = set.parts[seq]
      if part then octets = octets + #part.octets end
    end
    return octets
  end,
  missing = function(set)
    local missing = {}
    for seq = 1, set.total do
      if not set.parts[seq] then missing[#missing + 1] = seq end
    end
    return missing
  end,
}
local report_mt = {}

function report_mt.__index(set, name)
  local make, value = LATER[name], nil
  if make then value = make(set) elseif OF_PART[name] then value = set.origin[name] end
  set[name] = value
  return value
end

--- The public fields of a set.
local function report(set, reason)
  local made = { -- no more than eight fields, with `text`
    origin = set.origin, total = set.total, parts = set.parts, started = set.started, gap_s = set.gap_s,
  }
  if reason then made.reason = reason end
  return setmetatable(made, report_mt)
end

local function cost_of(part) return #part.octets + (part.size or 0) + PART_COST end

local function count(self) self.octets = self.open_octets + self.finished.octets end

--- Removes a set.  Its table is that of the next one; callers may read it until then.
local function drop(self, set)
  self.by_key[set.key] = nil
  list.remove(self.all, ALL, set)
  list.remove(self.idle, IDLE, set)
  local sender = self.senders[set.sender]
  if sender.count == 1 then
    self.senders[set.sender], self.spare_sender = nil, sender
    sender.first, sender.last = nil, nil
  else
    list.remove(sender, SENDER, set)
    sender.count = sender.count - 1
  end
  self.sets = self.sets - 1
  self.open_octets = self.open_octets - set.cost
  self.spare = set
end

--- Limits the reports when the caller never calls expire().
local function tell(self, set, cost)
  local queue = self.given_up
  cost = cost + MISSING_COST * #set.missing
  self.last_given_up = self.last_given_up + 1
  queue[self.last_given_up] = { cost = cost, set = set }
  self.given_up_octets = self.given_up_octets + cost
  while self.given_up_octets > self.max_octets / REPORTS and self.first_given_up < self.last_given_up do
    local oldest = queue[self.first_given_up]
    queue[self.first_given_up] = nil
    self.first_given_up = self.first_given_up + 1
    self.given_up_octets = self.given_up_octets - oldest.cost
    self.lost = self.lost + 1
  end
end

--- A set of repeated parts is dropped without a report: its parts were acknowledged with the text that they repeat.
local function give_up(self, set, reason)
  drop(self, set)
  if not set.echo then tell(self, report(set, reason), set.cost) end
end

--- Removes the oldest completed text; reports it if its handler never accepted it.
local function forget(self, now)
  local forgot, failed = self.finished:forget(now)
  if failed then
    failed.reason = "refused"
    tell(self, failed, failed.octets + SET_COST + failed.total * PART_COST)
  end
  return forgot
end

local function open_set(self, key, sender_name, part, total, now)
  local sender = self.senders[sender_name]
  if sender and sender.count >= self.max_sets_per_sender then give_up(self, sender.first, "limit") end
  if self.sets >= self.max_sets then give_up(self, self.all.first, "limit") end
  sender = self.senders[sender_name]
  local set = self.spare
  self.spare = nil
  set = set or { -- sixteen fields, with the links of three lists: more would double the table
    key = nil, sender = nil, origin = nil, total = nil, parts = nil, count = nil, cost = nil, started = nil, last = nil, gap_s = nil,
    all_next = nil, all_prev = nil, idle_next = nil, idle_prev = nil, sender_next = nil, sender_prev = nil,
    -- `echo`: the completed text of which all of its parts are repeats
  }
  set.key, set.sender, set.origin, set.total, set.parts, set.count, set.cost = key, sender_name, part, total, {}, 0, SET_COST
  set.started, set.last, set.gap_s, set.echo = now, now, 0, nil
  self.by_key[key] = set
  list.append(self.all, ALL, set)
  list.append(self.idle, IDLE, set)
  if sender then
    list.append(sender, SENDER, set)
    sender.count = sender.count + 1
  else
    sender = self.spare_sender or {}
    self.spare_sender = nil
    sender.count, sender.first, sender.last = 1, set, set
    self.senders[sender_name] = sender
  end
  self.sets = self.sets + 1
  self.open_octets = self.open_octets + SET_COST
  return set
end

local function same(a, b)
  return a.octets == b.octets and a.data_coding == b.data_coding and a.locking == b.locking and a.single == b.single
end

--- Returns true if a part may belong to the same text although it came long after the last one: if it is the next in order.
local function continues(set, part)
  if part.seq == 1 then return false end
  for seq = 1, part.seq - 1 do
    if not set.parts[seq] then return false end
  end
  return true
end

--- The open set, if the part belongs to it.  Another text under the same reference ends it.
---@return table? set
---@return "replaced"|nil detail
local function set_of(self, set, part, now)
  local gap = now - set.last
  if now - set.started >= self.max_age_s or gap >= self.max_gap_s then
    give_up(self, set, "age")
    return nil
  end
  local twin = set.parts[part.seq]
  if twin and same(twin, part) then return set end
  if twin or gap >= self.suspicious_gap_s and not continues(set, part) then
    give_up(self, set, "replaced")
    return nil, "replaced"
  end
  return set
end

--- Puts a part into its set; the set's report when it is whole.
local function put(self, set, part, cost, now)
  set.parts[part.seq] = part
  set.count, set.cost = set.count + 1, set.cost + cost
  local gap_s = now - set.last
  if gap_s > set.gap_s then set.gap_s = gap_s end
  set.last = now
  if self.idle.last ~= set then -- else it is the last already, as nearly always
    list.remove(self.idle, IDLE, set)
    list.append(self.idle, IDLE, set)
  end
  self.open_octets = self.open_octets + cost
  if set.count < set.total then return nil end
  drop(self, set)
  local whole = report(set)
  if set.gap_s >= self.suspicious_gap_s then whole.suspicious = true end
  whole.text = self.finished:add(whole, set.cost, part.seq, now)
  return whole
end

--- A repeated part of a completed text: returns the text again if its handler is to be called again.
local function repeated(self, text, key, sender, part, now)
  if text.result == false then
    text.result, text.completed, text.last_seq = nil, now, part.seq
    self.finished:came_on(text, part.seq, part.link)
    return "complete", text.set
  end
  local set = self.by_key[key]
  if text.result == nil or set and not set.echo then return "repeated", text end
  -- When all parts come again, the sender has sent the same text again.
  if set and (set.echo ~= text or now - set.last >= self.max_gap_s) then
    drop(self, set)
    set = nil
  end
  if set and set.parts[part.seq] then return "repeated", text end
  if not set then
    set = open_set(self, key, sender, part, part.total, now)
    set.echo = text
  end
  local whole = put(self, set, part, cost_of(part), now)
  if whole then return "complete", whole end
  return "repeated", text
end

--- Adds one part.
---@param part smpp.Part  kept, not copied
---@param now number      seconds, never going back
---@return "single"|"stored"|"complete"|"repeated"|nil what  single: not a part (no reference, part 0, beyond the
---  total): deliver it as it is.  stored: others are missing.  complete: all parts are here: report its result with
---  settle().  repeated: a part of such a message came again; answer with the same result
---@return smpp.PartSet|smpp.FinishedText|string|nil detail  complete: the set.  stored: "duplicate" (it was here already) or
---  "replaced" (another message under the same reference: the earlier parts are given up).  repeated: the message, with its
---  `result`.  nil: the error for people
---@return string? code  "too_long": the part alone is beyond max_octets
function Reassembly:add(part, now)
  check_part(part)
  if part.reference == nil or part.total < 1 or part.total > 255 or part.seq < 1 or part.seq > part.total then return "single" end
  local sender = sender_key(part)
  local key = digest(set_key(part, sender), self.digest_key)
  part.content = content_of(self.digest_key, key, part.seq, part.octets, part.data_coding, part.locking, part.single)
  return self:put(part, key, digest(sender, self.digest_key), part.total, now, #part.octets + (part.size or 0))
end

--- Makes a function that reads usual parts for `put`: a fast path with the same result as `add` with its fields.
---@param account string  whose connection the parts come on
---@return fun(pdu: smpp.Pdu): integer?, integer, integer, integer, string, string, number? read  octets that the part holds,
---  data_coding, seq, total, the key for `put`, the part's `content`, and the number of the completed text that has its content; nothing: use `add`
function Reassembly:reader(account)
  self.prefix = account_key(account)
  return reader_of(self.prefix, self.digest_key, self.finished.index)
end

--- As `add`, for a part that is valid and has its `content`, with the keys of its text and its sender.
---@param part smpp.Part
---@param key string
---@param sender string|false  false: of the PDU of a usual part
---@param total integer
---@param now number
---@param held integer  octets that the part holds, with those of its PDU
---@param known? number|false  of the completed text that has its content; false: none has; nil: not looked up
---@return string? what  as of `add`, but not "single"
---@return smpp.PartSet|smpp.FinishedText|string|nil detail
---@return string? code
function Reassembly:put(part, key, sender, total, now, held, known)
  local cost, done = held + PART_COST, self.finished
  if cost + SET_COST > self.max_octets then return nil, "part too long: exceeds max_octets", "too_long" end
  if now >= done.due then
    while forget(self, now) do end
  end
  local text = known ~= false and done:find(part, known)
  if text then
    local what, detail = repeated(self, text, key, sender or sender_of_pdu(part.pdu, self.prefix, self.digest_key), part, now)
    self:make_room()
    return what, detail
  end
  local set, detail = self.by_key[key], nil
  if set then
    if set.echo then
      drop(self, set)
      set = nil
    else
      set, detail = set_of(self, set, part, now)
      if set and set.parts[part.seq] then return "stored", "duplicate" end
    end
  end
  set = set or open_set(self, key, sender or sender_of_pdu(part.pdu, self.prefix, self.digest_key), part, total, now)
  local whole = put(self, set, part, cost, now)
  self:make_room()
  if whole then return "complete", whole end
  return "stored", detail
end

--- Enforces max_octets: completed and settled texts are removed first.
function Reassembly:make_room()
  while self.finished.settled_octets > self.max_octets / REMEMBERED and forget(self, math.huge) do end
  count(self)
  while self.octets > self.max_octets do
    if not forget(self, math.huge) then
      if not self.all.first then break end
      give_up(self, self.all.first, "limit")
    end
    count(self)
  end
end

--- Sets the result of a completed message.
---@param set smpp.PartSet  as add() gave it
---@param result any  true, or the status it was refused with, with which repeated parts are answered.  false: its handler is
---  called again when a part of it comes again
---@param now number
function Reassembly:settle(set, result, now)
  self.finished:settle(set.text, result, now)
  count(self)
end

--- Gives up expired sets.
---@param now number
---@return smpp.PartSet[] given_up  since the last call: too old, pushed out by a limit, or replaced; `reason` says which
function Reassembly:expire(now)
  while self.all.first and self.all.first.started + self.max_age_s <= now do give_up(self, self.all.first, "age") end
  while self.idle.first and self.idle.first.last + self.max_gap_s <= now do give_up(self, self.idle.first, "age") end
  while forget(self, now) do end
  count(self)
  local sets = {}
  for i = self.first_given_up, self.last_given_up do sets[#sets + 1] = self.given_up[i].set end
  self.given_up, self.given_up_octets, self.first_given_up, self.last_given_up = {}, 0, 1, 0
  return sets
end

--- Whether a time to call expire() may still be right, after parts were added that were new.
---@param at number  from next_expiry()
---@param now number
---@return boolean
function Reassembly:is_early(at, now)
  return at <= now + self.shortest_s and not self.given_up[self.first_given_up]
end

--- When to call expire() again.
---@return number? at  nil: nothing is waiting
function Reassembly:next_expiry()
  if self.given_up[self.first_given_up] then return 0 end
  local at = self.finished.due
  if self.all.first then at = math.min(at, self.all.first.started + self.max_age_s, self.idle.first.last + self.max_gap_s) end
  return at < math.huge and at or nil
end

--- The octets of a set in runs of the same coding, each to be decoded by itself.  A surrogate pair or an escape that a
--- sender cut in two is whole again in them.  Missing parts end a run.
---@param set smpp.PartSet
---@return { octets: string, data_coding: integer?, locking: integer?, single: integer?, packed: boolean?, first: integer, last: integer }[]
function reassembly.join(set)
  local runs, run = {}, nil
  for seq = 1, set.total do
    local part = set.parts[seq]
    if part and run and run.last == seq - 1 and not (part.packed or run.packed) and part.data_coding == run.data_coding
      and part.locking == run.locking and part.single == run.single then
      run[#run + 1], run.last = part.octets, seq
    elseif part then
      run = {
        part.octets, data_coding = part.data_coding, locking = part.locking, single = part.single, packed = part.packed,
        first = seq, last = seq,
      }
      runs[#runs + 1] = run
    end
  end
  for i, pieces in ipairs(runs) do
    runs[i] = {
      octets = table.concat(pieces), data_coding = pieces.data_coding, locking = pieces.locking, single = pieces.single,
      packed = pieces.packed, first = pieces.first, last = pieces.last,
    }
  end
  return runs
end

Reassembly.join = function(_, set) return reassembly.join(set) end

return reassembly
