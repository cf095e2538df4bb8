/* raise: errors on their way through Lua.
 *
 * Our errors are userdata that hold a `struct error`; tostring shows them as Lua shows
 * its own. `where` is the innermost line of the scenario file: the stack is walked, since
 * levels counted by hand point into the runtime. */
#ifndef STORMDRILL_SCRIPT_RAISE_H
#define STORMDRILL_SCRIPT_RAISE_H

#include <lauxlib.h>
#include <lua.h>

#include "proxy/base/error.h"

/* Make the metatable of error objects. */
void raise_register(lua_State *L);

/* "path:line" of the innermost frame of the scenario file, "" when there is none. No
 * allocation, so that the allocator itself may ask. */
void raise_where(lua_State *L, char *where, size_t size);

/* The line alone; 0 when there is none. */
int raise_line(lua_State *L);

/* Raise E_SCRIPT with this sentence. */
_Noreturn void raise_text(lua_State *L, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The same with a way out behind it. */
_Noreturn void raise_hint(lua_State *L, const char *hint, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Raise a copy of `err`; its place is filled in when it has none. */
_Noreturn void raise_error(lua_State *L, const struct error *err);

/* "cluster has no 'partiton'; did you mean 'partition'?", or, when nothing is near, what
 * it has. `names` may hold up to `count` entries. */
_Noreturn void raise_unknown(lua_State *L, const char *owner, const char *what,
                             const char *word, const char *const *names, int count);

/* A message handler: whatever was raised becomes an error object with its place. */
int raise_handler(lua_State *L);

/* What a protected call that ended with `status` left at `index`. */
void raise_read(lua_State *L, int index, int status, struct error *err);

#endif
