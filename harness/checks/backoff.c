/* backoff: clients come back politely, measured at the proxy.
 *
 * All well:  between the loss of a connection and its return every attempt is an accept
 *            on one of the client's links; the waits between them are the policy's.
 * Failed:    another class of series ("fixed", "hot_loop"), or the class with another
 *            figure ("first", "factor", "cap", "jitter", "reset").
 * Inconclusive: nobody lost a connection, or too few attempts to tell. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/checks/backoff_words.h"
#include "harness/checks/waits.h"
#include "proxy/base/clock.h"

struct backoff_conf {
    uint64_t first_ns;
    double factor;
    uint64_t cap_ns;
    struct param_value jitter;
    uint64_t tolerance_ns;
    bool reset;
};

static const char *const jitters[] = {"equal", "full", "decorrelated", NULL};

static const struct param params[] = {
    PARAM(backoff_conf, first_ns, DURATION, "first", "!", "1ms", "1h",
          "the first wait of an outage"),
    PARAM(backoff_conf, factor, NUMBER, "factor", "2", "1", "100",
          "each wait is so many times the one before; 1: a fixed wait"),
    PARAM(backoff_conf, cap_ns, DURATION, "cap", "24h", "1ms", "24h",
          "the longest wait; 24h: none"),
    PARAM_UNION(backoff_conf, jitter, PARAM_PERCENT | PARAM_ENUM, "jitter", "0%", NULL,
                NULL, jitters,
                "how waits are spread: 10% up or down, equal (half of it "
                "is chance), full (all of it), decorrelated"),
    PARAM(backoff_conf, tolerance_ns, DURATION, "tolerance", "0", "0", "1m",
          "how late a wait may be; 0: 5 ms or 10 %, whichever is more"),
    PARAM(backoff_conf, reset, BOOL, "reset", "true", NULL, NULL,
          "a later outage begins at first again"),
    PARAM_END,
};

static int check_conf(const void *arg, struct error *err)
{
    const struct backoff_conf *conf = arg;

    if (conf->cap_ns < conf->first_ns) {
        error_set(err, E_PARAM, "check.backoff: cap is below first");
        error_hint(err, "cap is the longest wait, first the shortest");
        return E_PARAM;
    }
    if (conf->jitter.kind == PARAM_PERCENT &&
        (conf->jitter.number < 0 || conf->jitter.number > 1)) {
        error_set(err, E_PARAM, "check.backoff: jitter is not between 0%% and 100%%");
        error_hint(err, "jitter = \"10%%\", or \"equal\", \"full\", \"decorrelated\"");
        return E_PARAM;
    }
    return 0;
}

static uint64_t smallest_ns(const void *arg)
{
    const struct backoff_conf *conf = arg;

    return conf->first_ns;
}

#define NO_CAP_NS (86400ull * NS_PER_S)

static void jitter_text(const struct backoff_conf *conf, char *text, size_t size)
{
    if (conf->jitter.kind == PARAM_ENUM)
        snprintf(text, size, "%s jitter", jitters[conf->jitter.choice]);
    else if (conf->jitter.number > 0)
        snprintf(text, size, "jitter %.3g%%", conf->jitter.number * 100);
    else
        snprintf(text, size, "no jitter");
}

/* "first 250ms, factor 2, cap 3s, jitter 10%"; no word of a cap that was not given. */
static void policy_text(const struct backoff_conf *conf, char *text, size_t size)
{
    char first[32];
    char longest[32];
    char cap[48] = "";
    char jitter[48];

    jitter_text(conf, jitter, sizeof jitter);
    if (conf->cap_ns < NO_CAP_NS)
        snprintf(cap, sizeof cap, ", cap %s",
                 param_duration_text(conf->cap_ns, longest, sizeof longest));
    snprintf(text, size, "first %s, factor %.4g%s, %s",
             param_duration_text(conf->first_ns, first, sizeof first), conf->factor, cap,
             jitter);
}

static void title(const void *arg, char *text, size_t size)
{
    char policy[160];

    policy_text(arg, policy, sizeof policy);
    snprintf(text, size, "backs off: %s", policy);
}

static struct pace_policy policy_of(const struct backoff_conf *conf)
{
    static const enum pace_jitter kinds[] = {PACE_EQUAL, PACE_FULL, PACE_DECORRELATED};
    struct pace_policy policy = {
        .first_ms = (double)conf->first_ns / NS_PER_MS,
        .factor = conf->factor,
        .cap_ms = (double)conf->cap_ns / NS_PER_MS,
        .jitter = PACE_PERCENT,
        .late_ms = (double)conf->tolerance_ns / NS_PER_MS,
        .reset = conf->reset,
    };

    if (conf->jitter.kind == PARAM_ENUM)
        policy.jitter = kinds[conf->jitter.choice];
    else if (conf->jitter.kind == PARAM_PERCENT)
        policy.percent = conf->jitter.number;
    return policy;
}

/* ---- from outages to waits ---- */

static bool reserve(struct backoff_judging *j)
{
    int capacity = j->capacity == 0 ? 16 : j->capacity * 2;
    struct pace_outage *paces;
    struct backoff_measured *measured;

    if (j->count < j->capacity)
        return true;
    paces = realloc(j->paces, (size_t)capacity * sizeof *paces);
    if (paces == NULL)
        return false;
    j->paces = paces;
    measured = realloc(j->measured, (size_t)capacity * sizeof *measured);
    if (measured == NULL)
        return false;
    j->measured = measured;
    j->capacity = capacity;
    return true;
}

