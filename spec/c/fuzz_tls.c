/* The TLS module with octets of a peer that is hostile: it runs in a Lua state, as it does in programs, and any error that Lua
 * would see is a finding.  The first octet chooses:
 *
 *   0, 1   a server, or a client, gets the rest as it is, in pieces
 *   2, 3   two ends shake hands, 1.3 or 1.2 with client certificates, and octets on the way are changed, cut, repeated
 *          and split as the rest says; then both read and write
 *   4      the rest is a certificate, in DER, that a peer might send; 5: PEM text
 *
 * OpenSSL itself is not instrumented; its random numbers make runs differ.  `make fuzz` builds it. */
#include <lauxlib.h>
#include <lualib.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int luaopen_smpp_openssl(lua_State *L);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char script[] =
    "local tls = ...\n"
    "local cert, key = tls.self_signed('fuzz', 'DNS:localhost,IP:127.0.0.1,IP:::1,DNS:*.example', 30)\n"
    "local function context(side, version)\n"
    "  local one = assert(tls.context(side))\n"
    "  assert(one:versions('1.2', version))\n"
    "  assert(one:certificate(cert, key))\n"
    "  assert(one:trust(cert))\n"
    "  one:verify(side == 'client' and 'required' or 'peer')\n"
    "  one:keylog()\n"
    "  if side == 'server' then one:tickets(true) one:session_context('fuzz') end\n"
    "  return one\n"
    "end\n"
    "local contexts = {}\n"
    "for _, version in ipairs { '1.3', '1.2' } do\n"
    "  contexts[version] = { server = context('server', version), client = context('client', version) }\n"
    "end\n"
    "local ticket\n"
    "local function new(side, version)\n"
    "  local one = assert(contexts[version][side]:connection())\n"
    "  if side == 'client' then\n"
    "    assert(one:expect('localhost', 'localhost', nil))\n"
    "    if ticket then one:resume(ticket) end\n"
    "  end\n"
    "  return one\n"
    "end\n"
    /* One step of an end: everything that tls.lua may call. */
    "local function step(one, state, octets)\n"
    "  if octets then one:feed(octets) end\n"
    "  if not state.done then\n"
    "    local ok, word, reason = one:handshake()\n"
    "    if word == 'hello' then\n"
    "      local name = one:server_name()\n"
    "      assert(name == nil or #name < 256 and not name:find '%z')\n"
    "      one:use(contexts[state.version].server)\n"
    "      ok, word, reason = one:handshake()\n"
    "    end\n"
    "    state.done = ok\n"
    "    state.failed = not ok and word ~= 'more'\n"
    "    one:alerts() one:failure()\n"
    "  else\n"
    "    local text, word = one:read()\n"
    "    state.failed = word ~= 'more'\n"
    "    if not state.wrote then state.wrote = true one:write(('x'):rep(100)) end\n"
    "  end\n"
    "  if state.done then one:peer() one:chain() one:info() end\n"
    "  one:counts() one:keylog() one:server_name()\n"
    "  ticket = one:ticket() or ticket\n"
    "  return one:output()\n"
    "end\n"
    "local function alone(side, data)\n"
    "  local one, state = new(side, '1.3'), { version = '1.3' }\n"
    "  if side == 'client' then step(one, state) end\n"
    "  local at, size = 2, data:byte(1) or 0\n"
    "  while at <= #data and not state.failed do\n"
    "    step(one, state, data:sub(at, at + size))\n"
    "    at = at + size + 1\n"
    "  end\n"
    "  one:shutdown() one:output() one:close() one:close()\n"
    "end\n"
    "local function pair(version, data)\n"
    "  local ends = { new('client', version), new('server', version) }\n"
    "  local states, at = { { version = version }, { version = version } }, 1\n"
    "  local function take() at = at + 1 return data:byte(at - 1) or 0 end\n"
    "  local way = { step(ends[1], states[1]), nil }\n"
    "  for turn = 1, 40 do\n"
    "    local from = turn % 2 == 1 and 1 or 2\n"
    "    local octets = way[from]\n"
    "    way[from] = nil\n"
    "    if octets then\n"
    "      local change = at <= #data and take() or 0\n"
    "      local place = (take() * 256 + take()) % #octets\n"
    "      if change == 1 then\n"
    "        octets = octets:sub(1, place) .. string.char(take()) .. octets:sub(place + 2)\n"
    "      elseif change == 2 then\n"
    "        octets = octets:sub(1, place)\n"
    "      elseif change == 3 then\n"
    "        octets = octets:sub(1, place) .. octets\n"
    "      elseif change == 4 then\n"
    "        octets = octets:sub(1, place) .. data:sub(at) .. octets:sub(place + 1)\n"
    "      end\n"
    "      local other, size = 3 - from, change == 5 and place + 1 or math.max(1, #octets)\n"
    "      for first = 1, #octets, size do\n"
    "        if states[other].failed then break end\n"
    "        local answer = step(ends[other], states[other], octets:sub(first, first + size - 1))\n"
    "        if answer then way[other] = (way[other] or '') .. answer end\n"
    "      end\n"
    "    end\n"
    "    if not way[1] and not way[2] then break end\n"
    "  end\n"
    "  for i = 1, 2 do ends[i]:shutdown() ends[i]:output() ends[i]:close() end\n"
    "end\n"
    "local digits = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'\n"
    "local function base64(octets)\n"
    "  local out = {}\n"
    "  for i = 1, #octets, 3 do\n"
    "    local a, b, c = octets:byte(i, i + 2)\n"
    "    local n = a << 16 | (b or 0) << 8 | (c or 0)\n"
    "    for shift = 18, 0, -6 do local d = (n >> shift & 63) + 1 out[#out + 1] = digits:sub(d, d) end\n"
    "    if not c then out[#out] = '=' end\n"
    "    if not b then out[#out - 1] = '=' end\n"
    "    if i % 48 == 46 then out[#out + 1] = '\\n' end\n"
    "  end\n"
    "  return table.concat(out)\n"
    "end\n"
    "local count = 0\n"
    "return function(data)\n"
    "  local mode = (data:byte(1) or 0) % 6\n"
    "  data = data:sub(2)\n"
    "  if mode == 0 then alone('server', data)\n"
    "  elseif mode == 1 then alone('client', data)\n"
    "  elseif mode == 2 then pair('1.3', data)\n"
    "  elseif mode == 3 then pair('1.2', data)\n"
    "  elseif mode == 4 then tls.certificates('-----BEGIN CERTIFICATE-----\\n' .. base64(data) .. '\\n-----END CERTIFICATE-----\\n')\n"
    "  else tls.certificates(data) end\n"
    "  count = count + 1\n"
    "  if count % 64 == 0 then collectgarbage() end\n"
    "end\n";

static lua_State *start(void) {
  lua_State *L = luaL_newstate();
  if (L == NULL) abort();
  luaL_openlibs(L);
  if (luaL_loadstring(L, script) != LUA_OK) {
    fprintf(stderr, "%s\n", lua_tostring(L, -1));
    abort();
  }
  luaL_requiref(L, "smpp.openssl", luaopen_smpp_openssl, 0);
  if (lua_pcall(L, 1, 1, 0) != LUA_OK) {
    fprintf(stderr, "%s\n", lua_tostring(L, -1));
    abort();
  }
  return L;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static lua_State *L;
  if (L == NULL) L = start();
  lua_pushvalue(L, 1);
  lua_pushlstring(L, (const char *)data, size);
  if (lua_pcall(L, 1, 0, 0) != LUA_OK) {
    fprintf(stderr, "%s\n", lua_tostring(L, -1));
    abort();
  }
  return 0;
}
