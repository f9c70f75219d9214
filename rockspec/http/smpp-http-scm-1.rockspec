rockspec_format = "3.0"
package = "smpp-http"
version = "scm-1"

source = { url = "git+https://example.org/smpp.git" }

description = {
  summary = "HTTP for smpp",
  detailed = [[
The C module with which the smpp toolkit serves HTTP and calls webhooks: thin bindings of libmicrohttpd and libcurl, for Linux.
A rock of its own, so that the toolkit itself builds and runs where the headers of these libraries are missing.]],
  license = "MIT",
  labels = { "sms", "smpp", "http" },
}

supported_platforms = { "linux" }
dependencies = { "lua >= 5.1, < 5.5" }
external_dependencies = {
  MICROHTTPD = { header = "microhttpd.h", library = "microhttpd" },
  CURL = { library = "curl" }, -- its headers are where the compiler looks, which LuaRocks does not know
  GNUTLS = { header = "gnutls/crypto.h", library = "gnutls" },
}

build = {
  type = "builtin",
  modules = {
    ["smpp.libhttp"] = {
      defines = { "_GNU_SOURCE" },
      incdirs = { "csrc", "$(MICROHTTPD_INCDIR)", "$(GNUTLS_INCDIR)" },
      libdirs = { "$(MICROHTTPD_LIBDIR)", "$(CURL_LIBDIR)", "$(GNUTLS_LIBDIR)" },
      libraries = { "microhttpd", "curl", "gnutls" },
      sources = { "csrc/http/bind_client.c", "csrc/http/bind_exchange.c", "csrc/http/bind_server.c", "csrc/http/early.c", "csrc/http/http.c", "csrc/http/strict.c" },
    },
  },
}
