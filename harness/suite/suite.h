/* suite: run the cases of a plan, some side by side, each as one process under a guard.
 *
 *   suite_run: for each case  folder, spec.json -> `stormdrill case FOLDER` -> progress
 *   lines from its descriptor 3 -> it ends -> case.json
 * A case that outlives its timeout by the grace is killed and judged from its evidence; a
 * case that crashes costs one case. An exclusive case runs alone, after the others.
 * First SIGINT, SIGTERM or SIGHUP: the cases get SIGINT or SIGTERM, heal and say what
 * they have; nothing new starts. Second: everything is killed at once. Either way all
 * results are given. Before it returns, nothing that was started still lives. Main
 * thread. */
#ifndef STORMDRILL_SUITE_SUITE_H
#define STORMDRILL_SUITE_SUITE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "harness/broker/broker.h"
#include "harness/suite/folder.h"
#include "harness/suite/plan.h"
#include "proxy/base/error.h"

enum suite_event_kind {
    SUITE_CASE_BEGIN,
    SUITE_CASE_LINE, /* text: what the case said */
    SUITE_CASE_END,  /* result */
    SUITE_STILL,     /* nothing was said for 30 s; text: the last word of the case */
    SUITE_NOTE,      /* the suite itself has something to say; no case */
};

struct suite_event {
    enum suite_event_kind kind;
    uint64_t since_ns; /* since the suite began */
    uint64_t case_ns;  /* since the case began */
    const struct plan_case *planned;
    const char *text;
    const json_t *result;
    bool alone; /* in this run no other case can be running beside it */
};

struct suite_options {
    const struct plan *plan;
    const struct run_folder *folder;
    const struct broker *broker; /* NULL: no case needs one */
    const char *self;            /* the stormdrill binary */
    int jobs;                    /* cases side by side, from 1 */
    bool fail_fast;              /* nothing new starts after a failure */
    uint64_t grace_ns; /* between a case's timeout and its end by force; 0: 15 s */
    void (*on_event)(void *arg, const struct suite_event *event);
    void *arg;
};

/* Give every case's result in the plan's order, as results.json holds them, and the
 * signal that ended the run (0: none). Fails only when it cannot begin at all. */
int suite_run(json_t **results, int *ended_by, const struct suite_options *options,
              struct error *err);

#endif
