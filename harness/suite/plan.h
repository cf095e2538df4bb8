/* plan: from paths and selections to the cases that will run, in order, each with its
 * seed. Loads every script (starts nothing) and keeps it: the cases point into it. */
#ifndef STORMDRILL_SUITE_PLAN_H
#define STORMDRILL_SUITE_PLAN_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "harness/script/script.h"
#include "harness/suite/folder.h"
#include "proxy/base/error.h"

struct plan_case {
    const struct script_case *which; /* borrowed from its script */
    char slug[SLUG_BYTES];
    uint64_t seed;
    int repeat; /* 1-based */
    uint64_t timeout_ns;
    json_t *set;     /* those of --set that this scenario knows */
    char *reproduce; /* a command line */
};

struct plan {
    struct script **scripts;
    int script_count;
    struct plan_case *cases;
    int count;
    int file_count; /* looked at */
    int repeat;
    uint64_t seed;
};

struct plan_options {
    char *const *paths;
    int path_count;
    const char *expression; /* -k; NULL */
    const char *case_name;  /* --case: a name, an id, or k=v,...; NULL */
    json_t *set;            /* {name: text} of --set; borrowed, may be NULL */
    const char *broker;     /* --broker as given, for the reproduce line; NULL */
    const char *timeout;    /* --timeout as given, the same; NULL */
    uint64_t timeout_ns;    /* 0: the scenario's own */
    uint64_t seed;
    int repeat; /* how often each case runs; 0 counts as 1 */
    /* Told of each script that does not load; the others are loaded all the same. */
    void (*on_error)(void *arg, const struct error *err);
    void *arg;
};

/* E_NOTHING when nothing matches (with a suggestion), the worst script's code when some
 * do not load: then no plan is given. */
int plan_create(struct plan **out, const struct plan_options *options, struct error *err);
void plan_destroy(struct plan *plan);

/* The seed of the repeat-th repeat: the run's own for the first, then drawn from it. */
uint64_t plan_seed(uint64_t seed, int repeat);

/* Does any case need a broker? */
bool plan_needs_broker(const struct plan *plan);

/* {id, scenario, case, file, line, slug, folder, seed, repeat, reproduce, tags,
 * timeout_s, exclusive}: an entry of run.json. Gives a new object. */
json_t *plan_case_write(const struct plan_case *planned);

#endif
