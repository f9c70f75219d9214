--- The message centre behind a server: the life of messages, the handlers of requests about them, counted message_ids.
--- docs/server.md puts them together; the simulator does, too.
local service = {
  ids = require "smpp.service.ids",
  lifecycle = require "smpp.service.lifecycle",
  requests = require "smpp.service.requests",
}

return service
