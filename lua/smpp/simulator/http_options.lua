--- The options of a simulator's HTTP API, as rows.
local http = require "smpp.http"
local kind = require "smpp.base.kind"
local schema = require "smpp.base.schema"

local options = {}

options.schema = schema.new(http.limits, {
  { "port", kind.port, nil, "port; 0 picks a free one", "port = 8080", required = true },
  { "host", kind.host, "127.0.0.1", "address to listen on; other than loopback needs a token", 'host = "0.0.0.0"' },
  { "token", kind.text(256), nil, "that requests need (Authorization: Bearer)", 'token = "secret-token"', secret = true,
    default_text = "none on loopback, else made at the start" },
  { "console", "boolean", nil, "the console, a page for browsers, below /console/", "console = false", default_text = "on loopback" },
  { "console_token", kind.text(256), nil, "that opens the console", 'console_token = "secret-token"', secret = true,
    default_text = "made at the start" },
  { "names", kind.list("string", "host names"), nil, "further names of this host, besides loopback ones", 'names = { "sms.example" }' },
})

--- The kind of the option `http`: a port, or a table of options.
options.kind = kind.either(kind.port, options.schema)

return options
