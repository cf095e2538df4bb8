/* cluster_noun: t and t.cluster. */
#ifndef STORMDRILL_SCRIPT_CLUSTER_NOUN_H
#define STORMDRILL_SCRIPT_CLUSTER_NOUN_H

#include "harness/script/run.h"

/* Push the t of run(t): { cluster, params, case }. */
void cluster_noun_push_run(lua_State *L, struct run *run);

#endif
