--- A conversation with a bot in the terminal: virtual time, message centre and phones in memory.
local exit = require "smpp.cli.exit"

local chat = {}

local FIRST = "+10000000001"

---@class smpp.BotTerminal
local Terminal = {}
local TERMINAL = { __index = Terminal }

--- The phone of a number, and the one for its codes.
local function phones(self, number)
  return self.shop:test { number = number, errors = true }, self.shop:test { number = number, channel = "ussd", errors = true }
end

--- What a phone hears is a line of stdout, with its number once there are several.
function Terminal:heard(number, text)
  number = "+" .. number:gsub("%D", "")
  self:meet(number)
  local who = self.count > 1 and number .. ": " or ""
  self.out:print("< " .. who .. text:gsub("\n", "\n  "))
end

function Terminal:meet(number)
  if self.met[number] then return end
  self.met[number], self.count = true, self.count + 1
end

local COMMANDS = {}

function COMMANDS.as(self, number)
  local digits = number:gsub("[%s%-]", "")
  if not digits:find "^%+?%d+$" then return self.out:note("/as: expected a number, got '%s'", number) end
  self.number = "+" .. digits:gsub("%D", "")
  self:meet(self.number)
end

function COMMANDS.dial(self, code)
  local _, ussd = phones(self, self.number)
  ussd:dials(code)
end

function COMMANDS.hangup(self)
  local _, ussd = phones(self, self.number)
  ussd:hangs_up()
end

function COMMANDS.wait(self, time)
  local phone = phones(self, self.number)
  phone:waits(time)
end

function COMMANDS.quit() return true end

-- Methods of a phone that name themselves in their errors.
local COMMAND_OF = { dials = "/dial", hangs_up = "/hangup", waits = "/wait" }

--- An error as the user of the commands sees it.
local function spoken(err)
  return (tostring(err):gsub("^[^\n]-:%d+: ", ""):gsub("^[%l_]+", COMMAND_OF))
end

--- Does what a line says; true: that was the last.
local function take(self, line)
  local name, rest = line:match "^/(%a+)%s*(.*)$"
  if name then
    local command = COMMANDS[name]
    if not command then return self.out:note("unknown command /%s: /as, /dial, /hangup, /wait or /quit", name) end
    return command(self, rest)
  end
  line = line:gsub("^//", "/")
  local phone, ussd = phones(self, self.number)
  if ussd.handset.session and not ussd.is_closed then phone = ussd end
  phone:says(line)
end

--- Runs it until the end of stdin, or /quit.
---@param shop smpp.Bot
---@param out smpp.CliOutput
---@return integer exit_code
function chat.run(shop, out)
  out.live = true
  local self = setmetatable({ shop = shop, out = out, number = FIRST, met = {}, count = 0 }, TERMINAL)
  self:meet(FIRST)
  local phone = phones(self, FIRST)
  phone.world:listen(function(number, text) self:heard(number, text) end)
  local has_prompt = out.is_terminal(out.stdin)
  while true do
    if has_prompt then
      out.stdout:write "> "
      if out.stdout.flush then out.stdout:flush() end
    end
    local line = out.stdin:read "*l"
    if not line then break end
    local ok, result = pcall(take, self, (line:gsub("\r$", "")))
    if not ok then out:note("%s", spoken(result)) end
    if ok and result then break end
  end
  return exit.DONE
end

return chat
