local options = require "docs.options"
local shell = require "spec.support.shell"

local compile = loadstring or load -- luacheck: compat

describe("docs.options: the tables of options", function()
  local count = 0
  for _, name in ipairs(options.pages) do
    it("of docs/" .. name .. ".md are those of the rows: run `lua docs/options.lua` where they are not", function()
      local page = options.read("docs/" .. name .. ".md")
      local filled, tables = options.fill(page)
      count = count + tables
      assert.is_true(filled == page)
    end)
  end

  it("are there", function() assert.is_true(count >= 30, count) end)

  it("are in every page that has one, and no table of options is written by hand", function()
    -- Flags of the command line, and the timers of the C session, which are no rows.
    local other = { ["| option | shows only |"] = true, ["| option | default | after that |"] = true }
    local pages = {}
    for _, name in ipairs(options.pages) do pages["docs/" .. name .. ".md"] = true end
    for path in shell.must("ls docs/*.md README.md"):gmatch "%S+" do
      local page, found = options.read(path), {}
      assert.equal(pages[path] or false, page:find("<!-- options: ", 1, true) ~= nil, path)
      for line in page:gsub("<!%-%- options: .-<!%-%- /options %-%->", ""):gmatch "[^\n]+" do
        if line:find "^| option " and not other[line] then found[#found + 1] = line end
      end
      assert.same({}, found, path)
    end
  end)

  it("have some of the options where the page says which", function()
    local page = "<!-- options: smpp.profile reconnect max_s jitter -->\nold\n<!-- /options -->\n"
    local filled = options.fill(page)
    assert.truthy(filled:find("| `max_s` | `60` |", 1, true))
    assert.truthy(filled:find("| `jitter` |", 1, true))
    assert.is_nil(filled:find("`min_s`", 1, true))
    assert.has_error(function() options.fill "<!-- options: smpp.profile reconnect nosuch -->\n<!-- /options -->\n" end)
  end)

  it("differ where a row does", function()
    local page = options.read "docs/client.md"
    local other = page:gsub("maximum of requests without", "limit of requests without")
    assert.is_true(other ~= page)
    assert.is_true((options.fill(other)) == page)
  end)
end)

describe("docs.options: a row", function()
  local seen = {}
  -- What examples name.
  local PRELUDE = [[
    local keystore = { get = print, put = print, delete = print, expire = print, next_expiry = print, count = print }
    local smpp, loop = { tracker = { new = function() return {} end } }, {}
    local server, store, lifecycle, ids, limits = { sessions = { {} } }, {}, {}, {}, {}
  ]]

  local function check(schema, where)
    if seen[schema] then return end
    seen[schema] = true
    for _, row in ipairs(schema.rows) do
      local name = row[1]
      local one = schema.kinds[name]
      if type(name) == "string" then
        it(where .. name .. " has a meaning, an example that holds, a default that holds", function()
          assert.is_true(#row[4] > 1)
          local given = assert(compile(PRELUDE .. "return { " .. row[5] .. " }", row[5]))()
          assert.is_not_nil(given[name], row[5])
          assert.is_truthy(one.fits(given[name]), row[5])
          if row[3] ~= nil then assert.is_truthy(one.fits(row[3]), tostring(row[3])) end
        end)
      end
      if one.schema and one.schema ~= schema then check(one.schema, where .. name .. ".") end
    end
  end

  check(require("smpp.client.options").schema, "client: ")
  check(require("smpp.client.composer").schema, "message: ")
  check(require("smpp.simulator.settings").schema, "simulator: ")
  check(require("smpp.text").schema, "text: ")
  check(require("smpp.text").decoding, "decode: ")
  check(require("smpp.text.reassembly").schema, "reassembly: ")
  check(require("smpp.receipt").schema, "receipt: ")
  check(require("smpp.receipt").deliver_schema, "deliver_sm: ")
  check(require("smpp.receipt.tracker").schema, "tracker: ")
  check(require("smpp.profile").schema, "profile: ")
  check(require("smpp.codec.commands").declaration, "declare_command: ")
  check(require("smpp.codec.timestamp").schema, "timestamp: ")
  check(require("smpp.capture.writer").schema, "trace: ")
  check(require("smpp.store.memory").schema, "memory: ")
  check(require("smpp.server").schema, "server: ")
  check(require("smpp.nodes").schema, "nodes: ")
  check(require("smpp.server").deliver_schema, "deliver: ")
  check(require("smpp.server").outbind_schema, "outbind: ")
  check(require("smpp.server.account").schema, "account: ")
  check(require("smpp.service.lifecycle").schema, "lifecycle: ")
  check(require("smpp.service.requests").schema, "requests: ")
  check(require("smpp.service.ids").schema, "ids: ")
  check(require("smpp.simulator.outcome").rule, "rule: ")
end)
