# smpp: SMPP 3.3/3.4/5.0 for Lua.  `make help` lists the targets.

KNOWN := lua5.1 lua5.2 lua5.3 lua5.4 luajit
LUAS  := $(KNOWN)
LUA  ?= lua5.4

# The Luas of `make test`: the one that was asked for, else all.
CHOSEN := $(if $(filter file,$(origin LUA)),$(LUAS),$(LUA))

CC      ?= cc
CFLAGS  ?= -O2 -g
WARN    := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes \
           -Wundef -Wwrite-strings -Wvla -Wcast-qual -Wformat=2 -Wimplicit-fallthrough
WERROR  ?=
B       ?= build
SAN     := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
PREFIX  ?= /usr/local
DESTDIR ?=
SECONDS ?=

# -fno-plt: a hundred calls of Lua's API for a message, each of which would go through a jump.
CORE_CFLAGS = -std=c99 $(WARN) $(WERROR) -fPIC -fno-plt -fvisibility=hidden -MMD -MP $(CFLAGS)

# `make profile PATH=send`: the word is the path to profile; recipes keep the environment's PATH, which $(shell) still has.
ifeq ($(origin PATH),command line)
PROFILED := $(PATH)
override PATH := $(shell echo "$$PATH")
endif

ifneq ($(words $(filter $(KNOWN),$(LUA))),1)
$(error LUA is one of: $(KNOWN))
endif

# lua5.4 -> 5.4, luajit -> jit: the name of a Lua's build folder.
id      = $(patsubst lua%,%,$(1))
lua_api = $(if $(filter luajit,$(1)),5.1,$(call id,$(1)))
pc      = $(if $(filter luajit,$(1)),luajit,$(patsubst lua%,lua-%,$(1)))
incdir  = $(if $(filter luajit,$(1)),/usr/include/luajit-2.1,/usr/include/$(1))
lua_cflags = $(shell pkg-config --cflags $(call pc,$(1)) 2>/dev/null || echo -I$(call incdir,$(1)))

