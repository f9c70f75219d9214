-- A helper of busted: writes which spec runs to the file SMPP_RUNNING, for a run that does not come to its end.
local path = os.getenv "SMPP_RUNNING"

require "busted".subscribe({ "test", "start" }, function(element)
  local file = io.open(path, "w")
  if not file then return end -- specs that a spec runs, elsewhere
  file:write(("%s:%d: %s\n"):format(element.trace.short_src, element.trace.currentline, element.name))
  file:close()
end)
