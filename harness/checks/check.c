/* check: the list of checks, how one is asked for, and how it is judged.
 *
 * All well:   parameters are read -> the scope becomes numbers -> the check judges.
 * No chance:  its phase or client never came, records are missing, no disturbance
 *             touched anything, or the harness was itself too slow for what a timing
 *             check asserts: inconclusive, whatever the check would have said. */
#include "harness/checks/check.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/checks/untouched.h"
#include "proxy/base/clock.h"

#define CHECK(name) extern const struct check_type check_##name;
#include "harness/checks/checks.def"
#undef CHECK

static const struct check_type *const table[] = {
#define CHECK(name) &check_##name,
#include "harness/checks/checks.def"
#undef CHECK
};

enum {
    TYPE_COUNT = sizeof table / sizeof table[0],
    LAG_FLOOR_NS = 5 * NS_PER_MS, /* DESIGN 9: a tenth, but at least this */
    LAG_ONCE_NS = 250 * NS_PER_MS,
};

const char *const check_doubts[] = {
    "not_judged",          "no_client", "no_phase",           "no_memory",
    "evidence_incomplete", "untouched", "harness_overloaded", NULL};

const struct param check_scope_params[] = {
    PARAM(check_scope, id, TEXT, "id", NULL, NULL, NULL,
          "its name in expect, where a check stands twice"),
    PARAM(check_scope, of, TEXT, "of", NULL, NULL, NULL,
          "look at this client only, or at the members of this group"),
    PARAM(check_scope, phase, TEXT, "phase", NULL, NULL, NULL, "look at this phase only"),
    PARAM(check_scope, after, TEXT, "after", NULL, NULL, NULL,
          "look from the beginning of this phase on"),
    PARAM_END,
};

const struct check_type *check_type_find(const char *name)
{
    int i;

    for (i = 0; i < TYPE_COUNT; i++)
        if (strcmp(table[i]->name, name) == 0)
            return table[i];
    return NULL;
}

const struct check_type *check_type_at(int index)
{
    return index >= 0 && index < TYPE_COUNT ? table[index] : NULL;
}

static int unknown_check(const char *name, const char *where, struct error *err)
{
    const char *names[TYPE_COUNT];
    const char *near;
    char list[256] = "";
    size_t used = 0;
    int i;

    for (i = 0; i < TYPE_COUNT; i++) {
        names[i] = table[i]->name;
        used += (size_t)snprintf(list + used, sizeof list - used, "%s%s",
                                 i == 0 ? "" : ", ", names[i]);
        used = used < sizeof list ? used : sizeof list - 1;
    }
    near = error_suggest(name, names, TYPE_COUNT);
    error_set(err, E_SCRIPT, "there is no check called '%s'", name);
    if (near != NULL)
        error_hint(err, "did you mean '%s'? (there are %s)", near, list);
    else
        error_hint(err, "there are %s", list);
    if (err != NULL && where != NULL)
        snprintf(err->where, sizeof err->where, "%s", where);
    return E_SCRIPT;
}

int check_create(struct check **out, const char *name, const json_t *params,
                 const char *where, struct error *err)
{
    const struct check_type *type = check_type_find(name);
    struct param_layer layers[2];
    struct check *check;
    char owner[64];
    int rc;

    *out = NULL;
    if (type == NULL)
        return unknown_check(name, where, err);
    check = calloc(1, sizeof *check);
    if (check == NULL)
        return error_set(err, E_NOMEM, "check %s", name);
    check->type = type;
    snprintf(check->where, sizeof check->where, "%s", where == NULL ? "" : where);
    check->conf = calloc(1, type->conf_size == 0 ? 1 : type->conf_size);
    if (check->conf == NULL) {
        rc = error_set(err, E_NOMEM, "check %s", name);
        goto fail;
    }
    layers[0] = (struct param_layer){.params = type->params, .conf = check->conf};
    layers[1] = (struct param_layer){.params = check_scope_params, .conf = &check->scope};
    snprintf(owner, sizeof owner, "check.%s", name);
    rc = param_read_layers(layers, 2, params, owner, err);
    if (rc == 0 && type->check != NULL)
        rc = type->check(check->conf, err);
    if (rc != 0) {
        if (err != NULL && where != NULL)
            snprintf(err->where, sizeof err->where, "%s", where);
        goto fail;
    }
    *out = check;
    return 0;

fail:
    check_destroy(check);
    return rc;
}

void check_destroy(struct check *check)
{
    if (check == NULL)
        return;
    if (check->conf != NULL)
        param_release(check->type->params, check->conf);
    param_release(check_scope_params, &check->scope);
    free(check->conf);
    free(check);
}

