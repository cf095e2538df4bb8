/* values: what scenarios hand over and get back: Lua on one side, jansson on the other,
 * and the single values (durations, texts) that words take. */
#ifndef STORMDRILL_SCRIPT_VALUES_H
#define STORMDRILL_SCRIPT_VALUES_H

#include <jansson.h>
#include <lua.h>
#include <stdint.h>

void values_register(lua_State *L);

/* The value at `index` as JSON; `what` names it in errors. Pushes an owner of it onto the
 * stack: borrowed for as long as that lies there. nil gives NULL. Functions, cycles, NaN
 * and texts that are not UTF-8 raise. Nodes and clients become their names. */
json_t *value_take(lua_State *L, int index, const char *what);

/* Push an owner for a JSON value (takes the reference). */
void value_own(lua_State *L, json_t *value);

/* Push JSON as Lua; null and NULL become nil. */
void value_push(lua_State *L, const json_t *value);

/* A duration such as "20s"; a bare number is refused with the two likely spellings. */
uint64_t value_duration(lua_State *L, int index, const char *what);

/* A text that is not empty and fits `size_max` bytes. */
const char *value_text(lua_State *L, int index, const char *what, size_t size_max);

/* A table of options, or nothing (NULL); anything else is refused with the way to write
 * it. Pushes its owner like value_take. */
json_t *value_options(lua_State *L, int index, const char *what);

/* The options with member `name` taken out as a duration, or `fallback`. For the few
 * options that are not in a parameter table. */
uint64_t value_option_duration(lua_State *L, json_t *options, const char *name,
                               const char *what, uint64_t fallback);

/* Refuse members of `options` that are none of the `count` names. */
void value_only(lua_State *L, const json_t *options, const char *what,
                const char *const *names, int count);

#endif
