local async = require "spec.support.async"
local hooks = require "spec.support.hook"
local http = require "smpp.http"
local smpp = require "smpp"
local stores = require "smpp.store"
local support = require "spec.support.gateway_http"

local OPTIONS = ", kannel = true, allow_private = true, retry = { first_s = 0.02, max_s = 0.1, for_s = 60 } "

local function sendsms(w, url)
  local escaped = url:gsub("[^%w]", function(c) return ("%%%02X"):format(c:byte()) end)
  local answer = assert(http.request {
    url = ("%s/cgi-bin/sendsms?username=acme&password=secret&to=491761&from=Shop&text=x&dlr-mask=31&dlr-url=%s"):format(w.url, escaped),
  })
  assert.equal(202, answer.status, answer.body)
  return answer.headers["smpp-message-id"]
end

--- A store in memory that shows its commits to a function, which may refuse them.
local function watched(see)
  local store = stores.memory()
  local commit = store.commit
  function store:commit(changes, done, context)
    local refused = see(changes)
    if refused then return done(nil, refused, "store_failed", context) end
    return commit(self, changes, done, context)
  end
  return store
end

--- The states of messages, and the URLs of events, in some changes.
local function summary(changes)
  local out = {}
  for _, change in ipairs(changes) do
    if change.kind == "message" and change.set and (change.set.state or change.set.carrier_id) then
      out[#out + 1] = change.set.state or "taken"
    elseif change.op == "add" and change.kind == "value" and change.record.url then
      out[#out + 1] = change.record.url:match "d=(%d+)$"
    end
  end
  return table.concat(out, " ")
end

describe("smpp.gateway.http_notices", function()
  it("writes an event in the commit of what it tells of", function()
    local seen = {}
    support.world({ http = OPTIONS, store = function() return watched(function(changes)
      local words = summary(changes)
      if words ~= "" then seen[#seen + 1] = words end
    end) end }, function(w)
      local hook = hooks.receiver()
      local id = sendsms(w, hook.url .. "?d=%d")
      w:wait(id, "sent")
      hook.wait(1)
      w:receipt "c-1"
      hook.wait(2)
      assert.same({ "taken 8", "DELIVERED 1" }, seen)
      hook.server:close(0)
    end)()
  end)

  it("writes it in the commit of a carrier's refusal", function()
    local seen = {}
    support.world({ http = OPTIONS, answer = function() return nil, "ESME_RINVDSTADR" end, store = function() return watched(function(changes)
      local words = summary(changes)
      if words ~= "" then seen[#seen + 1] = words end
    end) end }, function(w)
      local hook = hooks.receiver()
      sendsms(w, hook.url .. "?d=%d")
      hook.wait(1)
      assert.same({ "REJECTED 16" }, seen)
      hook.server:close(0)
    end)()
  end)

  it("tells it later when the commit fails", function()
    local failures = 0
    support.world({ http = OPTIONS, store = function() return watched(function(changes)
      if summary(changes) == "DELIVERED 1" and failures < 2 then
        failures = failures + 1
        return "the disk is full"
      end
    end) end }, function(w)
      local hook = hooks.receiver()
      local id = sendsms(w, hook.url .. "?d=%d")
      w:wait(id, "sent")
      hook.wait(1)
      for n = 1, 3 do -- the carrier sends it again
        w:receipt "c-1"
        async.wait_until(function() return failures == math.min(n, 2) end)
        smpp.sleep(0.1)
      end
      hook.wait(2)
      smpp.sleep(0.05)
      assert.same({ 2, "1" }, { #hook.got, hook.got[2].query.d })
      hook.server:close(0)
    end)()
  end)

  it("tells once of a receipt that overtakes the answer of the carrier", function()
    support.world({ http = OPTIONS, store = true, answer = function(session, _, n)
      session:deliver_sm({
        source_addr = "491761", destination_addr = "Shop", esm_class = 4,
        short_message = ("id:c-%d sub:001 dlvrd:001 submit date:2611291200 done date:2611291200 stat:DELIVRD err:000 text:x"):format(n),
      }, function() end)
      smpp.sleep(0.02)
      return "c-" .. n
    end }, function(w)
      local hook = hooks.receiver()
      local id = sendsms(w, hook.url .. "?d=%d")
      w:wait(id, "delivered")
      hook.wait(2)
      smpp.sleep(0.05)
      local by = hook:by "d"
      assert.same({ 2, true, true }, { #hook.got, by["8"] ~= nil, by["1"] ~= nil })
      hook.server:close(0)
    end)()
  end)
end)
