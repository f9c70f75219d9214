--- What the interfaces of Kannel and Jasmin have in common: accounts with passwords, forms, and answers in words.
local cidr = require "smpp.base.cidr"
local http = require "smpp.http"
local strings = require "smpp.base.strings"

local dropin = {}

---@class smpp.HttpLogin
---@field digest string                               keyed hash of the password
---@field is_from (fun(address: string): boolean)?    allowed client addresses

--- The accounts that may use them: those with a password.
---@param config smpp.GatewayConfig
---@param hash fun(text: string): string  keyed
---@return table<string, smpp.HttpLogin>
function dropin.logins(config, hash)
  local logins = {}
  for _, statements in ipairs { config.listens, config.https } do
    for _, one in ipairs(statements) do
      for name, given in pairs(one.accounts or {}) do
        if given.password and not logins[name] then
          logins[name] = { digest = hash(given.password), is_from = given.addresses and cidr.set(given.addresses) }
        end
      end
    end
  end
  return logins
end

--- The account of a name and a password; nil: wrong, which takes the same time for all.
---@param self smpp.HttpApi
---@param request smpp.HttpRequest
---@param name string?
---@param password string?
---@return string? account
function dropin.account(self, request, name, password)
  local login = self.logins[name or ""]
  local is_right = self:hash(password or "") == (login and login.digest or "")
  if login and is_right and (not login.is_from or login.is_from(request.peer)) then return name end
  self:wrong_again(request.peer)
  return nil
end

--- The media type of a body, in lower case, and its charset.
---@param request smpp.HttpRequest
---@return string media
---@return string? charset
function dropin.media(request)
  local given = request.headers["content-type"] or ""
  local media, rest = given:match "^([^;]*)(.*)$"
  local charset = rest:lower():match '^;%s*charset%s*=%s*"?([^%s;"]+)"?'
  return strings.trim(media):lower(), charset
end

dropin.FORM = "application/x-www-form-urlencoded"

--- The parameters of a request: of its URL, and of a form in its body; the first one of a name counts.  A % that begins no code stays: a
--- dlr-url is often not encoded.
---@param request smpp.HttpRequest
---@return table<string, string> params
function dropin.params(request)
  local query = request.query or ""
  if request.method == "POST" and dropin.media(request) == dropin.FORM then query = query .. "&" .. request.body end
  return assert(http.form(query, "first", true))
end

--- An answer in words.
---@param status integer
---@param media string
---@param body string
---@param headers string[]?
---@return smpp.HttpResponse
function dropin.answer(status, media, body, headers)
  return { status = status, type = media, body = body, headers = headers }
end

--- A whole number in a range; nil: another text.
---@param word string
---@param low integer
---@param high integer
---@return integer?
function dropin.integer(word, low, high)
  local value = #word <= 15 and word:find "^%d+$" and tonumber(word) or nil
  return value and value >= low and value <= high and value or nil
end

return dropin