static int measure_outage(struct backoff_judging *j, const struct outage *outage,
                          int order)
{
    struct pace_outage pace;

    if (!reserve(j) || waits_of_outage(&pace, outage, order) != 0)
        return E_NOMEM;
    j->attempts += outage->attempt_count;
    j->paces[j->count] = pace;
    j->measured[j->count++] =
        (struct backoff_measured){.outage = *outage, .attempts = outage->attempt_count};
    return 0;
}

/* What the client told of and the proxy did not see cannot be measured: to be said. */
static int note_excluded(struct backoff_judging *j, const struct connection_lane *lane,
                         const struct outage *seen, int seen_count)
{
    struct outage *told = NULL;
    int count =
        lane_outages_told(j->lanes, lane, j->input->from_ns, j->input->to_ns, &told);
    const struct outage *first;
    int missing;

    if (count < 0)
        return count;
    missing = outages_missing(told, count, seen, seen_count, &first);
    if (missing > 0 && j->excluded == 0)
        j->first_excluded = *first;
    j->excluded += missing;
    free(told);
    return 0;
}

static int measure_lane(struct backoff_judging *j, const struct connection_lane *lane)
{
    struct outage *outages = NULL;
    int count =
        lane_outages_seen(j->lanes, lane, j->input->from_ns, j->input->to_ns, &outages);
    int rc = count < 0 ? count : note_excluded(j, lane, outages, count);
    int i;

    j->lanes_concerned += count > 0;
    for (i = 0; i < count && rc == 0; i++)
        rc = measure_outage(j, &outages[i], i);
    free(outages);
    return rc;
}

/* ---- the verdict ---- */

static void decide(struct backoff_judging *j, const struct pace_judgement *judgement)
{
    bool percent = j->policy.jitter == PACE_PERCENT;
    char excluded[300];
    char seen[160];

    backoff_describe(j, judgement, seen, sizeof seen);
    backoff_excluded(j, excluded, sizeof excluded);
    if (judgement->waits > 0)
        verdict_measured(j->verdict, "%s", seen);
    if (j->count == 0 && j->excluded == 0)
        verdict_inconclusive(j->verdict, "no_disconnect",
                             "nobody lost a connection, so nobody had to back off");
    else if (judgement->answer == PACE_NO_MEMORY)
        verdict_inconclusive(j->verdict, "no_memory", "not enough memory to judge");
    else if (judgement->answer == PACE_TOO_FEW)
        verdict_inconclusive(j->verdict, "too_few_attempts",
                             "%d waits between %d attempts; %d are needed to tell%s",
                             judgement->waits, j->attempts,
                             percent ? PACE_WAITS_PERCENT : PACE_WAITS_SPREAD, excluded);
    else if (judgement->answer == PACE_UNRESOLVED)
        verdict_inconclusive(j->verdict, "too_few_attempts",
                             "%d waits do not tell the jitter asked for from scheduling "
                             "noise: more attempts, longer waits or more jitter would%s",
                             judgement->waits, excluded);
    else if (judgement->answer != PACE_AS_ASKED)
        backoff_say_off(j, judgement);
    else if (j->excluded > 0) /* what was left out may be what was wrong */
        verdict_inconclusive(j->verdict, "outage_unseen",
                             "as asked where it was seen: %s in %d outages%s", seen,
                             j->count, excluded);
    else
        verdict_pass(j->verdict, "as asked: %s in %d outages of %d connections%s", seen,
                     j->count, j->lanes_concerned,
                     j->count > j->lanes_concerned
                         ? ""
                         : "; nobody had a second outage to show that the counter is "
                           "reset");
}

static void judge(const struct check_input *input, const void *arg,
                  struct verdict *verdict)
{
    struct backoff_judging j = {
        .input = input, .policy = policy_of(arg), .verdict = verdict};
    struct pace_judgement judgement;
    struct error err;
    char expected[160];
    int rc;
    int i;

    rc = lanes_create(&j.lanes, input->evidence, input->cast, input->scope->of, &err);
    for (i = 0; rc == 0 && i < j.lanes->count; i++)
        rc = measure_lane(&j, &j.lanes->lanes[i]);
    if (rc == 0) {
        judgement = pace_judge(&j.policy, j.paces, j.count);
        policy_text(arg, expected, sizeof expected);
        verdict_expected(verdict, "%s", expected);
        backoff_numbers(&j, &judgement);
        decide(&j, &judgement);
    } else {
        verdict_inconclusive(verdict, "no_memory", "not enough memory to judge");
    }
    for (i = 0; i < j.count; i++)
        free(j.paces[i].waits);
    free(j.paces);
    free(j.measured);
    lanes_destroy(j.lanes);
}

static const char *const reasons[] = {
    "first",  "factor",      "cap",      "jitter",
    "reset",  "immediate",   "fixed",    "fixed_with_jitter",
    "linear", "exponential", "hot_loop", "unclassified",
    NULL};
static const char *const doubts[] = {"no_disconnect", "too_few_attempts", "outage_unseen",
                                     NULL};

const struct check_type check_backoff = {
    .name = "backoff",
    .summary = "clients come back politely",
    .params = params,
    .reasons = reasons,
    .doubts = doubts,
    .conf_size = sizeof(struct backoff_conf),
    .check = check_conf,
    .smallest_ns = smallest_ns,
    .title = title,
    .judge = judge,
};
