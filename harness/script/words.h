/* words: the words of the language that are no nouns, and what the prelude stands on. */
#ifndef STORMDRILL_SCRIPT_WORDS_H
#define STORMDRILL_SCRIPT_WORDS_H

#include "harness/script/state.h"

/* Put sleep, phase, note, random, now, spawn into the words; bind math.random. */
void words_register(lua_State *L);

/* Push the table that prelude files get as their argument. */
void words_push_native(lua_State *L);

#endif
