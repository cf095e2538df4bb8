/* analyze: judge recorded evidence again, without a broker.
 *
 *   for each case: bring home what it left in /dev/shm -> judge -> case.json
 *   -> results.json -> the report, and the exit code of a run
 * Works on killed runs: a case that never said its end is judged as far as it went. */
#include <assert.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "harness/cli/command.h"
#include "harness/cli/complaint.h"
#include "harness/cli/publish.h"
#include "harness/cli/runs.h"
#include "harness/evidence/writer.h"
#include "harness/suite/document.h"
#include "harness/suite/folder.h"
#include "harness/suite/spec.h"

/* What the first judgement knew and evidence does not say (a timeout, a crash). */
static void recall_error(struct error *error, const char *folder)
{
    char path[PATH_MAX + 16];
    json_t *old = NULL;

    error_clear(error);
    snprintf(path, sizeof path, "%s/case.json", folder);
    if (document_read(&old, path, NULL) == 0)
        result_error_read(error, json_object_get(old, "error"));
    json_decref(old);
}

/* Entry fields that the result does not have itself; without our own `path`. */
static json_t *complete(json_t *result, const json_t *entry)
{
    json_object_update_missing(result, (json_t *)entry);
    json_object_del(result, "path");
    return result;
}

/* A case says what it will be judged by before it does anything else. */
static bool has_begun(const char *folder)
{
    char path[PATH_MAX + 16];

    snprintf(path, sizeof path, "%s/checks.json", folder);
    return access(path, F_OK) == 0;
}

/* A case without a folder: skipped, when the run itself said so. A run that was killed
 * said nothing: what it never came to is no reason to call it passed. */
static json_t *judge_nothing(const json_t *entry, const json_t *old)
{
    const char *folder = json_string_value(json_object_get(entry, "folder"));
    const json_t *one;
    size_t i;

    json_array_foreach(json_object_get(old, "cases"), i, one) {
        const char *own = json_string_value(json_object_get(one, "folder"));
        const char *outcome = json_string_value(json_object_get(one, "outcome"));

        if (folder == NULL || own == NULL || outcome == NULL || strcmp(folder, own) != 0)
            continue;
        if (strcmp(outcome, "skipped") == 0)
            return complete(json_deep_copy(one), entry);
        return complete(result_create(entry, "interrupted", EXIT_SIGTERM, NULL,
                                      "its folder is not there any more"),
                        entry);
    }
    return complete(result_create(entry, "interrupted", EXIT_SIGTERM, NULL,
                                  "not started before the run was killed"),
                    entry);
}

static json_t *judge_one(const json_t *entry, const json_t *old,
                         const struct invocation *invocation)
{
    const char *folder = json_string_value(json_object_get(entry, "path"));
    char evidence[PATH_MAX + 16];
    struct error known, err;
    json_t *result = NULL;

    assert(folder != NULL);
    if (access(folder, F_OK) != 0)
        return judge_nothing(entry, old);
    if (!has_begun(folder))
        return complete(result_create(entry, "interrupted", EXIT_SIGTERM, NULL,
                                      "the run was killed before this case had begun"),
                        entry);
    error_clear(&err);
    recall_error(&known, folder);
    snprintf(evidence, sizeof evidence, "%s/evidence", folder);
    if (evidence_collect(evidence, &err) != 0 ||
        (case_judge(folder, known.code != 0 ? &known : NULL, &result, &err) != 0 &&
         result == NULL))
        return complete(
            result_create(entry, "error", error_exit_code(err.code), &err, err.text),
            entry);
    if (err.code != 0) /* a folder that cannot be written: the answer is there */
        complaint_warn(stderr, &invocation->err, "%s", err.text);
    return complete(result, entry);
}

