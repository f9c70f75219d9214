--- Server-sent events (WHATWG HTML, 9.2): what happens, for any number of clients that listen.  Events are kept in one ring, bounded in
--- octets, from which each client is served at its pace; a client that is too slow, or comes back too late, is told how many it has
--- missed.  One that comes back with Last-Event-ID goes on where it was.
local kind = require "smpp.base.kind"
local loops = require "smpp.loop"
local random = require "smpp.base.random"
local schema = require "smpp.base.schema"

local feeds = {}

local BATCH_OCTETS = 16384 -- given to a client at once
local AGAIN_S = 60 -- events are kept so long for the last client to come back
local KEEP_ALIVE = ":\n\n"

feeds.schema = schema.new {
  { "keep_octets", kind.with_unit("octets", kind.integer(4096, 2 ^ 30)), 1048576,
    "of the last events, for clients that are slow or come back", "keep_octets = 65536" },
  { "keep_alive_s", kind.seconds, 15, "a client that gets nothing gets a comment", "keep_alive_s = 5" },
  { "retry_s", kind.seconds, 2, "after that clients come back when they are cut off", "retry_s = 0.5" },
  { "loop", "table", nil, "event loop", "loop = loop", default_text = "the current one", program = true },
}

---@class smpp.HttpFeed
---@field clients integer  that listen
local Feed = {}
local mt = { __index = Feed, __name = "smpp.HttpFeed" }

local function line(name, value)
  if value:find "[\r\n%z]" then error(("%s: a line break or NUL"):format(name), 3) end
  return name .. ": " .. value .. "\n"
end

