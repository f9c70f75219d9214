--- Rate limit of errors that unauthenticated peers can cause (refused connections, malformed data, invalid headers): of each
--- kind one `error` event in ten seconds, so that a flood of connections does not flood the log.  Lines of the log about their
--- refused binds and requests: ten per second, a hundred at once.
local buckets = require "smpp.base.bucket"

---@class smpp.Reporter
local Reporter = {}
local mt = { __index = Reporter, __name = "smpp.Reporter" }

local reporter = {}

local INTERVAL_S = 10
local LINES_PER_S, LINES_AT_ONCE = 10, 100

--- Kinds of errors, with the words of the count in messages.
local KINDS = {
  refused = "refused",
  malformed = "connections with malformed data",
  failed = "connections that failed",
}

---@param server smpp.Server
---@return smpp.Reporter
function reporter.new(server)
  local self = setmetatable({
    server = server, loop = server.loop, kinds = {},
    lines = buckets.new(LINES_PER_S, LINES_AT_ONCE, server.loop:now()),
    omitted = 0, -- lines since the last one
  }, mt)
  for kind in pairs(KINDS) do self.kinds[kind] = { count = 0, reported_at = -math.huge } end
  return self
end

--- Counts an error, and reports it unless one of its kind was reported within the last ten seconds.
---@param kind "refused"|"malformed"|"failed"
---@param message string
---@param session? smpp.Session
function Reporter:report(kind, message, session)
  local row, now = self.kinds[kind], self.loop:now()
  row.count = row.count + 1
  if now - row.reported_at < INTERVAL_S then return end
  row.reported_at = now
  if row.count > 1 then message = ("%s; %d %s so far"):format(message, row.count, KINDS[kind]) end
  self.server:emit_logged(message, session)
end

--- Asks for a line of the log about a peer that is not bound.
---@return integer? omitted  lines that were not written since the last one; nil: this one is not, either
function Reporter:take_line()
  if self.lines:take(self.loop:now()) > 0 then
    self.omitted = self.omitted + 1
    return nil
  end
  local omitted = self.omitted
  self.omitted = 0
  return omitted
end

return reporter
