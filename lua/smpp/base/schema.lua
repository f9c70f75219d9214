--- Options as rows.  A row says an option once: its name, the kind of its values, its default, what it means, an example.
--- Checks, defaults, the reading of URLs, command lines and files, `--help` and the tables of docs/ come from the rows.
local kind = require "smpp.base.kind"
local mistake = require "smpp.base.mistake"

---@class smpp.OptionRow
---@field [1] string|integer      name
---@field [2] smpp.Kind|string    kind of the value, or the name of a Lua type
---@field [3] any                 default, nil: none
---@field [4] string?             what it means
---@field [5] string?             an example, as in Lua
---@field default_text string?    the default in words, where no one value stands for it
---@field secret boolean?         messages do not show the value
---@field required boolean?
---@field program boolean?        only programs can give it: neither files nor command lines
---@field smppsim string?         keys of SMPPSim it stands for

---@class smpp.Schema : smpp.Kind
---@field rows smpp.OptionRow[]
---@field by_name table<string|integer, smpp.OptionRow>
---@field defaults table<string, any>
local Schema = {}
local mt = { __index = Schema, __name = "smpp.Schema" }

local schema = {}

--- Makes a schema of rows, of other schemas, or both; a later row replaces an earlier one of its name.
---@param ... smpp.Schema|smpp.OptionRow[]
---@return smpp.Schema
function schema.new(...)
  local self = setmetatable({ rows = {}, by_name = {}, defaults = {}, kinds = {}, required = {}, expected = "a table of options" }, mt)
  local place = {}
  for _, source in ipairs { ... } do
    for _, row in ipairs(source.rows or source) do
      local name = row[1]
      place[name] = place[name] or #self.rows + 1
      self.rows[place[name]], self.by_name[name] = row, row
      self.defaults[name], self.kinds[name] = row[3], kind.of(row[2])
      self.required[name] = row.required
    end
  end
  self.schema = self
  -- The common case makes no table and sorts nothing.
  local kinds, required = self.kinds, next(self.required) and self.required
  function self.fits(given)
    if type(given) ~= "table" then return false end
    for name, value in pairs(given) do
      local one = kinds[name]
      if not one or not one.fits(value) then return false end
    end
    for name in pairs(required or given) do
      if required and given[name] == nil then return false end
    end
    return true
  end
  function self.explain(given) return self:problem(given) end
  return self
end

--- Some of the rows, as a schema.
---@param ... string
---@return smpp.Schema
function Schema:pick(...)
  local rows = {}
  for _, name in ipairs { ... } do rows[#rows + 1] = assert(self.by_name[name], name) end
  return schema.new(rows)
end

--- All rows but some, as a schema.
---@param ... string
---@return smpp.Schema
function Schema:without(...)
  local left, rows = {}, {}
  for _, name in ipairs { ... } do left[name] = true end
  for _, row in ipairs(self.rows) do
    if not left[row[1]] then rows[#rows + 1] = row end
  end
  return schema.new(rows)
end

local function problem_of(self, name, value)
  local row = self.by_name[name]
  if not row then
    if type(name) ~= "string" then return mistake.new(("expected name = value, got a %s without a name"):format(type(value))) end
    return mistake.unknown(name, self.by_name)
  end
  local one = self.kinds[name]
  if one.fits(value) then return nil end
  return mistake.inside(row.secret and mistake.wrong(one.expected, value, true) or kind.problem(one, value), name)
end

--- What is wrong with a table of options, nil: nothing.  Of several mistakes the first in the order of names.
---@param given any
---@return smpp.Mistake?
function Schema:problem(given)
  if self.fits(given) then return nil end
  if type(given) ~= "table" then return mistake.wrong(self.expected, given) end
  local names = {}
  for name in pairs(given) do names[#names + 1] = name end
  table.sort(names, function(a, b) return tostring(a) < tostring(b) end)
  for _, name in ipairs(names) do
    local wrong = problem_of(self, name, given[name])
    if wrong then return wrong end
  end
  for _, row in ipairs(self.rows) do
    if row.required and given[row[1]] == nil then return mistake.inside(mistake.new "missing", row[1]) end
  end
end

--- Checks a table that a program gives; what is wrong raises.
---@param given table?
---@param level? integer  as of `error`, seen from the caller; default 2: its caller
---@return table given  a new table for nil
function Schema:check(given, level)
  if given == nil then return {} end
  if not self.fits(given) then mistake.raise(self:problem(given), (level or 2) + 1) end
  return given
end

--- The defaults, with what several tables say over them, later ones winning.
---@param ... table?
---@return table
function Schema:fill(...)
  local out = {}
  for name, value in pairs(self.defaults) do out[name] = value end
  for i = 1, select("#", ...) do
    for name, value in pairs((select(i, ...)) or {}) do out[name] = value end
  end
  return out
end

--- The row and kind of a name with dots, "retry.attempts".
local function find(self, path)
  local head, rest = path:match "^([^.]+)%.(.+)$"
  head = head or path
  local row, one = self.by_name[head], self.kinds[head]
  if not row or row.program then return nil, nil, mistake.unknown(head, self.by_name) end
  if not rest then return row, one end
  if not one.schema then return nil, nil, mistake.inside(mistake.unknown(rest, {}), head) end
  local wrong
  row, one, wrong = find(one.schema, rest)
  return row, one, wrong and mistake.inside(wrong, head)
end

--- The value that a text means as an option, as URLs and command lines have it.
---@param path string  its name, "window" or "retry.attempts"
---@param word string
---@return any value
---@return smpp.Mistake?
function Schema:parse(path, word)
  local row, one, wrong = find(self, path)
  if not row then return nil, wrong end
  local value
  if one.read then value = one.read(word) end
  if value == nil then
    wrong = one.read and mistake.wrong(one.expected, word, row.secret)
      or mistake.new(("expected %s, which no text can say"):format(one.expected))
  elseif not one.fits(value) then
    wrong = row.secret and mistake.wrong(one.expected, value, true) or kind.problem(one, value)
  else
    return value
  end
  for piece in path:reverse():gmatch "[^.]+" do mistake.inside(wrong, (piece:reverse())) end
  return nil, wrong
end

--- Sets an option of a table, whose name may have dots: "retry.attempts" makes or changes the table `retry`.
---@param o table
---@param path string
---@param value any
function schema.put(o, path, value)
  local head, rest = path:match "^([^.]+)%.(.+)$"
  if not head then
    o[path] = value
    return
  end
  if type(o[head]) ~= "table" then o[head] = {} end
  schema.put(o[head], rest, value)
end

--- Options given as texts, by name.
---@param words table<string, string>
---@return table? options
---@return smpp.Mistake?
function Schema:parse_all(words)
  local names, o = {}, {}
  for name in pairs(words) do names[#names + 1] = name end
  table.sort(names)
  for _, name in ipairs(names) do
    local value, wrong = self:parse(name, words[name])
    if value == nil then return nil, wrong end
    schema.put(o, name, value)
  end
  return o
end

return schema
