--- Minimal HTTP for Kannel: one request per connection.
local loops = require "smpp.loop"
local task = require "smpp.base.task"

local http = {}

local function hex_digits(c) return ("%%%02X"):format(c:byte()) end

--- Text for the query of a URL.
function http.escape(text) return (text:gsub("[^%w._~-]", hex_digits)) end

local function unescape(text)
  return (text:gsub("+", " "):gsub("%%(%x%x)", function(digits) return string.char(tonumber(digits, 16)) end))
end

--- "a=1&b=2" -> table
function http.parse_query(query)
  local fields = {}
  for name, value in query:gmatch("([^&=]+)=([^&]*)") do fields[unescape(name)] = unescape(value) end
  return fields
end

--- GET http://127.0.0.1:port/path?query: status, body; nil, message.
---@async
---@param port integer
---@param path string
---@param query? table<string, string|number>
function http.get(port, path, query)
  local names, pairs_ = {}, {}
  for name in pairs(query or {}) do names[#names + 1] = name end
  table.sort(names)
  for i, name in ipairs(names) do pairs_[i] = http.escape(name) .. "=" .. http.escape(tostring(query[name])) end
  local loop, token = loops.current(), task.need(2)
  loop:connect({ host = "127.0.0.1", port = port, timeout_s = 10 }, function(...) task.wake_for(token, http, ...) end)
  local transport, message = task.wait(http)
  if not transport then return nil, message end
  local got = {}
  transport:start(function(chunk) got[#got + 1] = chunk end, function() task.wake_for(token, got) end)
  transport:write(("GET %s?%s HTTP/1.0\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"):format(path, table.concat(pairs_, "&")))
  task.wait(got)
  transport:close()
  local answer = table.concat(got)
  local status, body = answer:match("^HTTP/%S+ (%d+).-\r\n\r\n(.*)$")
  if not status then return nil, "no answer in HTTP: " .. answer end
  return tonumber(status), body
end

--- Listens on a port of the system's choice; fn(path, query) -> body.  The body is text in UTF-8.
---@param fn fun(path: string, query: table<string, string>): string
---@return { port: integer, close: fun(self) } listener
function http.server(fn)
  return assert(loops.current():listen({ host = "127.0.0.1", port = 0 }, function(transport)
    local request = ""
    transport:start(function(chunk)
      request = request .. chunk
      local path, query = request:match("^%u+ ([^ ?]+)%??(%S*) HTTP/.-\r\n\r\n")
      if not path then return end
      local body = fn(path, http.parse_query(query)) or ""
      transport:write(("HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=UTF-8\r\nContent-Length: %d\r\n"
        .. "Connection: close\r\n\r\n%s"):format(#body, body))
      transport:close_after_flush(5)
    end, function() transport:close() end)
  end))
end

return http
