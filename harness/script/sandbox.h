/* sandbox: the Lua state of a script: capped memory, capped time, and only the names
 * that a scenario may use. */
#ifndef STORMDRILL_SCRIPT_SANDBOX_H
#define STORMDRILL_SCRIPT_SANDBOX_H

#include "harness/script/state.h"

/* A new state for `script` (script->L), with its limits but without any names. */
int sandbox_open(struct script *script, struct error *err);

/* Under protection: the kept parts of Lua's library and an empty table of words; both
 * stay in the registry. */
void sandbox_fill(lua_State *L);

/* Push the table of words: what a scenario can name. */
void sandbox_push_words(lua_State *L);

/* Push the _ENV of scenario files: reads words, refuses to write. */
void sandbox_push_environment(lua_State *L);

/* The wall-clock limit starts anew: Lua is entered from the loop. Gives who ran before,
 * for sandbox_leave. */
lua_State *sandbox_enter(struct script *script, lua_State *L);
void sandbox_leave(struct script *script, lua_State *before);

#endif
