/* prelude: the part of the language that is written in Lua, embedded at build time. */
#ifndef STORMDRILL_SCRIPT_PRELUDE_H
#define STORMDRILL_SCRIPT_PRELUDE_H

#include <lua.h>

/* Run every prelude file; what it returns becomes words, except names that begin with
 * '_': those stay inside (prelude_push). */
void prelude_load(lua_State *L);

/* Push an inner function of the prelude. */
void prelude_push(lua_State *L, const char *name);

#endif
