/* client_noun: how the cluster and streams start clients. */
#ifndef STORMDRILL_SCRIPT_CLIENT_NOUN_H
#define STORMDRILL_SCRIPT_CLIENT_NOUN_H

#include "harness/script/noun.h"

/* Start a client of this workload with `conf` (borrowed), wait until it is ready, and
 * return it to Lua. */
int client_noun_start(lua_State *L, const char *workload, const json_t *conf);

/* The client of this number, or an error when it is gone. */
struct client *client_noun_find(lua_State *L, uint32_t number);

/* The crew of the run, or an error that says the scenario has no cluster. */
struct crew *client_noun_crew(lua_State *L);

#endif
