--- `smpp test --from CAPTURE`: writes a scenario from a capture.
local captures = require "smpp.capture"
local exit = require "smpp.cli.exit"
local luafile = require "smpp.base.luafile"
local record = require "smpp.scenario.record"

local test_record = {}

--- Runs the command.
---@param options table  as argparse gives them
---@param out smpp.CliOutput
---@return integer exit_code
function test_record.run(options, out)
  if options.output and not options.force and luafile.octets(options.output) then
    out:fail("%s: exists already; --force replaces it", options.output)
    return exit.USAGE
  end
  local octets, reason = luafile.octets(options.from)
  if not octets then
    out:fail("cannot read %s: %s", options.from, reason)
    return exit.USAGE
  end
  local ports
  for _, port in ipairs(options.port or {}) do
    ports = ports or {}
    ports[port] = true
  end
  if not captures.is_capture(octets) then
    out:fail("%s: not a capture", options.from)
    return exit.FAILED
  end
  local lua, warnings = record.write(octets, {
    side = options.side or "esme", name = options.from:match "([^/]+)$", ports = ports, connection = options.connection, pace = options.pace,
  })
  if not lua then
    out:fail("%s: %s", options.from, warnings)
    return exit.FAILED
  end
  for _, warning in ipairs(warnings) do out:note("%s %s", out:paint_note("yellow", "warning:"), warning) end
  if not options.output then
    out.stdout:write(lua)
    return exit.DONE
  end
  local file, message = io.open(options.output, "wb")
  if not file then
    out:fail("%s", message)
    return exit.USAGE
  end
  file:write(lua)
  file:close()
  return exit.DONE
end

return test_record
