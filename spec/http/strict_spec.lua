local web = require "spec.support.web"

-- What smugglers try: requests that two servers read differently.  Each is refused with the status, the connection closed, and the
-- request behind it never run.
local H = "Host: x\r\n"
local INNER = "GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"
local REFUSED = {
  ["length with coding"] = { "POST / HTTP/1.1\r\n" .. H .. "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400 },
  ["coding with length"] = { "POST / HTTP/1.1\r\n" .. H .. "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", 400 },
  ["two lengths that differ"] = { "POST / HTTP/1.1\r\n" .. H .. "Content-Length: 0\r\nContent-Length: 44\r\n\r\n", 400 },
  ["two lengths in another case"] = { "POST / HTTP/1.1\r\n" .. H .. "Content-Length: 0\r\ncontent-length: 44\r\n\r\n", 400 },
  ["two equal lengths"] = { "POST / HTTP/1.1\r\n" .. H .. "Content-Length: 0\r\nContent-Length: 0\r\n\r\n", 400 },
  ["a list of lengths"] = { "POST / HTTP/1.1\r\n" .. H .. "Content-Length: 5,5\r\n\r\n", 400 },
  ["a length with sign"] = { "POST / HTTP/1.1\r\n" .. H .. "Content-Length: +5\r\n\r\n", 400 },
  ["a negative length"] = { "POST / HTTP/1.1\r\n" .. H .. "Content-Length: -5\r\n\r\n", 400 },
  ["a length in hex"] = { "POST / HTTP/1.1\r\n" .. H .. "Content-Length: 0x5\r\n\r\n", 400 },
  ["a length with blanks"] = { "POST / HTTP/1.1\r\n" .. H .. "Content-Length: 0 5\r\n\r\n", 400 },
  ["an empty length"] = { "POST / HTTP/1.1\r\n" .. H .. "Content-Length:\r\n\r\n", 400 },
  ["a length over 2^53"] = { "POST / HTTP/1.1\r\n" .. H .. "Content-Length: 9007199254740993\r\n\r\n", 400 },
  ["a length over 2^64"] = { "POST / HTTP/1.1\r\n" .. H .. "Content-Length: 18446744073709551617\r\n\r\n", 400, 413 },
  ["an unknown coding"] = { "POST / HTTP/1.1\r\n" .. H .. "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 400, 501 },
  ["codings in a list"] = { "POST / HTTP/1.1\r\n" .. H .. "Transfer-Encoding: identity, chunked\r\n\r\n0\r\n\r\n", 400, 501 },
  ["chunked, with more behind"] = { "POST / HTTP/1.1\r\n" .. H .. "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n", 400, 501 },
  ["chunked with a tab inside"] = { "POST / HTTP/1.1\r\n" .. H .. "Transfer-Encoding: chun\tked\r\n\r\n0\r\n\r\n", 400, 501 },
  ["chunked in quotes"] = { "POST / HTTP/1.1\r\n" .. H .. "Transfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n", 400, 501 },
  ["chunked with NUL"] = { "POST / HTTP/1.1\r\n" .. H .. "Transfer-Encoding: chunked\0\r\n\r\n0\r\n\r\n", 400, 501 },
  ["two codings"] = { "POST / HTTP/1.1\r\n" .. H .. "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n", 400, 501 },
  ["a coding twice"] = { "POST / HTTP/1.1\r\n" .. H .. "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, 501 },
  ["a coding in HTTP/1.0"] = { "POST / HTTP/1.0\r\n" .. H .. "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400 },
  ["a folded coding"] = { "POST / HTTP/1.1\r\n" .. H .. "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n", 400 },
  ["a folded value"] = { "GET / HTTP/1.1\r\n" .. H .. "X-A: a\r\n b\r\n\r\n", 400 },
  ["a value folded by a tab"] = { "GET / HTTP/1.1\r\n" .. H .. "X-A: a\r\n\tb\r\nX-B: c\r\n\r\n", 400 },
  ["an empty fold"] = { "GET / HTTP/1.1\r\n" .. H .. "X-A: a\r\n \r\n\r\n", 400 },
  ["a fold of the last value"] = { "GET / HTTP/1.1\r\nX-A: a\r\n" .. "Host: x\r\n y\r\n\r\n", 400 },
  ["a blank before the colon"] = { "POST / HTTP/1.1\r\n" .. H .. "Content-Length : 5\r\n\r\n", 400 },
  ["a tab before the colon"] = { "POST / HTTP/1.1\r\n" .. H .. "Transfer-Encoding\t: chunked\r\n\r\n0\r\n\r\n", 400 },
  ["a line without colon"] = { "GET / HTTP/1.1\r\n" .. H .. "nothing\r\n\r\n", 400 },
  ["an empty name"] = { "GET / HTTP/1.1\r\n" .. H .. ": x\r\n\r\n", 400 },
  ["a name of other characters"] = { "GET / HTTP/1.1\r\n" .. H .. "X(A): x\r\n\r\n", 400 },
  ["a name of UTF-8"] = { "GET / HTTP/1.1\r\n" .. H .. "X-\195\164: x\r\n\r\n", 400 },
  ["a first field with a blank"] = { "GET / HTTP/1.1\r\n Host: x\r\n\r\n", 400 },
  ["a bare CR in a value"] = { "GET / HTTP/1.1\r\n" .. H .. "X-A: a\rX-B: b\r\n\r\n", 400 },
  ["a bare CR as line end"] = { "GET / HTTP/1.1\rHost: x\r\r", 400 },
  ["a bare LF behind the request line"] = { "GET / HTTP/1.1\n" .. H .. "\r\n", 400 },
  ["a bare LF behind a field"] = { "GET / HTTP/1.1\r\nHost: x\nX-A: b\r\n\r\n", 400 },
  ["a bare LF behind the last field"] = { "GET / HTTP/1.1\r\nHost: x\n\r\n", 400 },
  ["NUL in a value"] = { "GET / HTTP/1.1\r\n" .. H .. "X-A: a\0b\r\n\r\n", 400 },
  ["NUL at a value's end"] = { "GET / HTTP/1.1\r\n" .. H .. "X-A: a\0\r\n\r\n", 400 },
  ["NUL in a name"] = { "GET / HTTP/1.1\r\n" .. H .. "X\0A: a\r\n\r\n", 400 },
  ["NUL in the target"] = { "GET /\0/secret HTTP/1.1\r\n" .. H .. "\r\n", 400 },
  ["NUL in the query"] = { "GET /?a=\0b HTTP/1.1\r\n" .. H .. "\r\n", 400 },
  ["NUL in the method"] = { "GE\0T / HTTP/1.1\r\n" .. H .. "\r\n", 400, 501 },
  ["a control character in a value"] = { "GET / HTTP/1.1\r\n" .. H .. "X-A: a\1b\r\n\r\n", 400 },
  ["DEL in a value"] = { "GET / HTTP/1.1\r\n" .. H .. "X-A: a\127b\r\n\r\n", 400 },
  ["no Host"] = { "GET / HTTP/1.1\r\nX-A: b\r\n\r\n", 400 },
  ["no field at all"] = { "GET / HTTP/1.1\r\n\r\n", 400 },
  ["two Hosts"] = { "GET / HTTP/1.1\r\n" .. H .. "Host: y\r\n\r\n", 400 },
  ["two equal Hosts"] = { "GET / HTTP/1.1\r\n" .. H .. "host: x\r\n\r\n", 400 },
  ["an empty Host"] = { "GET / HTTP/1.1\r\nHost:\r\n\r\n", 400 },
  ["a Host with a path"] = { "GET / HTTP/1.1\r\nHost: x/y\r\n\r\n", 400 },
  ["a Host with userinfo"] = { "GET / HTTP/1.1\r\nHost: a@x\r\n\r\n", 400 },
  ["a list of Hosts"] = { "GET / HTTP/1.1\r\nHost: x, y\r\n\r\n", 400 },
  ["two blanks before the target"] = { "GET  / HTTP/1.1\r\n" .. H .. "\r\n", 400 },
  ["two blanks behind the target"] = { "GET /  HTTP/1.1\r\n" .. H .. "\r\n", 400 },
  ["a blank in the target"] = { "GET /a b HTTP/1.1\r\n" .. H .. "\r\n", 400 },
  ["a blank behind the version"] = { "GET / HTTP/1.1 \r\n" .. H .. "\r\n", 400, 505 },
  ["a tab in the request line"] = { "GET\t/\tHTTP/1.1\r\n" .. H .. "\r\n", 400 },
  ["no version"] = { "GET /\r\n" .. H .. "\r\n", 400, 505 },
  ["an unknown version"] = { "GET / HTTP/2.0\r\n" .. H .. "\r\n", 400, 505 },
  ["a version in small letters"] = { "GET / http/1.1\r\n" .. H .. "\r\n", 400, 505 },
  ["a long version"] = { "GET / HTTP/1.10\r\n" .. H .. "\r\n", 400, 505 },
  ["a fragment"] = { "GET /#a HTTP/1.1\r\n" .. H .. "\r\n", 400 },
  ["UTF-8 in the target"] = { "GET /\195\164 HTTP/1.1\r\n" .. H .. "\r\n", 400 },
  ["a target without slash"] = { "GET x HTTP/1.1\r\n" .. H .. "\r\n", 400 },
  ["an authority as target"] = { "GET x:80 HTTP/1.1\r\n" .. H .. "\r\n", 400 },
  ["another scheme"] = { "GET ftp://x/ HTTP/1.1\r\n" .. H .. "\r\n", 400 },
  ["CONNECT"] = { "CONNECT x:80 HTTP/1.1\r\n" .. H .. "\r\n", 400, 405, 501 },
  ["TRACE"] = { "TRACE / HTTP/1.1\r\n" .. H .. "\r\n", 405, 501 },
  ["an unknown method"] = { "BREW / HTTP/1.1\r\n" .. H .. "\r\n", 405, 501 },
  ["a method in small letters"] = { "get / HTTP/1.1\r\n" .. H .. "\r\n", 405, 501 },
  ["a method of other characters"] = { "GET@ / HTTP/1.1\r\n" .. H .. "\r\n", 400, 501 },
}

-- Bodies that are malformed: nothing behind them runs, and no handler gets them.
local CHUNKS = {
  ["a size that is no number"] = "x\r\nabcde\r\n0\r\n\r\n",
  ["a size with a sign"] = "+5\r\nabcde\r\n0\r\n\r\n",
  ["a size with 0x"] = "0x5\r\nabcde\r\n0\r\n\r\n",
  ["an empty size"] = "\r\nabcde\r\n0\r\n\r\n",
  ["a size over 2^64"] = "10000000000000005\r\nabcde\r\n0\r\n\r\n",
  ["a chunk that is longer than its size"] = "3\r\nabcde\r\n0\r\n\r\n",
  ["a size with a bare LF"] = "5\nabcde\r\n0\r\n\r\n",
}

local ran = {}
local function handler(request)
  ran[#ran + 1] = request.path
  return { status = 200, type = "text/plain", body = request.body or "" }
end
local SERVER = { routes = { { "GET", "/", handler }, { "POST", "/", handler }, { "GET", "/smuggled", handler } } }

describe("strict", function()
  for name, case in pairs(REFUSED) do
    it("refuses " .. name, web.served(SERVER, function(server, loop)
      ran = {}
      local octets, closed = web.raw(loop, server.port, case[1] .. INNER)
      local statuses = web.statuses(octets)
      assert.is_true(closed)
      assert.same({}, ran)
      -- libmicrohttpd 0.9.75 closes without an answer when it finds no blank in the request line, and writes the header of its own
      -- 400 (for Content-Length) twice.
      if #statuses == 0 then assert.equal("a tab in the request line", name) end
      for _, status in ipairs(statuses) do
        local is_right
        for i = 2, #case do is_right = is_right or status == case[i] end
        assert.is_true(is_right, octets)
      end
      if #statuses > 0 then assert.matches("\r\nConnection: close\r\n", octets) end
      assert.is_true(#statuses < 2 or octets:find "<b>Content%-Length</b>" ~= nil, octets)
    end))
  end

  for name, body in pairs(CHUNKS) do
    it("runs nothing of a chunked body with " .. name, web.served(SERVER, function(server, loop)
      ran = {}
      local octets, closed = web.raw(loop, server.port, "POST / HTTP/1.1\r\n" .. H .. "Transfer-Encoding: chunked\r\n\r\n" .. body .. INNER)
      assert.is_true(closed)
      assert.same({}, ran)
      for _, status in ipairs(web.statuses(octets)) do assert.is_true(status == 400 or status == 413, octets) end
    end))
  end

  it("takes what is well-formed", web.served(SERVER, function(server, loop)
    for _, octets in ipairs {
      "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
      "GET / HTTP/1.1\r\nhOST:x\r\nX-A:\r\nX-B: \t a b \t \r\n\r\n",
      "GET http://x/ HTTP/1.1\r\nHost: y\r\n\r\n",
      "GET /?a=%00+b&a HTTP/1.1\r\nHost: [::1]:80\r\nCookie: a=b; c=d\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 005\r\n\r\nabcde",
      "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: Chunked\r\n\r\n5\r\nabcde\r\n0\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0004\r\nbcde\r\n0\r\nX-T: y\r\n\r\n",
    } do
      assert.same({ 200 }, web.statuses((web.raw(loop, server.port, octets, 1))), octets)
    end
  end))

  it("takes the same in single octets", web.served(SERVER, function(server, loop)
    local pieces = {}
    for octet in ("POST /?x HTTP/1.1\r\nHost: x\r\nX-A: b\r\nContent-Length: 3\r\n\r\nabc"):gmatch "." do pieces[#pieces + 1] = octet end
    local octets = web.raw(loop, server.port, pieces, 1)
    assert.matches("^HTTP/1.1 200 .*\r\n\r\nabc$", octets)
  end))
end)
