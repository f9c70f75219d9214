--- RESP 2 and 3, the protocol of Valkey and Redis: commands to octets, and octets to replies.
---
---   reply                               Lua
---   simple, bulk, verbatim string       string
---   integer, double                     number; an integer that is not exact as one: string of its digits
---   big number                          string of its digits
---   boolean                             boolean
---   null                                false, so that lists have no holes
---   array, set                          list
---   map                                 table
---   push                                list, reported apart
---   error                               smpp.ValkeyError, which tostring() shows
local core = require "smpp.core"

local resp = {}

local concat, find, byte, sub = table.concat, string.find, string.byte, string.sub

--- Limits of a reply.
local MOST_OCTETS = 64 * 1024 * 1024
local LINE_OCTETS = 64 * 1024
local MOST_DEPTH = 32

---@class smpp.ValkeyError  an error reply
---@field code string     its first word: "ERR", "WRONGTYPE", "OOM"
---@field message string  all of it
local ERROR = { __name = "smpp.ValkeyError", __tostring = function(self) return self.message end }

--- Tests whether a reply is an error.
---@param value any
---@return boolean
function resp.is_error(value) return getmetatable(value) == ERROR end

--- An error as a reply has it.
---@param text string
---@param code? string  default: the first word
---@return smpp.ValkeyError
function resp.error(text, code) return setmetatable({ code = code or text:match "^%S*", message = text }, ERROR) end

-- ---- commands to octets ----

--- The octets of a command.
---@param words (string|number)[]  the name, then the arguments
---@param count integer
---@return string? octets
---@return string? message  a word that is neither string nor finite number
function resp.command(words, count)
  local octets, place = core.resp_command(words, count)
  if octets then return octets end
  local word = words[place]
  return nil, ("argument %d: expected a string or a finite number, got %s"):format(place - 1,
    type(word) == "number" and tostring(word) or "a " .. type(word))
end

--- The octets of words of a command, without its head.
---@param words (string|number)[]
---@param count integer
---@return string? octets
---@return string? message  as of `command`
function resp.words(words, count)
  local octets, message = resp.command(words, count)
  if not octets then return nil, message end
  return sub(octets, find(octets, "\n", 1, true) + 1)
end

-- ---- octets to replies ----

---@class smpp.RespReader  reads a stream; the cost is linear in its octets, whatever the pieces
---@field on_reply fun(value: any)
---@field on_push fun(list: any[])
---@field failed string?  what was malformed: nothing is read any more
local Reader = {}
local mt = { __index = Reader, __name = "smpp.RespReader" }

---@param on_reply fun(value: any)
---@param on_push? fun(list: any[])  default: push data is ignored
---@param limits? { octets: integer?, line: integer?, depth: integer? }  of one reply
---@return smpp.RespReader
function resp.reader(on_reply, on_push, limits)
  limits = limits or {}
  return setmetatable({
    on_reply = on_reply,
    on_push = on_push or function() end,
    most_octets = limits.octets or MOST_OCTETS,
    most_line = limits.line or LINE_OCTETS,
    most_depth = limits.depth or MOST_DEPTH,
    parts = {}, part_count = 0, have = 0, -- octets that are not read yet
    need = 1,                             -- as many must be there before anything can be read
    bulk = nil, kind = nil,               -- octets and type of the string that comes next; nil: a line
    frames = {}, depth = 0,               -- the unfinished aggregates, the outermost first
    octets = 0,                           -- of the unfinished reply
    failed = nil,
  }, mt)
end

--- Integers that a double holds exactly are numbers, so that every Lua has the same.
local function integer(text)
  local value = tonumber(text)
  return value > -2 ^ 53 and value < 2 ^ 53 and value or text
end

local SPECIAL = { inf = math.huge, ["+inf"] = math.huge, ["-inf"] = -math.huge, nan = 0 / 0, ["-nan"] = 0 / 0 }

local function double(text)
  return SPECIAL[text] or find(text, "^[+-]?%d+%.?%d*[eE]?[+-]?%d*$") and tonumber(text) or nil
end

--- What a line of this type stands for, except aggregates; nil: malformed.
local LINES = {
  ["+"] = function(text) return text end,
  ["-"] = function(text) return resp.error(text) end,
  [":"] = function(text) return find(text, "^[+-]?%d+$") and integer(text) or nil end,
  ["_"] = function(text) if text == "" then return false end end,
  [","] = double,
  ["#"] = function(text)
    if text == "t" then return true elseif text == "f" then return false end
  end,
  ["("] = function(text) return find(text, "^[+-]?%d+$") and text or nil end,
}

-- Type -> elements for each one that the line counts.
local AGGREGATES = { ["*"] = 1, ["~"] = 1, [">"] = 1, ["%"] = 2, ["|"] = 2 }
local BULKS = { ["$"] = true, ["="] = true, ["!"] = true }

