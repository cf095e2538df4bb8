/* check: a pure function from evidence to a verdict.
 *
 * A check that had no chance to fail says inconclusive. One file per check, one line in
 * checks.def. Every check has unit tests where it passes, fails and must not say, and a
 * trap and a remedy among the scenarios. */
#ifndef STORMDRILL_CHECKS_CHECK_H
#define STORMDRILL_CHECKS_CHECK_H

#include <jansson.h>

#include "harness/checks/verdict.h"
#include "harness/evidence/cast.h"
#include "harness/evidence/evidence.h"
#include "proxy/base/param.h"

/* What every check can be told: where to look. Empty: everywhere. */
struct check_scope {
    char *id;    /* its name where a check stands twice */
    char *of;    /* only this client, or the members of this group */
    char *phase; /* only what happened in this phase */
    char *after; /* only from the beginning of this phase on */
};
extern const struct param check_scope_params[];

/* The scope in numbers: [from_ns, to_ns). A phase that never came, a client nobody knows:
 * the check is inconclusive ("no_phase", "no_client") and judge() is not called. */
struct check_input {
    const struct evidence *evidence;
    const struct cast *cast;
    const struct check_scope *scope;
    uint64_t from_ns, to_ns; /* of the scope's phases, or the whole run */
};

struct check_type {
    const char *name;
    const char *summary; /* "no acknowledged message is lost" */
    const struct param *params;
    size_t conf_size;
    /* Every reason that judge() gives, failing and inconclusive, each ending with NULL;
     * those that hold for every check are in check_doubts. */
    const char *const *reasons, *const *doubts;
    /* What a table cannot say ("cap is below first"); may be NULL. */
    int (*check)(const void *conf, struct error *err);
    /* For a check that asserts times: the smallest duration it asserts. Then a harness
     * that was too slow itself (DESIGN 9) makes it inconclusive. NULL: no timing check.
     */
    uint64_t (*smallest_ns)(const void *conf);
    /* The check's title with these parameters: "reconnects within 5s". */
    void (*title)(const void *conf, char *text, size_t size);
    void (*judge)(const struct check_input *input, const void *conf,
                  struct verdict *verdict);
};

/* A check as a scenario asks for it. */
struct check {
    const struct check_type *type;
    struct check_scope scope;
    void *conf;
    char where[256]; /* "scenarios/x.lua:10" */
};

/* Why any check may be inconclusive; ends with NULL. */
extern const char *const check_doubts[];

const struct check_type *check_type_find(const char *name);
const struct check_type *check_type_at(int index); /* NULL behind the last */

/* `params`: own and scope parameters in one object (borrowed, may be NULL). */
int check_create(struct check **out, const char *name, const json_t *params,
                 const char *where, struct error *err);
void check_destroy(struct check *check);

/* id, or the type's name */
const char *check_id(const struct check *check);
void check_title(const struct check *check, char *text, size_t size);

/* {check, params, where} and back: checks.json of a case, so that `analyze` needs no Lua.
 */
json_t *check_write(const struct check *check);
int check_read(struct check **out, const json_t *object, struct error *err);

/* Never fails: what cannot be judged is inconclusive. */
void check_judge(const struct check *check, const struct evidence *evidence,
                 const struct cast *cast, struct verdict *verdict);

#endif
