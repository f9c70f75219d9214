# smpp: SMPP 3.3/3.4/5.0 for Lua.  `make help` lists the targets.

LUAS := lua5.1 lua5.2 lua5.3 lua5.4 luajit
LUA  ?= lua5.4

CC      ?= cc
CFLAGS  ?= -O2 -g
WARN    := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes \
           -Wundef -Wwrite-strings -Wvla -Wcast-qual -Wformat=2 -Wimplicit-fallthrough
WERROR  ?=
B       ?= build
CORE_CFLAGS = -std=c99 $(WARN) $(WERROR) -fPIC -fvisibility=hidden $(CFLAGS)

# lua5.4 -> 5.4, luajit -> jit: the name of a Lua's build folder.
id      = $(patsubst lua%,%,$(1))
pc      = $(if $(filter luajit,$(1)),luajit,$(patsubst lua%,lua-%,$(1)))
incdir  = $(if $(filter luajit,$(1)),/usr/include/luajit-2.1,/usr/include/$(1))
lua_cflags = $(shell pkg-config --cflags $(call pc,$(1)) 2>/dev/null || echo -I$(call incdir,$(1)))

CORE_SRC := $(wildcard csrc/smpp/*.c)
BIND_SRC := $(wildcard csrc/binding/*.c)
CORE_OBJ := $(CORE_SRC:csrc/smpp/%.c=$(B)/core/%.o)

.PHONY: build env
build: $(B)/$(call id,$(LUA))/smpp/core.so

$(B)/core/%.o: csrc/smpp/%.c $(wildcard csrc/smpp/*.h)
	@mkdir -p $(@D)
	$(CC) $(CORE_CFLAGS) -c -o $@ $<

define LUA_RULES
$(B)/$(call id,$(1))/binding/%.o: csrc/binding/%.c $(wildcard csrc/binding/*.h csrc/smpp/*.h)
	@mkdir -p $$(@D)
	$$(CC) $$(CORE_CFLAGS) -Icsrc $$(call lua_cflags,$(1)) -c -o $$@ $$<
$(B)/$(call id,$(1))/smpp/core.so: $(CORE_OBJ) $(BIND_SRC:csrc/binding/%.c=$(B)/$(call id,$(1))/binding/%.o)
	@mkdir -p $$(@D)
	$$(CC) -shared $$(CFLAGS) $$(LDFLAGS) -o $$@ $$^
endef
$(foreach l,$(LUAS),$(eval $(call LUA_RULES,$(l))))

# The exports that let this Lua use the checkout: eval "$(make -s env LUA=lua5.4)"
env:
	@echo 'export LUA_PATH="$(CURDIR)/lua/?.lua;$(CURDIR)/lua/?/init.lua;$${LUA_PATH:-;;}"'
	@echo 'export LUA_CPATH="$(CURDIR)/$(B)/$(call id,$(LUA))/?.so;$${LUA_CPATH:-;;}"'
