/* run_record: run.json and results.json of a run. */
#ifndef STORMDRILL_SUITE_RUN_RECORD_H
#define STORMDRILL_SUITE_RUN_RECORD_H

#include <jansson.h>

#include "harness/broker/broker.h"
#include "harness/suite/plan.h"

struct run_facts {
    const struct plan *plan;
    const struct broker *broker; /* NULL: none */
    json_t *versions;            /* borrowed */
    int argc;
    char **argv;
};

/* run.json's object: {schema, version, versions, seed, repeat, argv, started, host,
 * broker, cases: [plan_case_write…]}. Gives a new object. */
json_t *run_record_create(const struct run_facts *facts);

/* results.json's object: the run's with `cases` (taken) instead of the plan's, totals,
 * exit code and duration. `ended_by`: the signal that ended the run, 0 for none. Gives a
 * new object. */
json_t *run_record_results(const json_t *run, json_t *cases, int ended_by,
                           double duration_s);

#endif
