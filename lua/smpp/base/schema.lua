--- Options as rows.  Each option is declared once: name, kind of value, default, description, example.
--- Checks, defaults, the reading of URLs, command lines and files, `--help` and the tables of docs/ come from the rows.
local kind = require "smpp.base.kind"
local mistake = require "smpp.base.mistake"

---@class smpp.OptionRow
---@field [1] string|integer      name
---@field [2] smpp.Kind|string    kind of the value, or the name of a Lua type
---@field [3] any                 default, nil: none
---@field [4] string?             description
---@field [5] string?             an example, as in Lua
---@field implied boolean?        the default holds without being filled in
---@field default_text string?    the default in words, where it is not a fixed value
---@field secret boolean?         messages do not show the value
---@field required boolean?
---@field program boolean?        can only be set by programs: not in files, not on the command line
---@field smppsim string?         the keys of SMPPSim that it replaces

---@class smpp.Schema : smpp.Kind
---@field rows smpp.OptionRow[]
---@field by_name table<string|integer, smpp.OptionRow>
---@field defaults table<string, any>
local Schema = {}
local mt = { __index = Schema, __name = "smpp.Schema" }

local schema = {}

--- A shallow copy of several tables, later ones winning.
---@param ... table?
---@return table
function schema.merge(...)
  local out = {}
  for i = 1, select("#", ...) do
    for key, value in pairs((select(i, ...)) or {}) do out[key] = value end
  end
  return out
end

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
      self.kinds[name], self.defaults[name] = kind.of(row[2]), nil
      if not row.implied then self.defaults[name] = row[3] end
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

--- The same schema, with more names that a function looks up, once for each name.
---@param lookup fun(name: string): smpp.Kind?, string?  for an unknown option nil, and the most similar name
---@return smpp.Schema
function Schema:with_names(lookup)
  local more = schema.new(self)
  more.lookup = lookup
  setmetatable(more.kinds, { __index = function(kinds, name)
    local one = type(name) == "string" and lookup(name) or nil
    kinds[name] = one
    return one
  end })
  return more
end

--- Some of the rows, as a schema.
---@param ... string
---@return smpp.Schema
function Schema:pick(...)
  local rows = {}
  for _, name in ipairs { ... } do rows[#rows + 1] = assert(self.by_name[name], name) end
  return schema.new(rows)
end

--- The same rows with other defaults.
---@param defaults table<string, any>
---@return smpp.Schema
function Schema:with_defaults(defaults)
  local rows = {}
  for i, row in ipairs(self.rows) do
    rows[i] = row
    if defaults[row[1]] ~= nil then
      rows[i] = schema.merge(row)
      rows[i][3] = defaults[row[1]]
    end
  end
  return schema.new(rows)
end

--- The rows that a function selects, as a schema.
---@param wants fun(row: smpp.OptionRow): boolean?
---@return smpp.Schema
function Schema:select(wants)
  local rows = {}
  for _, row in ipairs(self.rows) do
    if wants(row) then rows[#rows + 1] = row end
  end
  return schema.new(rows)
end

--- All rows but some, as a schema.
---@param ... string
---@return smpp.Schema
function Schema:without(...)
  local left = {}
  for _, name in ipairs { ... } do left[name] = true end
  return self:select(function(row) return not left[row[1]] end)
end

local function problem_of(self, name, value)
  local one = self.kinds[name]
  if not one then
    if type(name) ~= "string" then return mistake.new(("expected name = value, got a %s without a name"):format(type(value))) end
    return mistake.unknown(name, self.by_name, self.lookup and select(2, self.lookup(name)))
  end
  if one.fits(value) then return nil end
  local row = self.by_name[name]
  return mistake.inside(row and row.secret and mistake.wrong(one.expected, value, true) or kind.problem(one, value), name)
end

--- Validates a table of options: the error, nil: valid.  Of several errors the first in the order of names.
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

--- Validates a table of options given by a program; raises on an invalid one.
---@param given table?
---@param level? integer  as of `error`, seen from the caller; default 2: its caller
---@return table given  a new table for nil
function Schema:check(given, level)
  if given == nil then return {} end
  if not self.fits(given) then mistake.raise(self:problem(given), (level or 2) + 1) end
  return given
end

--- The defaults, overridden by the given tables; later tables take precedence.
---@param ... table?
---@return table
function Schema:fill(...) return schema.merge(self.defaults, ...) end

--- The row and kind of a dotted name, "retry.attempts".
local function find(self, path)
  local head, rest = path:match "^([^.]+)%.(.+)$"
  head = head or path
  local row, one = self.by_name[head], self.kinds[head]
  if not one or row and row.program then
    return nil, nil, mistake.unknown(head, self.by_name, self.lookup and select(2, self.lookup(head)))
  end
  if not rest then return row or {}, one end
  if not one.schema then return nil, nil, mistake.inside(mistake.unknown(rest, {}), head) end
  local wrong
  row, one, wrong = find(one.schema, rest)
  return row, one, wrong and mistake.inside(wrong, head)
end

--- Converts a text, from a URL or a command line, to the value of an option.
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
      or mistake.new(("expected %s, which cannot be given as text"):format(one.expected))
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
