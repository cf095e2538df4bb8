/* judge: from a case's folder to its case.json. Needs no Lua, no broker: `analyze` uses
 * it for a run of last year as the case does for itself.
 *
 * spec.json and checks.json say what was asked, evidence/ what happened. The outcome:
 *   the evidence is damaged        inconclusive, whatever else was read from it
 *   run() was cancelled            interrupted
 *   a check or an expectation failed that should not have     failed
 *   run() failed otherwise         error (or inconclusive, when time ran out)
 *   else                           what the checks say, against `expect` */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "harness/checks/expectation.h"
#include "harness/suite/result.h"
#include "harness/suite/spec.h"
#include "harness/suite/touches.h"
#include "harness/suite/warnings.h"
#include "proxy/base/clock.h"

enum { WHY_BYTES = ERROR_TEXT_BYTES };

struct judging {
    const char *folder;
    json_t *spec;
    json_t *checks_file;
    struct evidence *evidence;
    struct cast *cast;
    struct check **checks;
    struct verdict *verdicts;
    int count;
    struct error run_error; /* code 0: run() returned */
    bool ended;             /* it says how */
    int expectations, failed_expectations;
    json_t *undrained; /* {client: why} */
    char why[WHY_BYTES];
};

static json_t *load(const char *folder, const char *name, struct error *err)
{
    char path[4096];
    json_error_t where;
    json_t *value;

    snprintf(path, sizeof path, "%s/%s", folder, name);
    value = json_load_file(path, 0, &where);
    if (value == NULL) {
        error_set(err, E_FORMAT, "cannot read %s: %s", path, where.text);
        error_hint(err, "is this the folder of a case?");
    }
    return value;
}

static int load_checks(struct judging *judging, struct error *err)
{
    json_t *list = json_object_get(judging->checks_file, "checks");
    int count = (int)json_array_size(list);

    judging->checks = calloc((size_t)count + 1, sizeof(struct check *));
    judging->verdicts = calloc((size_t)count + 1, sizeof *judging->verdicts);
    if (judging->checks == NULL || judging->verdicts == NULL)
        return error_set(err, E_NOMEM, "the checks of %s", judging->folder);
    for (int i = 0; i < count; i++) {
        int rc = check_read(&judging->checks[i], json_array_get(list, (size_t)i), err);

        if (rc != 0)
            return rc;
        judging->count++;
    }
    return 0;
}

static void on_run_end(struct judging *judging, const struct record *record,
                       const json_t *detail)
{
    const char *text = json_string_value(json_object_get(detail, "text"));
    const char *where = json_string_value(json_object_get(detail, "where"));
    const char *hint = json_string_value(json_object_get(detail, "hint"));

    judging->ended = true;
    error_set(&judging->run_error, (int)(int64_t)record->a, "%s",
              text != NULL ? text : "");
    if (hint != NULL)
        error_hint(&judging->run_error, "%s", hint);
    snprintf(judging->run_error.where, sizeof judging->run_error.where, "%s",
             where != NULL ? where : "");
}

/* What was waited for at the end and did not come: time ran out before the drain. What
 * is stuck, or has no stream any more, is for the checks to say, and a later wait that
 * held makes an earlier good. */
static void on_drain(struct judging *judging, const struct record *record,
                     const json_t *detail)
{
    const struct cast_client *client = cast_client(judging->cast, (uint32_t)record->a);
    const char *name = client != NULL ? client->name : "?";
    const char *text = json_string_value(json_object_get(detail, "text"));
    char why[WHY_BYTES];

    if (record->flags & (EVIDENCE_HELD | EVIDENCE_STUCK | EVIDENCE_GONE)) {
        json_object_del(judging->undrained, name);
        return;
    }
    if (record->kind == RECORD_drained)
        snprintf(why, sizeof why,
                 "'%s' was stopped before all it had published was settled", name);
    else
        snprintf(why, sizeof why, "%s", text != NULL ? text : "a drain did not end");
    json_object_set_new(judging->undrained, name, json_string(why));
}

/* How run() ended, as it said itself; a run that never said was killed. What comes behind
 * the end is the clearing up. */
