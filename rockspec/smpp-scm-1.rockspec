rockspec_format = "3.0"
package = "smpp"
version = "scm-1"

-- `luarocks make` builds the checkout and never looks here; a release's rockspec names its own address and tag.
source = { url = "git+https://example.org/smpp.git" }

description = {
  summary = "Send, receive, route and test SMS over SMPP 3.3, 3.4 and 5.0",
  detailed = [[
A toolkit for SMPP, the protocol between applications and SMS message centres: client, server, PDU codec,
GSM text, delivery receipts and a command line, with a core in C99 and event loops through luv.]],
  license = "MIT",
  labels = { "sms", "smpp", "network", "luv" },
}

supported_platforms = { "unix" }
dependencies = {
  "lua >= 5.1, < 5.5",
  "luv >= 1.43", -- sockets and timers; codec and text do without
  "argparse >= 0.7", -- command line
  "dkjson >= 2.5", -- --json
}

build = {
  type = "builtin",
  modules = {
    -- `make rockspec` writes this list.
    ["smpp.address"] = "lua/smpp/address.lua",
    ["smpp.cli"] = "lua/smpp/cli.lua",
    ["smpp.cli.brief"] = "lua/smpp/cli/brief.lua",
    ["smpp.cli.capture"] = "lua/smpp/cli/capture.lua",
    ["smpp.cli.content"] = "lua/smpp/cli/content.lua",
    ["smpp.cli.count"] = "lua/smpp/cli/count.lua",
    ["smpp.cli.decode"] = "lua/smpp/cli/decode.lua",
    ["smpp.cli.exit"] = "lua/smpp/cli/exit.lua",
    ["smpp.cli.explain"] = "lua/smpp/cli/explain.lua",
    ["smpp.cli.input"] = "lua/smpp/cli/input.lua",
    ["smpp.cli.json"] = "lua/smpp/cli/json.lua",
    ["smpp.cli.output"] = "lua/smpp/cli/output.lua",
    ["smpp.client"] = "lua/smpp/client.lua",
    ["smpp.connection"] = "lua/smpp/connection.lua",
    ["smpp.dialer"] = "lua/smpp/dialer.lua",
    ["smpp.events"] = "lua/smpp/events.lua",
    ["smpp.explain"] = "lua/smpp/explain.lua",
    ["smpp.inbox"] = "lua/smpp/inbox.lua",
    ["smpp"] = "lua/smpp/init.lua",
    ["smpp.loop"] = "lua/smpp/loop/init.lua",
    ["smpp.loop.luv"] = "lua/smpp/loop/luv.lua",
    ["smpp.loop.luv_tcp"] = "lua/smpp/loop/luv_tcp.lua",
    ["smpp.loop.virtual"] = "lua/smpp/loop/virtual.lua",
    ["smpp.loop.virtual_link"] = "lua/smpp/loop/virtual_link.lua",
    ["smpp.loop.virtual_net"] = "lua/smpp/loop/virtual_net.lua",
    ["smpp.message_id"] = "lua/smpp/message_id.lua",
    ["smpp.meta.core"] = "lua/smpp/meta/core.lua",
    ["smpp.meta.loop"] = "lua/smpp/meta/loop.lua",
    ["smpp.options"] = "lua/smpp/options.lua",
    ["smpp.pack"] = "lua/smpp/pack.lua",
    ["smpp.pcap.file"] = "lua/smpp/pcap/file.lua",
    ["smpp.pcap.framer"] = "lua/smpp/pcap/framer.lua",
    ["smpp.pcap"] = "lua/smpp/pcap/init.lua",
    ["smpp.pcap.link"] = "lua/smpp/pcap/link.lua",
    ["smpp.pcap.octets"] = "lua/smpp/pcap/octets.lua",
    ["smpp.pcap.tcp"] = "lua/smpp/pcap/tcp.lua",
    ["smpp.pdu"] = "lua/smpp/pdu.lua",
    ["smpp.queue"] = "lua/smpp/queue.lua",
    ["smpp.reassembly"] = "lua/smpp/reassembly.lua",
    ["smpp.receipt"] = "lua/smpp/receipt.lua",
    ["smpp.run"] = "lua/smpp/run.lua",
    ["smpp.secrets"] = "lua/smpp/secrets.lua",
    ["smpp.sender"] = "lua/smpp/sender.lua",
    ["smpp.server"] = "lua/smpp/server.lua",
    ["smpp.server.accounts"] = "lua/smpp/server/accounts.lua",
    ["smpp.server.agenda"] = "lua/smpp/server/agenda.lua",
    ["smpp.server.bind"] = "lua/smpp/server/bind.lua",
    ["smpp.server.checks"] = "lua/smpp/server/checks.lua",
    ["smpp.server.cidr"] = "lua/smpp/server/cidr.lua",
    ["smpp.server.delivery"] = "lua/smpp/server/delivery.lua",
    ["smpp.server.messages"] = "lua/smpp/server/messages.lua",
    ["smpp.server.requests"] = "lua/smpp/server/requests.lua",
    ["smpp.simulator"] = "lua/smpp/simulator.lua",
    ["smpp.store"] = "lua/smpp/store.lua",
    ["smpp.task"] = "lua/smpp/task.lua",
    ["smpp.text"] = "lua/smpp/text.lua",
    ["smpp.text.coding"] = "lua/smpp/text/coding.lua",
    ["smpp.text.plan"] = "lua/smpp/text/plan.lua",
    ["smpp.text.translit"] = "lua/smpp/text/translit.lua",
    ["smpp.timestamp"] = "lua/smpp/timestamp.lua",
    ["smpp.trace"] = "lua/smpp/trace.lua",
    ["smpp.tracer"] = "lua/smpp/tracer.lua",
    ["smpp.tracker"] = "lua/smpp/tracker.lua",
    ["smpp.udh"] = "lua/smpp/udh.lua",
    ["smpp.url"] = "lua/smpp/url.lua",
    ["smpp.core"] = {
      incdirs = { "csrc" },
      sources = {
        "csrc/binding/bind_codec.c",
        "csrc/binding/bind_draft.c",
        "csrc/binding/bind_iconv.c",
        "csrc/binding/bind_map.c",
        "csrc/binding/bind_protocol.c",
        "csrc/binding/bind_receipt.c",
        "csrc/binding/bind_session.c",
        "csrc/binding/bind_text.c",
        "csrc/binding/bind_udh.c",
        "csrc/binding/bind_view.c",
        "csrc/binding/core.c",
        "csrc/smpp/alloc.c",
        "csrc/smpp/buffer.c",
        "csrc/smpp/charset.c",
        "csrc/smpp/datacoding.c",
        "csrc/smpp/error.c",
        "csrc/smpp/grapheme.c",
        "csrc/smpp/gsm7.c",
        "csrc/smpp/inflight.c",
        "csrc/smpp/map.c",
        "csrc/smpp/pdu.c",
        "csrc/smpp/protocol.c",
        "csrc/smpp/receipt.c",
        "csrc/smpp/session.c",
        "csrc/smpp/session_next.c",
        "csrc/smpp/text.c",
        "csrc/smpp/timestamp.c",
        "csrc/smpp/ucs2.c",
        "csrc/smpp/udh.c",
      },
    },
    -- End of the list.
  },
  install = { bin = { "bin/smpp" } },
}

test = { type = "command", script = "spec/run.lua" }
