/* spec: what the suite tells a case process, and the files of a run.
 *
 *   RUN/                       stormdrill-out/<time>-<name>, and the link `latest`
 *     .lock                    locked for as long as the suite lives
 *     run.json                 {schema, version, seed, argv, started, broker, cases: […]}
 *     results.json             the same with every case's result; versioned schema
 *     cases/<slug>/
 *       spec.json              struct case_spec: {schema, file, scenario, case, folder,
 *                              broker: {path, version}, started, set, seed, repeat,
 *                              timeout_ns}
 *       checks.json            [{check, params, where}], {expect}
 *       scenario.lua           the script as it was run
 *       evidence/              records (harness/evidence/writer.h)
 *       brokers/<node>/        config, log, store
 *       clients/<name>.log     what a client printed
 *       log.ndjson             the harness's own log
 *       output.txt             what the case process itself printed (a crash's last
 * words) case.json              the result (result.h); written last, by rename
 */
#ifndef STORMDRILL_SUITE_SPEC_H
#define STORMDRILL_SUITE_SPEC_H

#include <jansson.h>
#include <stdint.h>

#include "proxy/base/error.h"

struct case_spec {
    char *scenario_file; /* path as the user gave it, for messages */
    char *scenario;      /* name */
    char *case_name;     /* "" for none */
    char *folder;        /* the case's folder, absolute */
    char *broker_path;
    char *broker_version;
    char *started; /* ISO 8601 with zone, of the case */
    json_t *set;   /* {name: text} of --set */
    uint64_t seed;
    int repeat;          /* 1-based */
    uint64_t timeout_ns; /* --timeout, else the scenario's; the suite kills 15 s later */
};

/* Gives a new object. */
json_t *case_spec_write(const struct case_spec *spec);

/* E_FORMAT when a field is missing or of the wrong kind; then `spec` holds nothing. */
int case_spec_read(struct case_spec *spec, const json_t *object, struct error *err);
void case_spec_release(struct case_spec *spec);

/* `stormdrill case FOLDER`: run the case whose spec.json lies there, write case.json.
 * Progress goes to file descriptor 3, one line each, where it is open. Exit code as
 * ux.md 2.3. Hidden from help; started by the suite under a guard. */
int case_main(int argc, char **argv);

/* Judge the evidence in FOLDER with checks.json, and write case.json anew; for the case
 * itself and for `analyze`. `error`: why run() failed, or NULL. Gives the result; also
 * with the error that it could not be written, else NULL. */
int case_judge(const char *folder, const struct error *error, json_t **result,
               struct error *err);

#endif
