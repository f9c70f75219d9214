--- `--log-level` and `--log-format`: the log of what runs, on stderr.
local log_flags = {}

local LEVELS = { "error", "warn", "info", "debug", "trace" }
local FORMATS = { "logfmt", "json", "journal" }

--- Their options.
---@param command table  of argparse
function log_flags.define(command)
  command:group("Log",
    command:option("--log-level", "Write a log to stderr, from this level on: error, warn, info, debug or trace."):choices(LEVELS):argname "LEVEL",
    command:option("--log-format", "Form of the log: logfmt, json or journal (for systemd)."):choices(FORMATS):argname "FORM")
end

--- The option `log` that they mean; nil: neither was given.
---@param options table
---@param out smpp.CliOutput
---@return table?
function log_flags.read(options, out)
  if not options.log_level and not options.log_format then return nil end
  return {
    level = options.log_level or "info", format = options.log_format or "logfmt", mask = "texts",
    write_line = function(line) out:note("%s", line) end,
  }
end

return log_flags
