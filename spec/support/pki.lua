--- Certificates for specs, made with the `openssl` tool: CAs and the certificates they issue, in a temporary folder.
local shell = require "spec.support.shell"

local pki = {}

local Pki = {}
Pki.__index = Pki

local function read(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read "*a"
  file:close()
  return text
end

--- A folder for certificates; `remove()` deletes it.
function pki.new()
  shell.need "openssl"
  local folder, remove = shell.folder()
  return setmetatable({ folder = folder, remove = remove, count = 0 }, Pki)
end

--- Issues a certificate.  { cn, names = "DNS:…,IP:…", issuer (none: self-signed), ca = true, days, not_before = "YYMMDDHHMMSSZ",
--- not_after, key = "ec" | "rsa:2048" | "rsa:1024", extra = further lines of extensions }
---@return { cert: string, key: string, cert_pem: string, key_pem: string }  paths and texts
function Pki:issue(o)
  self.count = self.count + 1
  local base = ("%s/%d"):format(self.folder, self.count)
  local issuer = o.issuer or { cert = base .. ".pem", key = base .. ".key" }
  local bits = (o.key or "ec"):match "^rsa:(%d+)$"
  shell.must(bits and ("openssl genrsa -out %s.key %s"):format(base, bits)
    or ("openssl ecparam -name prime256v1 -genkey -noout -out %s.key"):format(base))
  shell.write(base .. ".ext", ("[v]\nbasicConstraints=critical,CA:%s\n%s%s"):format(o.ca and "TRUE" or "FALSE",
    o.names and "subjectAltName=" .. o.names .. "\n" or "", o.extra or ""))
  shell.must(("openssl req -new -key %s.key -subj /CN=%s -out %s.csr"):format(base, o.cn, base))
  local signer = o.issuer and ("-CA %s -CAkey %s -set_serial %d"):format(issuer.cert, issuer.key, self.count) or ("-signkey %s.key"):format(base)
  if o.not_before then
    shell.write(base .. ".cnf", ("[ca]\ndefault_ca=d\n[d]\ndatabase=%s.db\nnew_certs_dir=%s\nserial=%s.srl\ndefault_md=sha256\npolicy=p\n[p]\n"):format(base,
      self.folder, base) .. "commonName=supplied\n")
    shell.must(("touch %s.db; echo %02x > %s.srl; openssl ca -batch -notext -config %s.cnf -extfile %s.ext -extensions v -startdate %s -enddate %s "
      .. "-in %s.csr -out %s.pem %s"):format(base, self.count + 16, base, base, base, o.not_before, o.not_after, base, base,
        o.issuer and ("-cert %s -keyfile %s"):format(issuer.cert, issuer.key) or ("-selfsign -keyfile %s.key"):format(base)))
  else
    shell.must(("openssl x509 -req -in %s.csr %s -days %d -extfile %s.ext -extensions v -out %s.pem"):format(base, signer, o.days or 30, base, base))
  end
  return { cert = base .. ".pem", key = base .. ".key", cert_pem = read(base .. ".pem"), key_pem = read(base .. ".key") }
end

return pki
