/* declare: scenario "name" { … }, and the cases that come of it. */
#ifndef STORMDRILL_SCRIPT_DECLARE_H
#define STORMDRILL_SCRIPT_DECLARE_H

#include "harness/script/state.h"

enum { CASES_MAX = 4096 };

/* What stands in a scenario's table; everything is borrowed from the Lua stack. */
struct body {
    const char *name;
    int line;
    json_t *tags;
    json_t *needs;
    json_t *params;
    json_t *cluster;   /* NULL: none, or a function of the case */
    int cluster_index; /* of that function on the stack; 0: none */
    json_t *cases;
    json_t *matrix;
    uint64_t timeout_ns;
    bool exclusive;
    int checks_index; /* on the stack: their list, or a function */
    int run_index;    /* on the stack */
};

/* Put `scenario` into the words. */
void declare_register(lua_State *L);

/* Under protection, after the file has run: is everything there? */
void declare_finish(lua_State *L);

/* Make the cases of a body and add them to the script. */
void cases_add(lua_State *L, const struct body *body);
void cases_free(struct script *script);

/* May a scenario say this: cluster_params and cluster_check? Else raise. */
void cases_check_cluster(lua_State *L, const json_t *cluster);

#endif
