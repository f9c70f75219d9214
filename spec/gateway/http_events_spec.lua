local async = require "spec.support.async"
local support = require "spec.support.gateway_http"

describe("smpp.gateway.http_events", function()
  it("lists the events of an account page by page, without passwords of URLs", support.world({
    account = ', webhook = "http://me:hidden@127.0.0.1:1/hook", secret = "whsec-1"', http = ", allow_private = true",
  }, function(w)
    for i = 1, 3 do
      local _, body = w:send()
      w:wait(body.id, "sent")
      w:receipt("c-" .. i)
    end
    async.wait_until(function() return #select(2, w:call("GET", "/v1/events?state=pending")).events == 3 end)
    local seen, path = {}, "/v1/events?limit=2"
    repeat
      local _, body = w:call("GET", path)
      for _, event in ipairs(body.events) do
        assert.equal("http://***@127.0.0.1:1/hook", event.url)
        assert.is_nil(seen[event.id])
        seen[event.id], seen[#seen + 1] = true, event.id
      end
      path = type(body.next) == "string" and "/v1/events?limit=2&cursor=" .. body.next
    until not path
    assert.equal(3, #seen)
    assert.equal(0, #select(2, w:call("GET", "/v1/events", nil, { token = support.OTHER })).events)
    assert.equal(404, (w:call("POST", "/v1/events/" .. seen[1] .. "/retry", nil, { token = support.OTHER })))
    assert.equal(400, (w:call("GET", "/v1/events?state=lost")))
    assert.equal(400, (w:call("GET", "/v1/events?cursor=x")))
    local _, account = w:call("GET", "/v1/account")
    async.wait_until(function()
      _, account = w:call("GET", "/v1/account")
      return type(account.webhooks[1].last_error) == "string"
    end)
    assert.same({ "http://***@127.0.0.1:1/hook", 3, 0 }, { account.webhooks[1].url, account.webhooks[1].pending, account.webhooks[1].dead })
  end))
end)
