--- Streams of a command: results to stdout, notes and errors to stderr, colours on terminals.  Streams and environment
--- can be given, so that a command runs inside another program.

local shown = require "smpp.base.shown"

---@class smpp.CliOutput
---@field json boolean     results as JSON, one object per line
---@field verbose boolean
local Output = {}
local mt = { __index = Output, __name = "smpp.CliOutput" }

local output = {}

local STYLES = { bold = "1", dim = "2", red = "31", green = "32", yellow = "33", blue = "34", magenta = "35", cyan = "36",
  bold_red = "1;31", bold_yellow = "1;33" }

local MIN_COLUMNS, DEFAULT_COLUMNS = 40, 80

local FILES = { stdin = { 0, io.stdin }, stdout = { 1, io.stdout }, stderr = { 2, io.stderr } }

--- Is one of the process's own streams a terminal?  Asks luv, or the shell's test.
local function is_terminal(file)
  for _, known in pairs(FILES) do
    if known[2] == file then
      local has_luv, streams = pcall(require, "smpp.loop.luv_stream")
      if has_luv then return streams.is_terminal(known[1]) end
      local ok = os.execute(("test -t %d"):format(known[1]))
      return ok == true or ok == 0
    end
  end
  return false
end

---@class smpp.CliStreams
---@field stdin? file*    or what has :read
---@field stdout? file*   or what has :write
---@field stderr? file*
---@field getenv? fun(name: string): string?
---@field is_terminal? fun(file: file*): boolean
---@field run? fun(fn: fun(): any, o: table?): any  instead of smpp.run, by who is in a task already

---@param given smpp.CliStreams?
function output.new(given)
  given = given or {}
  local self = setmetatable({
    stdin = given.stdin or io.stdin,
    stdout = given.stdout or io.stdout,
    stderr = given.stderr or io.stderr,
    getenv = given.getenv or os.getenv,
    is_terminal = given.is_terminal or is_terminal,
    run = given.run or function(fn, o) return require("smpp").run(fn, o) end,
    json = false,
    verbose = false,
    live = false,    -- every line is flushed
    colors = {},     -- file -> whether it gets colours
    progress = nil,  -- the unfinished line on stderr
    view = nil,      -- smpp.Live that has the screen
    kept = {},       -- what is closed at the end, however that comes
    broken = false,  -- stdout takes no more: its reader is gone, its disk full
    on_broken = nil, -- called then; without it print raises
  }, mt)
  return self
end

--- Decides about colours: "always", "never", or as terminal and environment (NO_COLOR, TERM) say.
---@param when string
function Output:set_color(when)
  local no_color = self.getenv "NO_COLOR"
  local plain = no_color and no_color ~= "" or self.getenv "TERM" == "dumb"
  for _, file in ipairs { self.stdout, self.stderr } do
    self.colors[file] = when == "always" or when ~= "never" and not plain and self.is_terminal(file)
  end
end

--- How wide the terminal behind stdout is: COLUMNS, else what the terminal says; nil: what is written need not be wrapped.
---@return integer?
function Output:width()
  local columns = tonumber(self.getenv "COLUMNS" or "")
  if columns then return math.max(MIN_COLUMNS, columns) end
  if not self.is_terminal(self.stdout) then return nil end
  local has_luv, streams = pcall(require, "smpp.loop.luv_stream")
  columns = has_luv and streams.columns(FILES.stdout[1]) or DEFAULT_COLUMNS
  return math.max(MIN_COLUMNS, columns)
end

-- Colours of the outcomes of messages.
local OUTCOMES = {
  accepted = "cyan", DELIVERED = "green", refused = "red", not_sent = "red", unknown = "magenta", no_receipt = "magenta",
  UNDELIVERABLE = "bold_red", REJECTED = "bold_red", EXPIRED = "bold_yellow", DELETED = "bold_yellow",
}

--- The style of an outcome: accepted, refused …, or a message_state; yellow: not decided yet, or a word of the carrier's own.
---@param name string?
---@return string
function output.outcome_style(name) return OUTCOMES[name] or "yellow" end

local function paint(self, file, style, text)
  if not self.colors[file] or text == "" then return text end
  return ("\27[%sm%s\27[0m"):format(STYLES[style] or error("no style " .. style), text)
end

--- Text in a style, for stdout.
---@param style string  bold, dim, or a colour
---@param text string
---@return string
function Output:paint(style, text) return paint(self, self.stdout, style, text) end

--- Text in a style, for stderr.
function Output:paint_note(style, text) return paint(self, self.stderr, style, text) end

--- Raised when the reader of stdout is gone (`smpp decode … | head`).
output.BROKEN_PIPE = setmetatable({}, { __tostring = function() return "stdout is closed" end })

--- Prints a line of the result.  Foreign strings in it have passed shown.text; control characters that are left are escaped here.
---@param text string
function Output:print(text) self:put(shown.lines(text, self.colors[self.stdout])) end

--- Flushes stdout; false: it takes no more.  A reader who has read enough (`| head`) needs no message, a full disk does.
local function flushed(self, ok, why)
  if ok and self.stdout.flush then ok, why = self.stdout:flush() end
  if ok then return true end
  if not self.broken and why ~= "Broken pipe" then self:fail("cannot write to stdout: %s", why) end
  self.broken = true
  return false
end

---@private
function Output:put(text)
  if self.view and self.view.is_visible then return self.view:take(text) end
  self:clear_progress()
  local ok, why = self.stdout:write(text, "\n")
  if ok and not self.live or flushed(self, ok, why) then return end
  if not self.on_broken then error(output.BROKEN_PIPE, 0) end
  self.on_broken()
end

--- Flushes stdout, so that the reader of a pipe sees each PDU at once.
function Output:flush()
  if not flushed(self, true) then error(output.BROKEN_PIPE, 0) end
end

--- Writes what stdout still has in its buffer, at the end.
---@return boolean ok  false: something of the output could not be written
function Output:finish() return not self.broken and flushed(self, true) end

--- One object as a line of JSON.
---@param value table  as json.object makes it
function Output:object(value) self:put(require("smpp.codec.json").encode(value)) end

--- Prints a note to stderr.
---@param format string
function Output:note(format, ...)
  local text = shown.lines(format:format(...), self.colors[self.stderr])
  if self.view and self.view.is_visible then return self.view:take(text, true) end
  self:clear_progress()
  self.stderr:write(text, "\n")
end

--- Prints an error to stderr.
function Output:fail(format, ...)
  self:note("%s", self:paint_note("red", "smpp: ") .. format:format(...))
end

--- The progress line at the bottom of a terminal; does nothing elsewhere.
---@param text string
function Output:show_progress(text)
  if not self.is_terminal(self.stderr) then return end
  self.stderr:write("\r", shown.text(text), "\27[K")
  if self.stderr.flush then self.stderr:flush() end
  self.progress = true
end

--- Has an object closed at the end of the command, also when it raises or is interrupted.
---@generic T
---@param object T  close may be called twice
---@return T
function Output:keep(object)
  table.insert(self.kept, object)
  return object
end

--- Ends what goes on beside the command: the live view, messages to the service manager, the progress line.
function Output:settle()
  for i = #self.kept, 1, -1 do self.kept[i]:close() end
  self:clear_progress()
end

function Output:clear_progress()
  if not self.progress then return end
  self.progress = false
  self.stderr:write("\r\27[K")
end

return output