const char *check_id(const struct check *check)
{
    return check->scope.id != NULL ? check->scope.id : check->type->name;
}

void check_title(const struct check *check, char *text, size_t size)
{
    size_t used;

    assert(size > 0);
    text[0] = '\0';
    check->type->title(check->conf, text, size);
    used = strlen(text);
    if (check->scope.of != NULL)
        snprintf(text + used, size - used, " (of %s)", check->scope.of);
    used = strlen(text);
    if (check->scope.phase != NULL)
        snprintf(text + used, size - used, " in \"%s\"", check->scope.phase);
    used = strlen(text);
    if (check->scope.after != NULL)
        snprintf(text + used, size - used, " after \"%s\"", check->scope.after);
}

/* Absent values stay absent: null is no spelling that a user has. */
static void drop_nulls(json_t *object)
{
    const char *name;
    json_t *value;
    void *next;

    json_object_foreach_safe(object, next, name, value) {
        if (json_is_null(value))
            json_object_del(object, name);
    }
}

json_t *check_write(const struct check *check)
{
    json_t *params = param_write(check->type->params, check->conf);
    json_t *scope = param_write(check_scope_params, &check->scope);

    json_object_update(params, scope);
    json_decref(scope);
    drop_nulls(params);
    return json_pack("{s:s, s:o, s:s}", "check", check->type->name, "params", params,
                     "where", check->where);
}

int check_read(struct check **out, const json_t *object, struct error *err)
{
    const char *name = json_string_value(json_object_get(object, "check"));
    const char *where = json_string_value(json_object_get(object, "where"));
    const json_t *params = json_object_get(object, "params");

    *out = NULL;
    if (name == NULL)
        return error_set(err, E_FORMAT, "a check without a name (member 'check')");
    if (params != NULL && !json_is_object(params))
        return error_set(err, E_FORMAT, "check %s: 'params' is no object", name);
    return check_create(out, name, params, where, err);
}

/* ---- the scope in numbers ---- */

static bool find_client(const struct check_input *input, struct verdict *verdict)
{
    const char *of = input->scope->of;

    if (of == NULL)
        return true;
    for (int i = 0; i < input->cast->client_count; i++)
        if (cast_means(input->cast, of, input->cast->clients[i].number))
            return true;
    verdict_inconclusive(verdict, "no_client",
                         "no client or group was called \"%s\" in this run", of);
    return false;
}

static const struct cast_phase *find_phase(const struct check_input *input,
                                           const char *name, struct verdict *verdict)
{
    const struct cast_phase *phase = cast_phase_named(input->cast, name);

    if (phase == NULL)
        verdict_inconclusive(verdict, "no_phase", "the phase \"%s\" never came", name);
    return phase;
}

static bool find_window(struct check_input *input, struct verdict *verdict)
{
    const struct check_scope *scope = input->scope;
    uint64_t end_ns = evidence_end_ns(input->evidence);
    const struct cast_phase *phase;

    input->from_ns = evidence_start_ns(input->evidence);
    input->to_ns = end_ns == UINT64_MAX ? end_ns : end_ns + 1;
    if (scope->phase != NULL) {
        phase = find_phase(input, scope->phase, verdict);
        if (phase == NULL)
            return false;
        input->from_ns = phase->begin_ns;
        if (phase->end_ns != 0 && phase->end_ns < end_ns)
            input->to_ns = phase->end_ns;
    }
    if (scope->after != NULL) {
        phase = find_phase(input, scope->after, verdict);
        if (phase == NULL)
            return false;
        if (phase->begin_ns > input->from_ns)
            input->from_ns = phase->begin_ns;
    }
    return true;
}

/* ---- was there a chance to say anything? ---- */

static bool evidence_is_whole(const struct check_input *input, struct verdict *verdict)
{
    struct evidence_damage damage = evidence_damage(input->evidence);

    if (damage.lost_records > 0)
        verdict_inconclusive(verdict, "evidence_incomplete",
                             "%llu records could not be kept (was the disk full?)",
                             (unsigned long long)damage.lost_records);
    else if (damage.bad_segments > 0)
        verdict_inconclusive(verdict, "evidence_incomplete",
                             "the evidence is damaged (%llu files): %s",
                             (unsigned long long)damage.bad_segments,
                             evidence_damage_text(input->evidence, 0));
    else
        return true;
    return false;
}

/* The data plane's own lateness in the scope. */
struct lag {
    uint64_t limit_ns;
    uint64_t worst_ns;
    uint64_t samples;
    uint64_t over; /* at most so many were over the limit */
    bool is_known; /* false: no memory to look */
};

/* How many samples of this second were over the limit: counted at a few limits, of which
 * the nearest below ours bounds it. */
