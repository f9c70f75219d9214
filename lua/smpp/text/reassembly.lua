--- Collects the parts of long messages until they are whole.  Rules only: no I/O, no clock (`now` is an argument), no
--- decoding.  What has to be done with a part is for the caller; the engine bounds what it keeps.
local options = require "smpp.base.options"

local reassembly = {}

local Reassembly = {}
Reassembly.__index = Reassembly
Reassembly.__name = "smpp.text.reassembly"

local PART_COST = 256 -- octets that a part takes beside its own: the tables around it

local OPTIONS = {
  max_sets = options.number(1, math.huge, true), max_octets = options.number(1, math.huge, true),
  max_sets_per_sender = options.number(1, math.huge, true), max_age_s = options.seconds,
}

---@class smpp.PartAddress
---@field addr string
---@field ton integer?
---@field npi integer?

---@class smpp.Part
---@field account string|integer|nil  whose connection it came on
---@field source smpp.PartAddress
---@field destination smpp.PartAddress
---@field reference integer?    nil: the message is no part of a longer one
---@field width 8|16|"sar"|nil  where the reference comes from: UDH of 8 or 16 bits, or the sar_* TLVs
---@field total integer?
---@field seq integer?          from 1
---@field octets string         user data without its header
---@field data_coding integer?  with `locking` and `single`: what has to agree for octets to be joined
---@field locking integer?      national languages of the UDH
---@field single integer?
---@field packed boolean?       packed septets, which cannot be joined as octets

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
---@field reason "age"|"limit"|"replaced"|nil  why it was given up

---@class smpp.Reassembly
---@field sets integer    open sets
---@field octets integer  kept in them, with 256 per part for the tables around it
---@field lost integer    sets given up that nobody asked expire() about before max_octets more were given up

--- Makes a reassembler.
---@param o? { max_sets?: integer, max_octets?: integer, max_sets_per_sender?: integer, max_age_s?: number }
---  max_sets: open messages at a time (default 10000).  max_octets: kept at a time (16 MiB; a part counts 256 more than
---  it has).  max_sets_per_sender: of one account and source address (100), so that a flood costs only its sender.
---  max_age_s: from the first part (24 hours).  At a limit the oldest set gives way.
---@return smpp.Reassembly
function reassembly.new(o)
  o = options.check(o, OPTIONS)
  return setmetatable({
    max_sets = o.max_sets or 10000,
    max_octets = o.max_octets or 16 * 1024 * 1024,
    max_sets_per_sender = o.max_sets_per_sender or 100,
    max_age_s = o.max_age_s or 24 * 3600,
    sets = 0,
    octets = 0,
    by_key = {},  -- key -> open set
    senders = {}, -- sender -> list of its open sets (see `append`)
    all = {},     -- list of all open sets, oldest first
    given_up = {}, -- what expire() has to report, a queue
    first_given_up = 1,
    last_given_up = 0,
    given_up_octets = 0,
    lost = 0,
  }, Reassembly)
end

--- Lists that a set can leave from the middle: each set is linked by a pair of fields of its own.
local ALL = { next = "all_next", prev = "all_prev" }
local SENDER = { next = "sender_next", prev = "sender_prev" }

local function append(list, links, set)
  local last = list.last
  set[links.prev] = last
  if last then last[links.next] = set else list.first = set end
  list.last = set
end

local function remove(list, links, set)
  local before, after = set[links.prev], set[links.next]
  if before then before[links.next] = after else list.first = after end
  if after then after[links.prev] = before else list.last = before end
end

--- Fields of any octets, told apart by their lengths.
local function field(value)
  value = tostring(value)
  return #value .. ":" .. value
end

local function address_key(address)
  return (address.ton or 0) .. "/" .. (address.npi or 0) .. "/" .. field(address.addr)
end

local function sender_key(part)
  return type(part.account) .. field(part.account) .. address_key(part.source)
end

local function set_key(part, sender)
  return ("%s>%s#%s/%d/%d"):format(sender, address_key(part.destination), part.width, part.reference, part.total)
end

local function is_whole(n) return type(n) == "number" and n % 1 == 0 end

local function check_part(part)
  if type(part) ~= "table" then error("part: a table expected, got " .. type(part), 3) end
  for _, name in ipairs { "source", "destination" } do
    if type(part[name]) ~= "table" or type(part[name].addr) ~= "string" then error(name .. ": { addr, ton, npi } expected", 3) end
  end
  if type(part.octets) ~= "string" then error("octets: a string expected, got " .. type(part.octets), 3) end
  if part.reference == nil then return end
  for _, name in ipairs { "reference", "total", "seq" } do
    if not is_whole(part[name]) then error(name .. ": a whole number expected, got " .. tostring(part[name]), 3) end
  end
  if part.width ~= 8 and part.width ~= 16 and part.width ~= "sar" then
    error('width: 8, 16 or "sar" expected, got ' .. tostring(part.width), 3)
  end
end

