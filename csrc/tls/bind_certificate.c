/* bind_certificate.c - certificates as Lua tables, and self-signed ones for simulators. */
#include <arpa/inet.h>
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

#include "tls.h"

/* ---- a certificate as a table ---- */

static void set_string(lua_State *L, const char *key, const void *octets, size_t length) {
  lua_pushlstring(L, octets, length);
  lua_setfield(L, -2, key);
}

/* RFC 4514: the most specific part first, UTF-8 as it is. */
static void set_name(lua_State *L, const char *key, const X509_NAME *name) {
  BIO *out = BIO_new(BIO_s_mem());
  if (out == NULL) return;
  char *text = NULL;
  long length = -1;
  if (X509_NAME_print_ex(out, name, 0, XN_FLAG_RFC2253 & ~(unsigned long)ASN1_STRFLGS_ESC_MSB) >= 0) {
    length = BIO_get_mem_data(out, &text);
  }
  char copy[1024]; /* a copy: an error in Lua would leak OpenSSL's memory */
  size_t used = length > 0 ? (size_t)length : 0;
  if (used > sizeof copy) used = sizeof copy;
  if (used > 0) memcpy(copy, text, used);
  BIO_free(out);
  set_string(L, key, copy, used);
}

static void set_common_name(lua_State *L, const char *key, const X509_NAME *name) {
  int last = -1, at = -1;
  while ((at = X509_NAME_get_index_by_NID(name, NID_commonName, at)) >= 0) last = at;
  if (last < 0) return;
  unsigned char *text = NULL;
  int length = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, last)));
  if (length < 0) return;
  char copy[256];
  size_t used = (size_t)length < sizeof copy ? (size_t)length : sizeof copy;
  memcpy(copy, text, used);
  OPENSSL_free(text);
  set_string(L, key, copy, used);
}

/* Seconds since 1970; dates of certificates are UTC. */
static void set_time(lua_State *L, const char *key, const ASN1_TIME *time) {
  ASN1_TIME *epoch = ASN1_TIME_set(NULL, 0);
  int days = 0, seconds = 0;
  int known = epoch != NULL && ASN1_TIME_diff(&days, &seconds, epoch, time);
  ASN1_TIME_free(epoch);
  if (!known) return;
  lua_pushnumber(L, (lua_Number)days * 86400 + seconds);
  lua_setfield(L, -2, key);
}

static void set_hex(lua_State *L, const char *key, const unsigned char *octets, unsigned length) {
  char text[2 * EVP_MAX_MD_SIZE + 1];
  for (unsigned i = 0; i < length && i < EVP_MAX_MD_SIZE; i++) (void)snprintf(text + 2 * i, 3, "%02x", octets[i]);
  set_string(L, key, text, 2 * (size_t)length);
}

static void set_serial(lua_State *L, X509 *cert) {
  const ASN1_INTEGER *serial = X509_get0_serialNumber(cert);
  set_hex(L, "serial", ASN1_STRING_get0_data(serial),
          ASN1_STRING_length(serial) > EVP_MAX_MD_SIZE ? EVP_MAX_MD_SIZE : (unsigned)ASN1_STRING_length(serial));
}

/* sha256/BASE64 of the DER SubjectPublicKeyInfo, RFC 7469's pin. */
static void set_pin(lua_State *L, X509 *cert) {
  unsigned char digest[EVP_MAX_MD_SIZE], text[4 * ((EVP_MAX_MD_SIZE + 2) / 3) + 1];
  unsigned char *der = NULL;
  unsigned length = 0;
  int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &der);
  if (size <= 0) return;
  int done = EVP_Digest(der, (size_t)size, digest, &length, EVP_sha256(), NULL);
  OPENSSL_free(der);
  if (!done) return;
  (void)EVP_EncodeBlock(text, digest, (int)length);
  lua_pushfstring(L, "sha256/%s", (const char *)text);
  lua_setfield(L, -2, "pin");
}

static void add_name(lua_State *L, const char *list, const void *octets, size_t length) {
  lua_getfield(L, -1, list);
  lua_pushlstring(L, octets, length);
  lua_rawseti(L, -2, (int)lua_rawlen(L, -2) + 1);
  lua_pop(L, 1);
}

