--- The live view of a command: numbers that are redrawn in place on a terminal, a line a second elsewhere.
--- While it is visible it takes what the command prints, and shows the last lines below the numbers.
local frame = require "smpp.cli.live_frame"
local numbers = require "smpp.cli.live_numbers"

local live = {}

-- The alternate screen, without a cursor and without wrapping of long lines; and back.
local ENTER, LEAVE = "\27[?1049h\27[?25l\27[?7l\27[2J", "\27[?7h\27[?25h\27[?1049l"

local REDRAW_S, SAMPLE_S = 0.25, 1
local MOST_EVENTS, MOST_NOTES = 300, 1000
-- Keys that change something -> the factor.
local FACTORS = { ["+"] = 1.2, ["="] = 1.2, ["-"] = 1 / 1.2, ["*"] = 2, ["/"] = 0.5 }

---@class smpp.LiveOptions
---@field title string
---@field subject string?                        the address
---@field read fun(): smpp.LiveReading
---@field quit fun()                             key q: the graceful end
---@field pause (fun(paused: boolean))?          key p
---@field change (fun(factor: number, rate: number): string)?  keys + - * /, with the measured rate; what it is now, in words
---@field survives_hangup boolean?               SIGHUP reloads files, and does not end the command
---@field what string?                           that these keys change

---@class smpp.Live
---@field is_visible boolean
local Live = {}
local mt = { __index = Live, __name = "smpp.Live" }

--- Declares --live and --no-live.
---@param command table  of argparse
function live.define(command)
  command:mutex(
    command:flag("--live", "Show rate, latency, window, queue and statuses while it runs: in place on a terminal, else a line a second on stderr."),
    command:flag("--no-live", "No live view."))
end

--- Does a command show a live view?
---@param options table  of the command line
---@param out smpp.CliOutput
---@param by_default boolean  without --live or --no-live, if all streams are terminals
---@return boolean
function live.is_wanted(options, out, by_default)
  if options.no_live then return false end
  if options.live then return true end
  -- stdin is no terminal: a background job of a script (&), which must not take the screen.
  local has_keys = out.is_terminal(out.stdin) or options.file == "-"
  local prints = out.json or out.verbose or options.log_level or options.log_format
  return by_default and not prints and out.is_terminal(out.stdout) and out.is_terminal(out.stderr) and has_keys
end

local function is_unicode(getenv)
  for _, name in ipairs { "LC_ALL", "LC_CTYPE", "LANG" } do
    local value = getenv(name)
    if value and value ~= "" then return value:lower():find "utf%-?8" ~= nil end
  end
  return false
end

--- Starts a view, if one is wanted.
---@param out smpp.CliOutput
---@param loop smpp.Loop
---@param options table  of the command line
---@param by_default boolean
---@param o smpp.LiveOptions
---@return { close: fun(self), is_on: boolean }
function live.start(out, loop, options, by_default, o)
  if not live.is_wanted(options, out, by_default) then return { is_on = false, close = function() end } end
  local self = setmetatable({
    is_on = true, out = out, loop = loop, o = o,
    numbers = numbers.new(o.read, loop:now()),
    terminal = nil, is_visible = false, closed = false,
    state = {
      title = o.title, subject = o.subject, paused = false, keys = {}, help = nil, events = {}, unicode = is_unicode(out.getenv),
    },
    caught = nil,               -- what is printed while an event's line is made
    notes = {}, note_count = 0, -- for stderr, once the screen is the terminal's again
    sampled_at = loop:now(),
    on_error = loop.on_error,   -- of the loop, while its errors go to the view
    timer = nil,
  }, mt)
  local can_draw = out.is_terminal(out.stdout) and out.is_terminal(out.stderr) and out.getenv "TERM" ~= "dumb" and not out.json
  if can_draw then
    self.terminal = loop:open_terminal {
      key = function(key) self:key(key) end,
      resize = function()
        if not self.is_visible then return end
        self:write "\27[2J"
        self:draw()
      end,
      suspend = function() self:hide() end,
      resume = function() self:show() end,
      die = function() self:close() end,
      survives_hangup = o.survives_hangup,
    }
  end
  self:set_keys()
  out.view = out:keep(self)
  if self.terminal then
    loop.on_error = function(trace) out:fail("%s", trace) end
    self:show()
  end
  self.timer = loop:timer(function() self:tick() end)
  self.timer:start(self.terminal and REDRAW_S or SAMPLE_S)
  return self
end

