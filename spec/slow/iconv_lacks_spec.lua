--- A libc whose iconv has no converters, as small images have: a preloaded iconv_open that refuses.
local shell = require "spec.support.shell"

local LACKING = [[
#include <errno.h>
#include <iconv.h>
iconv_t iconv_open(const char *to, const char *from);
iconv_t iconv_open(const char *to, const char *from) { (void)to; (void)from; errno = EINVAL; return (iconv_t)-1; }
]]

local PROGRAM = [[
package.path, package.cpath = os.getenv "P", os.getenv "C"
local text = require "smpp.text"
for _, encoding in ipairs { "shift_jis", "euc-jp", "iso-2022-jp", "euc-kr" } do
  local octets, message, code = text.encode("a", { encoding = encoding })
  assert(octets == nil and code == "bad_value" and message:find("libc's iconv has no converter for", 1, true), message)
  assert(select(3, text.split("a", { encoding = encoding })) == "bad_value")
  local words, problems = text.decode("a\200b", encoding)
  assert(words == "a\239\191\189b" and problems[1].code == "no_converter", words)
  -- Where it is one of several, another is taken.
  assert(text.measure("\230\151\165", { allow = { encoding, "ucs2" } }).encoding == "ucs2")
end
assert(text.encode("a") == "a")
print "as it should be"
]]

it("a libc without converters: a clear failure, ASCII is read, everything else works", function()
  local folder, remove = shell.folder()
  shell.write(folder .. "/lacking.c", LACKING)
  shell.write(folder .. "/program.lua", PROGRAM)
  local interpreter = jit and "luajit" or "lua" .. _VERSION:match "%d%.%d"
  local out = shell.must(("cc -shared -fPIC -o %s/lacking.so %s/lacking.c && LD_PRELOAD=%s/lacking.so P='%s' C='%s' %s %s/program.lua"):format(
    folder, folder, folder, package.path, package.cpath, interpreter, folder))
  remove()
  assert.equal("as it should be\n", out)
end)
