/* result: case.json and results.json, schema "stormdrill/1".
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
 *   faults: [{name, on, begin_s, end_s, touched}],
 *   evidence: {writers, records, holes, lost_records, open_writers, bad_segments}
 * }
 * results.json: run.json's fields, plus {cases: [case.json…], totals: {passed, failed,
 *   inconclusive, error, skipped, interrupted}, exit_code, duration_s}. */
#ifndef STORMDRILL_SUITE_RESULT_H
#define STORMDRILL_SUITE_RESULT_H

#include <jansson.h>

/* The exit code of a run from its cases' exit codes: 130/143, 70, then 1, 4, 3, 6, 5, 0
 * (ux.md 2.3). Nothing ran: 5. */
int result_exit_code(const json_t *cases);

/* {passed, failed, …}. Gives a new object. */
json_t *result_totals(const json_t *cases);

#endif
