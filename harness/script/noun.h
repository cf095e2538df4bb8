/* noun: what a scenario holds of the cluster, a node, a client …: a box with numbers.
 *
 * The things themselves live elsewhere and may be gone: a box names the run it belongs
 * to, and every method looks its thing up anew. One binding file per noun makes one
 * `struct noun`; methods, fields and suggestions come from it. */
#ifndef STORMDRILL_SCRIPT_NOUN_H
#define STORMDRILL_SCRIPT_NOUN_H

#include <stdbool.h>
#include <stdint.h>

#include "harness/script/state.h"

enum { BOX_NAME_BYTES = 128 };

struct box {
    const struct noun *noun;
    uint32_t run;    /* of script->runs */
    uint32_t number; /* of the thing; 0 where there is only one */
    uint32_t part;   /* of a link: the node's number; 0 = all of them */
    uint32_t count;  /* of clients: so many from `number` on */
    char name[BOX_NAME_BYTES];
};

struct method {
    const char *name;
    lua_CFunction call;
};

struct noun {
    const char *name;             /* "cluster" */
    const struct method *methods; /* NULL-terminated */
    const char *const *fields;    /* NULL-terminated; NULL for none */
    /* Push the field; called only with one of `fields`. */
    void (*push_field)(lua_State *L, const struct box *box, const char *field);
    void (*close)(lua_State *L, const struct box *box); /* `<close>`; may be NULL */
    /* A list of box->count: push number `at`, from 1. NULL: no list. */
    void (*push_item)(lua_State *L, const struct box *box, uint32_t at);
};

extern const struct noun noun_client;
extern const struct noun noun_cluster;
extern const struct noun noun_fault;
extern const struct noun noun_group; /* of clients: has the methods of one */
extern const struct noun noun_link;  /* its faults come from fault_type_at() */
extern const struct noun noun_node;
extern const struct noun noun_stream;
extern const struct noun noun_task;

/* Every noun there is; NULL behind the last. */
const struct noun *noun_at(int index);

void noun_register_all(lua_State *L);

/* Push a new box of the run that runs now, with room for one user value. `name` is
 * copied; NULL for none. */
struct box *noun_push(lua_State *L, const struct noun *noun, uint32_t number,
                      uint32_t part, const char *name);

/* The box at argument 1 of a method, or an error: called with '.', or of a run that is
 * over. */
const struct box *noun_self(lua_State *L, const struct noun *noun, const char *method);

/* A method that takes nothing got nothing, or an error: `client:pause "2s"` would
 * otherwise pause for ever without a word. */
void noun_takes_nothing(lua_State *L, const struct noun *noun, const char *method);

/* The noun of whatever box lies at `index`; NULL when it is none. */
const struct noun *noun_of(lua_State *L, int index);

/* The box at `index` when it is of this noun and run; else NULL. */
const struct box *noun_test(lua_State *L, int index, const struct noun *noun);

/* The name in whatever box lies at `index`; NULL when it is none or has none. */
const char *noun_box_name(lua_State *L, int index);

#endif