static void add_general_name(lua_State *L, const GENERAL_NAME *name) {
  int type = 0;
  const void *value = GENERAL_NAME_get0_value(name, &type);
  const ASN1_STRING *string = value; /* true for the types below */
  static const struct {
    int type;
    const char *list;
  } texts[] = {{GEN_DNS, "dns"}, {GEN_EMAIL, "email"}, {GEN_URI, "uri"}};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    if (texts[i].type == type) add_name(L, texts[i].list, ASN1_STRING_get0_data(string), (size_t)ASN1_STRING_length(string));
  }
  if (type == GEN_IPADD) {
    char text[INET6_ADDRSTRLEN];
    int length = ASN1_STRING_length(string);
    int family = length == 4 ? AF_INET : AF_INET6;
    if ((length == 4 || length == 16) && inet_ntop(family, ASN1_STRING_get0_data(string), text, sizeof text) != NULL) {
      add_name(L, "ip", text, strlen(text));
    }
  }
}

/* An error in Lua leaks nothing: |names| is owned by a userdata, all else by the certificate. */
static int free_names(lua_State *L) {
  GENERAL_NAMES **box = lua_touserdata(L, 1);
  GENERAL_NAMES_free(*box);
  *box = NULL;
  return 0;
}

static void set_names(lua_State *L, X509 *cert) {
  static const char *const lists[] = {"dns", "ip", "email", "uri"};
  lua_createtable(L, 0, 4);
  for (size_t i = 0; i < 4; i++) {
    lua_newtable(L);
    lua_setfield(L, -2, lists[i]);
  }
  GENERAL_NAMES **box = lua_newuserdatauv(L, sizeof *box, 0);
  *box = NULL;
  lua_createtable(L, 0, 1);
  lua_pushcfunction(L, free_names);
  lua_setfield(L, -2, "__gc");
  lua_setmetatable(L, -2);
  *box = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
  lua_insert(L, -2); /* the table on top */
  for (int i = 0; i < sk_GENERAL_NAME_num(*box); i++) add_general_name(L, sk_GENERAL_NAME_value(*box, i));
  GENERAL_NAMES_free(*box);
  *box = NULL;
  lua_remove(L, -2);
  lua_setfield(L, -2, "names");
}

void tls_push_certificate(lua_State *L, X509 *cert) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned length = 0;
  luaL_checkstack(L, 8, NULL);
  lua_createtable(L, 0, 16);
  set_name(L, "subject", X509_get_subject_name(cert));
  set_name(L, "issuer", X509_get_issuer_name(cert));
  set_common_name(L, "cn", X509_get_subject_name(cert));
  set_common_name(L, "issuer_cn", X509_get_issuer_name(cert));
  set_names(L, cert);
  set_serial(L, cert);
  set_pin(L, cert);
  set_time(L, "not_before", X509_get0_notBefore(cert));
  set_time(L, "not_after", X509_get0_notAfter(cert));
  if (X509_digest(cert, EVP_sha256(), digest, &length)) set_hex(L, "fingerprint", digest, length);
  lua_pushboolean(L, X509_self_signed(cert, 0) == 1);
  lua_setfield(L, -2, "self_signed");
  lua_pushboolean(L, X509_get_ext_by_NID(cert, NID_info_access, -1) >= 0); /* authorityInfoAccess: where its issuer's certificate can be fetched */
  lua_setfield(L, -2, "has_issuer_address");
  EVP_PKEY *key = X509_get0_pubkey(cert);
  if (key != NULL) {
    lua_pushinteger(L, EVP_PKEY_get_bits(key));
    lua_setfield(L, -2, "key_bits");
    lua_pushstring(L, EVP_PKEY_get0_type_name(key));
    lua_setfield(L, -2, "key_type");
  }
  lua_pushstring(L, OBJ_nid2ln(X509_get_signature_nid(cert)));
  lua_setfield(L, -2, "signature");
  ERR_clear_error();
}

STACK_OF(X509) *tls_read_certificates(const char *pem, size_t length) {
  if (length > 0x7FFFFFFF) return NULL;
  BIO *in = BIO_new_mem_buf(pem, (int)length);
  STACK_OF(X509) *list = sk_X509_new_null();
  X509 *cert;
  while (in != NULL && list != NULL && (cert = PEM_read_bio_X509_AUX(in, NULL, NULL, NULL)) != NULL) {
    if (!sk_X509_push(list, cert)) {
      X509_free(cert);
      break;
    }
  }
  BIO_free(in);
  /* The end of the text is not an error, a malformed certificate is. */
  bool at_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  if (list != NULL && sk_X509_num(list) > 0 && at_end) {
    ERR_clear_error();
    return list;
  }
  sk_X509_pop_free(list, X509_free);
  return NULL;
}

/* A list of certificates owned by a userdata, which frees it also after an error in Lua. */
static int free_list(lua_State *L) {
  STACK_OF(X509) **box = lua_touserdata(L, 1);
  sk_X509_pop_free(*box, X509_free);
  *box = NULL;
  return 0;
}

