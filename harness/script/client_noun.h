/* client_noun: how the cluster and streams start clients and wait for them. */
#ifndef STORMDRILL_SCRIPT_CLIENT_NOUN_H
#define STORMDRILL_SCRIPT_CLIENT_NOUN_H

#include "harness/script/noun.h"

enum { GROUP_CLIENTS_MAX = 256 };

struct clients {
    struct client *at[GROUP_CLIENTS_MAX];
    int count;
};

/* Start clients of this workload with `conf` (borrowed; NULL: nothing was said), wait
 * until they are ready, and return them to Lua: member `count` (absent: 1) says how many,
 * more than one are a group. A connector's own `count` is that of its connections.
 * `word` names the method in errors. */
int client_noun_start(lua_State *L, const char *workload, const json_t *conf,
                      const char *word);

/* Wait until nothing more can come to any of them: true | false, message. */
int client_noun_await_caught_up(lua_State *L, const struct clients *clients,
                                uint64_t within_ns);

/* The client of this number, or an error when it is gone. */
struct client *client_noun_find(lua_State *L, uint32_t number);

/* The crew of the run, or an error that says the scenario has no cluster. */
struct crew *client_noun_crew(lua_State *L);

#endif