static void read_end(struct judging *judging)
{
    const unsigned wanted[] = {RECORD_run_end, RECORD_expectation, RECORD_caught_up,
                               RECORD_drained};
    struct evidence_merge *merge = evidence_merge_create(judging->evidence, wanted, 4);
    const struct record *record;
    int writer;

    judging->undrained = json_object();
    while (!judging->ended && (record = evidence_merge_next(merge, &writer)) != NULL) {
        json_t *detail = evidence_detail(judging->evidence, writer, record->detail);

        if (record->kind == RECORD_expectation) {
            judging->expectations++;
            judging->failed_expectations += (record->flags & EVIDENCE_HELD) == 0;
        } else if (record->kind == RECORD_run_end) {
            on_run_end(judging, record, detail);
        } else {
            on_drain(judging, record, detail);
        }
        json_decref(detail);
    }
    evidence_merge_destroy(merge);
    if (!judging->ended)
        error_set(&judging->run_error, E_CANCELLED, "the run was killed before it ended");
}

/* Some drain that did not end, in words; NULL: all did. */
static const char *first_undrained(const struct judging *judging)
{
    void *member = json_object_iter(judging->undrained);

    return member != NULL ? json_string_value(json_object_iter_value(member)) : NULL;
}

static void judge_all(struct judging *judging)
{
    for (int i = 0; i < judging->count; i++)
        check_judge(judging->checks[i], judging->evidence, judging->cast,
                    &judging->verdicts[i]);
}

/* A check that says failed and was not asked to: no error of the script excuses it. */
static const struct check *really_failed(const struct judging *judging,
                                         const json_t *expect)
{
    for (int i = 0; i < judging->count; i++) {
        if (judging->verdicts[i].value == VERDICT_FAILED &&
            !expectation_is_met(expect, judging->checks[i], &judging->verdicts[i]))
            return judging->checks[i];
    }
    return NULL;
}

/* Bytes are not what they were when they were written, or are gone. */
static bool is_damaged(const struct judging *judging)
{
    return evidence_damage(judging->evidence).bad_segments > 0;
}

static void say_damage(struct judging *judging)
{
    uint64_t files = evidence_damage(judging->evidence).bad_segments;
    const char *text = evidence_damage_text(judging->evidence, 0);
    int used = snprintf(judging->why, WHY_BYTES, "the evidence is damaged: %s",
                        text != NULL ? text : "a file cannot be read");

    if (files > 1 && used > 0 && used < WHY_BYTES)
        snprintf(judging->why + used, (size_t)(WHY_BYTES - used), " (and %llu more)",
                 (unsigned long long)files - 1);
}

static const char *decide(struct judging *judging, const json_t *expect)
{
    const struct error *error = &judging->run_error;
    const struct check *failed = really_failed(judging, expect);
    enum verdict_value value;

    /* What it says of a failure, or of an end, may be what was altered. */
    if (is_damaged(judging)) {
        say_damage(judging);
        return "inconclusive";
    }
    if (error->code == E_CANCELLED) {
        snprintf(judging->why, WHY_BYTES, "%s", error->text);
        return "interrupted";
    }
    if (judging->failed_expectations > 0) {
        snprintf(judging->why, WHY_BYTES, "%s",
                 error->text[0] != '\0' ? error->text : "an expectation did not hold");
        return "failed";
    }
    if (error->code != 0 && failed == NULL) {
        snprintf(judging->why, WHY_BYTES, "%s", error->text);
        return error->code == E_TIMEOUT ? "inconclusive" : "error";
    }
    if (judging->count == 0 && judging->expectations == 0) {
        snprintf(judging->why, WHY_BYTES, "nothing was judged: no check, no expectation");
        return "inconclusive";
    }
    value = expectation_outcome(expect, judging->checks, judging->verdicts,
                                judging->count, judging->why, WHY_BYTES);
    if (value == VERDICT_PASSED && first_undrained(judging) != NULL) {
        snprintf(judging->why, WHY_BYTES, "%s", first_undrained(judging));
        return "inconclusive";
    }
    /* What was lost may be an expectation that did not hold. */
    if (value == VERDICT_PASSED && evidence_damage(judging->evidence).lost_records > 0) {
        snprintf(judging->why, WHY_BYTES, "the evidence is incomplete");
        value = VERDICT_INCONCLUSIVE;
    }
    return verdict_value_name(value);
}