/* certificates(pem) -> { certificate... } | nil, message, "malformed" */
static int certificates(lua_State *L) {
  size_t length;
  const char *pem = luaL_checklstring(L, 1, &length);
  STACK_OF(X509) **box = lua_newuserdatauv(L, sizeof *box, 0);
  *box = NULL;
  lua_createtable(L, 0, 1);
  lua_pushcfunction(L, free_list);
  lua_setfield(L, -2, "__gc");
  lua_setmetatable(L, -2);
  *box = tls_read_certificates(pem, length);
  if (*box == NULL) return tls_push_error(L, "no certificate in PEM form", "malformed");
  lua_createtable(L, sk_X509_num(*box), 0);
  for (int i = 0; i < sk_X509_num(*box); i++) {
    tls_push_certificate(L, sk_X509_value(*box, i));
    lua_rawseti(L, -2, i + 1);
  }
  return 1;
}

/* ---- self-signed certificates ---- */

static int add_extension(X509 *cert, int nid, const char *value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, cert, cert, NULL, NULL, 0);
  X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
  if (extension == NULL) return 0;
  int done = X509_add_ext(cert, extension, -1);
  X509_EXTENSION_free(extension);
  return done;
}

static int fill_self_signed(X509 *cert, EVP_PKEY *key, const char *cn, const char *names, long days) {
  X509_NAME *name = X509_get_subject_name(cert);
  BIGNUM *serial = BN_new();
  int done = serial != NULL && BN_rand(serial, 127, BN_RAND_TOP_ANY, BN_RAND_BOTTOM_ANY) &&
             BN_to_ASN1_INTEGER(serial, X509_get_serialNumber(cert)) != NULL;
  BN_free(serial);
  return done && X509_set_version(cert, 2) && X509_set_pubkey(cert, key) &&
         X509_gmtime_adj(X509_getm_notBefore(cert), -300) != NULL && /* clocks differ */
         X509_gmtime_adj(X509_getm_notAfter(cert), days * 86400L) != NULL &&
         X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)cn, -1, -1, 0) &&
         X509_set_issuer_name(cert, name) && add_extension(cert, NID_subject_alt_name, names) &&
         add_extension(cert, NID_basic_constraints, "critical,CA:FALSE") &&
         add_extension(cert, NID_key_usage, "critical,digitalSignature") &&
         add_extension(cert, NID_ext_key_usage, "serverAuth") && X509_sign(cert, key, EVP_sha256()) > 0;
}

/* self_signed(cn, names, days) -> certificate, key, both PEM | nil, message, code
 * |names| as openssl.cnf has them: "DNS:localhost,IP:127.0.0.1".  ECDSA P-256. */
static int self_signed(lua_State *L) {
  const char *cn = luaL_checkstring(L, 1), *names = luaL_checkstring(L, 2);
  lua_Integer days = luaL_checkinteger(L, 3);
  luaL_argcheck(L, days >= 1 && days <= 3650, 3, "days out of range: expected 1 to 3650");
  EVP_PKEY *key = EVP_EC_gen("P-256");
  X509 *cert = X509_new();
  BIO *out = BIO_new(BIO_s_mem());
  char cert_pem[4096], key_pem[1024];
  int cert_length = 0, key_length = 0;
  int done = key != NULL && cert != NULL && out != NULL && fill_self_signed(cert, key, cn, names, (long)days) &&
             PEM_write_bio_X509(out, cert) && (cert_length = BIO_read(out, cert_pem, sizeof cert_pem)) > 0 &&
             cert_length < (int)sizeof cert_pem && PEM_write_bio_PrivateKey(out, key, NULL, NULL, 0, NULL, NULL) &&
             (key_length = BIO_read(out, key_pem, sizeof key_pem)) > 0 && key_length < (int)sizeof key_pem;
  EVP_PKEY_free(key);
  X509_free(cert);
  BIO_free(out);
  if (!done) return tls_push_error(L, "cannot make a certificate", "bad_value");
  lua_pushlstring(L, cert_pem, (size_t)cert_length);
  lua_pushlstring(L, key_pem, (size_t)key_length);
  OPENSSL_cleanse(key_pem, sizeof key_pem);
  return 2;
}

void tls_open_certificate(lua_State *L) {
  static const luaL_Reg functions[] = {{"certificates", certificates}, {"self_signed", self_signed}, {NULL, NULL}};
  luaL_setfuncs(L, functions, 0);
}