static json_t *judge_all(const struct run_files *files,
                         const struct invocation *invocation)
{
    char path[PATH_MAX + 16];
    json_t *cases = json_array();
    json_t *old = NULL;
    const json_t *entry;
    size_t i;

    snprintf(path, sizeof path, "%s/results.json", files->shown);
    if (files->shown[0] != '\0')
        document_read(&old, path, NULL);
    json_array_foreach(files->cases, i, entry)
        json_array_append_new(cases, judge_one(entry, old, invocation));
    json_decref(old);
    return cases;
}

/* The slowest case stands for a run that was killed before it could count itself. */
static double duration_of(const struct run_files *files, const json_t *cases)
{
    char path[PATH_MAX + 16];
    json_t *old = NULL;
    double longest = 0;
    const json_t *one;
    size_t i;

    snprintf(path, sizeof path, "%s/results.json", files->shown);
    if (files->shown[0] != '\0' && document_read(&old, path, NULL) == 0)
        longest = json_number_value(json_object_get(old, "duration_s"));
    json_decref(old);
    if (longest > 0)
        return longest;
    json_array_foreach(cases, i, one) {
        double own = json_number_value(json_object_get(one, "duration_s"));

        longest = own > longest ? own : longest;
    }
    return longest;
}

static json_t *gather(const struct run_files *files, const struct invocation *invocation)
{
    json_t *results = json_copy(files->run);
    json_t *cases = judge_all(files, invocation);

    json_object_set_new(results, "duration_s", json_real(duration_of(files, cases)));
    json_object_set_new(results, "totals", result_totals(cases));
    json_object_set_new(results, "exit_code", json_integer(result_exit_code(cases)));
    json_object_set_new(results, "cases", cases);
    return results;
}

/* Only a whole run has a results.json; a folder that cannot be written is no reason to
 * withhold the answer. */
static void save(const struct run_files *files, const json_t *results,
                 const struct invocation *invocation)
{
    char path[PATH_MAX + 16];
    struct error err;

    if (json_array_size(json_object_get(files->run, "cases")) !=
            json_array_size(files->cases) ||
        files->shown[0] == '\0')
        return;
    snprintf(path, sizeof path, "%s/results.json", files->shown);
    if (document_write(path, results, &err) != 0)
        complaint_warn(stderr, &invocation->err, "%s", err.text);
}

static int run_analyze(struct invocation *invocation)
{
    const char *path = invocation->argument_count > 0 ? invocation->arguments[0] : NULL;
    struct run_files files;
    struct error err;
    json_t *results;
    int code, printed;

    /* A reader of ours that goes away is an EPIPE, never a sudden death. */
    signal(SIGPIPE, SIG_IGN);
    if (run_files_open(&files, path, &err) != 0)
        return complaint_end(&invocation->err, &err);
    if (files.shown[0] != '\0' && run_folder_check_idle(files.shown, &err) != 0) {
        run_files_release(&files);
        return complaint_end(&invocation->err, &err);
    }
    results = gather(&files, invocation);
    save(&files, results, invocation);
    printed =
        publish_print(results, files.shown[0] != '\0' ? files.shown : NULL, invocation);
    code = (int)json_integer_value(json_object_get(results, "exit_code"));
    json_decref(results);
    run_files_release(&files);
    return exit_code_worse(code, printed);
}

static const struct flag flags[] = {
    PUBLISH_FLAG_FORMAT,
    {.name = "quiet", .letter = 'q', .help = "print only what did not pass"},
    {.name = "verbose", .letter = 'v', .help = "print the numbers of passed checks too"},
    {.name = NULL},
};

extern const struct command command_analyze;
const struct command command_analyze = {
    .name = "analyze",
    .summary = "judge the evidence of a run again; no broker needed",
    .arguments = "[RUN|CASE]",
    .arguments_max = 1,
    .details = "RUN is a run's folder, CASE the folder of one case in it; without either "
               "it is\nstormdrill-out/latest. A run that was killed is judged as far as "
               "it went. The exit\ncode is that of a run.",
    .examples = "  stormdrill analyze\n"
                "  stormdrill analyze stormdrill-out/20261122-095312-traps -v",
    .flags = flags,
    .run = run_analyze,
};
