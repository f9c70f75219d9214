--- The options of TLS, as rows.  They are known where TLS is not installed, too.
local kind = require "smpp.base.kind"
local mistake = require "smpp.base.mistake"
local pins = require "smpp.transport.pin"
local schema = require "smpp.base.schema"

local options = {}

local text_or_list = kind.either("string", kind.list("string", "strings"))

local function pin_problem(value)
  for _, text in ipairs(type(value) == "table" and value or { value }) do
    if type(text) ~= "string" or not pins.read(text) then
      return mistake.wrong('"sha256/BASE64" of a public key', text)
    end
  end
end

local common = {
  { "cert", "string", nil, "certificate, then intermediates: a PEM file, or PEM text", 'cert = "client.pem"' },
  { "key", "string", nil, "private key: a PEM file, or PEM text", 'key = "client.key"', default_text = "in `cert`" },
  { "key_password", kind.either("string", "function"), nil, "password of an encrypted key", 'key_password = "secret"', secret = true },
  { "min", kind.one_of("1.2", "1.3"), "1.2", "lowest TLS version", 'min = "1.3"' },
  { "max", kind.one_of("1.2", "1.3"), nil, "highest TLS version", 'max = "1.2"', default_text = "the highest there is" },
  { "ciphers", "string", nil, "OpenSSL's names, separated by colons; those that begin with TLS_ are for 1.3", 'ciphers = "ECDHE+AESGCM"',
    default_text = "OpenSSL's" },
  { "keylog", "string", nil, "file for Wireshark: whoever has it can decrypt the traffic", 'keylog = "keys.log"' },
  { "handshake_timeout_s", kind.seconds, 10, "limit for the handshake, within bind_timeout_s", "handshake_timeout_s = 5" },
  { "handshake_octets", kind.octets, 65536, "limit for what the peer may send before the handshake is done", "handshake_octets = 131072" },
}

options.client = schema.new(common, {
  { "ca", text_or_list, nil,
    'authorities to trust instead of the system\'s: PEM files, directories, PEM text; "system" among them keeps the system\'s',
    'ca = { "system", "carrier-ca.pem" }', default_text = '"system"' },
  { "pin", kind.checked('"sha256/BASE64" of a public key, or a list of them', pin_problem, function(word) return word end), nil,
    "SHA-256 of the peer's public key; alone it stands for the whole check, with ca both must hold",
    'pin = "sha256/47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="' },
  { "verify", "boolean", true, "false: nothing of the certificate is checked, but a pin still is", "verify = false" },
  { "server_name", "string", nil, "name to ask for (SNI) and to expect", 'server_name = "smsc.example"', default_text = "the host" },
})

local pair = schema.new {
  { 1, "string" }, { "cert", "string" }, { 2, "string" }, { "key", "string" }, { "key_password", kind.either("string", "function"), secret = true },
}

options.server = schema.new(common, {
  { "certs", kind.list(pair, "tables { cert, key }"), nil, "further certificates, chosen by the name that the client asks for (SNI)",
    'certs = { { cert = "other.pem", key = "other.key" } }' },
  { "client_ca", text_or_list, nil, "authorities whose client certificates are taken", 'client_ca = "customers.pem"' },
  { "client_cert", kind.either(kind.one_of("required", "optional"), kind.boolean), nil, "whether clients must have a certificate",
    'client_cert = "optional"', default_text = '"required" with client_ca' },
  { "tickets", "boolean", true, "clients may resume a session", "tickets = false" },
})

--- Those that a URL also has without the prefix tls_.
options.bare = { ca = true, cert = true, key = true, pin = true }

--- The client option for an option of a URL: `?tls_pin=…` is tls.pin.
---@param name string
---@param word string
---@return string name
---@return string word
function options.of_url(name, word)
  if name == "insecure" then return "tls.verify", (word == "1" or word == "true") and "false" or word == "0" and "true" or word end
  local bare = options.bare[name] and name or name:match "^tls_(.+)$"
  return bare and "tls." .. bare or name, word
end

return options