static int exit_code_of(const char *outcome, const struct error *error)
{
    if (strcmp(outcome, "passed") == 0)
        return 0;
    if (strcmp(outcome, "failed") == 0)
        return 1;
    if (strcmp(outcome, "inconclusive") == 0)
        return EXIT_INCONCLUSIVE;
    if (strcmp(outcome, "interrupted") == 0) /* the case's own word for SIGINT */
        return strcmp(error->text, "interrupted") == 0 ? EXIT_SIGINT : EXIT_SIGTERM;
    return error_exit_code(error->code);
}

/* ---- writing ---- */

static double seconds(const struct judging *judging, uint64_t ns)
{
    uint64_t start = evidence_start_ns(judging->evidence);

    return ns > start ? (double)(ns - start) / NS_PER_S : 0;
}

static json_t *write_checks(const struct judging *judging, const json_t *expect)
{
    json_t *list = json_array();

    for (int i = 0; i < judging->count; i++) {
        const struct check *check = judging->checks[i];
        json_t *one = verdict_write(&judging->verdicts[i]);
        char title[VERDICT_TEXT_BYTES];

        check_title(check, title, sizeof title);
        json_object_set_new(one, "check", json_string(check->type->name));
        json_object_set_new(one, "id", json_string(check_id(check)));
        json_object_set_new(one, "title", json_string(title));
        json_object_set_new(one, "where", json_string(check->where));
        json_object_set_new(
            one, "met",
            json_boolean(expectation_is_met(expect, check, &judging->verdicts[i])));
        json_array_append_new(list, one);
    }
    return list;
}

static json_t *write_phases(const struct judging *judging)
{
    json_t *list = json_array();

    for (int i = 0; i < judging->cast->phase_count; i++) {
        const struct cast_phase *phase = &judging->cast->phases[i];

        json_array_append_new(list,
                              json_pack("{s:s, s:f, s:f}", "name", phase->name, "begin_s",
                                        seconds(judging, phase->begin_ns), "end_s",
                                        seconds(judging, phase->end_ns)));
    }
    return list;
}

static json_t *write_faults(const struct judging *judging)
{
    json_t *list = json_array();

    for (int i = 0; i < judging->cast->fault_count; i++) {
        const struct cast_fault *fault = &judging->cast->faults[i];
        json_t *end =
            fault->end_ns != 0 ? json_real(seconds(judging, fault->end_ns)) : json_null();

        json_array_append_new(list, json_pack("{s:s, s:s, s:f, s:o, s:I, s:s}", "name",
                                              fault->name, "on", fault->on, "begin_s",
                                              seconds(judging, fault->begin_ns), "end_s",
                                              end, "touched", (json_int_t)fault->touched,
                                              "touches", touches_of(fault)));
    }
    return list;
}

static json_t *write_evidence(const struct evidence *evidence)
{
    struct evidence_damage damage = evidence_damage(evidence);
    json_t *texts = json_array();
    uint64_t records = 0;
    const char *text;

    for (int i = 0; i < evidence_writer_count(evidence); i++)
        records += evidence_writer(evidence, i)->records;
    for (int i = 0; (text = evidence_damage_text(evidence, i)) != NULL; i++)
        json_array_append_new(texts, json_string(text));
    return json_pack(
        "{s:i, s:I, s:I, s:I, s:I, s:I, s:o}", "writers", evidence_writer_count(evidence),
        "records", (json_int_t)records, "holes", (json_int_t)damage.holes, "lost_records",
        (json_int_t)damage.lost_records, "open_writers", (json_int_t)damage.open_writers,
        "bad_segments", (json_int_t)damage.bad_segments, "damage", texts);
}

static json_t *write_error(const struct error *error)
{
    if (error->code == 0)
        return json_null();
    return json_pack("{s:s, s:s, s:s, s:s}", "code", error_name(error->code), "text",
                     error->text, "where", error->where, "hint", error->hint);
}

static void copy_members(json_t *to, const json_t *from, const char *const *names)
{
    for (; *names != NULL; names++) {
        json_t *value = json_object_get(from, *names);

        json_object_set_new(to, *names, value != NULL ? json_incref(value) : json_null());
    }
}

