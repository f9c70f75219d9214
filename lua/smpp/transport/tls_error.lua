--- TLS error messages, with advice.  The codes are OpenSSL's X509_V_ERR_* and the alerts of RFC 8446, 6.
local errors = {}

local EXPIRED, NOT_YET_VALID, OTHER_NAME, OTHER_ADDRESS = 10, 9, 62, 64
local NO_ISSUER, SELF_SIGNED_LEAF, SELF_SIGNED_IN_CHAIN, NO_LOCAL_ISSUER, UNVERIFIED_LEAF = 2, 18, 19, 20, 21
local WEAK = { [66] = "key", [67] = "key of its issuer", [68] = "signature" }

local ALERT_HANDSHAKE_FAILURE, ALERT_PROTOCOL_VERSION, ALERT_CERTIFICATE_REQUIRED = 40, 70, 116
local CERTIFICATE_ALERTS = { -- received by the side that sent a certificate
  [42] = "bad certificate", [43] = "unsupported certificate", [44] = "certificate revoked", [45] = "certificate expired",
  [46] = "certificate unknown", [48] = "unknown authority", [49] = "access denied",
}

local function date(unix) return os.date("!%Y-%m-%d", unix) end

--- "a, b, c and 2 more"
local function names_of(certificate)
  local list = {}
  for _, kind in ipairs { "dns", "ip" } do
    for _, name in ipairs(certificate.names[kind]) do list[#list + 1] = name end
  end
  if #list == 0 then return nil end
  local shown = table.concat(list, ", ", 1, math.min(3, #list))
  return #list > 3 and ("%s and %d more"):format(shown, #list - 3) or shown
end

--- The subject of a message: the peer's own certificate, or one of its chain by name.
local function whose(certificate, depth, host)
  if depth == 0 then return "certificate of " .. host end
  return ("certificate of '%s', in the chain of %s,"):format(certificate.cn or certificate.subject, host)
end

local function unknown_authority(host, certificate, depth)
  local issuer = certificate.issuer_cn or certificate.issuer
  local lacking = depth == 0 and certificate.has_issuer_address and "; the peer sent no intermediate certificate" or ""
  return ("certificate of %s is issued by '%s', an authority this system does not know%s: give ca = FILE"):format(host, issuer, lacking)
end

--- The message for a refused certificate chain.
---@param host string
---@param number integer       X509_V_ERR_*
---@param text string          OpenSSL's own words
---@param depth integer        0: the peer's own certificate
---@param certificate table?   the one it is about
---@param expected string?     the name it should be for, default: host
---@return string message
function errors.of_chain(host, number, text, depth, certificate, expected)
  if not certificate then return ("certificate of %s refused: %s"):format(host, text) end
  local subject = whose(certificate, depth, host)
  if number == EXPIRED then return ("%s expired on %s"):format(subject, date(certificate.not_after)) end
  if number == NOT_YET_VALID then
    return ("%s is not valid before %s (is the clock right?)"):format(subject, date(certificate.not_before))
  end
  if number == OTHER_NAME or number == OTHER_ADDRESS then
    local names = names_of(certificate)
    if not names then return ("certificate of %s names no host, expected %s"):format(host, expected or host) end
    return ("certificate of %s is for %s, not %s"):format(host, names, expected or host)
  end
  if number == SELF_SIGNED_LEAF then
    return ("certificate of %s is self-signed: give ca = FILE or pin = \"%s\""):format(host, certificate.pin)
  end
  if number == SELF_SIGNED_IN_CHAIN or number == NO_LOCAL_ISSUER or number == NO_ISSUER or number == UNVERIFIED_LEAF then
    return unknown_authority(host, certificate, depth)
  end
  if WEAK[number] then
    return ("%s has a %s that is too weak: %s %d bits, %s"):format(subject, WEAK[number], certificate.key_type or "key",
      certificate.key_bits or 0, certificate.signature)
  end
  return ("%s refused: %s"):format(subject, text)
end

--- The message for a public key that does not match the pin.
---@param host string
---@param pin string  of the key it has
---@return string
function errors.of_pin(host, pin) return ("public key of %s is %s, which is not the pin given"):format(host, pin) end

--- The message for a failed handshake, or a failed read after it.
---@param where { host: string, expected: string?, port: integer?, is_server: boolean, versions: string?, has_certificate: boolean }
---@param connection userdata  of smpp.openssl
---@param word string          "verify", "alert", "plain", "protocol", "closed", "more"
---@param reason string?       OpenSSL's own words
---@return string message
function errors.of_connection(where, connection, word, reason)
  local host = where.host
  local address = where.port and ("%s:%d"):format(host, where.port) or host
  if word == "verify" then
    local number, text, depth, certificate = connection:failure()
    if number then return errors.of_chain(host, number, text, depth, certificate, where.expected) end
    if where.is_server then return host .. " gave no client certificate" end
  end
  if word == "plain" then
    if where.is_server then return "plain SMPP on the TLS port" end
    return address .. " speaks no TLS (is 2775 the plain port?)"
  end
  local alert, alert_name = connection:alerts()
  if alert and not where.is_server then
    local asked = connection:info().cert_requested
    if alert == ALERT_CERTIFICATE_REQUIRED or (alert == ALERT_HANDSHAKE_FAILURE and asked and not where.has_certificate) then
      return host .. " asks for a client certificate: give cert and key"
    end
    if asked and where.has_certificate and CERTIFICATE_ALERTS[alert] then
      return ("%s refused our certificate: %s"):format(host, CERTIFICATE_ALERTS[alert])
    end
  end
  if alert == ALERT_PROTOCOL_VERSION then
    return ("no common TLS version: ours %s, refused by %s"):format(where.versions or "1.2 to 1.3", host)
  end
  if alert then return ("%s refused the TLS handshake: %s"):format(host, alert_name) end
  if reason == "unsupported protocol" or reason == "version too low" then
    return ("no common TLS version: ours %s, %s offers none of them"):format(where.versions or "1.2 to 1.3", host)
  end
  if reason == "peer did not return a certificate" then return host .. " gave no client certificate" end
  if reason then return ("malformed TLS from %s: %s"):format(host, reason) end
  return host .. " closed the connection during the TLS handshake"
end

return errors
