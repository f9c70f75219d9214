local shell = require "spec.support.shell"

describe("bind_client", function()
  local has, library = pcall(require, "smpp.libhttp")
  if not has then
    it("is not built", function() shell.skip "no HTTP library: apt-get install libmicrohttpd-dev libcurl4-openssl-dev" end)
    return
  end

  local function options(url) return { url = url, method = "GET", timeout_s = 5, max_octets = 100 } end

  it("is closed with calls that run, twice, and by the garbage collector", function()
    local multi = library.multi()
    multi:call(options "http://127.0.0.1:1/", function() error "called" end)
    multi:close()
    multi:close()
    assert.has_error(function() multi:run() end, "the client is closed")
    multi = library.multi()
    multi:call(options "http://127.0.0.1:1/", function() error "called" end, function() return true end)
    multi = nil -- luacheck: ignore
    collectgarbage()
    collectgarbage()
  end)

  it("forgets a call that is cancelled", function()
    local multi, called = library.multi(), 0
    local call = multi:call(options "gopher://x/", function() called = called + 1 end)
    multi:cancel(call)
    multi:cancel(call) -- has ended
    multi:run()
    assert.equal(0, called)
    multi:call(options "gopher://x/", function(status, _, what)
      called = called + 1
      assert.is_nil(status)
      assert.equal("bad_url", what)
    end)
    local until_ = os.time() + 5
    while called == 0 and os.time() < until_ do multi:run() end
    assert.equal(1, called)
    multi:close()
  end)
end)
