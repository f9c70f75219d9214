--- Handlers in any language: a program that is told of messages on stdin, and answers on stdout, one line of JSON each.
local task = require "smpp.base.task"

local programs = {}

---@class smpp.BotProgram
local Program = {}
local PROGRAM = { __index = Program }

--- A value as JSON; dkjson alone takes { n = 3 } for a list of three.
local function encode(json, value)
  if type(value) ~= "table" then return json.encode(value) end
  local pieces, size = {}, 0
  for _ in pairs(value) do size = size + 1 end
  if size > 0 and size == #value then
    for i, item in ipairs(value) do pieces[i] = encode(json, item) end
    return "[" .. table.concat(pieces, ",") .. "]"
  end
  for key, item in pairs(value) do pieces[#pieces + 1] = json.quotestring(tostring(key)) .. ":" .. encode(json, item) end
  table.sort(pieces)
  return "{" .. table.concat(pieces, ",") .. "}"
end

--- Fails all requests: the program ended, or wrote a line that is not a reply.
local function fail_all(self, message)
  local waiting = self.waiting
  self.waiting = {}
  for _, one in pairs(waiting) do task.wake_for(one.token, one, nil, message) end
end

local function start(self, shop)
  local process, message
  process, message = shop.loop:spawn { command = { "/bin/sh", "-c", self.command }, line = function(line)
    local reply, _, why = self.json.decode(line, 1, nil, nil, nil) -- without metatables
    if type(reply) ~= "table" then return fail_all(self, ("not a line of JSON: %s"):format(why or line)) end
    local one = self.waiting[tostring(reply.id)]
    if not one then return end
    self.waiting[tostring(reply.id)] = nil
    task.wake_for(one.token, one, reply)
  end, ended = function(code)
    if self.process == process then self.process = nil end
    fail_all(self, ("it ended with %s"):format(tostring(code)))
  end }
  if not process then return nil, message end
  self.process = process
  shop:on_stop(function()
    if self.process then self.process:eof() end
    self.process = nil
  end)
  return true
end

--- Asks the program; raises if it does not answer.
---@async
local function request(self, shop, message)
  if not self.process then
    local ok, why = start(self, shop)
    if not ok then error(("program '%s': %s"):format(self.command, why), 0) end
  end
  local one = { token = task.need() }
  self.waiting[message.id] = one
  local line = encode(self.json, message) .. "\n"
  shop.loop:defer(function()
    if self.process then self.process:write(line) end
  end)
  local reply, why = task.wait(one)
  if not reply then error(("program '%s': %s"):format(self.command, why), 0) end
  return reply
end

--- A handler that asks a program.
---@param command string  for the shell
---@return fun(chat: smpp.Chat)
function programs.new(command)
  if type(command) ~= "string" then error(("program: expected a command, got a %s"):format(type(command)), 2) end
  local self = setmetatable({
    command = command, process = nil,
    waiting = {},              -- id -> { token }
    last = 0,                  -- conversations so far
    json = nil,
  }, PROGRAM)
  return function(chat)
    self.json = self.json or require "dkjson"
    self.last = self.last + 1
    local id, text = tostring(self.last), chat.text
    while true do
      local reply = request(self, chat.bot, {
        id = id, from = chat.number, to = chat.to, text = text, channel = chat.channel, memory = chat.memory,
      })
      if type(reply.memory) == "table" then chat.memory = reply.memory end
      local say = type(reply.say) == "string" and { reply.say } or reply.say or {}
      local n = #say
      for i = 1, reply.ask and n - 1 or n do chat:say(tostring(say[i])) end
      if not reply.ask or reply["end"] or n == 0 then return end
      text = chat:ask(tostring(say[n]))
    end
  end
end

return programs
