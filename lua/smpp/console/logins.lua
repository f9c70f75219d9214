--- Who is logged in at a console: sessions by their cookie, and how often a wrong token may be tried.
local fields = require "smpp.http.fields"
local random = require "smpp.base.random"
local site = require "smpp.http.site"

local logins = {}

local SESSION_S = 12 * 3600
local SESSIONS_MAX = 64       -- the one used the longest ago ends
local WRONG_MAX, WRONG_S = 5, 60 -- wrong tokens of an address, until it has to wait
local ADDRESSES_MAX = 1000    -- that are remembered for it
local COOKIE = "smpp_console"
local SHARED_MAX = 8          -- sessions in one cookie: browsers send one cookie to all ports of a host, so consoles share it

---@class smpp.ConsoleSession
---@field id string
---@field csrf string    what a request that changes something has to send
---@field till number    loop time of its end

---@class smpp.ConsoleLogins
local Logins = {}
local mt = { __index = Logins, __name = "smpp.ConsoleLogins" }

--- 256 random bits, as base64url.
---@return string
function logins.secret() return (fields.base64(random.octets(32)):gsub("[+/=]", { ["+"] = "-", ["/"] = "_", ["="] = "" })) end

---@param loop table
---@param token string
---@param is_secure boolean  the cookie is for TLS only
---@return smpp.ConsoleLogins
function logins.new(loop, token, is_secure)
  return setmetatable({
    loop = loop, token = token, is_secure = is_secure,
    sessions = {}, count = 0, -- id -> session
    wrong = {}, wrong_count = 0, -- address -> { count, till }
  }, mt)
end

--- The ids of a Cookie header, those of other consoles too.
local function ids_of(header)
  local ids = {}
  for pair in (header or ""):gmatch "[^;]+" do
    local value = pair:match("^%s*" .. COOKIE .. "=(.*)$")
    for id in (value or ""):gmatch "[%w_-]+" do
      if #id == 43 then ids[#ids + 1] = id end
    end
  end
  return ids
end

local function remove(self, id)
  self.sessions[id], self.count = nil, self.count - 1
end

--- The session of a request's cookie.
---@param header string?  the Cookie header
---@return smpp.ConsoleSession?
function Logins:find(header)
  local now = self.loop:now()
  for _, id in ipairs(ids_of(header)) do
    local session = self.sessions[id]
    if session and session.till <= now then
      remove(self, id)
    elseif session then
      session.used = now
      return session
    end
  end
end

--- Is somebody still logged in?  That counts as a use.
---@param session smpp.ConsoleSession
---@return boolean
function Logins:is_open(session)
  local now = self.loop:now()
  if self.sessions[session.id] ~= session or session.till <= now then return false end
  session.used = now
  return true
end

local function make_room(self)
  if self.count < SESSIONS_MAX then return end
  local oldest
  for _, session in pairs(self.sessions) do
    if not oldest or session.used < oldest.used then oldest = session end
  end
  remove(self, oldest.id)
end

local function cookie(self, ids, age_s)
  return ("%s=%s; Path=/console; HttpOnly; SameSite=Strict%s; Max-Age=%d"):format(COOKIE, table.concat(ids, "."),
    self.is_secure and "; Secure" or "", age_s)
end

--- Counts a wrong token of an address.
local function note_wrong(self, peer, now)
  local seen = self.wrong[peer]
  if not seen or now >= seen.till then
    if not seen and self.wrong_count >= ADDRESSES_MAX then self.wrong, self.wrong_count = {}, 0 end
    if not seen then self.wrong_count = self.wrong_count + 1 end
    seen = { count = 0, till = now + WRONG_S }
    self.wrong[peer] = seen
  end
  seen.count = seen.count + 1
end

--- Logs in.  An address with too many wrong tokens has to wait, with the right one as well: else it could go on guessing.  Who is
--- logged in stays so, for other pages of the same browser.
---@param peer string
---@param token string
---@param header string?  the Cookie header
---@return smpp.ConsoleSession? session
---@return string|number|nil cookie_or_wait_s  of Set-Cookie; without a session: the time to wait, nil: the token is wrong
function Logins:enter(peer, token, header)
  local now = self.loop:now()
  local seen = self.wrong[peer]
  if seen and now < seen.till and seen.count >= WRONG_MAX then return nil, seen.till - now end
  if not site.is_equal(token, self.token) then
    note_wrong(self, peer, now)
    return nil
  end
  local session = self:find(header)
  if not session then
    make_room(self)
    session = { id = logins.secret(), csrf = logins.secret(), till = nil, used = now }
    self.sessions[session.id], self.count = session, self.count + 1
  end
  session.till = now + SESSION_S
  local ids, others = { session.id }, ids_of(header)
  for i = 1, math.min(#others, SHARED_MAX - 1) do
    if not self.sessions[others[i]] then ids[#ids + 1] = others[i] end
  end
  return session, cookie(self, ids, SESSION_S)
end

--- Logs out.
---@param session smpp.ConsoleSession
---@param header string?  the Cookie header
---@return string cookie  of Set-Cookie: without the session
function Logins:leave(session, header)
  local others = {}
  for _, id in ipairs(ids_of(header)) do
    if id ~= session.id then others[#others + 1] = id end
  end
  remove(self, session.id)
  return cookie(self, others, others[1] and SESSION_S or 0)
end

return logins