--- What the caller sees of a set.
local function report(set, reason)
  local missing = {}
  for seq = 1, set.total do
    if not set.parts[seq] then missing[#missing + 1] = seq end
  end
  return {
    account = set.account, source = set.source, destination = set.destination, reference = set.reference,
    width = set.width, total = set.total, parts = set.parts, missing = missing, octets = set.octets,
    started = set.started, reason = reason,
  }
end

local function cost(part) return #part.octets + PART_COST end

--- Takes a set out.
---@param set table
function Reassembly:drop(set)
  self.by_key[set.key] = nil
  remove(self.all, ALL, set)
  local sender = self.senders[set.sender]
  remove(sender, SENDER, set)
  sender.count = sender.count - 1
  if sender.count == 0 then self.senders[set.sender] = nil end
  self.sets = self.sets - 1
  self.octets = self.octets - set.octets - set.count * PART_COST
end

--- A caller that never asks must not make them pile up.
function Reassembly:give_up(set, reason)
  self:drop(set)
  local list, octets = self.given_up, set.octets + set.count * PART_COST
  self.last_given_up = self.last_given_up + 1
  list[self.last_given_up] = { cost = octets, set = report(set, reason) }
  self.given_up_octets = self.given_up_octets + octets
  while self.given_up_octets > self.max_octets and self.first_given_up < self.last_given_up do
    local oldest = list[self.first_given_up]
    list[self.first_given_up] = nil
    self.first_given_up = self.first_given_up + 1
    self.given_up_octets = self.given_up_octets - oldest.cost
    self.lost = self.lost + 1
  end
end

local function open_set(self, key, sender_name, part, now)
  local sender = self.senders[sender_name]
  if sender and sender.count >= self.max_sets_per_sender then self:give_up(sender.first, "limit") end
  if self.sets >= self.max_sets then self:give_up(self.all.first, "limit") end
  sender = self.senders[sender_name]
  if not sender then
    sender = { count = 0 }
    self.senders[sender_name] = sender
  end
  local set = {
    key = key, sender = sender_name, account = part.account, source = part.source, destination = part.destination,
    reference = part.reference, width = part.width, total = part.total,
    parts = {}, count = 0, octets = 0, started = now,
  }
  self.by_key[key] = set
  append(self.all, ALL, set)
  append(sender, SENDER, set)
  sender.count = sender.count + 1
  self.sets = self.sets + 1
  return set
end

local function same(a, b)
  return a.octets == b.octets and a.data_coding == b.data_coding and a.locking == b.locking and a.single == b.single
end

--- Takes one part.
---@param part smpp.Part  kept, not copied
---@param now number      seconds, never going back
---@return "single"|"stored"|"complete"|nil what  single: no part of anything (no reference, part 0, beyond the total):
---  deliver it as it is.  stored: others are missing.  complete: the message is whole.
---@return smpp.PartSet|string|nil detail  complete: the set.  stored: "duplicate" (it was here already) or "replaced"
---  (another message under the same reference: what there was is given up).  nil: the error for people
---@return string? code  "too_long": the part alone is beyond max_octets
function Reassembly:add(part, now)
  check_part(part)
  if part.reference == nil or part.total < 1 or part.total > 255 or part.seq < 1 or part.seq > part.total then return "single" end
  if cost(part) > self.max_octets then return nil, "the part is longer than all that may be kept", "too_long" end
  local sender = sender_key(part)
  local key = set_key(part, sender)
  local set, detail = self.by_key[key], nil
  if set and now - set.started >= self.max_age_s then
    self:give_up(set, "age")
    set = nil
  end
  local twin = set and set.parts[part.seq]
  if twin then
    if same(twin, part) then return "stored", "duplicate" end
    self:give_up(set, "replaced")
    set, detail = nil, "replaced"
  end
  set = set or open_set(self, key, sender, part, now)
  set.parts[part.seq] = part
  set.count = set.count + 1
  set.octets = set.octets + #part.octets
  self.octets = self.octets + cost(part)
  if set.count == set.total then
    self:drop(set)
    return "complete", report(set)
  end
  while self.octets > self.max_octets do self:give_up(self.all.first, "limit") end
  return "stored", detail
end

--- Gives up what is too old.
---@param now number
---@return smpp.PartSet[] given_up  since the last call: too old, pushed out by a limit, or replaced; `reason` says which
function Reassembly:expire(now)
  local first = self.all.first
  while first and now - first.started >= self.max_age_s do
    self:give_up(first, "age")
    first = self.all.first
  end
  local list = {}
  for i = self.first_given_up, self.last_given_up do list[#list + 1] = self.given_up[i].set end
  self.given_up, self.given_up_octets, self.first_given_up, self.last_given_up = {}, 0, 1, 0
  return list
end

--- When to call expire() again.
---@return number? at  nil: nothing is waiting
function Reassembly:next_expiry()
  if self.given_up[self.first_given_up] then return 0 end
  return self.all.first and self.all.first.started + self.max_age_s
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
