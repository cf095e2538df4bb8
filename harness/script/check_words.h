/* check_words: check.NAME { … }: a check as the scenario asks for it. */
#ifndef STORMDRILL_SCRIPT_CHECK_WORDS_H
#define STORMDRILL_SCRIPT_CHECK_WORDS_H

#include "harness/script/state.h"

/* Put the table `check` into the words. */
void check_words_register(lua_State *L);

/* The check in the value at `index`, for as long as that lives; NULL when it is none. */
struct check *check_words_read(lua_State *L, int index);

/* "check.at_least_once" when the value at `index` is a constructor that was not called,
 * pushed; else false. */
bool check_words_is_uncalled(lua_State *L, int index);

#endif
