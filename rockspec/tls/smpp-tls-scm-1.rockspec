rockspec_format = "3.0"
package = "smpp-tls"
version = "scm-1"

source = { url = "git+https://example.org/smpp.git" }

description = {
  summary = "TLS for smpp, over OpenSSL 3",
  detailed = [[
The C module that gives the smpp toolkit smpps:// on both sides.  A rock of its own, so that the toolkit itself builds
and runs where OpenSSL's headers are missing.]],
  license = "MIT",
  labels = { "sms", "smpp", "tls" },
}

supported_platforms = { "unix" }
dependencies = { "lua >= 5.1, < 5.5" }
external_dependencies = { OPENSSL = { header = "openssl/ssl.h", library = "ssl" } }

build = {
  type = "builtin",
  modules = {
    ["smpp.openssl"] = {
      incdirs = { "csrc", "$(OPENSSL_INCDIR)" },
      libdirs = { "$(OPENSSL_LIBDIR)" },
      libraries = { "ssl", "crypto" },
      sources = { "csrc/tls/bind_certificate.c", "csrc/tls/bind_context.c", "csrc/tls/bind_file.c", "csrc/tls/bind_tls.c", "csrc/tls/tls.c" },
    },
  },
}
