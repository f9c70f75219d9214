--- The pictures of README.md: what the command really printed on a terminal, as SVG, light and dark.  `make pictures` runs the
--- command in tmux and writes docs/pictures/*.svg; it takes a minute and a half.
local columns = require "smpp.base.columns"

local pictures = {}

local CELL, LINE, FONT = 8.4, 19, 14 -- a cell's width and height, and the size of what is in it
local MARGIN, BAR = 16, 34           -- around the text; of the bar with the command

pictures.themes = {
  light = {
    background = "#ffffff", border = "#d0d7de", bar = "#f6f8fa", text = "#1f2328", dim = "#6e7781",
    colors = { [31] = "#cf222e", [32] = "#116329", [33] = "#7d4e00", [34] = "#0550ae", [35] = "#8250df", [36] = "#1b7c83" },
  },
  dark = {
    background = "#0d1117", border = "#30363d", bar = "#161b22", text = "#e6edf3", dim = "#8b949e",
    colors = { [31] = "#ff7b72", [32] = "#7ee787", [33] = "#e3b341", [34] = "#79c0ff", [35] = "#d2a8ff", [36] = "#56d4dd" },
  },
}

local ENTITIES = { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;" }
local function escape(text) return (text:gsub('[&<>"]', ENTITIES)) end

-- Characters that are drawn, since those of fonts leave gaps: part of the cell from the bottom, or a line, and opacity.
local DRAWN = { ["░"] = { 1, 0.18 }, ["─"] = "line" }
for i, sign in ipairs { "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█" } do DRAWN[sign] = { i / 8, 1 } end

--- The cells of a line, and the style at its end: { character, width, style, column }, by SGR: bold, dim, and the colours 31 to 36.
local function cells(line, style)
  local list = {}
  local at, column = 1, 0
  while at <= #line do
    local codes, after = line:match("^\27%[([%d;]*)m()", at)
    if codes then
      style = { bold = style.bold, dim = style.dim, color = style.color }
      for code in (codes == "" and "0" or codes):gmatch "%d+" do
        local n = tonumber(code)
        if n == 0 then style = { bold = false, dim = false } elseif n == 1 then style.bold = true elseif n == 2 then style.dim = true
        elseif n == 22 then style.bold, style.dim = false, false elseif n == 39 then style.color = nil
        elseif n >= 31 and n <= 36 then style.color = n end
      end
      at = after
    elseif line:find("^\27", at) or line:find("^[%c]", at) then
      at = line:match("^\27[^%a]*%a?()", at) or at + 1
    else
      local character = line:match("^[%z\1-\127\192-\255][\128-\191]*", at) or "?"
      local width = columns.count(character)
      list[#list + 1] = { character, width, style, column }
      at, column = at + #character, column + width
    end
  end
  return list, style
end

local function same(a, b) return a.bold == b.bold and a.dim == b.dim and a.color == b.color end

local function fill_of(style, theme) return style.color and theme.colors[style.color] or style.dim and theme.dim or theme.text end

--- A run of text of one style.
local function text_of(run, y, theme)
  local text = table.concat(run)
  if not text:find "%S" then return "" end
  local lead = #text:match "^ *"
  text = text:gsub("^ +", ""):gsub(" +$", "")
  local width = columns.count(text)
  return ('<text x="%.1f" y="%.1f" fill="%s"%s textLength="%.1f">%s</text>\n'):format(MARGIN + (run.column + lead) * CELL, y,
    fill_of(run.style, theme), run.style.bold and ' font-weight="bold"' or "", width * CELL, escape(text))
end

local function draw(cell, top, theme)
  local what, x = DRAWN[cell[1]], MARGIN + cell[4] * CELL
  if what == "line" then
    return ('<rect x="%.1f" y="%.1f" width="%.1f" height="1" fill="%s"/>\n'):format(x, top + LINE / 2, CELL + 0.1, theme.border)
  end
  local height = (LINE - 5) * what[1]
  return ('<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" fill="%s" fill-opacity="%g"/>\n'):format(x, top + LINE - 3 - height, CELL - 0.6, height,
    fill_of(cell[3], theme), what[2])
end

--- A picture of what a terminal shows.
---@param ansi string  lines with SGR sequences
---@param theme "light"|"dark"
---@param command string  that printed it
---@param width integer  columns
---@return string svg
function pictures.svg(ansi, theme, command, width)
  local t, body, row, style = pictures.themes[theme], {}, 0, { bold = false, dim = false }
  for line in (ansi:gsub("%s+$", "") .. "\n"):gmatch "([^\n]*)\n" do
    local top, run = BAR + MARGIN / 2 + row * LINE, nil
    local function flush()
      if run then body[#body + 1] = text_of(run, top + LINE - 5, t) end
      run = nil
    end
    local list
    list, style = cells(line, style)
    for _, cell in ipairs(list) do
      if cell[4] + cell[2] > width then break end
      if DRAWN[cell[1]] then
        flush()
        body[#body + 1] = draw(cell, top, t)
      else
        if run and not same(run.style, cell[3]) then flush() end
        run = run or { style = cell[3], column = cell[4] }
        run[#run + 1] = cell[1]
      end
    end
    flush()
    row = row + 1
  end
  local w, h = width * CELL + 2 * MARGIN, BAR + MARGIN + row * LINE
  return ([[
<svg xmlns="http://www.w3.org/2000/svg" width="%.0f" height="%.0f" viewBox="0 0 %.0f %.0f" role="img" aria-label="%s">
<rect x="0.5" y="0.5" width="%.1f" height="%.1f" rx="8" fill="%s" stroke="%s"/>
<path d="M0.5 %.1f V8.5 a8 8 0 0 1 8 -8 H%.1f a8 8 0 0 1 8 8 V%.1f Z" fill="%s" stroke="%s"/>
<g font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace" font-size="%d" xml:space="preserve">
<text x="%d" y="%.1f" fill="%s">$</text>
<text x="%.1f" y="%.1f" fill="%s">%s</text>
%s</g>
</svg>
]]):format(w, h, w, h, escape(command), w - 1, h - 1, t.background, t.border, BAR + 0.5, w - 8.5, BAR + 0.5, t.bar, t.border, FONT,
    MARGIN, BAR / 2 + 5, t.dim, MARGIN + 2 * CELL, BAR / 2 + 5, t.text, escape(command), table.concat(body))
end

-- ---- the runs ----

local function quote(word) return "'" .. word:gsub("'", "'\\''") .. "'" end

local function sh(command)
  local pipe = assert(io.popen(command))
  local output = pipe:read "*a"
  pipe:close()
  return output
end

local TMUX = "tmux -u -L smpp-pictures -f /dev/null "

--- What a command shows on a terminal of this size after some seconds; `beside` runs along.
local function on_terminal(command, width, height, seconds, beside)
  sh(("%s new-session -d -x %d -y %d %s"):format(TMUX, width, height, quote("export LANG=C.UTF-8; " .. command)))
  if beside then os.execute("(" .. beside .. ") >/dev/null 2>&1 &") end
  sh("sleep " .. seconds)
  local ansi = sh(TMUX .. "capture-pane -e -p")
  sh(TMUX .. "kill-server; sleep 0.5")
  return ansi
end

local PEOPLE = {
  { "Grüße aus Köln 👋", "MyShop" }, { "Your code is 847213", "Bank" }, { "Παραγγελία 4711 εστάλη", "Shop" },
  { "Hello Anna, your parcel arrives at 14:30", "Parcel" },
  { "漢字も送れます", "Tokyo" }, { "Table for two at eight is booked", "Bistro" }, { "Alarm: disk full on db3", "ops" },
}

local function write_numbers(path, count)
  local file = assert(io.open(path, "wb"))
  file:write "to,from,text\n"
  for i = 1, count do
    local one = PEOPLE[i % #PEOPLE + 1]
    file:write(('+49176%07d,%s,"%s"\n'):format(1000000 + i * 7919 % 8999999, one[2], one[1]))
  end
  file:close()
end

local SIM = "smpp sim --latency normal:0.012,0.004 --refuse RTHROTTLED=0.3,RINVDSTADR=0.2"
local PDU = "0000004f0000000400000000000000070005004d7953686f7000010134393137363132333435363700400000000001000800160500032a0201"
  .. "0047007200fc00df00650020d83ddc4b020400021267"

--- All pictures: name -> { ansi, command, columns }.
function pictures.runs()
  local folder = os.tmpname()
  os.remove(folder)
  sh("mkdir " .. folder)
  write_numbers(folder .. "/numbers.csv", 20000)
  local url = "smpp://me:secret@localhost:2775"
  local function sender(name, rate, bind)
    local file = ("%s/%s.csv"):format(folder, name)
    sh(("cp %s/numbers.csv %s"):format(folder, file))
    return ("timeout %%d smpp send %s?bind=%s --file %s --window 30 --receipt --wait 1 --rate %d"):format(url, bind or "trx", file, rate)
  end
  local waves = table.concat({
    "sleep 1", sender("a", 120):format(70) .. " & " .. sender("b", 60, "tx"):format(30), "sleep 3",
    sender("c", 220, "tx"):format(20) .. " & sleep 12", sender("d", 160, "tx"):format(40),
  }, "; ")
  local list = {}
  list.sim = { on_terminal(SIM, 96, 22, 68, waves), SIM, 96 }
  local send = "smpp send @acme --file numbers.csv --text 'Hello {name}' --rate 180"
  os.execute("smpp sim -q --latency normal:0.03,0.012 --refuse RINVDSTADR=0.2 --for 60 >/dev/null 2>&1 &")
  sh(("sleep 0.5; sed -i '1s/from/name/' %s/numbers.csv; sed -i -E 's/,\"[^\"]*\"$//; 1s/,text//' %s/numbers.csv"):format(folder, folder))
  local config = assert(io.open(folder .. "/config.lua", "wb"))
  config:write(("return { targets = { acme = { url = %q } } }\n"):format(url))
  config:close()
  list.send = { on_terminal(("cd %s; SMPP_CONFIG=%s/config.lua; export SMPP_CONFIG; %s"):format(folder, folder, send), 96, 14, 50), send, 96 }
  list.decode = { sh("COLUMNS=100 smpp decode --color always " .. PDU), "smpp decode " .. PDU:sub(1, 60) .. "...", 100 }
  sh("rm -r " .. folder)
  return list
end

if arg and arg[0] and arg[0]:find "docs/pictures%.lua$" then
  for name, run in pairs(pictures.runs()) do
    for theme in pairs(pictures.themes) do
      local path = ("docs/pictures/%s-%s.svg"):format(name, theme)
      local file = assert(io.open(path, "wb"))
      file:write(pictures.svg(run[1], theme, run[2], run[3]))
      file:close()
      print(path)
    end
  end
end

return pictures