--- An event as it is sent.
---@param o { event: string?, id: string?, data: string?, retry_s: number?, comment: string? }
---@return string octets
function feeds.event(o)
  local parts = {}
  if o.comment then parts[1] = line("", o.comment) end
  if o.retry_s then parts[#parts + 1] = ("retry: %d\n"):format(o.retry_s * 1000) end
  if o.id then parts[#parts + 1] = line("id", o.id) end
  if o.event then parts[#parts + 1] = line("event", o.event) end
  if o.data and not o.data:find "[\r\n]" then
    parts[#parts + 1] = "data: " .. o.data .. "\n"
  elseif o.data then
    for text in (o.data:gsub("\r\n?", "\n") .. "\n"):gmatch "([^\n]*)\n" do parts[#parts + 1] = "data: " .. text .. "\n" end
  end
  parts[#parts + 1] = "\n"
  return table.concat(parts)
end

---@param o { keep_octets: integer?, keep_alive_s: number?, retry_s: number?, loop: smpp.Loop? }|nil
---@return smpp.HttpFeed
function feeds.new(o)
  o = feeds.schema:fill(feeds.schema:check(o or {}))
  local self = setmetatable({
    options = o, loop = o.loop or loops.current(),
    events = {}, names = {}, first = 1, last = 0, octets = 0, -- the ring: number -> octets, and the event's name
    run = nil,                                    -- in front of the numbers in ids: those of another run mean nothing
    list = {}, clients = 0,
    is_scheduled = false, flush = nil, timer = nil, until_s = nil,
  }, mt)
  function self.flush()
    self.is_scheduled = false
    self:send_all()
  end
  return self
end

--- Is anybody there for whom an event would be made?  True for a minute after the last client has left.
---@return boolean
function Feed:is_wanted() return self.clients > 0 or self.until_s ~= nil and self.loop:now() < self.until_s end

--- Tells the clients of an event; never waits.
---@param event string
---@param data string  any text; its lines are kept, its line ends become "\n"
---@return boolean told  false: nobody is there, or it is larger than a quarter of `keep_octets`
function Feed:publish(event, data)
  if not self:is_wanted() then return false end
  local number = self.last + 1
  local octets = feeds.event { id = ("%s.%d"):format(self.run, number), event = event, data = data }
  self.last = number
  if #octets > self.options.keep_octets / 4 then octets, event = "", false end -- counts as missed
  self.events[number], self.names[number] = octets, event
  self.octets = self.octets + #octets
  while self.octets > self.options.keep_octets do
    self.octets = self.octets - #self.events[self.first]
    self.events[self.first], self.names[self.first] = nil, nil
    self.first = self.first + 1
  end
  if not self.is_scheduled then
    self.is_scheduled = true
    self.loop:defer(self.flush)
  end
  return event ~= false
end

local function missed(count)
  return feeds.event { event = "dropped", data = count and ('{"count":%d}'):format(count) or '{"count":null}' }
end

--- The next octets for a client, and the number after the last event in them.
local function batch(self, client)
  local parts, n, octets, number = {}, 0, 0, client.next
  if number < self.first then
    parts[1], n = missed(client.missed + self.first - number), 1
    number = self.first
  elseif client.missed > 0 then
    parts[1], n = missed(client.missed), 1
  end
  local lost = 0
  while number <= self.last and octets < BATCH_OCTETS do
    local name = self.names[number]
    if name == false then
      lost = lost + 1
    elseif not client.wants or client.wants[name] then
      if lost > 0 then break end
      n = n + 1
      parts[n] = self.events[number]
      octets = octets + #parts[n]
    end
    number = number + 1
  end
  return table.concat(parts), number, lost
end

--- Sends a client what it has not got, as long as it takes it.
local function send(self, client, memo)
  while client.next <= self.last do
    local octets, number, lost
    if memo and memo.next == client.next and client.missed == 0 and not client.wants then
      octets, number, lost = memo.octets, memo.number, memo.lost
    else
      octets, number, lost = batch(self, client)
      if memo and client.missed == 0 and not client.wants then memo.next, memo.octets, memo.number, memo.lost = client.next, octets, number, lost end
    end
    if octets ~= "" then
      if not client.out:offer(octets) then return end -- goes on when there is room
      client.is_fresh = true
    end
    client.next, client.missed = number, lost
  end
  if client.missed > 0 and client.out:offer(missed(client.missed)) then client.missed = 0 end
end

---@private
function Feed:send_all()
  local memo = {}
  for i = 1, self.clients do send(self, self.list[i], memo) end
end

local function keep_alive(self)
  for i = 1, self.clients do
    local client = self.list[i]
    if not client.is_fresh then client.out:offer(KEEP_ALIVE) end
    client.is_fresh = false
  end
  self.timer:start(self.options.keep_alive_s)
end

local function add(self, client)
  self.clients = self.clients + 1
  self.list[self.clients] = client
  if self.timer then return end
  self.timer = self.loop:timer(function() keep_alive(self) end)
  self.timer:start(self.options.keep_alive_s)
end

local function remove(self, client)
  for i = 1, self.clients do
    if self.list[i] == client then
      self.list[i], self.list[self.clients] = self.list[self.clients], nil
      break
    end
  end
  self.clients = self.clients - 1
  if self.clients > 0 then return end
  self.timer:close()
  self.timer = nil
  self.until_s = self.loop:now() + AGAIN_S
end

--- Where a client goes on; `missed`: it cannot be said how much it has missed.
local function position(self, request)
  local id = request.headers["last-event-id"]
  local run, number = (id or ""):match "^(%x+)%.(%d+)$"
  number = run == self.run and #number < 16 and tonumber(number)
  if number and number <= self.last then return number + 1 end
  return self.last + 1, id ~= nil
end

--- The answer to a client that listens: until it leaves, or the server closes.
---@param request smpp.HttpRequest
---@param wants table<string, boolean>?  only events of these names
---@return smpp.HttpResponse
function Feed:serve(request, wants)
  return {
    status = 200, type = "text/event-stream", headers = { "X-Accel-Buffering", "no" },
    max_queued_octets = math.max(65536, math.ceil(self.options.keep_octets / 4) + 2 * BATCH_OCTETS),
    stream = function(out)
      if not self.run or not self:is_wanted() then -- what has happened since nobody knows
        self.run = random.octets(6):gsub(".", function(octet) return ("%02x"):format(octet:byte()) end)
        self.events, self.names, self.first, self.octets = {}, {}, self.last + 1, 0
      end
      local number, is_lost = position(self, request)
      local client = { out = out, next = number, missed = 0, wants = wants, is_fresh = true }
      out.on_room = function() send(self, client) end
      out.on_end = out.on_room -- what was published just before the server closes
      out:offer(feeds.event { retry_s = self.options.retry_s } .. (is_lost and missed() or ""))
      add(self, client)
      send(self, client)
      out:wait()
      remove(self, client)
    end,
  }
end

return feeds
