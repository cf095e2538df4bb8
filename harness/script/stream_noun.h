/* stream_noun: how the cluster makes a stream. */
#ifndef STORMDRILL_SCRIPT_STREAM_NOUN_H
#define STORMDRILL_SCRIPT_STREAM_NOUN_H

#include "harness/script/noun.h"

/* cluster:stream(name, { … }) -> Stream; argument 1 is the cluster, already checked */
int l_cluster_stream(lua_State *L);

#endif
