--- smpp listen: prints incoming messages and delivery receipts.
local address = require "smpp.codec.address"
local content = require "smpp.receipt.content"
local convert = require "smpp.cli.convert"
local dial = require "smpp.cli.dial"
local exit = require "smpp.cli.exit"
local json = require "smpp.codec.json"
local live = require "smpp.cli.live"
local metrics_flag = require "smpp.cli.metrics_flag"
local outcome_style = require("smpp.cli.output").outcome_style
local services = require "smpp.cli.service"
local shown = require "smpp.base.shown"
local sources = require "smpp.cli.live_sources"
local task = require "smpp.base.task"

local listen = {
  description = "Binds to a message centre and prints what it delivers, one line each: messages with their texts decoded and their "
    .. "parts joined, and delivery receipts. Stays bound, and binds again when the connection is lost. Ctrl-C unbinds.",
  epilog = [[
Examples:
   smpp listen smpp://me:secret@localhost
   smpp listen smpp://me:secret@localhost --bind rx --for 60
   smpp listen --json smpp://me:secret@localhost | jq .text]],
}

--- The command's arguments and options.
---@param command table  of argparse
function listen.define(command)
  dial.define_url(command)
  command:option("--for", "Stop after this many seconds."):target "duration":convert(convert.seconds):argname "S"
  command:option("--enquire-link", "Send enquire_link after this many seconds of silence."):convert(convert.seconds):argname "S"
  metrics_flag.define(command)
  live.define(command)
  dial.define(command)
end

local function clock(loop) return os.date("!%H:%M:%S", math.floor(loop:time())) end

local function stamp(loop) return os.date("!%Y-%m-%dT%H:%M:%SZ", math.floor(loop:time())) end

local function on_message(out, loop, msg)
  if out.json then
    return out:object(json.object({
      "event", "message", "time", stamp(loop), "from", json.text(msg.from), "to", json.text(msg.to), "text", msg.text,
      "data", msg.data and json.hex(msg.data), "encoding", msg.encoding, "parts", #msg.parts, "gap_s", msg.suspicious and msg.gap_s,
    }, 18))
  end
  local words = msg.text and content.quote(msg.text)
  if not words then
    local pdu = msg.parts[1].pdu
    local first = content.of(pdu)
    local found = first and content.application_of(pdu, first.header, msg.data)
    words = found and content.application_words(found) or "data " .. json.hex(msg.data)
  end
  local doubt = msg.suspicious and out:paint("yellow", ("  (parts %.0f s apart: of two texts?)"):format(msg.gap_s)) or ""
  out:print(("%s %s > %s  %s%s"):format(out:paint("dim", clock(loop)), shown.text(msg.from), shown.text(msg.to), out:paint("bold", words), doubt))
end

local function on_receipt(out, loop, receipt)
  local pdu = receipt.pdu
  local to = address.format(pdu.source_addr, pdu.source_addr_ton) -- whom the message went to
  if out.json then
    local object = json.object { "event", "receipt", "time", stamp(loop), "to", json.text(to) }
    local fields = content.receipt_json(receipt)
    for _, name in ipairs(getmetatable(fields).__jsonorder) do json.add(object, name, fields[name]) end
    return out:object(object)
  end
  out:print(("%s receipt %s  %s"):format(out:paint("dim", clock(loop)), shown.text(to),
    out:paint(outcome_style(receipt.state), content.receipt_words(receipt))))
end

--- The response when the output is closed: the message centre keeps the message.
local function unread(out) return out.broken and "ESME_RX_T_APPN" or nil end

--- Binds, and waits for the end: the time is up, or the client gave up.
local function work(options, out, follow)
  local loop
  local token = task.need()
  local esme, code, trace = dial.connect(options, out, {
    enquire_link_s = options.enquire_link,
    message = function(msg)
      on_message(out, loop or msg.esme.loop, msg)
      return nil, unread(out)
    end,
    receipt = function(receipt)
      on_receipt(out, loop or receipt.esme.loop, receipt)
      return nil, unread(out)
    end,
  })
  if not esme then return code end
  loop = esme.loop
  follow(esme)
  local given_up, interrupted
  local status = "bound as " .. shown.text(esme.system_id or "")
  local service = services.start(out, loop, { status = function() return status end })
  out.on_broken = function() task.wake_for(token, listen) end
  esme:on("error", function(message) out:note("%s %s", out:paint_note("yellow", "warning:"), message) end)
  esme:on("state", function(state, _, reason)
    if state == "closing" then
      interrupted = true
    elseif state == "closed" then
      given_up = reason
      task.wake_for(token, listen)
    elseif state == "bound" then
      status = "bound as " .. shown.text(esme.system_id or "")
      out:note "bound again"
    elseif state == "waiting" then
      status = "not bound: " .. shown.text(reason or "waiting")
      out:note("%s: binding again", reason or "not bound")
    end
  end)
  service:ready()
  out:note("bound as %s, waiting for messages", esme.system_id or "")
  local timer = options.duration and loop:timer(function() task.wake_for(token, listen, true) end, true)
  if timer then timer:start(options.duration) end
  local view = live.start(out, loop, options, false, {
    title = "smpp listen", subject = esme.system_id, read = sources.receiver(esme), quit = function() task.wake_for(token, listen, true) end,
  })
  local in_time = task.wait(listen)
  if timer then timer:close() end
  view:close()
  esme:close()
  service:close()
  if trace then trace:close() end
  if in_time then return exit.DONE end
  if out.broken then return exit.FAILED end
  if not interrupted then out:fail("%s", given_up) end
  return exit.UNREACHABLE
end

--- Runs the command.
---@param options table  as argparse gives them
---@param out smpp.CliOutput
---@return integer exit_code
function listen.run(options, out)
  out.live = true
  local code, _, interrupted = out.run(function()
    return metrics_flag.serve(options, out, "client", function(follow) return work(options, out, follow) end)
  end)
  out:settle()
  if interrupted == "interrupted" then
    out:note "unbound"
    return exit.INTERRUPTED
  end
  return code
end

return listen
