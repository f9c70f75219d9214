--- This command as another process, with the same Lua and the same modules.
local respawn = {}

--- The words of a command line that runs `smpp` with some arguments.
---@param words string[]
---@param folder? string  whose modules come before all others
---@return string[] command
function respawn.command(words, folder)
  local first = 0
  local own = rawget(_G, "arg") or {}
  while own[first - 1] do first = first - 1 end
  local quoted = {}
  for i, word in ipairs(words) do quoted[i] = ("%q"):format(word) end
  local path = (folder and ("%s/?.lua;%s/?/init.lua;"):format(folder, folder) or "") .. package.path
  return {
    own[first] or "lua", "-e",
    ("package.path, package.cpath = %q, %q os.exit(require('smpp.cli').main { %s })"):format(path, package.cpath, table.concat(quoted, ", ")),
  }
end

return respawn