static uint64_t count_over(const json_t *detail, uint64_t limit_ns)
{
    static const unsigned counted_ms[] = {100, 50, 25, 10, 5};
    char name[32];
    size_t i;

    for (i = 0; i < sizeof counted_ms / sizeof counted_ms[0]; i++) {
        const json_t *count;

        snprintf(name, sizeof name, "over_%ums", counted_ms[i]);
        count = json_object_get(detail, name);
        if (counted_ms[i] * (uint64_t)NS_PER_MS <= limit_ns && json_is_integer(count))
            return json_integer_value(count) > 0 ? (uint64_t)json_integer_value(count)
                                                 : 1;
    }
    return 1;
}

static void lag_add(struct lag *lag, const struct check_input *input, int writer,
                    const struct record *record)
{
    json_t *detail;

    lag->samples += record->b;
    if (record->a > lag->worst_ns)
        lag->worst_ns = record->a;
    if (record->a <= lag->limit_ns)
        return;
    detail = evidence_detail(input->evidence, writer, record->detail);
    lag->over += count_over(detail, lag->limit_ns);
    json_decref(detail);
}

static struct lag measure_lag(const struct check_input *input, uint64_t smallest_ns)
{
    static const unsigned kinds[] = {RECORD_lag};
    struct lag lag = {.limit_ns = smallest_ns / 10};
    struct evidence_merge *merge;
    const struct record *record;
    int writer;

    if (lag.limit_ns < LAG_FLOOR_NS)
        lag.limit_ns = LAG_FLOOR_NS;
    merge = evidence_merge_create(input->evidence, kinds, 1);
    lag.is_known = merge != NULL;
    while (merge != NULL && (record = evidence_merge_next(merge, &writer)) != NULL)
        /* a record tells of the second before it */
        if (record->time_ns >= input->from_ns &&
            record->time_ns < input->to_ns + NS_PER_S)
            lag_add(&lag, input, writer, record);
    evidence_merge_destroy(merge);
    return lag;
}

static void apply_overload(const struct check_input *input, uint64_t smallest_ns,
                           struct verdict *verdict)
{
    struct lag lag;
    char said[VERDICT_TEXT_BYTES / 2];

    if (verdict->value == VERDICT_INCONCLUSIVE)
        return;
    lag = measure_lag(input, smallest_ns);
    if (!lag.is_known) {
        verdict_inconclusive(verdict, "no_memory", "not enough memory to judge");
        return;
    }
    verdict_number(verdict, "proxy_lag_worst_s", (double)lag.worst_ns / NS_PER_S);
    /* In 1 % of the samples, or a quarter of a second once: DESIGN 9. */
    if (lag.worst_ns < LAG_ONCE_NS && (lag.over == 0 || lag.over * 100 < lag.samples))
        return;
    snprintf(said, sizeof said, "%s%s%s: %.180s", verdict_value_name(verdict->value),
             verdict->reason[0] == '\0' ? "" : " ", verdict->reason, verdict->text);
    verdict_inconclusive(
        verdict, "harness_overloaded",
        "the proxy itself was up to %.1f ms late (at most %llu of %llu "
        "samples over %.1f ms), so times prove nothing; it would have said %s",
        (double)lag.worst_ns / NS_PER_MS, (unsigned long long)lag.over,
        (unsigned long long)lag.samples, (double)lag.limit_ns / NS_PER_MS, said);
}

static bool is_listed(const char *const *list, const char *reason)
{
    for (; *list != NULL; list++)
        if (strcmp(*list, reason) == 0)
            return true;
    return false;
}

/* What a scenario may expect is what checks can give: expectation.c reads these lists. */
static bool reason_is_listed(const struct check_type *type, const struct verdict *verdict)
{
    if (verdict->value == VERDICT_PASSED)
        return verdict->reason[0] == '\0';
    if (verdict->value == VERDICT_FAILED)
        return is_listed(type->reasons, verdict->reason);
    return is_listed(type->doubts, verdict->reason) ||
           is_listed(check_doubts, verdict->reason);
}

void check_judge(const struct check *check, const struct evidence *evidence,
                 const struct cast *cast, struct verdict *verdict)
{
    struct check_input input = {
        .evidence = evidence, .cast = cast, .scope = &check->scope};

    verdict_init(verdict);
    if (!find_client(&input, verdict) || !find_window(&input, verdict))
        return;
    if (!evidence_is_whole(&input, verdict))
        return;
    check->type->judge(&input, check->conf, verdict);
    if (verdict->value == VERDICT_PASSED)
        untouched_apply(&input, verdict);
    if (check->type->smallest_ns != NULL)
        apply_overload(&input, check->type->smallest_ns(check->conf), verdict);
    assert(reason_is_listed(check->type, verdict));
}
