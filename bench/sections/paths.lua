--- CPU per message of the code paths in README: calls and handlers of a client, and `smpp sim`, each over one connection,
--- window 100; and the same with node-smpp where it supports them.  Octets kept: for each final message of `smpp sim`, and
--- for each dialogue of a bot that waits for its subscriber, of its greatest resident memory.
local load = require "load"
local process = require "process"

local CLIENT = { -- path, messages, messages that await their receipts already
  { "submit_sm", 200000 }, { "send", 100000 }, { "send_unicode", 30000 }, { "send_receipt", 30000, 1000 }, { "send_receipt", 30000, 1000000 },
  { "deliver_sm", 200000 }, { "message", 100000 }, { "message_3", 90000 }, { "receipt", 60000 },
  { "answer", 60000 }, { "bot", 60000 },
}
local PUSHED = { deliver_sm = true, message = true, message_3 = true, receipt = true, answer = true, bot = true }
local NODE = { submit_sm = true, send = true, send_unicode = true, deliver_sm = true, message = true }
local DIALOGUES = 100000
local WARM = 9000
local FINAL_MS = 1500 -- `smpp sim` ends a message after a second
local KEPT = { 100000, 1000000 } -- final messages in memory

local NAMES = {
  submit_sm = "esme:submit_sm", send = "esme:send, 40 characters", send_unicode = "esme:send, three parts of Unicode",
  send_receipt = "send and sent:receipt(), %d open", deliver_sm = "deliver_sm handler", message = "message handler, one part",
  message_3 = "message handler, each of three parts", receipt = "receipt handler",
  answer = "deliver_sm handler that submits an answer", bot = "bot that answers",
  dialogues = ("bot, while %d dialogues begin"):format(DIALOGUES),
  sim = "smpp sim, no receipts", sim_receipts = "smpp sim with receipts",
}

return function(bench)
  local readings = load.readings()

  --- The peer: refsink if given and able, else bench/mc.lua, which pushes parts and receipts, and sends some messages no
  --- receipt.
  local function other_end(path, count, open)
    local total = WARM + count
    if not bench.tools or path == "message_3" or path == "receipt" or path == "answer" or path == "bot" or open > 0 then
      return process.start(bench.helper.command "mc" .. (PUSHED[path] and (" %s %d"):format(path, total) or ""), "(%d+)\n")
    end
    local port = process.free_port()
    local sink = process.start(("%s --port %d%s%s"):format(bench.tools.refsink, port, PUSHED[path] and " --deliver " .. total + 1000 or "",
      path == "send_receipt" and " --dlr" or ""))
    process.wait_port(port)
    sink.found = port
    return sink
  end

  local function client(subject, case)
    local path, count, open = case[1], case[2], case[3] or 0
    local mc = other_end(path, count, open)
    local program = process.start(subject.is_ours and ("%s %s %s %d %d %d"):format(subject.command "path", path, mc.found, count, WARM, open)
      or ("%s %s %s %d %d"):format(subject.command "path", path, mc.found, count, WARM))
    local found = program:expect "([%d.]+ [%d.]+)\n"
    program:stop()
    mc:stop()
    local wall, cpu = found:match "(%S+) (%S+)"
    return count / tonumber(wall), tonumber(cpu) / count * 1e6
  end

  --- The cases that a subject supports.
  local function cases_of(subject)
    if subject.is_ours then return CLIENT end
    local list = {}
    for _, case in ipairs(CLIENT) do
      if NODE[case[1]] then list[#list + 1] = case end
    end
    return list
  end

  --- Whole lives: CPU is read when the last messages are final.  Each load has a warm-up, whose messages count here.
  local function sim(subject, receipts, count)
    local server = process.start(subject.smpp .. " sim -q --port 0", "listening on [%d.]+:(%d+)\n")
    load.drive(bench, server, WARM, 100, 1, receipts)
    process.sleep(FINAL_MS)
    local cpu = server:cpu()
    local seconds = load.drive(bench, server, count, 100, 1, receipts)
    process.sleep(FINAL_MS)
    cpu = server:cpu() - cpu
    server:stop()
    return count / seconds, cpu / (count + load.WARM) * 1e6
  end

  --- Octets for each final message, at each number of KEPT; the same in every round, so it is measured once.
  local kept_of = {}
  local function kept(subject, receipts)
    local key = subject.name .. tostring(receipts)
    if not kept_of[key] then
      local out = process.capture(("%s %s %s"):format(subject.command "kept", receipts and "receipts" or "none", table.concat(KEPT, " ")))
      kept_of[key] = {}
      for number in out:gmatch "%d+" do table.insert(kept_of[key], tonumber(number)) end
      assert(#kept_of[key] == #KEPT, out)
    end
    return kept_of[key]
  end

  local function dialogues(subject)
    local mc = process.start(("%s dialogues %d"):format(bench.helper.command "mc", DIALOGUES), "(%d+)\n")
    local program = process.start(("%s dialogues %s %d"):format(subject.command "path", mc.found, DIALOGUES))
    local wall, cpu, octets = program:expect("([%d.]+ [%d.]+ %d+)\n"):match "(%S+) (%S+) (%S+)"
    program:stop()
    mc:stop()
    return DIALOGUES / tonumber(wall), tonumber(cpu) / DIALOGUES * 1e6, tonumber(octets) / DIALOGUES
  end

  local function key_of(subject, case) return ("%s %s %d"):format(subject.name, case[1], case[3] or 0) end

  local function round()
    for _, subject in ipairs(bench.subjects) do
      for _, case in ipairs(cases_of(subject)) do readings.note(key_of(subject, case), client(subject, case)) end
      if subject.is_ours then
        readings.note(subject.name .. "dialogues", dialogues(subject))
        readings.note(subject.name .. "sim", sim(subject, false, 60000)) -- with the warm-up fewer than its limit of open messages
        readings.note(subject.name .. "sim_receipts", sim(subject, true, 30000))
      end
    end
  end

  local function result()
    local rows = {}
    for _, subject in ipairs(bench.subjects) do
      for _, case in ipairs(cases_of(subject)) do
        local rate, cpu = readings.medians(key_of(subject, case))
        rows[#rows + 1] = { subject = subject.name, path = NAMES[case[1]]:format(case[3]), rate_per_s = rate, cpu_us = cpu }
      end
      if subject.is_ours then
        for _, path in ipairs { "sim", "sim_receipts" } do
          local rate, cpu = readings.medians(subject.name .. path)
          local octets = kept(subject, path == "sim_receipts")
          rows[#rows + 1] = { subject = subject.name, path = NAMES[path], rate_per_s = rate, cpu_us = cpu, kept = octets[1], kept_many = octets[2] }
        end
        local rate, cpu, octets = readings.medians(subject.name .. "dialogues")
        rows[#rows + 1] = { subject = subject.name, path = NAMES.dialogues, rate_per_s = rate, cpu_us = cpu, kept = octets }
      end
    end
    return {
      title = "Code paths of README, one connection, window 100",
      columns = {
        { "subject", "", "%s" }, { "path", "", "%s" }, { "rate_per_s", "messages/s", "%.0f" }, { "cpu_us", "CPU us/message", "%.2f" },
        { "kept", "octets kept of 100,000", "%.0f" }, { "kept_many", "of 1,000,000", "%.0f" },
      },
      rows = rows,
    }
  end

  return { round = round, result = result }
end
