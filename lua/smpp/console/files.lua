--- The files of the page, which lie beside the Lua modules.
local files = {}

local TYPES = { html = "text/html; charset=utf-8", css = "text/css; charset=utf-8", js = "text/javascript; charset=utf-8", svg = "image/svg+xml" }

---@class smpp.ConsoleFile
---@field type string
---@field body string

--- Reads files of a folder beside the Lua file that calls (which a tail call would hide).
---@param folder string
---@param names string[]
---@param more string[]?
---@return table<string, smpp.ConsoleFile>? files  by name
---@return string? message
function files.read(folder, names, more)
  local here = debug.getinfo(2, "S").source:match "^@(.*)[/\\][^/\\]*$" or "."
  local read, all = {}, {}
  for _, list in ipairs { names, more } do
    for _, name in ipairs(list) do all[#all + 1] = name end
  end
  for _, name in ipairs(all) do
    local file, message = io.open(("%s/%s/%s"):format(here, folder, name), "rb")
    if not file then return nil, ("the installation lacks a file of the console: %s"):format(message) end
    read[name] = { type = TYPES[name:match "^[%w_]*%.(%a+)$"], body = file:read "*a" }
    file:close()
  end
  return read
end

return files
