local router = require "smpp.http.router"

describe("smpp.http.router", function()
  it("finds routes by path and method, with the parameters of the path", function()
    local function handler() end
    local one = { "GET", "/v1/messages/{id}", handler }
    local two = { "POST", "/v1/messages", handler }
    local three = { "POST", "/v1/events/{id}/retry", handler }
    local found = router.new { one, two, three }
    local route, params = found:find("GET", "/v1/messages/a%20b-1")
    assert.equal(one, route)
    assert.same({ id = "a b-1" }, params)
    assert.equal(one, (found:find("HEAD", "/v1/messages/x")))
    assert.equal(two, (found:find("POST", "/v1/messages")))
    assert.equal(three, (found:find("POST", "/v1/events/7/retry")))
    for _, path in ipairs { "/", "/v1/messages/", "/v1/messages/a/b", "/v1/messagesx", "/v1/Messages", "/v1/events/retry" } do
      local none, response = found:find("GET", path)
      assert.is_nil(none)
      assert.equal(404, response.status, path)
    end
    local _, response = found:find("DELETE", "/v1/messages/x")
    assert.equal(405, response.status)
    assert.same({ "Allow", "GET, HEAD, OPTIONS" }, response.headers)
    _, response = found:find("OPTIONS", "/v1/messages")
    assert.same({ status = 204, headers = { "Allow", "OPTIONS, POST" } }, response)
  end)

  it("reads the forms of targets", function()
    assert.same({ "/a", "b=c?d" }, { router.target("GET", "/a?b=c?d") })
    assert.same({ "/a", "", "x:80" }, { router.target("GET", "http://x:80/a") })
    assert.same({ "/", "q", "x" }, { router.target("GET", "HTTPS://x?q") })
    assert.same({ "*", "" }, { router.target("OPTIONS", "*") })
    for _, target in ipairs { "*", "x:80", "x", "ftp://x/", "http://", "http://a@x/" } do assert.is_nil(router.target("GET", target), target) end
  end)

  it("reads forms", function()
    assert.same({ a = "1 2", ["b c"] = "\195\164&=", d = "" }, router.form "a=1+2&b+c=%C3%A4%26%3D&d")
    assert.same({}, router.form "")
    assert.is_nil((router.form "a=%zz"))
    assert.is_nil((router.form "a=%4"))
    assert.equal("parameter 'a' is given twice", select(2, router.form "a=1&a=2"))
    assert.same({ a = "2" }, router.form("a=1&a=2", true))
    assert.same({ a = "1" }, router.form("a=1&a=2", "first"))
    assert.same({ a = "%zz A%", ["%4"] = "" }, router.form("a=%zz+%41%&%4", nil, true))
  end)
end)
