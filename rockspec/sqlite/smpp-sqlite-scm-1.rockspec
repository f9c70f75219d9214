rockspec_format = "3.0"
package = "smpp-sqlite"
version = "scm-1"

source = { url = "git+https://example.org/smpp.git" }

description = {
  summary = "Stores in SQLite for smpp",
  detailed = [[
The C module that keeps messages and queues of the smpp toolkit in a database: a thread that owns it, and SQLite's statements.
A rock of its own, so that the toolkit itself builds and runs where SQLite's headers are missing.]],
  license = "MIT",
  labels = { "sms", "smpp", "sqlite" },
}

supported_platforms = { "unix" }
dependencies = { "lua >= 5.1, < 5.5" }
external_dependencies = { SQLITE = { header = "sqlite3.h", library = "sqlite3" } }

build = {
  type = "builtin",
  modules = {
    ["smpp.sqlite"] = {
      defines = { "_POSIX_C_SOURCE=200809L" },
      incdirs = { "csrc", "$(SQLITE_INCDIR)" },
      libdirs = { "$(SQLITE_LIBDIR)" },
      libraries = { "sqlite3", "pthread" },
      sources = { "csrc/sqlite/bind_database.c", "csrc/sqlite/bind_worker.c", "csrc/sqlite/sqlite.c" },
    },
  },
}
