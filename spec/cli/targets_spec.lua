local cli = require "spec.support.cli"
local exit = require "smpp.cli.exit"
local shell = require "spec.support.shell"
local smpp = require "smpp"

local HEAD = 'return { defaults = { enquire_link_s = 20, window = 3 }, targets = {\n'

--- A body with a configuration: `write(targets)` makes the file; `env` leads to it.
local function configured(fn)
  local folder, remove = shell.folder()
  shell.must("mkdir -p " .. folder .. "/.config/smpp")
  local env = { HOME = folder }
  local function write(text, path)
    path = path or folder .. "/.config/smpp/config.lua"
    shell.write(path, text:find "^return" and text or HEAD .. text .. "\n} }\n")
    return path
  end
  local ok, failure = smpp.pcall(fn, write, env, folder)
  remove()
  if not ok then error(failure, 0) end
end

--- What a server was asked to bind with, by a send to the word: passwords, exit code, stdout, stderr.
local function send(word, env, more)
  local passwords, results = {}, nil
  cli.with_server({
    authenticate = function(_, bind)
      passwords[#passwords + 1] = bind.password
      return true
    end,
  }, function(_, _, loop)
    for command, known in pairs(more and more.commands or {}) do loop.commands[command] = known end
    local words = { word, "--to", "+4915112345678", "Hi" }
    for _, flag in ipairs(more or {}) do table.insert(words, flag) end
    results = { cli.send(words, { env = env }) }
  end)()
  return passwords, (table.unpack or unpack)(results) -- luacheck: compat
end

describe("smpp targets", function()
  it("lists names and URLs, without passwords", function()
    configured(function(write, env)
      write [[ beta = { hosts = { "one", { host = "two", port = 2776 } }, tls = true, system_id = "me", password_file = "/x" },
        alpha = { url = "smpp://me:secret@mc.example:2775?window=5&password=secret&tls_key_password=secret", profile = "gatewayapi" }, ]]
      local code, out, err = cli.run({ "targets" }, { env = env })
      assert.same({ exit.DONE, "" }, { code, err })
      assert.equal("alpha  smpp://me@mc.example:2775?window=5  profile gatewayapi\nbeta   smpps://me@one,two:2776\n", out)
      local _, json = cli.run({ "targets", "--json" }, { env = env })
      assert.same({ { name = "alpha", url = "smpp://me@mc.example:2775?window=5", profile = "gatewayapi" },
        { name = "beta", url = "smpps://me@one,two:2776", password = "file" } }, cli.objects(json))
    end)
  end)

  it("looks in $SMPP_CONFIG, $XDG_CONFIG_HOME, $HOME, and reads one file only", function()
    configured(function(write, env, folder)
      local code, out, err = cli.run({ "targets" }, { env = env })
      assert.same({ exit.DONE, "" }, { code, out })
      cli.has(err, "no configuration file (looked for " .. folder .. "/.config/smpp/config.lua, /etc/smpp/config.lua)")
      write 'home = { url = "smpp://home" },'
      assert.equal("home  smpp://home\n", select(2, cli.run({ "targets" }, { env = env })))
      shell.must("mkdir -p " .. folder .. "/xdg/smpp")
      write('xdg = { url = "smpp://xdg" },', folder .. "/xdg/smpp/config.lua")
      env.XDG_CONFIG_HOME = folder .. "/xdg"
      assert.equal("xdg  smpp://xdg\n", select(2, cli.run({ "targets" }, { env = env })))
      env.SMPP_CONFIG = write('own = { url = "smpp://own" },', folder .. "/own.lua")
      assert.equal("own  smpp://own\n", select(2, cli.run({ "targets" }, { env = env })))
      env.SMPP_CONFIG = folder .. "/missing.lua"
      code, out, err = cli.run({ "targets" }, { env = env })
      assert.same({ exit.USAGE, "" }, { code, out })
      cli.has(err, "missing.lua")
    end)
  end)

  it("refuses a file that others may write", function()
    configured(function(write, env)
      local path = write 'acme = { url = "smpp://acme" },'
      for mode, refused in pairs { ["0644"] = false, ["0664"] = true, ["0646"] = true, ["0600"] = false } do
        shell.must("chmod " .. mode .. " " .. path)
        local code, _, err = cli.run({ "targets" }, { env = env })
        assert.equal(refused and exit.USAGE or exit.DONE, code, mode)
        if refused then cli.has(err, path .. ": others may write this file: chmod go-w") end
      end
    end)
  end)

  it("says what is wrong with a target, with a suggestion, and lists the others", function()
    configured(function(write, env)
      write [[ a = { url = "smpp://a", widnow = 5 }, b = { url = "smpp://b", password = "x", password_file = "y" }, c = {},
        d = { url = "smpp://d?widnow=5" }, e = { url = "http://e" }, ok = { url = "smpp://ok" }, ]]
      local code, out, err = cli.run({ "targets" }, { env = env })
      assert.same({ exit.USAGE, "ok  smpp://ok\n" }, { code, out })
      cli.has(err, "unknown option 'targets.a.widnow'; did you mean 'targets.a.window'?")
      cli.has(err, "targets.b: password and password_file cannot be combined")
      cli.has(err, "targets.c: missing url")
      cli.has(err, "unknown option 'targets.d.widnow'")
      cli.has(err, "targets.e.url: invalid URL")
    end)
  end)

  it("runs the file with nothing in reach but smpp", function()
    configured(function(write, env)
      for text, part in pairs {
        ["return { targets = { a = { url = os.getenv 'HOME' } } }"] = "config.lua:1:", ["return 5"] = "expected the file to return a table",
        ["return { targets = 5 }"] = "targets: expected a table", ["return { target = {} }"] = "did you mean 'targets'?",
        ["return { defaults = { widnow = 1 } }"] = "did you mean 'defaults.window'?", ["return { targets = { ['a b'] = {} } }"] = "invalid name of a target 'a b'",
        ["return { targets = { a = 5 } }"] = "targets.a: expected a table", ["return {"] = "config.lua:1:", ["return \27"] = "config.lua:1:",
      } do
        write(text)
        local code, out, err = cli.run({ "targets" }, { env = env })
        assert.same({ exit.USAGE, "" }, { code, out }, text)
        cli.has(err, part)
        cli.lacks(err, "traceback")
      end
      write "return { targets = { a = { url = 'smpp://a', version = smpp and '5.0' } } }"
      assert.equal("a  smpp://a\n", select(2, cli.run({ "targets" }, { env = env })))
    end)
  end)
end)

describe("smpp.cli.targets", function()
  it("is what @name stands for", function()
    configured(function(write, env)
      write [[ acme = { url = "smpp://me:pw@localhost" }, ]]
      local passwords, code, out = send("@acme", env)
      assert.same({ { "pw" }, exit.DONE, "accepted m1 +4915112345678\n" }, { passwords, code, out })
    end)
  end)

  it("suggests a name for an unknown one: 2", function()
    configured(function(write, env)
      local _, code, out, err = send("@acme", env)
      assert.same({ exit.USAGE, "" }, { code, out })
      cli.has(err, "unknown target 'acme': no configuration file (looked for ")
      write 'acme = { url = "smpp://acme" }, best = { url = "smpp://best" },'
      for word, part in pairs {
        ["@acmee"] = "unknown target 'acmee' in " .. env.HOME .. "/.config/smpp/config.lua; did you mean 'acme'?",
        ["@zzzzzz"] = "known: acme, best", ["@acme/x"] = "expected @name or @name?option=value", ["@"] = "invalid target '@'",
        ["@acme?widnow=5"] = "@acme: unknown option 'widnow'; did you mean 'window'?", ["@\27[31m"] = "unknown target '\\x1b[31m'",
      } do
        _, code, out, err = send(word, env)
        assert.same({ exit.USAGE, "" }, { code, out }, word)
        cli.has(err, part)
      end
    end)
  end)

  it("takes a password from flag, option, SMPP_PASSWORD, target, defaults, in this order", function()
    configured(function(write, env, folder)
      write(([[ url = { url = "smpp://me:of-url@localhost" }, key = { url = "smpp://me:of-url@localhost", password = "of-key" },
        file = { url = "smpp://me@localhost", password_file = "%s/pw" }, none = { url = "smpp://me@localhost" }, ]]):format(folder))
      shell.write(folder .. "/pw", "of-file\r\nmore\n")
      shell.write(folder .. "/flag", "flag\n")
      for name, password in pairs { url = "of-url", key = "of-key", file = "of-file", none = "" } do
        assert.same({ password }, (send("@" .. name, env)), name)
        env.SMPP_PASSWORD = "env"
        assert.same({ "env" }, (send("@" .. name, env)), name)
        assert.same({ "asked" }, (send("@" .. name .. "?password=asked", env)), name)
        assert.same({ "flag" }, (send("@" .. name .. "?password=asked", env, { "--password-file", folder .. "/flag" })), name)
        env.SMPP_PASSWORD = nil
      end
      write [[return { targets = { none = { url = "smpp://me@localhost" }, own = { url = "smpp://me:own@localhost" } },
        defaults = { password = "default" } }]]
      assert.same({ "default" }, (send("@none", env)))
      assert.same({ "own" }, (send("@own", env)))
      write 'gone = { url = "smpp://me@localhost", password_file = "/nonexistent" },'
      local passwords, code = send("@gone", env)
      assert.same({ {}, exit.USAGE }, { passwords, code })
    end)
  end)

  it("runs password_command for ten seconds, and only when its password is needed", function()
    configured(function(write, env)
      write [[ acme = { url = "smpp://me@localhost", password_command = "pass acme" }, ]]
      local function ask(known, more)
        more = more or {}
        more.commands = { ["pass acme"] = known }
        return send("@acme", env, more)
      end
      assert.same({ "of-command" }, (ask { output = "of-command\r\nsecond line\n", after_s = 9.9 }))
      for part, known in pairs {
        ["password_command of target 'acme' failed with exit code 4"] = { output = "x", code = 4 },
        ["password_command of target 'acme' did not end within 10 s"] = { output = "x", after_s = 10.1 },
        ["password_command of target 'acme' printed no password"] = { output = "\n" },
      } do
        local passwords, code, out, err = ask(known)
        assert.same({ {}, exit.UNREACHABLE, "" }, { passwords, code, out }, part)
        cli.has(err, part)
      end
      env.SMPP_PASSWORD = "env"
      assert.same({ "env" }, (ask { code = 4 }))
      env.SMPP_PASSWORD = nil
      assert.equal(exit.DONE, select(2, ask({ code = 4 }, { "--dry-run" })))
    end)
  end)

  it("has options of defaults, the target's URL, its keys, --config, @name?option and flags, later ones winning", function()
    local dial = require "smpp.cli.dial"
    local output = require "smpp.cli.output"
    configured(function(write, env, folder)
      write [[ acme = { url = "smpp://me@localhost?system_type=url&retry.attempts=2", tls = { min = "1.3", verify = false } },
        keys = { url = "smpp://me@localhost?window=5", window = 6, retry = { age_s = 7 } }, ]]
      local function read(word, more)
        local options = { url = word, pin = {} }
        for name, value in pairs(more or {}) do options[name] = value end
        local out = output.new { getenv = function(name) return env[name] end }
        return assert(select(2, assert(dial.read(options, out, nil, { retry = { attempts = 10, age_s = 300 } }))))
      end
      local o = read "@acme"
      assert.same({ 20, 3, "url", 2, 300 }, { o.enquire_link_s, o.window, o.system_type, o.retry.attempts, o.retry.age_s })
      assert.same({ 6, 10, 7 }, { read("@keys").window, read("@keys").retry.attempts, read("@keys").retry.age_s })
      assert.same({ 8, 4 }, { read("@keys?window=8&retry.attempts=4").window, read("@keys?retry.attempts=4").retry.attempts })
      local config = folder .. "/options.lua"
      shell.write(config, "return { window = 9, system_type = 'config' }")
      o = read("@keys?system_type=asked", { config = config })
      assert.same({ 9, "asked" }, { o.window, o.system_type })
      assert.equal("rx", read("@keys?bind=tx", { bind = "rx" }).bind)
      o = read("@acme?tls_min=1.2", { server_name = "x" })
      assert.same({ min = "1.2", verify = false, server_name = "x" }, o.tls)
    end)
  end)
end)
