local files = require "smpp.console.files"
local shell = require "spec.support.shell"

describe("smpp.console.files", function()
  it("are read beside the Lua file that calls, with their types", function()
    local folder, remove = shell.folder()
    shell.must(("mkdir %s/page"):format(folder))
    shell.write(folder .. "/page/a.js", "export default 1")
    shell.write(folder .. "/page/b.css", "a {}")
    shell.write(folder .. "/caller.lua", "local read, name = ... local files, message = read('page', { name }, { 'b.css' }) return files, message")
    local call = assert(loadfile(folder .. "/caller.lua"))
    local read, missing, message = assert(call(files.read, "a.js")), call(files.read, "none.js")
    remove()
    assert.same({ type = "text/javascript; charset=utf-8", body = "export default 1" }, read["a.js"])
    assert.same({ type = "text/css; charset=utf-8", body = "a {}" }, read["b.css"])
    assert.is_nil(missing)
    assert.matches("the installation lacks a file of the console: .*page/none.js", message)
  end)
end)
