-- A helper of busted: writes which spec runs to the file SMPP_RUNNING, for a run that does not come to its end.
require "busted".subscribe({ "test", "start" }, function(element)
  local file = assert(io.open(os.getenv "SMPP_RUNNING", "w"))
  file:write(("%s:%d: %s\n"):format(element.trace.short_src, element.trace.currentline, element.name))
  file:close()
end)
