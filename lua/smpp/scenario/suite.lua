--- Files of scenarios: found, loaded, filtered.
local csv = require "smpp.base.csv"
local kind = require "smpp.base.kind"
local luafile = require "smpp.base.luafile"
local schema = require "smpp.base.schema"

local suite = {}

--- Options of a scenario.
suite.options = schema.new {
  { "tags", kind.list("string", "tags"), nil, "words for `smpp test --tag`", 'tags = { "slow" }' },
  { "skip", "string", nil, "the reason why it is not run", 'skip = "the carrier is down"' },
  { "clock", kind.one_of("real", "virtual"), nil, "the clock that it needs", 'clock = "virtual"' },
  { "limit_s", kind.seconds, nil, "how long it may take", "limit_s = 120", default_text = "30, in virtual time 7 days" },
  { "within_s", kind.seconds, 5, "default limit of waits", "within_s = 1", implied = true },
  { "each", "string", nil, "a CSV file: one scenario per row, `fn(t, row)`", 'each = "users.csv"' },
}

local collecting -- the list that `scenario` adds to; nil: nothing is being loaded

--- Makes cases of a call of `scenario`.
---@param level integer  of its caller, as of debug.getinfo
---@param name string
---@param options table|function|nil
---@param fn function?
---@param place? { file: string, folder: string }  default: of the caller's file
---@return smpp.ScenarioCase[] cases
function suite.cases(level, name, options, fn, place)
  if fn == nil then options, fn = nil, options end
  if type(name) ~= "string" or name == "" then error("scenario: expected a name", level) end
  if type(fn) ~= "function" then error(("scenario '%s': expected a function"):format(name), level) end
  options = options or {}
  local wrong = suite.options:problem(options)
  if wrong then error(("scenario '%s': %s"):format(name, wrong.message), level) end
  local caller, body = debug.getinfo(level, "Sl"), debug.getinfo(fn, "S")
  local path = body.source:match "^@(.*)$" or body.source
  local case = {
    name = name, options = options, fn = fn, source = body.source, file = place and place.file or path,
    folder = place and place.folder or path:match "^(.*)/[^/]*$" or ".", last_line = body.lastlinedefined,
    line = place and caller.source == body.source and caller.currentline or body.linedefined,
  }
  if not options.each then return { case } end
  local octets = luafile.octets(options.each:find "^/" and options.each or case.folder .. "/" .. options.each)
  local rows, message
  if octets then rows, message = csv.rows(octets) else message = "cannot be read" end
  if not rows then error(("scenario '%s': %s: %s"):format(name, options.each, message), level) end
  local list = {}
  for i, row in ipairs(rows) do list[i] = schema.merge(case, { name = ("%s [%d]"):format(name, i), row = row }) end
  return list
end

--- Registers a scenario of the file that is being loaded.
---@param level integer
function suite.add(level, name, options, fn)
  if not collecting then error("scenario: run this file with `smpp test`", level) end
  for _, case in ipairs(suite.cases(level + 1, name, options, fn, collecting)) do
    if collecting.names[case.name] then error(("two scenarios are called '%s'"):format(case.name), level) end
    collecting.names[case.name] = true
    table.insert(collecting.cases, case)
  end
end

--- Runs a function while the folder of a file is the first where modules are looked for.
local function beside(folder, fn, ...)
  local path = package.path
  package.path = folder .. "/?.lua;" .. folder .. "/?/init.lua;" .. path
  local ok, a, b = pcall(fn, ...)
  package.path = path
  if not ok then error(a, 0) end
  return a, b
end
suite.beside = beside

--- Loads a file.
---@param path string
---@return smpp.ScenarioCase[]? cases
---@return string? message
function suite.load(path)
  local chunk, message = loadfile(path)
  if not chunk then return nil, message end
  local folder = path:match "^(.*)/[^/]*$" or "."
  collecting = { file = path, folder = folder, cases = {}, names = {} }
  local list = collecting
  local ok, err = pcall(beside, folder, chunk)
  collecting = nil
  if not ok then return nil, tostring(err) end
  if #list.cases == 0 then return nil, path .. ": no scenario in it" end
  return list.cases
end

--- The files that words on the command line name: of a folder all *.lua below it, sorted.
---@param words string[]
---@return string[]? paths
---@return string? message
function suite.files(words)
  local paths = {}
  for _, word in ipairs(words) do
    local file = io.open(word, "rb")
    if not file then return nil, word .. ": no such file or folder" end
    local is_file = file:read(0) or file:seek "end" == 0
    file:close()
    if is_file then
      paths[#paths + 1] = word
    else
      local listing = io.popen(("find '%s' -name '*.lua' -type f | LC_ALL=C sort"):format((word:gsub("/+$", ""):gsub("'", "'\\''"))))
      local found = false
      for path in listing and listing:lines() or function() end do
        paths[#paths + 1], found = path, true
      end
      if listing then listing:close() end
      if not found then return nil, word .. ": no *.lua in it" end
    end
  end
  return paths
end

--- The cases that a filter and tags select.
---@param cases smpp.ScenarioCase[]
---@param o { filter: string?, tags: string[]? }
---@return smpp.ScenarioCase[]
function suite.select(cases, o)
  local out = {}
  for _, case in ipairs(cases) do
    local wanted = not o.filter or ("%s: %s"):format(case.file, case.name):find(o.filter, 1, true)
    if wanted and o.tags and #o.tags > 0 then
      wanted = false
      for _, tag in ipairs(case.options.tags or {}) do
        for _, one in ipairs(o.tags) do wanted = wanted or tag == one end
      end
    end
    if wanted then out[#out + 1] = case end
  end
  return out
end

return suite
