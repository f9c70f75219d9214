--- A service manager's end of NOTIFY_SOCKET: a real socket, read by perl (which Debian always has).
local shell = require "spec.support.shell"

local notified = {}

local RECEIVER = [[
use Socket;
my ($address, $file) = @ARGV;
$address =~ s/^@/\0/;
socket(my $socket, AF_UNIX, SOCK_DGRAM, 0) or die;
bind($socket, pack_sockaddr_un($address)) or die $!;
open(my $out, ">>", $file) or die;
$out->autoflush(1);
print $out "listening\n";
while (defined recv($socket, my $text, 65536, 0)) { print $out "<$text>\n"; }
]]

--- Calls fn(address, read): read() gives the datagrams so far.
---@param is_abstract boolean?
---@param fn fun(address: string, read: fun(): string[])
function notified.with(is_abstract, fn)
  shell.need("perl")
  local folder, remove = shell.folder()
  local address = (is_abstract and "@" or "") .. folder .. "/notify"
  shell.write(folder .. "/receiver.pl", RECEIVER)
  shell.must(("perl -MIO::Handle %s/receiver.pl %s %s/out >/dev/null 2>%s/err & echo $! > %s/pid; wait_for listening %s/out"):format(folder,
    shell.quote(address), folder, folder, folder, folder))
  local function read()
    local file, list = assert(io.open(folder .. "/out", "rb")), {}
    for text in file:read("*a"):gmatch "<(.-)>\n" do list[#list + 1] = text end
    file:close()
    return list
  end
  local ok, failure = require("smpp").pcall(fn, address, function(count)
    local list = read()
    for _ = 1, 400 do -- perl may be slower than us
      if #list >= (count or 0) then break end
      shell.run "sleep 0.02"
      list = read()
    end
    return list
  end)
  shell.run(("kill $(cat %s/pid)"):format(folder))
  remove()
  if not ok then error(failure, 0) end
end

return notified
