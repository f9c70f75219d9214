-- docs/tutorial.md, typed: its blocks in order, beside one simulator, under virtual time.
--   console  `$ smpp …` and what it prints; `smpp sim` stays running
--   lua      a program; the text block behind it is what it prints
--   log      lines that the simulator has printed since the last log; other lines may stand between them
-- Times of day and ports of peers differ from run to run; the page has 12:00:00 and 127.0.0.1:40000.
local async = require "spec.support.async"
local cli = require "spec.support.cli"
local program = require "spec.support.program"
local smpp = require "smpp"

local function blocks(path)
  local list, block, number = {}, nil, 0
  for line in io.lines(path) do
    number = number + 1
    if block and line == "```" then
      list[#list + 1], block = block, nil
    elseif block then
      block.text = block.text .. line .. "\n"
    elseif line:find "^```" then
      block = { kind = line:sub(4), text = "", line = number }
    end
  end
  return list
end

--- The words of a command, as a shell has them.
local function words_of(line)
  local words, rest = {}, line:gsub("^%$ smpp ", "")
  while rest ~= "" do
    local word, behind = rest:match '^"([^"]*)"%s*(.*)$'
    if not word then word, behind = rest:match "^'([^']*)'%s*(.*)$" end
    if not word then word, behind = rest:match "^(%S+)%s*(.*)$" end
    words[#words + 1], rest = word, behind
  end
  return words
end

local function plain(text) return (text:gsub("%d%d:%d%d:%d%d", "12:00:00"):gsub("127%.0%.0%.1:%d%d%d%d%d", "127.0.0.1:40000")) end

--- A program, run in the task we are in: what it printed.
local function printed_by(block)
  local output, opened = {}, {}
  local library = setmetatable({
    connect = function(...)
      local esme, message, code = smpp.connect(...)
      opened[#opened + 1] = esme
      return esme, message, code
    end,
    run = function(main)
      main()
      for _, esme in ipairs(opened) do esme:close() end
    end,
  }, { __index = smpp })
  local env = setmetatable({
    require = function(name) return name == "smpp" and library or require(name) end,
    print = function(...)
      local line = {}
      for i = 1, select("#", ...) do line[i] = tostring((select(i, ...))) end
      output[#output + 1] = table.concat(line, "\t") .. "\n"
    end,
  }, { __index = _G })
  assert(program.load(block.text, "=tutorial.md:" .. block.line, env))()
  return table.concat(output)
end

local function sink()
  local self = { text = "" }
  function self:write(...)
    self.text = self.text .. table.concat { ... }
    return true
  end
  return self
end

--- Whether the lines stand in a text in this order; else the first that does not, and where the search began.
local function missing_line(lines, text)
  local at = 1
  for line in lines:gmatch "[^\n]+\n" do
    local from, to = text:find(line, at, true)
    if not from then return line, text:sub(at) end
    at = to + 1
  end
end

--- Plays the page; `check(block, expected, actual)` is called for each thing that it shows.
local function play(list, check)
  local log, seen, running = sink(), 0, false
  for i, block in ipairs(list) do
    if block.kind == "console" then
      local command, expected = block.text:match "^(%$ [^\n]*)\n(.*)$"
      local words = words_of(command)
      if words[1] == "sim" then
        running = true
        words[#words + 1] = "--for"
        words[#words + 1] = "1000"
        smpp.spawn(function()
          require("smpp.cli").main(words, { stdout = log, stderr = log, run = cli.inside, is_terminal = function() return false end })
          running = false
        end)
        check(block, expected, log.text)
        seen = #log.text
      else
        local _, output = cli.run(words, { run = cli.inside })
        check(block, expected, output)
      end
    elseif block.kind == "lua" then
      local output = printed_by(block)
      assert(list[i + 1].kind == "text", "what does the program at line " .. block.line .. " print?")
      check(list[i + 1], list[i + 1].text, output)
    elseif block.kind == "log" then
      local line, rest = missing_line(plain(block.text), plain(log.text:sub(seen + 1)))
      check(block, line and line .. rest or "", rest or "")
      seen = #log.text
    end
  end
  for _ = 1, 300 do
    if running then smpp.sleep(5) end
  end
  return log.text
end

describe("docs/tutorial.md", function()
  it("shows what happens", async.virtual(function()
    local list, kinds = blocks "docs/tutorial.md", {}
    local log = play(list, function(block, expected, actual)
      kinds[block.kind] = (kinds[block.kind] or 0) + 1
      assert.equal(plain(expected), plain(actual), "docs/tutorial.md, line " .. block.line)
    end)
    assert.is_true(kinds.text >= 7 and kinds.log >= 2 and kinds.console >= 3)
    assert.truthy(log:find "refused  smppclient1 from [%d.:]+: ESME_RINVPASWD")
  end))

  it("is checked by a check that finds what is missing", function()
    assert.equal("b\n", (missing_line("a\nb\n", "a\nc\n")))
    assert.equal("a\n", (missing_line("b\na\n", "a\nb\n")))
    assert.is_nil((missing_line("a\nc\n", "a\nb\nc\n")))
    assert.same({ "send", "a b", "c", "d" }, words_of '$ smpp send "a b" c \'d\'')
  end)
end)
