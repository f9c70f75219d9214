local has_openssl, openssl = pcall(require, "smpp.openssl")

if not has_openssl then
  describe("bind_file", function() pending "smpp.openssl is not built: OpenSSL's headers are missing" end)
  return
end

local shell = require "spec.support.shell"

describe("bind_file", function()
  it("appends to a file that only its owner can read, and follows no link", function()
    local folder, remove = shell.folder()
    local path = folder .. "/keys"
    assert(openssl.append(path, "one\n"))
    assert(openssl.append(path, "two\n"))
    assert.equal("one\ntwo\n", io.open(path):read "*a")
    assert.is_false(openssl.is_readable_by_others(path))
    shell.must(("chmod 644 %s; ln -s %s %s/link"):format(path, path, folder))
    assert.is_true(openssl.is_readable_by_others(path))
    assert.is_nil((openssl.append(folder .. "/link", "x")))
    assert.is_nil((openssl.append(folder .. "/no/such", "x")))
    assert.is_false(openssl.is_readable_by_others(folder .. "/nothing"))
    remove()
  end)
end)
