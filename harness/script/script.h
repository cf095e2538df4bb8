/* script: a scenario file, loaded, checked and run.
 *
 * script_load runs the file's top level in a sandbox: `scenario` calls declare, nothing
 * is started, so that list and validate are quick and safe. script_run tells the story:
 * run(t) is a coroutine on the loop of the context; every wait looks like a statement.
 * One lua_State per script. Memory is capped (256 MiB), time between waits too (1 s).
 * Errors carry code E_SCRIPT, the innermost line of the scenario file in `where`
 * ("path:line"), and a way out in `hint`. Main thread. */
#ifndef STORMDRILL_SCRIPT_SCRIPT_H
#define STORMDRILL_SCRIPT_SCRIPT_H

#include <jansson.h>

#include "harness/broker/cluster.h"
#include "harness/checks/check.h"
#include "harness/client/client.h"
#include "harness/context.h"
#include "proxy/base/error.h"

struct script;

/* One case of one scenario, as declared; borrowed from the script. */
struct script_case {
    const char *scenario; /* "leader killed under load" */
    const char *name;     /* "trap"; "" where the scenario has no cases */
    const char *id;       /* "the scenario's name [trap]" or just its name */
    const char *file;
    int line;
    json_t *tags;  /* array of strings */
    json_t *needs; /* array of strings */
    bool exclusive;
    uint64_t timeout_ns;   /* default 2 min */
    json_t *values;        /* t.case: the case's own values, without expect */
    json_t *expect;        /* or NULL */
    json_t *params;        /* {name: {default, text}} */
    json_t *cluster;       /* checked against cluster_params, or NULL: no cluster */
    struct check **checks; /* with the parameters' defaults, until script_params */
    int check_count;
};

int script_load(struct script **out, const char *path, struct error *err);
void script_destroy(struct script *script);
int script_case_count(const struct script *script);
const struct script_case *script_case_at(const struct script *script, int at);

/* The t.params of a run: defaults, then `set` ({name: text}); unknown names and values of
 * the wrong kind are errors with a suggestion. Gives a new object.
 * Where the scenario's checks are a function of t, it is asked with these values and what
 * it gives replaces which->checks (as a rule call this before you look at them); what it
 * raises is E_SCRIPT with its line, and the checks stay as they were. */
int script_params(const struct script_case *which, const json_t *set, json_t **out,
                  struct error *err);

struct script_run_options {
    struct context *context;
    struct cluster *cluster; /* started; NULL where the scenario has none */
    struct crew *crew;       /* NULL where the scenario has no cluster */
    json_t *params;          /* of script_params; borrowed */
    /* Told of each phase, note, fault and expectation as it happens, for progress
     * ("phase leader killed"); may be NULL. */
    void (*on_progress)(void *arg, const char *text);
    /* rc 0: run returned and every expectation held. E_EXPECTATION: a false expect,
     * eventually or always, or an await_* that timed out: the checks still judge what
     * exists. E_SCRIPT and others: the script or what it asked for failed. The code of
     * script_cancel: it was cancelled. */
    void (*done)(void *arg, int rc, const struct error *err);
    void *arg;
};

/* Start run(t). When it returns, fails or is cancelled, spawned tasks are cancelled, all
 * faults are healed, and only then `done` fires (never before this call returns). */
int script_run(struct script *script, const struct script_case *which,
               const struct script_run_options *options, struct error *err);

/* Cancel: every wait, now and later, raises. `why` is said in the error. */
void script_cancel(struct script *script, int code, const char *why);

/* The manual of the language: every name with its signature, as `stormdrill api` prints
 * it later and as unknown names are checked against. NULL-terminated. */
const char *const *script_names(void);

#endif
