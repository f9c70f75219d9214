-- SIGHUP: `smpp sim` reads its certificates again, all or none, with a FILE of options and without.
local cli = require "spec.support.cli"
local loops = require "smpp.loop"
local shell = require "spec.support.shell"
local smpp = require "smpp"

local function write_pair(folder, name)
  local made = assert(smpp.tls.self_signed())
  shell.write(folder .. "/" .. name .. ".pem", made.cert)
  shell.write(folder .. "/" .. name .. ".key", made.key)
  shell.must(("chmod 600 %s/%s.key"):format(folder, name))
  return made
end

--- The pin that the simulator shows to a new connection.
local function pin()
  local esme = assert(smpp.connect { "smpps://me:secret@localhost", tls = { verify = false }, log = function() end })
  local found = esme.session.tls.server.pin
  esme:close()
  return found
end

local function hang_up()
  loops.current():raise "SIGHUP"
  smpp.sleep(0.1)
end

local function runs(words, fn)
  local folder, remove = shell.folder()
  local made = write_pair(folder, "one")
  for i, word in ipairs(words) do words[i] = word:gsub("%$", folder) end
  shell.write(folder .. "/sim.lua", "return { deliver_after_s = 1 }")
  local code, out, err = cli.sim(words, function() fn(folder, made) end)
  remove()
  return code, out, err
end

describe("smpp sim on SIGHUP", function()
  for _, file in ipairs { false, true } do
    local what = file and ", with a file of options" or ""
    local function words(...)
      local list = { "--for", "20", "--tls-cert", "$/one.pem", "--tls-key", "$/one.key", ... }
      if file then table.insert(list, 1, "$/sim.lua") end
      return list
    end

    it("serves a new certificate to new connections, and leaves bound sessions alone" .. what, function()
      local code, _, err = runs(words(), function(folder, made)
        assert.equal(made.pin, pin())
        local bound = assert(smpp.connect { "smpps://me:secret@localhost", tls = { pin = made.pin } })
        local session, other = bound.session, write_pair(folder, "one")
        assert.equal(made.pin, pin()) -- not before the signal
        hang_up()
        assert.equal(other.pin, pin())
        assert(bound:send { to = "491761234567", text = "still here" })
        assert.equal(session, bound.session)
        bound:close()
      end)
      assert.equal(0, code)
      assert.equal("", err)
    end)

    it("keeps the old one when the new files are wrong, says which, and goes on" .. what, function()
      local code, _, err = runs(words(), function(folder, made)
        local other = assert(smpp.tls.self_signed())
        shell.write(folder .. "/one.pem", other.cert) -- without its key
        hang_up()
        assert.equal(made.pin, pin())
        shell.write(folder .. "/one.pem", "no certificate")
        hang_up()
        assert.equal(made.pin, pin())
        shell.write(folder .. "/one.pem", other.cert)
        shell.write(folder .. "/one.key", other.key)
        hang_up()
        assert.equal(other.pin, pin())
      end)
      assert.equal(0, code)
      assert.matches("key %S+one.key does not belong to certificate %S+one.pem", err)
      cli.has(err, "one.pem")
    end)
  end

  it("changes all addresses and certificates, or none", function()
    local code = runs({ "--for", "20", "--tls-cert", "$/one.pem", "--tls-key", "$/one.key", "--tls-cert", "$/two.pem", "--tls-key", "$/two.key" }, function() end)
    assert.equal(3, code) -- two.pem is missing
    code = runs({ "--for", "20", "--tls-cert", "$/one.pem", "--tls-key", "$/one.key" }, function(folder, made)
      local other = write_pair(folder, "one")
      shell.write(folder .. "/one.key", made.key)
      hang_up()
      assert.equal(made.pin, pin())
      shell.write(folder .. "/one.key", other.key)
      hang_up()
      assert.equal(other.pin, pin())
    end)
    assert.equal(0, code)
  end)
end)