--- Adds a value to the innermost aggregate; those that it completes are values in turn.
local function add(self, value)
  while true do
    local frame = self.frames[self.depth]
    if not frame then
      self.octets = 0
      return self.on_reply(value)
    end
    local list = frame.list
    if not frame.is_map then
      frame.count = frame.count + 1
      list[frame.count] = value
    elseif frame.key == nil then
      frame.key = value == value and value or "nan"
    else
      list[frame.key], frame.key = value, nil
    end
    frame.left = frame.left - 1
    if frame.left > 0 then return end
    self.frames[self.depth] = nil
    self.depth = self.depth - 1
    if frame.type == "|" then return end -- attributes say something about the next value: they are skipped
    if frame.type == ">" then
      self.octets = 0
      return self.on_push(list)
    end
    value = list
  end
end

--- Begins an aggregate; nil: it is malformed.
local function open(self, kind, text)
  local count = find(text, "^%d+$") and #text <= 15 and tonumber(text) or kind == "*" and text == "-1" and -1
  if not count then return nil, "invalid length" end
  if count == -1 then return add(self, false) or true end
  if kind == ">" and self.depth > 0 then return nil, "push data inside a reply" end
  if self.depth >= self.most_depth then return nil, "too deeply nested" end
  local left = count * AGGREGATES[kind]
  if left > self.most_octets then return nil, "too many elements" end
  if left == 0 then
    if kind == "|" then return true end
    if kind == ">" then return self.on_push {} or true end
    return add(self, {}) or true
  end
  self.depth = self.depth + 1
  self.frames[self.depth] = { type = kind, list = {}, is_map = AGGREGATES[kind] == 2, left = left, count = 0, key = nil }
  return true
end

--- Reads a line without its CR LF; nil: it is malformed.
local function line(self, text)
  local kind = sub(text, 1, 1)
  local rest = sub(text, 2)
  if BULKS[kind] then
    if rest == "-1" and kind == "$" then return add(self, false) or true end
    local length = find(rest, "^%d+$") and #rest <= 15 and tonumber(rest)
    if not length then return nil, "invalid length" end
    if self.octets + length > self.most_octets then return nil, ("a reply of more than %d octets"):format(self.most_octets) end
    self.bulk, self.kind = length, kind
    return true
  end
  if AGGREGATES[kind] then return open(self, kind, rest) end
  local read = LINES[kind]
  if not read then return nil, "unknown type" end
  local value = read(rest)
  if value == nil then return nil, "invalid value" end
  add(self, value)
  return true
end

local function string_of(kind, text)
  if kind == "!" then return resp.error(text) end
  if kind == "=" then return find(text, "^...:") and sub(text, 5) or nil end
  return text
end

local function fail(self, what, text)
  self.failed = text and ("malformed reply: %s at '%s'"):format(what, sub(text, 1, 40)) or "malformed reply: " .. what
  self.parts, self.frames, self.have = {}, {}, 0
  return nil, self.failed
end

--- Reads octets, and reports each reply that is complete.  A callback may not call it.
---@param octets string
---@return boolean? ok
---@return string? message  malformed: the stream cannot be read on
function Reader:feed(octets)
  if self.failed then return nil, self.failed end
  self.part_count = self.part_count + 1
  self.parts[self.part_count], self.have = octets, self.have + #octets
  if self.have < self.need then return true end
  local buffer = self.part_count == 1 and octets or concat(self.parts, "", 1, self.part_count)
  local at, size = 1, #buffer
  while true do
    local bulk = self.bulk
    if bulk then
      if size - at + 1 < bulk + 2 then
        self.need = bulk + 2
        break
      end
      local first, second = byte(buffer, at + bulk, at + bulk + 1)
      if first ~= 13 or second ~= 10 then return fail(self, "a string without its end") end
      local value = string_of(self.kind, sub(buffer, at, at + bulk - 1))
      if value == nil then return fail(self, "a verbatim string without its format") end
      at, self.bulk, self.octets = at + bulk + 2, nil, self.octets + bulk + 2
      add(self, value)
    else
      local stop = find(buffer, "\r\n", at, true)
      if not stop or stop - at > self.most_line then
        if size - at + 1 > self.most_line then return fail(self, ("a line of more than %d octets"):format(self.most_line)) end
        self.need = size - at + 2
        break
      end
      local text = sub(buffer, at, stop - 1)
      self.octets = self.octets + #text + 2
      if self.octets > self.most_octets then return fail(self, ("a reply of more than %d octets"):format(self.most_octets)) end
      at = stop + 2
      local ok, what = line(self, text)
      if not ok then return fail(self, what, text) end
    end
  end
  local rest = sub(buffer, at)
  self.parts, self.part_count, self.have = rest ~= "" and { rest } or {}, rest ~= "" and 1 or 0, #rest
  return true
end

return resp
