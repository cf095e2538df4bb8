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

#include "harness/checks/check.h"
#include "harness/checks/lanes.h"
#include "harness/checks/pace.h"
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
    PARAM(backoff_conf, cap_ns, DURATION, "cap", "24h", "1ms", "24h", "the longest wait"),
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

static void jitter_text(const struct backoff_conf *conf, char *text, size_t size)
{
    if (conf->jitter.kind == PARAM_ENUM)
        snprintf(text, size, "%s jitter", jitters[conf->jitter.choice]);
    else if (conf->jitter.number > 0)
        snprintf(text, size, "jitter %.3g%%", conf->jitter.number * 100);
    else
        snprintf(text, size, "no jitter");
}

/* "first 250ms, factor 2, cap 3s, jitter 10%" */
static void policy_text(const struct backoff_conf *conf, char *text, size_t size)
{
    char first[32];
    char cap[32];
    char jitter[48];

    jitter_text(conf, jitter, sizeof jitter);
    snprintf(text, size, "first %s, factor %.4g, cap %s, %s",
             param_duration_text(conf->first_ns, first, sizeof first), conf->factor,
             param_duration_text(conf->cap_ns, cap, sizeof cap), jitter);
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

struct measured { /* beside a pace_outage */
    struct outage outage;
    int attempts;
};

struct judging {
    const struct check_input *input;
    const struct backoff_conf *conf;
    struct lanes *lanes;
    struct verdict *verdict;
    struct pace_outage *paces;
    struct measured *measured;
    int count, capacity;
    int lanes_concerned;
    int attempts;
};

static bool reserve(struct judging *j)
{
    int capacity = j->capacity == 0 ? 16 : j->capacity * 2;
    struct pace_outage *paces;
    struct measured *measured;

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

static int measure_outage(struct judging *j, const struct outage *outage, int order)
{
    struct pace_outage pace;

    if (!reserve(j) || waits_of_outage(&pace, outage, order) != 0)
        return E_NOMEM;
    j->attempts += outage->attempt_count;
    j->paces[j->count] = pace;
    j->measured[j->count++] =
        (struct measured){.outage = *outage, .attempts = outage->attempt_count};
    return 0;
}

static int measure_lane(struct judging *j, const struct connection_lane *lane)
{
    struct outage *outages = NULL;
    int count =
        lane_outages_seen(j->lanes, lane, j->input->from_ns, j->input->to_ns, &outages);
    int rc = count < 0 ? count : 0;
    int i;

    j->lanes_concerned += count > 0;
    for (i = 0; i < count && rc == 0; i++)
        rc = measure_outage(j, &outages[i], i);
    free(outages);
    return rc;
}

/* ---- words ---- */

static json_t *series_json(const struct judging *j)
{
    enum { SERIES_MAX = 10, WAITS_MAX = 30 };
    json_t *list = json_array();
    int o;
    int i;

    for (o = 0; o < j->count && o < SERIES_MAX; o++) {
        const struct pace_outage *pace = &j->paces[o];
        json_t *waits = json_array();

        for (i = 0; i < pace->count && i < WAITS_MAX; i++)
            json_array_append_new(waits, pace->waits[i] < 0 ? json_null()
                                                            : json_real(pace->waits[i]));
        json_array_append_new(list, json_pack("{s:s, s:i, s:i, s:f, s:o}", "client",
                                              j->measured[o].outage.lane->name, "outage",
                                              pace->order + 1, "attempts",
                                              j->measured[o].attempts, "first_attempt_ms",
                                              pace->first_ms, "waits_ms", waits));
    }
    return list;
}

static void print_numbers(struct judging *j, const struct pace_judgement *judgement)
{
    const struct pace_seen *seen = &judgement->seen;
    struct verdict *verdict = j->verdict;
    double least = INFINITY;
    double most = 0;
    int o;

    for (o = 0; o < j->count; o++) {
        if (j->paces[o].first_ms < 0)
            continue;
        least = fmin(least, j->paces[o].first_ms);
        most = fmax(most, j->paces[o].first_ms);
    }
    verdict_count(verdict, "outages", (uint64_t)j->count);
    verdict_count(verdict, "connections", (uint64_t)j->lanes_concerned);
    verdict_count(verdict, "attempts", (uint64_t)j->attempts);
    verdict_count(verdict, "waits", (uint64_t)judgement->waits);
    if (least <= most) {
        verdict_number(verdict, "first_attempt_least_ms", least);
        verdict_number(verdict, "first_attempt_most_ms", most);
    }
    if (judgement->waits > 0) {
        json_object_set_new(verdict->numbers, "class",
                            json_string(pace_class_name(seen->class)));
        verdict_number(verdict, "first_ms", seen->first_ms);
        verdict_number(verdict, "factor", seen->factor);
        if (seen->cap_ms > 0)
            verdict_number(verdict, "cap_ms", seen->cap_ms);
        verdict_number(verdict, "spread", seen->spread);
    }
    json_object_set_new(verdict->numbers, "series", series_json(j));
}

static int by_size(const void *left, const void *right)
{
    double a = *(const double *)left;
    double b = *(const double *)right;

    return a < b ? -1 : a > b;
}

/* The middle one of the times from a loss to the first attempt; negative: none. */
static double middle_first_ms(const struct judging *j)
{
    double *firsts = calloc((size_t)j->count + 1, sizeof *firsts);
    double middle = -1;
    int n = 0;
    int o;

    for (o = 0; firsts != NULL && o < j->count; o++)
        if (j->paces[o].first_ms >= 0)
            firsts[n++] = j->paces[o].first_ms;
    if (n > 0) {
        qsort(firsts, (size_t)n, sizeof *firsts, by_size);
        middle = firsts[n / 2];
    }
    free(firsts);
    return middle;
}

/* "first attempt after 251 ms, then exponential from 497 ms by 1.99 (24 waits)" */
static void describe_seen(const struct judging *j, const struct pace_judgement *judgement,
                          char *text, size_t size)
{
    const struct pace_seen *seen = &judgement->seen;
    double first_ms = middle_first_ms(j);
    char cap[48] = "";
    size_t used;

    text[0] = '\0';
    if (first_ms >= 0)
        snprintf(text, size, "first attempt after %.3g ms, then ", first_ms);
    used = strlen(text);
    if (seen->cap_ms > 0)
        snprintf(cap, sizeof cap, " up to %.4g ms", seen->cap_ms);
    if (seen->class == PACE_EXPONENTIAL || seen->class == PACE_LINEAR)
        snprintf(text + used, size - used, "%s from %.4g ms by %.3g%s (%d waits)",
                 pace_class_name(seen->class), seen->first_ms, seen->factor, cap,
                 judgement->waits);
    else if (seen->class == PACE_UNCLASSIFIED)
        snprintf(text + used, size - used, "no policy to be recognised (%d waits)",
                 judgement->waits);
    else
        snprintf(text + used, size - used, "%s, about %.3g ms (%d waits)",
                 pace_class_name(seen->class), seen->first_ms, judgement->waits);
}

static double moment(const struct judging *j, uint64_t time_ns)
{
    uint64_t start_ns = evidence_start_ns(j->input->evidence);

    return time_ns < start_ns ? 0 : (double)(time_ns - start_ns) / NS_PER_S;
}

/* The attempts of the outage that decided, or of the first. */
static void witness(struct judging *j, const struct pace_judgement *judgement)
{
    int o = judgement->outage >= 0 ? judgement->outage : 0;
    const struct outage *outage = &j->measured[o].outage;
    const struct attempt *attempts = outage->lane->attempts + outage->first_attempt;
    int i;

    verdict_witness(j->verdict, j->input->evidence, outage->loss,
                    "%s lost its connection at %.3f s", outage->lane->name,
                    moment(j, outage->lost_ns));
    for (i = 0; i < outage->attempt_count && i < VERDICT_WITNESSES_MAX - 1; i++) {
        uint64_t since_ns = i == 0 ? outage->lost_ns : attempts[i - 1].end_ns;
        double ms = since_ns == 0 || since_ns > attempts[i].accept_ns
                        ? NAN
                        : (double)(attempts[i].accept_ns - since_ns) / NS_PER_MS;

        verdict_witness(j->verdict, j->input->evidence, attempts[i].accept,
                        "attempt %d of %s, %.1f ms after %s%s", i + 1, outage->lane->name,
                        ms, i == 0 ? "the loss" : "the one before",
                        attempts[i].is_established ? ": connected" : "");
    }
}

static void say_off(struct judging *j, const struct pace_judgement *judgement)
{
    static const char *const reasons[] = {
        [PACE_OTHER_FIRST] = "first", [PACE_OTHER_FACTOR] = "factor",
        [PACE_OTHER_CAP] = "cap",     [PACE_OTHER_JITTER] = "jitter",
        [PACE_NO_RESET] = "reset",
    };
    const char *reason = judgement->answer == PACE_OTHER_CLASS
                             ? pace_class_name(judgement->seen.class)
                             : reasons[judgement->answer];
    char seen[160];
    char where[160] = "";

    describe_seen(j, judgement, seen, sizeof seen);
    if (judgement->outage >= 0 && judgement->wait >= 0)
        snprintf(where, sizeof where,
                 "; wait %d of %.60s's outage %d was %.1f ms, not %.1f to %.1f ms",
                 judgement->wait + 1, j->measured[judgement->outage].outage.lane->name,
                 j->paces[judgement->outage].order + 1,
                 j->paces[judgement->outage].waits[judgement->wait],
                 fmax(judgement->low_ms, 0), judgement->high_ms);
    else if (judgement->outage >= 0)
        snprintf(where, sizeof where,
                 "; %.60s first tried %.1f ms after its loss, neither at once nor after "
                 "first",
                 j->measured[judgement->outage].outage.lane->name,
                 j->paces[judgement->outage].first_ms);
    verdict_fail(j->verdict, reason, "%s%s%s",
                 judgement->answer == PACE_NO_RESET
                     ? "the counter was not reset by a success: seen "
                     : "seen: ",
                 seen, where);
    witness(j, judgement);
}

static void decide(struct judging *j, const struct pace_judgement *judgement)
{
    bool percent = j->conf->jitter.kind != PARAM_ENUM;
    char seen[160];

    describe_seen(j, judgement, seen, sizeof seen);
    if (judgement->waits > 0)
        verdict_measured(j->verdict, "%s", seen);
    if (j->count == 0)
        verdict_inconclusive(j->verdict, "no_disconnect",
                             "nobody lost a connection, so nobody had to back off");
    else if (judgement->answer == PACE_NO_MEMORY)
        verdict_inconclusive(j->verdict, "no_memory", "not enough memory to judge");
    else if (judgement->answer == PACE_TOO_FEW)
        verdict_inconclusive(j->verdict, "too_few_attempts",
                             "%d waits between %d attempts; %d are needed to tell",
                             judgement->waits, j->attempts,
                             percent ? PACE_WAITS_PERCENT : PACE_WAITS_SPREAD);
    else if (judgement->answer == PACE_UNRESOLVED)
        verdict_inconclusive(j->verdict, "too_few_attempts",
                             "%d waits do not tell the jitter asked for from scheduling "
                             "noise: more attempts, longer waits or more jitter would",
                             judgement->waits);
    else if (judgement->answer == PACE_AS_ASKED)
        verdict_pass(j->verdict, "as asked: %s in %d outages of %d connections%s", seen,
                     j->count, j->lanes_concerned,
                     j->count > j->lanes_concerned
                         ? ""
                         : "; nobody had a second outage to show that the counter is "
                           "reset");
    else
        say_off(j, judgement);
}

static void judge(const struct check_input *input, const void *arg,
                  struct verdict *verdict)
{
    struct judging j = {.input = input, .conf = arg, .verdict = verdict};
    struct pace_policy policy = policy_of(j.conf);
    struct pace_judgement judgement;
    struct error err;
    char expected[160];
    int rc;
    int i;

    rc = lanes_create(&j.lanes, input->evidence, input->cast, input->client, &err);
    for (i = 0; rc == 0 && i < j.lanes->count; i++)
        rc = measure_lane(&j, &j.lanes->lanes[i]);
    if (rc == 0) {
        judgement = pace_judge(&policy, j.paces, j.count);
        policy_text(j.conf, expected, sizeof expected);
        verdict_expected(verdict, "%s", expected);
        print_numbers(&j, &judgement);
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

const struct check_type check_backoff = {
    .name = "backoff",
    .summary = "clients come back politely",
    .params = params,
    .conf_size = sizeof(struct backoff_conf),
    .check = check_conf,
    .smallest_ns = smallest_ns,
    .title = title,
    .judge = judge,
};
