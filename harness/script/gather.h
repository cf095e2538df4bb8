/* gather: one wait for the answers of many.
 *
 *   struct gather *all = gather_begin(L, "client:kill", count);   may raise
 *   for each: client_kill(client, gather_done, all);
 *   return wait_end(L, gather_wait(all));                         as in tasks.h
 *
 * It ends when the last has answered; of their failures the one that says most counts:
 * an error, else who is stuck, else who was too slow. */
#ifndef STORMDRILL_SCRIPT_GATHER_H
#define STORMDRILL_SCRIPT_GATHER_H

#include "harness/script/tasks.h"

struct gather;

/* `count` answers will come, at least one, none before the task waits. */
struct gather *gather_begin(lua_State *L, const char *word, int count);

/* A node_done_fn and a client_done_fn. */
void gather_done(void *arg, int rc, const struct error *err);

/* `missing` of the answers will not come, for this reason; others still will. */
void gather_lose(struct gather *all, int missing, int rc, const struct error *err);

/* Nothing was begun after all. */
void gather_drop(struct gather *all);

struct wait *gather_wait(const struct gather *all);

#endif
