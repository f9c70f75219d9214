--- smpp store: shows a gateway's store: waiting messages, the history of a message, receipts for customers.  Works while a gateway
--- uses it.
local address = require "smpp.route.csv"
local convert = require "smpp.cli.convert"
local exit = require "smpp.cli.exit"
local json = require "smpp.codec.json"
local nodes = require "smpp.nodes"
local shown = require "smpp.base.shown"
local stores = require "smpp.store"
local valkey_options = require "smpp.valkey.options"

local store = {
  description = [[
Shows the content of a store: counts of waiting and final messages, by state,
account and carrier; messages by id, number, account or state. FILE is a database of
SQLite, or file:FILE. A gateway or simulator may be using it.]],
  epilog = [[
Examples:
   smpp store gateway.db
   smpp store gateway.db --id 18bcfe5680000001
   smpp store gateway.db --number 4915123 --json
   smpp store gateway.db --waiting --account acme
   smpp store gateway.db --delete --state REJECTED --older 86400]],
}

--- The command's arguments and options.
---@param command table  of argparse
function store.define(command)
  command:argument("file", "The store's file, or the URL of an engine."):argname "FILE"
  command:option("--id", "The message with this id, the gateway's or a carrier's."):argname "ID"
  command:option("--number", "Messages from or to a number."):argname "NUMBER"
  command:option("--account", "Messages of an account."):argname "NAME"
  command:option("--carrier", "Messages that a carrier has taken."):argname "NAME"
  command:option("--state", "Messages in a state: ENROUTE, DELIVERED …"):argname "STATE"
  command:flag("--waiting", "Only messages that are not final yet.")
  command:option("--limit", "Maximum number of messages.", "100"):convert(convert.number(1, nil, true)):argname "N"
  command:flag("--delete", "Delete final messages of --state, older than --older seconds.")
  command:option("--older", "With --delete: seconds since they became final."):convert(convert.seconds):argname "S"
end

local function time_text(unix) return unix and os.date("!%Y-%m-%d %H:%M:%S", math.floor(unix)) or nil end