static json_t *write_result(struct judging *judging)
{
    static const char *const from_spec[] = {"scenario", "case", "seed",    "repeat",
                                            "broker",   "set",  "started", NULL};
    static const char *const from_checks[] = {"id",     "file",   "line",
                                              "expect", "params", NULL};
    const json_t *expect = json_object_get(judging->checks_file, "expect");
    json_t *result = json_pack("{s:s}", "schema", "stormdrill/1");
    const char *outcome;

    if (json_is_null(expect))
        expect = NULL;
    copy_members(result, judging->spec, from_spec);
    copy_members(result, judging->checks_file, from_checks);
    outcome = decide(judging, expect);
    json_object_set_new(result, "duration_s",
                        json_real(seconds(judging, evidence_end_ns(judging->evidence))));
    json_object_set_new(result, "outcome", json_string(outcome));
    json_object_set_new(result, "why", json_string(judging->why));
    json_object_set_new(result, "error", write_error(&judging->run_error));
    json_object_set_new(result, "exit_code",
                        json_integer(exit_code_of(outcome, &judging->run_error)));
    json_object_set_new(result, "checks", write_checks(judging, expect));
    json_object_set_new(result, "phases", write_phases(judging));
    json_object_set_new(result, "faults", write_faults(judging));
    json_object_set_new(result, "warnings", warnings_of(judging->evidence));
    json_object_set_new(result, "evidence", write_evidence(judging->evidence));
    return result;
}

/* Written beside and renamed: a reader never sees half a result. */
static int save(const char *folder, const json_t *result, struct error *err)
{
    char path[4096];
    char temporary[4096 + 8];

    snprintf(path, sizeof path, "%s/case.json", folder);
    snprintf(temporary, sizeof temporary, "%s.tmp", path);
    if (json_dump_file(result, temporary, JSON_INDENT(2) | JSON_REAL_PRECISION(9)) != 0 ||
        rename(temporary, path) != 0) {
        error_from_errno(err, "write %s", path);
        unlink(temporary);
        return E_NOSPACE;
    }
    return 0;
}

static void release(struct judging *judging)
{
    for (int i = 0; i < judging->count; i++) {
        verdict_release(&judging->verdicts[i]);
        check_destroy(judging->checks[i]);
    }
    free(judging->checks);
    free(judging->verdicts);
    if (judging->cast != NULL)
        cast_destroy(judging->cast);
    if (judging->evidence != NULL)
        evidence_close(judging->evidence);
    json_decref(judging->spec);
    json_decref(judging->checks_file);
    json_decref(judging->undrained);
}

/* A case that failed before it knew its checks has none: its error is its result. */
static json_t *load_checks_file(const char *folder, bool failed_early, struct error *err)
{
    json_t *object = load(folder, "checks.json", err);

    return object == NULL && failed_early ? json_object() : object;
}

static int open_all(struct judging *judging, bool failed_early, struct error *err)
{
    char path[4096];
    int rc;

    judging->spec = load(judging->folder, "spec.json", err);
    if (judging->spec == NULL)
        return E_FORMAT;
    judging->checks_file = load_checks_file(judging->folder, failed_early, err);
    if (judging->checks_file == NULL)
        return E_FORMAT;
    rc = load_checks(judging, err);
    if (rc != 0)
        return rc;
    snprintf(path, sizeof path, "%s/evidence", judging->folder);
    rc = evidence_open(&judging->evidence, path, err);
    return rc != 0 ? rc : cast_create(&judging->cast, judging->evidence, err);
}

int case_judge(const char *folder, const struct error *error, json_t **result,
               struct error *err)
{
    struct judging judging = {.folder = folder};
    int rc;

    *result = NULL;
    rc = open_all(&judging, error != NULL && error->code != 0, err);

    if (rc == 0) {
        read_end(&judging);
        if (is_damaged(&judging))
            error_clear(&judging.run_error);
        if (error != NULL && error->code != 0)
            judging.run_error = *error;
        judge_all(&judging);
        *result = write_result(&judging);
        rc = save(folder, *result, err);
    }
    release(&judging);
    return rc;
}