CORE_SRC := $(wildcard csrc/smpp/*.c)
BIND_SRC := $(wildcard csrc/binding/*.c)
TLS_SRC  := $(wildcard csrc/tls/*.c)
SQL_SRC  := $(wildcard csrc/sqlite/*.c)
HTTP_SRC := $(wildcard csrc/http/*.c)
TEST_SRC := $(wildcard spec/c/*_test.c)
FUZZ_SRC  = $(filter-out $(if $(HAVE_OPENSSL),,spec/c/fuzz_tls.c) $(if $(HAVE_HTTP),,spec/c/fuzz_http.c),$(wildcard spec/c/fuzz_*.c))
LUA_SRC  := $(shell find lua -name '*.lua' -o -name '*.html' -o -name '*.css' -o -name '*.js' -o -name '*.svg')
CORE_OBJ := $(CORE_SRC:csrc/smpp/%.c=$(B)/core/%.o)

# The modules over other libraries are built where the headers are; without them the rest works and says what is missing.
HAVE_OPENSSL := $(shell printf '\043include <openssl/opensslv.h>\n\043if OPENSSL_VERSION_MAJOR < 3\n\043error\n\043endif\n' | $(CC) -E -x c - >/dev/null 2>&1 && echo yes)
HAVE_SQLITE := $(shell printf '\043include <sqlite3.h>\n' | $(CC) -E -x c - >/dev/null 2>&1 && echo yes)
# Both libraries, and GnuTLS under the first; epoll is Linux's.
HAVE_HTTP := $(shell printf '\043include <microhttpd.h>\n\043include <curl/curl.h>\n\043include <gnutls/crypto.h>\n\043include <sys/epoll.h>\n' | $(CC) -E -x c - >/dev/null 2>&1 && echo yes)
modules  = $(B)/$(call id,$(1))/smpp/core.so $(if $(HAVE_OPENSSL),$(B)/$(call id,$(1))/smpp/openssl.so) $(if $(HAVE_SQLITE),$(B)/$(call id,$(1))/smpp/sqlite.so) \
           $(if $(HAVE_HTTP),$(B)/$(call id,$(1))/smpp/libhttp.so)
MODULES  := $(call modules,$(LUA))

.PHONY: help build build-all build-c build-asan build-fuzz demo test env check check-gcc check-clang check-core \
        check-tidy check-cppcheck check-luacheck sanitize valgrind gc fuzz coverage conformance simulate soak bench profile rockspec tables man pictures install uninstall clean FORCE
.DEFAULT_GOAL := build
.DELETE_ON_ERROR:

##@ Everyday
help: ## lists the targets
	@awk -F':.*## ' '/^##@/ { print substr($$0, 5) } /^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' Makefile
	@echo "LUA=lua5.1|lua5.2|lua5.3|lua5.4|luajit narrows build, test, demo, install (default lua5.4, test: all five)"

demo: ## installs what it needs, builds, and sends messages through the built-in message centre
	@.ci/packages install build $(LUA) cli tls sqlite http
	@$(MAKE) --no-print-directory -s build
	@eval "$$($(MAKE) --no-print-directory -s env)" && exec $(LUA) examples/demo.lua

test: ## installs what the tests need, builds for each Lua and runs everything
	@.ci/packages install build $(LUA) $(CHOSEN) tls sqlite http specs interop $(if $(filter-out $(CHOSEN),$(LUAS)),,lint fuzz valgrind packaging) || \
	  { echo "0 passed, 1 failed"; exit 1; }
	@$(MAKE) --no-print-directory -s spec/interop/node/node_modules/.package-lock.json || { echo "0 passed, 1 failed"; exit 1; }
	@LUAS="$(CHOSEN)" SECONDS=$(SECONDS) MAKE="$(MAKE)" $(LUA) spec/all.lua $(if $(filter-out $(CHOSEN),$(LUAS)),specs slow)

build: $(MODULES) ## the C module for one Lua

env: ## exports that let this Lua use the checkout: eval "$(make -s env LUA=lua5.4)"
	@echo 'export LUA_PATH="$(CURDIR)/lua/?.lua;$(CURDIR)/lua/?/init.lua;$${LUA_PATH:-;;}"'
	@echo 'export LUA_CPATH="$(CURDIR)/$(B)/$(call id,$(LUA))/?.so;$${LUA_CPATH:-;;}"'
	@echo 'export PATH="$(CURDIR)/bin:$$PATH" LUA=$(LUA)'

clean: ## removes build/
	rm -rf $(B)

##@ Checks (make test runs all but coverage)
run_group = LUAS="$(CHOSEN)" SECONDS=$(SECONDS) MAKE="$(MAKE)" lua5.4 spec/all.lua

check: ## warnings as errors with gcc and clang, clang-tidy, cppcheck, luacheck, the specs of the tree
	@.ci/packages check build lint specs $(LUAS)
	@$(MAKE) --no-print-directory -s build LUA=lua5.4
	@$(run_group) check

sanitize: ## specs and C tests under AddressSanitizer and UndefinedBehaviorSanitizer
	@.ci/packages check build specs lua5.4 $(CHOSEN)
	@$(run_group) sanitize

valgrind: ## C tests under valgrind
	@.ci/packages check build specs lua5.4 valgrind
	@$(run_group) c valgrind

gc: ## specs of the binding, with a garbage collection every 1000 instructions
	@.ci/packages check build specs lua5.4 $(CHOSEN)
	@$(run_group) gc

fuzz: ## fuzz targets, SECONDS=30 each, from SEED=1 (0: random); what they find is kept in spec/regression/fuzz
	@.ci/packages check build specs lua5.4 tls http fuzz
	@$(run_group) fuzz

coverage: ## lines that the everyday specs and C tests reach, on Lua 5.4; FILES="lua/smpp/text csrc/smpp/pdu.c" lists the others
	@.ci/packages check build specs lua5.4
	@$(MAKE) --no-print-directory -s -j2 build build-c LUA=lua5.4 B=build/coverage CC=gcc CFLAGS="-O0 -g --coverage"
	@rm -f build/coverage/lua.txt; find build/coverage -name '*.gcda' -delete
	@SMPP_NO_BUILD=1 SMPP_BUILD=build/coverage SMPP_COVERAGE=build/coverage/lua.txt lua5.4 spec/run.lua >build/coverage/specs.log 2>&1; \
	  grep -a 'success' build/coverage/specs.log # those that measure memory fail beside the counter, which takes some
	@for t in $(TEST_SRC:spec/c/%.c=build/coverage/c/%); do $$t >>build/coverage/specs.log || exit 1; done
	@lua5.4 spec/coverage.lua build/coverage $(FILES)

conformance: ## tests our and node-smpp's message centre, our and Kannel's ESME against the standard: the table of the README
	@.ci/packages check build specs interop $(LUA) node
	@$(MAKE) --no-print-directory -s build spec/interop/node/node_modules/.package-lock.json
	@LUA=$(LUA) $(LUA) spec/interop/conformance.lua

simulate: ## clients, gateways, bots, message centres under random faults in virtual time, SEEDS=1..500 (docs/testing.md)
	@.ci/packages check build specs $(LUA)
	@$(MAKE) --no-print-directory -s build
	@LUA=$(LUA) bin/smpp simulate --seeds $${SEEDS:-1..500}

soak: ## 200 clients that connect and disconnect, with faults, for SOAK_S=600 seconds
	@.ci/packages check build specs $(LUA)
	@SOAK_S=$${SOAK_S:-600} $(LUA) spec/run.lua spec/slow/soak_spec.lua

##@ Upkeep
tables: ## regenerates files from csrc/tables
	@mkdir -p $(B) && for g in csrc/tables/gen_*.lua; do \
	  out=$$(sed -n 's/^--.*gen_.*\.lua.* > \(.*\)/\1/p' $$g | head -n 1) && $(LUA) $$g > $(B)/generated && mv $(B)/generated $$out || exit 1; done

bench: ## speed and memory beside node-smpp; BENCH="--rounds 5 --json FILE", BENCH_TOOLS=DIR: docs/performance.md
	@.ci/packages check build lua5.4 luajit node
	@$(MAKE) --no-print-directory -s build-all spec/interop/node/node_modules/.package-lock.json LUAS="lua5.4 luajit"
	@$(LUA) bench/run.lua --build $(B) $(if $(BENCH_TOOLS),--tools $(BENCH_TOOLS)) $(BENCH)

profile: ## instructions by function, of Lua and of C: make profile PATH=send|receipt|message|sim; docs/performance.md
	@.ci/packages check build lua5.4 valgrind
	@$(MAKE) --no-print-directory -s build LUA=lua5.4
	@lua5.4 bench/profile.lua "$(PROFILED)" $(B)

rockspec: ## regenerates the list of modules in the rockspec
	@$(LUA) rockspec/modules.lua

pictures: build ## the pictures of README, from real runs in tmux and a browser; four minutes
	@for p in tmux chromium-headless-shell; do command -v $$p >/dev/null || { echo "missing: $$p"; exit 1; }; done
	@eval "$$($(MAKE) --no-print-directory -s env)" && $(LUA) docs/pictures.lua && LUA_PATH="./?.lua;$$LUA_PATH" exec $(LUA) docs/console_pictures.lua

man: build ## man pages in build/man, made from the options of the commands
	@rm -rf $(B)/man && mkdir -p $(B)/man && SMPP_BUILD=$(B) $(LUA) docs/man.lua $(B)/man

install: build ## copies the modules and the command below PREFIX (default /usr/local), for one Lua
	@install -d $(addprefix $(DESTDIR)$(PREFIX)/,bin $(sort $(patsubst lua/%/,share/lua/$(call lua_api,$(LUA))/%,$(dir $(LUA_SRC)))) lib/lua/$(call lua_api,$(LUA))/smpp)
	@for f in $(LUA_SRC:lua/%=%); do install -m 644 lua/$$f $(DESTDIR)$(PREFIX)/share/lua/$(call lua_api,$(LUA))/$$f || exit 1; done
	@install -m 755 $(MODULES) $(DESTDIR)$(PREFIX)/lib/lua/$(call lua_api,$(LUA))/smpp/
	@sed 's/^installed_for=$$/installed_for=$(LUA)/' bin/smpp > $(DESTDIR)$(PREFIX)/bin/smpp && chmod 755 $(DESTDIR)$(PREFIX)/bin/smpp
	@if $(LUA) -e "require 'argparse'" 2>/dev/null && $(MAKE) --no-print-directory -s man; then \
	  install -d $(DESTDIR)$(PREFIX)/share/man/man1 $(DESTDIR)$(PREFIX)/share/man/man5 && \
	  install -m 644 $(B)/man/*.1 $(DESTDIR)$(PREFIX)/share/man/man1/ && install -m 644 $(B)/man/*.5 $(DESTDIR)$(PREFIX)/share/man/man5/; \
	else echo "no man pages: they are made with argparse"; fi
	@echo "installed below $(DESTDIR)$(PREFIX) for $(LUA)"
	@for m in luv argparse dkjson; do $(LUA) -e "require '$$m'" 2>/dev/null || \
	  echo "smpp will want $$m: apt-get install lua-$$m, or luarocks install $$m"; done

uninstall: ## removes the installed files
	@rm -rf $(DESTDIR)$(PREFIX)/share/lua/$(call lua_api,$(LUA))/smpp $(DESTDIR)$(PREFIX)/lib/lua/$(call lua_api,$(LUA))/smpp
	@rm -f $(DESTDIR)$(PREFIX)/bin/smpp $(DESTDIR)$(PREFIX)/share/man/man1/smpp.1 $(DESTDIR)$(PREFIX)/share/man/man1/smpp-*.1 \
	  $(DESTDIR)$(PREFIX)/share/man/man5/smpp-config.5
	@-rmdir $(addprefix $(DESTDIR)$(PREFIX)/share/,man/man1 man/man5 man) 2>/dev/null; true
	@-rmdir $(addprefix $(DESTDIR)$(PREFIX)/,share/lua/$(call lua_api,$(LUA)) share/lua lib/lua/$(call lua_api,$(LUA)) lib/lua) 2>/dev/null; true

# What the targets above are made of -------------------------------------------------------------------------------

build-all: $(foreach l,$(LUAS),$(call modules,$(l)))
build-c:    $(TEST_SRC:spec/c/%.c=$(B)/c/%)
build-fuzz: $(FUZZ_SRC:spec/c/%.c=$(B)/fuzz/%) $(B)/fuzz/seeds
build-asan:
	@$(MAKE) --no-print-directory build-all build-c B=build/asan CC=gcc CFLAGS="$(SAN)"

# Objects depend on the flags they were made with; -Werror makes no other object.
$(B)/flags: FORCE
	@mkdir -p $(@D)
	@echo '$(CC) $(CFLAGS) $(LDFLAGS)' | cmp -s - $@ || echo '$(CC) $(CFLAGS) $(LDFLAGS)' > $@

$(B)/core/%.o: csrc/smpp/%.c $(B)/flags
	@mkdir -p $(@D)
	$(CC) $(CORE_CFLAGS) -c -o $@ $<

# Linked aside and moved: a Lua that has the old module mapped keeps it.
define LUA_RULES
$(B)/$(call id,$(1))/binding/%.o: csrc/binding/%.c $(B)/flags
	@mkdir -p $$(@D)
	$$(CC) $$(CORE_CFLAGS) -Icsrc $$(call lua_cflags,$(1)) -c -o $$@ $$< || { .ci/packages check build $(1); exit 1; }
$(B)/$(call id,$(1))/smpp/core.so: $(CORE_OBJ) $(BIND_SRC:csrc/binding/%.c=$(B)/$(call id,$(1))/binding/%.o)
	@mkdir -p $$(@D)
	$$(CC) -shared $$(CFLAGS) $$(LDFLAGS) -o $$@.new $$^ && mv $$@.new $$@
$(B)/$(call id,$(1))/tls/%.o: csrc/tls/%.c $(B)/flags
	@mkdir -p $$(@D)
	$$(CC) $$(CORE_CFLAGS) -Icsrc $$(call lua_cflags,$(1)) -c -o $$@ $$<
$(B)/$(call id,$(1))/smpp/openssl.so: $(TLS_SRC:csrc/tls/%.c=$(B)/$(call id,$(1))/tls/%.o)
	@mkdir -p $$(@D)
	$$(CC) -shared $$(CFLAGS) $$(LDFLAGS) -o $$@.new $$^ -lssl -lcrypto && mv $$@.new $$@
$(B)/$(call id,$(1))/sqlite/%.o: csrc/sqlite/%.c $(B)/flags
	@mkdir -p $$(@D)
	$$(CC) $$(CORE_CFLAGS) -D_POSIX_C_SOURCE=200809L -Icsrc $$(call lua_cflags,$(1)) -c -o $$@ $$<
$(B)/$(call id,$(1))/smpp/sqlite.so: $(SQL_SRC:csrc/sqlite/%.c=$(B)/$(call id,$(1))/sqlite/%.o)
	@mkdir -p $$(@D)
	$$(CC) -shared $$(CFLAGS) $$(LDFLAGS) -o $$@.new $$^ -lsqlite3 -lpthread && mv $$@.new $$@
$(B)/$(call id,$(1))/http/%.o: csrc/http/%.c $(B)/flags
	@mkdir -p $$(@D)
	$$(CC) $$(CORE_CFLAGS) -D_GNU_SOURCE -Icsrc $$(call lua_cflags,$(1)) -c -o $$@ $$<
$(B)/$(call id,$(1))/smpp/libhttp.so: $(HTTP_SRC:csrc/http/%.c=$(B)/$(call id,$(1))/http/%.o)
	@mkdir -p $$(@D)
	$$(CC) -shared $$(CFLAGS) $$(LDFLAGS) -o $$@.new $$^ -lmicrohttpd -lcurl -lgnutls && mv $$@.new $$@
endef
$(foreach l,$(LUAS),$(eval $(call LUA_RULES,$(l))))

$(B)/c/%: spec/c/%.c $(CORE_OBJ)
	@mkdir -p $(@D)
	$(CC) $(CORE_CFLAGS) -MF $@.d -MT $@ -Icsrc $(LDFLAGS) -o $@ $< $(CORE_OBJ)

FUZZ_CC := clang -std=c99 -O1 -g -fno-omit-frame-pointer -fno-sanitize-recover=all
$(B)/fuzz/core/%.o: csrc/smpp/%.c
	@mkdir -p $(@D)
	$(FUZZ_CC) -fsanitize=fuzzer-no-link,address,undefined -MMD -MP -c -o $@ $<
$(B)/fuzz/fuzz_%: spec/c/fuzz_%.c $(CORE_SRC:csrc/smpp/%.c=$(B)/fuzz/core/%.o)
	@mkdir -p $(@D)
	$(FUZZ_CC) -fsanitize=fuzzer,address,undefined -MMD -MP -MF $@.d -MT $@ -Icsrc -o $@ $(filter %.c %.o,$^)

# That of the TLS module runs it in a Lua 5.4; OpenSSL is the system's.
$(B)/fuzz/fuzz_tls: spec/c/fuzz_tls.c $(TLS_SRC) csrc/tls/tls.h
	@mkdir -p $(@D)
	$(FUZZ_CC) -fsanitize=fuzzer,address,undefined -Icsrc $(shell pkg-config --cflags lua5.4 2>/dev/null || echo -I/usr/include/lua5.4) -o $@ $(filter %.c,$^) \
	  -llua5.4 -lssl -lcrypto -lm

# That of HTTP asks libmicrohttpd, the system's, too.
$(B)/fuzz/fuzz_http: spec/c/fuzz_http.c csrc/http/strict.c csrc/http/http.h
	@mkdir -p $(@D)
	$(FUZZ_CC) -D_GNU_SOURCE -fsanitize=fuzzer,address,undefined -Icsrc $(shell pkg-config --cflags lua5.4 2>/dev/null || echo -I/usr/include/lua5.4) -o $@ $(filter %.c,$^) -lmicrohttpd

$(B)/fuzz/seeds: spec/c/seeds.lua $(wildcard spec/fixtures/vectors/*.jsonl)
	@rm -rf $@ $@.new && mkdir -p $@.new
	@lua5.4 spec/c/seeds.lua $@.new && mv $@.new $@

check-gcc check-clang: check-%:
	@$(MAKE) --no-print-directory build-all build-c B=build/check/$* CC=$* WERROR=-Werror

# The core stands alone: it includes nothing of ours but its own files, and no Lua header is on its path.
check-core:
	@! $(CC) -std=c99 -MM $(CORE_SRC) | tr ' ' '\n' | grep '\.h$$' | grep -v '^csrc/smpp/'

TIDY := $(CORE_SRC:csrc/%.c=build/check/tidy/%) $(BIND_SRC:csrc/%.c=build/check/tidy/%) $(TLS_SRC:csrc/%.c=build/check/tidy/%) $(SQL_SRC:csrc/%.c=build/check/tidy/%) $(HTTP_SRC:csrc/%.c=build/check/tidy/%)
check-tidy: $(TIDY)
# The analyzer takes nearly all of the time; TIDY_NODES are its steps per function (225000).
$(TIDY): build/check/tidy/%: csrc/%.c $(wildcard csrc/*/*.h) .clang-tidy
	@mkdir -p $(@D)
	@clang-tidy --quiet $< -- -std=c99 $(if $(findstring /http/,$<),-D_GNU_SOURCE) -Icsrc $(if $(findstring /smpp/,$<),,$(call lua_cflags,lua5.4)) $(if $(TIDY_NODES),-Xclang -analyzer-config -Xclang max-nodes=$(TIDY_NODES)) 2>$@.err || { cat $@.err; exit 1; }
	@touch $@

check-cppcheck:
	@mkdir -p build/check/cppcheck
	@cppcheck --quiet --std=c99 --enable=warning,performance,portability --inline-suppr --error-exitcode=1 \
	  --suppress=missingIncludeSystem --cppcheck-build-dir=build/check/cppcheck -Icsrc csrc

check-luacheck:
	@luacheck --quiet --no-color bin/smpp $(wildcard lua spec csrc/tables examples bench rockspec)

spec/interop/node/node_modules/.package-lock.json: spec/interop/node/package-lock.json
	cd $(<D) && npm ci --no-audit --no-fund --loglevel=error

-include $(wildcard $(B)/core/*.d $(B)/*/binding/*.d $(B)/*/tls/*.d $(B)/*/sqlite/*.d $(B)/*/http/*.d $(B)/c/*.d $(B)/fuzz/*.d $(B)/fuzz/core/*.d)
