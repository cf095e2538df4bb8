/* run_record: run.json and results.json of a run.
 *
 * run.json is written before the first case, so that a run that was killed at any moment
 * still says what it was. */
#include "harness/suite/run_record.h"

#include <assert.h>
#include <signal.h>
#include <unistd.h>

#include "harness/suite/result.h"

static json_t *write_argv(int argc, char **argv)
{
    json_t *all = json_array();

    /* A word that is no UTF-8 is no JSON; the place is kept. */
    for (int i = 0; i < argc; i++) {
        json_t *word = json_string(argv[i]);

        json_array_append_new(all, word != NULL ? word : json_string("?"));
    }
    return all;
}

static json_t *write_broker(const struct broker *broker)
{
    if (broker == NULL)
        return json_null();
    return json_pack("{s:s, s:s}", "path", broker->path, "version", broker->version);
}

json_t *run_record_create(const struct run_facts *facts)
{
    const struct plan *plan = facts->plan;
    json_t *cases = json_array();
    char started[32], host[256] = "";
    json_t *run;

    gethostname(host, sizeof host - 1);
    for (int i = 0; i < plan->count; i++)
        json_array_append_new(cases, plan_case_write(&plan->cases[i]));
    run = json_pack("{s:s, s:s, s:O?, s:I, s:i, s:o, s:s, s:s, s:o, s:o}", "schema",
                    RESULT_SCHEMA, "version", STORMDRILL_VERSION, "versions",
                    facts->versions, "seed", (json_int_t)plan->seed, "repeat",
                    plan->repeat, "argv", write_argv(facts->argc, facts->argv), "started",
                    time_stamp(started, sizeof started), "host", host, "broker",
                    write_broker(facts->broker), "cases", cases);
    assert(run != NULL);
    return run;
}

json_t *run_record_results(const json_t *run, json_t *cases, int ended_by,
                           double duration_s)
{
    json_t *results = json_copy((json_t *)run);
    int code = result_exit_code(cases);

    if (ended_by != 0)
        code = ended_by == SIGINT ? EXIT_SIGINT : EXIT_SIGTERM;
    json_object_set_new(results, "duration_s", json_real(duration_s));
    json_object_set_new(results, "totals", result_totals(cases));
    json_object_set_new(results, "exit_code", json_integer(code));
    json_object_set_new(results, "cases", cases);
    return results;
}