--- The facts of a message, in the order of its life.
local function life(record)
  local list = {}
  local function add(at, words)
    if at then list[#list + 1] = { at = at, words = words } end
  end
  add(record.submitted, "accepted from " .. tostring(record.system_id))
  add(record.schedule, "scheduled")
  local ids = record.part_ids and table.concat(record.part_ids, ", ") or tostring(record.carrier_id)
  add(record.sent, ("taken by %s as %s"):format(tostring(record.carrier), ids))
  if record.joined then add(record.submitted, "sent with its first part, " .. record.joined) end
  add(record.done, record.state .. (record.error and record.error ~= 0 and " err " .. tostring(record.error) or ""))
  if not record.done then add(record.expires, "expires") end
  return list
end

local FIELDS = {
  "key", "state", "system_id", "source_addr", "destination_addr", "submitted", "schedule", "sent", "carrier", "carrier_id", "done", "error",
  "expires", "attempts", "held", "maybe_twice", "registered_delivery",
}

local function object_of(record)
  local list, n = {}, 0
  for _, name in ipairs(FIELDS) do
    list[n + 1], list[n + 2] = name == "key" and "id" or name, record[name]
    n = n + 2
  end
  if record.part_ids then
    list[n + 1], list[n + 2] = "part_ids", json.list(record.part_ids)
    n = n + 2
  end
  return json.object(list, n)
end

local function show(out, record)
  if out.json then return out:object(object_of(record)) end
  local flags = (record.held and "  held" or "") .. (record.maybe_twice and "  maybe twice" or "")
  out:print(("%s  %s  %s > %s%s"):format(shown.text(record.key), record.state, shown.text(record.source_addr or ""),
    shown.text(record.destination_addr or ""), flags))
  for _, fact in ipairs(life(record)) do out:print(("   %s  %s"):format(time_text(fact.at), shown.text(fact.words))) end
end

--- Is it an id of a message: the gateway's, a carrier's, or one of a part?
local function has_id(record, id)
  for _, one in ipairs(record.part_ids or {}) do
    if one == id then return true end
  end
  return record.key == id or record.id == id or record.carrier_id == id
end

local function wanted(options, record)
  local number = options.number and address.plain(options.number)
  return (not options.account or record.system_id == options.account) and (not options.carrier or record.carrier == options.carrier)
    and (not options.state or record.state == options.state:upper())
    and (not number or address.plain(record.source_addr or "") == number or address.plain(record.destination_addr or "") == number)
    and (not options.id or has_id(record, options.id))
end

--- The store could not be read: an engine is away.
local function failed(out, options, message)
  out:fail("%s", message)
  return stores.is_url(options.file) and exit.UNREACHABLE or exit.FAILED
end

local function list(opened, options, out)
  local found = options.id and stores.get(opened, "message", options.id)
  if found then
    show(out, found)
    return exit.DONE
  end
  local count = 0
  local ok, message = stores.walk(opened, { kind = "message", open = options.waiting or nil, newest = true }, function(record)
    if not wanted(options, record) then return end
    count = count + 1
    show(out, record)
    return count < options.limit
  end)
  if not ok then return failed(out, options, message) end
  if count == 0 then out:note("no such message") end
  return count > 0 and exit.DONE or exit.FAILED
end

local function sorted(counts)
  local names = {}
  for name in pairs(counts) do names[#names + 1] = name end
  table.sort(names)
  return names
end

local function summary(opened, options, out)
  local by = { state = {}, account = {}, carrier = {} }
  local function add(what, name) by[what][name] = (by[what][name] or 0) + 1 end
  local total, waiting, outbound = 0, 0, 0
  local ok, message = stores.walk(opened, { kind = "message", limit = 1000 }, function(record)
    total = total + 1
    add("state", record.state)
    if stores.is_final(record.state) then return end
    waiting = waiting + 1
    add("account", record.system_id or "")
    if record.carrier then add("carrier", record.carrier) end
  end)
  if ok then ok, message = stores.walk(opened, { kind = "outbound", limit = 1000 }, function() outbound = outbound + 1 end) end
  if not ok then return failed(out, options, message) end
  if out.json then
    local object = json.object { "messages", total, "waiting", waiting, "outbound", outbound }
    for _, what in ipairs { "state", "account", "carrier" } do
      local pairs_of = {}
      for _, name in ipairs(sorted(by[what])) do
        pairs_of[#pairs_of + 1], pairs_of[#pairs_of + 2] = name, by[what][name]
      end
      json.add(object, what, json.object(pairs_of))
    end
    out:object(object)
    return exit.DONE
  end
  out:print(("%d messages, %d waiting; %d receipts and messages for customers"):format(total, waiting, outbound))
  for _, name in ipairs(sorted(by.state)) do out:print(("%8d  %s"):format(by.state[name], shown.text(name))) end
  for _, what in ipairs { "account", "carrier" } do
    for _, name in ipairs(sorted(by[what])) do out:print(("%8d  waiting, %s %s"):format(by[what][name], what, shown.text(name))) end
  end
  return exit.DONE
end

local function delete(opened, options, out)
  if not options.older and not options.state then
    out:fail("--delete needs --state or --older")
    return exit.USAGE
  end
  local before, count, changes = os.time() - (options.older or 0), 0, {}
  local ok, message = stores.walk(opened, { kind = "message" }, function(record)
    if stores.is_final(record.state) and wanted(options, record) and (record.done or 0) <= before then
      changes[#changes + 1] = { op = "remove", kind = "message", key = record.key, from = record.state }
    end
  end)
  for _, change in ipairs(changes) do
    if ok and stores.commit(opened, { change }) then count = count + 1 end
  end
  if not ok then return failed(out, options, message) end
  out:print(("%d messages deleted"):format(count))
  return exit.DONE
end

--- Opens the store that the command line names; no file is made.
local function open(word)
  if stores.is_url(word) then
    local url, o = nodes.of_url(word)
    local wrong = not url and o or select(2, valkey_options.of_url(url))
    if wrong then return nil, wrong.message end
    return stores.open(url, { prefix = o.prefix })
  end
  local kind, path = word:match "^(%l+):(.*)$"
  local wrong = kind and stores.registry:wrong(kind)
  if wrong then return nil, wrong end
  local file, message = io.open(path or word, "rb")
  if not file then return nil, "cannot open " .. message end
  file:close()
  return stores.of(word, { threads = kind ~= "file" and false or nil })
end

local function work(options, out)
  local opened, message = open(options.file)
  if not opened then
    out:fail("%s", message)
    return exit.USAGE
  end
  local code
  if options.delete then
    code = delete(opened, options, out)
  elseif options.id or options.number or options.account or options.carrier or options.state or options.waiting then
    code = list(opened, options, out)
  else
    code = summary(opened, options, out)
  end
  opened:close()
  return code
end

--- Runs the command.
---@param options table  as argparse gives them
---@param out smpp.CliOutput
---@return integer exit_code
function store.run(options, out) return (out.run(function() return work(options, out) end)) end

return store
