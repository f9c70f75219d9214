/* bind_map.h - adds core.map, and what uses such maps. */
#ifndef SMPP_BIND_MAP_H
#define SMPP_BIND_MAP_H

#include "lua_compat.h"
#include "smpp/map.h"

/* Adds its table to the module, which is on top. */
void smpp_open_map(lua_State *L);

/* What values are. */
enum map_tag { MAP_OCTETS, MAP_NUMBER };

/* Adds core.part (bind_part.c). */
void smpp_open_parts(lua_State *L);

/* The map at argument |arg|; raises on anything else. */
struct smpp_map *check_map(lua_State *L, int arg);

/* Seconds at argument |arg|. */
double check_now(lua_State *L, int arg);

#endif
