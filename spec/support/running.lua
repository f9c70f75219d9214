-- A helper of busted: writes which spec runs to the file SMPP_RUNNING, for a run that does not come to its end, and lets go of
-- what the specs of a file held when the file has been run. Busted itself keeps it to the end, with all modules that they loaded,
-- and each collection then looks at all of it.
local busted = require "busted"

local path = os.getenv "SMPP_RUNNING"

busted.subscribe({ "test", "start" }, function(element)
  local file = path and io.open(path, "w")
  if not file then return end -- specs that a spec runs, elsewhere
  file:write(("%s:%d: %s\n"):format(element.trace.short_src, element.trace.currentline, element.name))
  file:close()
end)

local function forget(element)
  for _, child in ipairs(busted.children(element)) do
    forget(child)
    child.run, child.env = nil, nil
  end
end

busted.subscribe({ "file", "end" }, forget)
