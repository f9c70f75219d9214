-- A bot under faults in virtual time: connections that end with acknowledgements in flight, slow and throttling message centres,
-- handlers that take too long, kill -9 and restarts.  The books balance: every message that was acknowledged with ESME_ROK was
-- handled, and none twice, except those that a killed process had handled and not acknowledged.
local bot = require "smpp.bot"
local esme = require "spec.support.esme"
local random = require "smpp.base.random"
local smpp = require "smpp"

local MESSAGES, PHONES = 150, 12

local function story(seed)
  local draw = random.generator(seed)
  local path = os.tmpname()
  os.remove(path)
  esme.run(function(loop)
    local books = { handled = {}, acked = {}, open = 0, excused = {}, doubles = 0, kills = 0, resets = 0, replies = 0 }
    local server = assert(smpp.server {
      port = 2775, answer_timeout_s = 100,
      accounts = { me = { password = "secret", retry_s = 4, max_attempts = 100, keep_s = 36000 } },
      submit_sm = function()
        if draw() < 0.3 then smpp.sleep(draw() * 4) end
        if draw() < 0.05 then smpp.sleep(12) end
        if draw() < 0.05 then return nil, "ESME_RTHROTTLED" end
        books.replies = books.replies + 1
        return "id" .. books.replies
      end,
    })
    server:on("error", function() end)

    local shop, generation
    local unacked = {}           -- text -> generation that is handling it
    local function begin()
      generation = (generation or 0) + 1
      local own = generation
      shop = bot.new {
        "smpp://me:secret@127.0.0.1:2775", number = "12345", loop = loop, log = function() end, store = path, reconnect = { fixed_s = 1 },
        answer_timeout_s = 5, response_timeout_s = 8, rate = false, optout = false, texts = { restarted = false },
      }
      shop.o.loop = false
      local function handle(text)
        if own ~= generation then return end
        books.handled[text] = (books.handled[text] or 0) + 1
        unacked[text] = own
      end
      shop:hear("ASK", function(chat)
        handle(chat.text)
        local answer = chat:ask("And?", { within_s = 100, keywords = "answer", optional = true })
        if answer then handle(answer) end
        chat.memory.n = (chat.memory.n or 0) + 1
        chat:say "Done."
      end)
      shop:otherwise(function(chat)
        handle(chat.text)
        if draw() < 0.2 then smpp.sleep(draw() * 8) end
        chat.memory.n = (chat.memory.n or 0) + 1
        chat:say("You said %s", chat.text)
      end)
      assert(shop:start())
    end

    --- kill -9: the connections end, and nothing of the process happens any more.
    local function kill()
      books.kills = books.kills + 1
      for text in pairs(unacked) do books.excused[text] = true end
      local old = shop
      generation = generation + 1
      old.state = "killed"
      old.vault.store = { commit = function() end, get = function() end, find = function() end, close = function() end }
      local client = old.carriers[1].esme
      if client then
        client.pool:stop()
        client.pool:each_session(function(session) session:reset() end)
        client:close(0)
      end
      old.deadlines:close()
      old:end_schedules()
      old:end_unasked()
      smpp.sleep(draw() * 3)
      begin()
    end

    begin()
    smpp.sleep(2)
    for i = 1, MESSAGES do
      local phone = ("49176000%04d"):format(math.floor(draw() * PHONES))
      local text = (draw() < 0.3 and "ASK " or "text ") .. i
      books.open = books.open + 1
      assert(server:deliver("me", { source_addr = phone, source_addr_ton = 1, source_addr_npi = 1, destination_addr = "12345", short_message = text }, {
        done = function(ok)
          books.open = books.open - 1
          books.acked[text] = ok
          unacked[text] = nil
        end,
      }))
      smpp.sleep(draw() * 2)
      if draw() < 0.06 and server.sessions[1] then
        books.resets = books.resets + 1
        server.sessions[1]:reset()
      end
      if draw() < 0.03 then kill() end
    end
    for _ = 1, 400 do
      if books.open == 0 then break end
      smpp.sleep(5)
    end
    assert.equal(0, books.open, "messages left in the queue")
    local wrong = {}
    for text, ok in pairs(books.acked) do
      local n = books.handled[text] or 0
      if ok and n == 0 then wrong[#wrong + 1] = text .. " acknowledged and not handled" end
      if n > 1 then
        books.doubles = books.doubles + 1
        if not books.excused[text] then wrong[#wrong + 1] = ("%s handled %d times"):format(text, n) end
      end
    end
    table.sort(wrong)
    assert.equal("", table.concat(wrong, "\n"), ("seed %d, %d resets, %d kills"):format(seed, books.resets, books.kills))
    assert.is_true(books.resets > 0 and books.replies > 50)
    smpp.sleep(200)
    shop:stop(0)
    server:close(0)
  end)
  os.remove(path)
end

describe("a bot under faults", function()
  local first = tonumber(os.getenv "SMPP_SEED")
  for seed = first or 1, first or 6 do
    it(("keeps its books, seed %d"):format(seed), function() story(seed) end)
  end
end)
