/* result: case.json and results.json, schema "stormdrill/1", and what a run exits with.
 *
 * case.json: {
 *   schema, scenario, case, id, file, line, seed, repeat, broker: {path, version},
 *   started (ISO 8601), duration_s,
 *   outcome: "passed" | "failed" | "inconclusive" | "error" | "skipped" | "interrupted",
 *   why,                       one sentence when not passed
 *   error: {code, text, where, hint} | null,
 *   exit_code,                 what this case alone would exit with
 *   expect: {fails, inconclusive} | null,
 *   checks: [{check, id, title, where, met, verdict, reason, text, expected, measured,
 *             numbers, witnesses}],
 *   phases: [{name, begin_s, end_s}],
 *   faults: [{name, on, begin_s, end_s, touched, touches}],
 *                              touches: what `touched` counts: "chunks", "connections", …
 *   warnings: [{t, text, where}],   what the harness said in passing: a client died
 *   evidence: {writers, records, holes, lost_records, open_writers, bad_segments,
 *              damage}         damage: the first few bad files, in words
 * }
 * The suite adds to each, in results.json: folder ("cases/<slug>", below the run's) and
 * reproduce (a command line).
 * results.json: run.json's fields, plus {cases: [case.json…], totals: {passed, failed,
 *   inconclusive, error, skipped, interrupted}, exit_code, duration_s}. */
#ifndef STORMDRILL_SUITE_RESULT_H
#define STORMDRILL_SUITE_RESULT_H

#include <jansson.h>

#include "proxy/base/error.h"

#define RESULT_SCHEMA "stormdrill/1"

/* ux.md 2.3: each answers "who must act?" */
enum exit_code {
    EXIT_PASSED = 0,
    EXIT_FAILED = 1,      /* a check failed: the system under test */
    EXIT_USAGE = 2,       /* bad command line: the caller */
    EXIT_SCENARIO = 3,    /* does not load or raised an error: its author */
    EXIT_ENVIRONMENT = 4, /* broker missing, port taken, disk full: the machine's owner */
    EXIT_NOTHING = 5,     /* nothing ran: the caller */
    EXIT_INCONCLUSIVE = 6, /* no verdict: author or machine */
    EXIT_BUG = 70,         /* in stormdrill: us */
    EXIT_SIGINT = 130,
    EXIT_SIGTERM = 143,
};

/* Of two exit codes the one that wins: 130/143, 70, then 1, 4, 3, 6, 5, 0. A real
 * failure is never masked by a broken neighbour. A code that is none of ours is a bug. */
int exit_code_worse(int a, int b);

/* The exit code of a run from its cases' exit codes. Nothing ran (none, or all were
 * skipped): 5. */
int result_exit_code(const json_t *cases);

/* {passed, failed, …}. Gives a new object. */
json_t *result_totals(const json_t *cases);

/* A result for a case whose process did not write one (killed, crashed, never started):
 * identity from `spec_object` (spec.json's object), outcome, why, exit code, and `error`
 * (may be NULL). Gives a new object. */
json_t *result_create(const json_t *spec_object, const char *outcome, int exit_code,
                      const struct error *error, const char *why);

/* {code, text, where, hint} or null. Gives a new value. */
json_t *result_error_write(const struct error *error);
void result_error_read(struct error *error, const json_t *object);

#endif
