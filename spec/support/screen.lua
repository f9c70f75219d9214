--- A terminal's screen as far as our output needs one: what `write` is given becomes rows of text.
local screen = {}

local Screen = {}
local mt = { __index = Screen }

function screen.new() return setmetatable({ rows = {}, row = 1, is_alternate = false, cursor = true, wraps = true, saved = {}, writes = {} }, mt) end

local function put(self, text) self.rows[self.row] = (self.rows[self.row] or "") .. text end

--- Of an escape sequence: what stands between [ and its last letter, and that.
local SEQUENCES = {
  H = function(self) self.row, self.at_start = 1, true end,
  J = function(self, what)
    for i = #self.rows, what == "2" and 1 or self.row, -1 do self.rows[i] = nil end
  end,
  K = function(self) self.rows[self.row] = "" end,
  m = function() end,
  h = function(self, what)
    if what == "?1049" then
      assert(not self.is_alternate, "entered twice")
      self.is_alternate, self.saved, self.rows, self.row = true, { self.rows, self.row }, {}, 1
    elseif what == "?25" then self.cursor = true elseif what == "?7" then self.wraps = true else error("sequence " .. what) end
  end,
  l = function(self, what)
    if what == "?1049" then
      assert(self.is_alternate, "left twice")
      self.is_alternate, self.rows, self.row = false, self.saved[1], self.saved[2]
    elseif what == "?25" then self.cursor = false elseif what == "?7" then self.wraps = false else error("sequence " .. what) end
  end,
}

function Screen:write(...)
  for i = 1, select("#", ...) do
    local text = tostring((select(i, ...)))
    self.writes[#self.writes + 1] = text
    local at = 1
    while at <= #text do
      local what, letter, after = text:match("^\27%[([?%d;]*)(%a)()", at)
      if what then
        SEQUENCES[letter](self, what)
      elseif text:find("^\r?\n", at) then
        after = text:match("^\r?\n()", at)
        self.row = self.row + 1
      else
        local plain = text:match("^[^\27\r\n]+", at) or error("unknown control at " .. text:sub(at, at + 10))
        put(self, plain)
        after = at + #plain
      end
      at = after
    end
  end
  return true
end

--- What is to be seen.
function Screen:text()
  local rows = {}
  for i = 1, self.row > #self.rows and self.row or #self.rows do rows[i] = self.rows[i] or "" end
  return table.concat(rows, "\n")
end

--- Is it as a program leaves it that never drew: the first screen, with its cursor and wrapping?
function Screen:is_restored() return not self.is_alternate and self.cursor and self.wraps end

return screen
