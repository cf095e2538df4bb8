/* params: params = { down = param("1s", "how long") }. */
#ifndef STORMDRILL_SCRIPT_PARAMS_H
#define STORMDRILL_SCRIPT_PARAMS_H

#include "harness/script/state.h"

/* Put `param` into the words. */
void params_register(lua_State *L);

/* Read the table at `index` into {name: {default, text}}; pushes its owner. */
json_t *params_read(lua_State *L, int index);

/* {name: default}. Gives a new object. */
json_t *params_defaults(const struct script_case *which);

#endif
