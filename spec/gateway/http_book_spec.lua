local async = require "spec.support.async"
local engine_store = require "spec.support.engine_store"
local books = require "smpp.gateway.http_book"
local smpp = require "smpp"
local stores = require "smpp.store"

--- What a book needs of a gateway.
local function gateway(loop, store)
  return { loop = loop, store = store, forward = {}, customers = { acme = {} }, config = { store = { keep_s = 100 } }, log = function() end }
end

local function message(loop, id)
  return {
    id = id, account = "acme", to = "1", text = "x", encoding = "gsm7", created = loop:time(), receipt = true,
    part_list = { { id = id, state = "ENROUTE", carrier_id = "c-" .. id } },
  }
end

describe("smpp.gateway.http_book", function()
  it("follows the receipts of messages that passed through", async.virtual(function(loop)
    local book = books.new(gateway(loop))
    local record = message(loop, "1")
    book:expect(record, "1")
    assert.is_false(book:receipt("2", { final = true, state = "DELIVERED", err = "" }))
    assert.is_true(book:receipt("1", { final = false, state = "ACCEPTED", err = "" })) -- before it was kept
    book:keep(record)
    assert.equal("accepted", (select(2, book:view(book:get("acme", "1")))))
    assert.is_true(book:receipt("1", { final = true, state = "UNDELIVERABLE", err = "027" }))
    local object, state = book:view(book:get("acme", "1"))
    assert.same({ "undelivered", true, "027" }, { state, object.final, object.error.code })
    book:receipt("1", { final = true, state = "DELIVERED", err = "" }) -- the first counts
    assert.equal("undelivered", (select(2, book:view(book:get("acme", "1")))))
    assert.is_nil(book:get("bank", "1"))
    assert.is_nil(book:get("acme", "1/../2"))
    book:close()
  end))

  it("follows receipts that nodes get at the same time", async.virtual(function(loop)
    local store = engine_store.new(loop)
    local book, told = books.new(gateway(loop, store)), {}
    function book.on_receipt(_, receipt) told[#told + 1] = receipt.state end
    local record = message(loop, "1")
    record.part_list[2] = { id = "2", state = "ENROUTE", carrier_id = "c-2" }
    assert.is_nil(book:shared_receipt("1", "1", { final = true, state = "DELIVERED", err = "" }))
    book:keep(record)
    local left = 2
    for _, id in ipairs { "1", "2" } do
      smpp.spawn(function()
        assert.is_true(book:shared_receipt("1", id, { final = true, state = "DELIVERED", err = "00" .. id }))
        left = left - 1
      end)
    end
    smpp.sleep(5)
    assert.equal(0, left)
    assert.same({ "DELIVERED", "DELIVERED" }, told)
    local list = book:get("acme", "1").part_list
    assert.same({ "DELIVERED", "001", "DELIVERED", "002" }, { list[1].state, list[1].error, list[2].state, list[2].error })
    book:close()
    store.kill()
    store.engine.close()
  end))

  it("forgets what is older than 48 hours, in memory", async.virtual(function(loop)
    local book = books.new(gateway(loop))
    book:keep(message(loop, "1"))
    smpp.sleep(47 * 3600)
    book:keep(message(loop, "2"))
    assert.is_table(book:get("acme", "1"))
    smpp.sleep(2 * 3600)
    assert.is_nil(book:get("acme", "1"))
    assert.is_table(book:get("acme", "2"))
    book:close()
  end))

  it("forgets what is older than keep_s in a store", async.virtual(function(loop)
    local store = stores.memory()
    local book = books.new(gateway(loop, store))
    book:keep(message(loop, "1"))
    smpp.sleep(1000)
    assert.is_nil(book:get("acme", "1"))
    book:close()
  end))
end)