function Live:set_keys()
  local o, keys = self.o, { "q", "quit" }
  local function add(key, word) keys[#keys + 1], keys[#keys + 2] = key, word end
  if o.pause then add("p", self.state.paused and "resume" or "pause") end
  if o.change then add("+ -", o.what or "rate") end
  add("?", "help")
  self.state.keys = keys
end

local function help_of(o)
  local list = { "q     end when what was sent is answered, as Ctrl-C" }
  if o.pause then list[#list + 1] = "p     pause sending; requests are still answered" end
  if o.change then
    list[#list + 1] = ("+ -   %s times or divided by 1.2"):format(o.what or "rate")
    list[#list + 1] = ("* /   %s doubled or halved"):format(o.what or "rate")
  end
  list[#list + 1] = "?     close this help"
  return list
end

--- Adds a line to the events.
---@private
function Live:event(text)
  local events = self.state.events
  for line in (text .. "\n"):gmatch "([^\n]*)\n" do table.insert(events, line) end
  self:trim()
end

--- Forgets the oldest events, many at once.
---@private
function Live:trim()
  local events, n = self.state.events, #self.state.events
  if n < 2 * MOST_EVENTS then return end
  local kept = {}
  for i = 1, MOST_EVENTS do kept[i] = events[n - MOST_EVENTS + i] end
  self.state.events = kept
end

--- Adds an event whose line is only made when it is drawn: of thousands in a second a few are.
---@param print_it fun()  prints the line
function Live:later(print_it)
  table.insert(self.state.events, print_it)
  self:trim()
end

--- Makes the lines of the last events.
---@private
function Live:resolve(count)
  local events = self.state.events
  for i = math.max(1, #events - count + 1), #events do
    if type(events[i]) == "function" then
      local print_it = events[i]
      self.caught = {}
      local ok, failure = pcall(print_it)
      events[i], self.caught = ok and table.concat(self.caught, " ") or tostring(failure), nil
    end
  end
end

--- Takes what the command prints, while it is visible.
---@param text string
---@param is_note? boolean  for stderr: written there, too, when the view is left
function Live:take(text, is_note)
  if self.caught then
    table.insert(self.caught, text)
    return
  end
  self:event(text)
  if not is_note then return end
  self.note_count = self.note_count + 1
  if self.note_count <= MOST_NOTES then self.notes[self.note_count] = text end
end

---@private
function Live:key(key)
  local o, state = self.o, self.state
  if key == "q" then
    o.quit()
  elseif key == "p" and o.pause then
    state.paused = not state.paused
    o.pause(state.paused)
    self:set_keys()
  elseif FACTORS[key] and o.change then
    self:event(o.change(FACTORS[key], self.numbers.rate))
  elseif key == "?" then
    state.help = not state.help and help_of(o) or nil
  end
  self:draw()
end

---@private
function Live:tick()
  local now = self.loop:now()
  if self.terminal and not self.is_visible then self:show() end -- it may have come to the foreground
  if now - self.sampled_at >= SAMPLE_S - 0.01 then
    self.sampled_at = now
    self.numbers:sample(now)
    if not self.terminal then self.out:note("%s", self.numbers:line(self.loop:time())) end
  end
  self:draw()
  self.timer:start(self.terminal and REDRAW_S or SAMPLE_S)
end

---@private
function Live:write(text)
  local stdout = self.out.stdout
  stdout:write(text)
  if stdout.flush then stdout:flush() end
end

---@private
function Live:draw()
  if not self.is_visible then return end
  local width, height = self.terminal:size()
  self:resolve(height)
  local lines = frame.lines(self.state, self.numbers, width, height, function(style, text) return self.out:paint(style, text) end)
  -- Each line is cleared before it is written: behind its last column that would clear the last character.
  self:write("\27[H\27[K" .. table.concat(lines, "\r\n\27[K") .. (#lines < height and "\r\n\27[J" or ""))
end

--- Takes the screen; not in the background, where another program has it.
---@private
function Live:show()
  if self.is_visible or self.closed or not self.terminal:is_foreground() then return end
  self.is_visible = true
  self.terminal:set_raw(true)
  self:write(ENTER)
  self:draw()
end

--- Gives the screen back.
---@private
function Live:hide()
  if not self.is_visible then return end
  self.is_visible = false
  self:write(LEAVE)
  self.terminal:set_raw(false)
  local out = self.out
  for _, note in ipairs(self.notes) do out.stderr:write(note, "\n") end
  if self.note_count > MOST_NOTES then out.stderr:write(("… and %d more\n"):format(self.note_count - MOST_NOTES)) end
  self.notes, self.note_count = {}, 0
end

--- Ends the view, and restores the screen.  May be called twice.
function Live:close()
  if self.closed then return end
  self.closed = true
  if self.timer then self.timer:close() end
  self.out.view = nil
  if not self.terminal then return end
  self:hide()
  self.terminal:close()
  self.loop.on_error = self.on_error
end

return live
