/* backoff: clients come back politely, measured at the proxy.
 *
 * All well:  between the loss of a connection and its return every attempt is an accept
 *            on one of the client's links; the waits between them are the policy's.
 * Failed:    another class of series ("fixed", "hot_loop", …), or the class with another
 *            figure ("first", "factor", "cap", "jitter", "reset").
 * Inconclusive: nobody lost a connection, or too few attempts to tell. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/checks/check.h"
#include "harness/checks/lanes.h"
#include "harness/checks/pace.h"
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

static void title(const void *arg, char *text, size_t size)
{
    const struct backoff_conf *conf = arg;
    char first[32];
    char cap[32];
    char jitter[48];

    jitter_text(conf, jitter, sizeof jitter);
    snprintf(text, size, "backs off from %s by %.4g up to %s, %s",
             param_duration_text(conf->first_ns, first, sizeof first), conf->factor,
             param_duration_text(conf->cap_ns, cap, sizeof cap), jitter);
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

static bool is_paused_between(const struct connection_lane *lane, uint64_t from_ns,
                              uint64_t to_ns)
{
    int i;

    for (i = 0; i < lane->pause_count; i++)
        if (lane->pauses[i].begin_ns < to_ns && lane->pauses[i].end_ns > from_ns)
            return true;
    return false;
}

/* From the end of one attempt to the accept of the next; -1 where the end is not known
 * (a stalled link saw it late) or we had stopped the client meanwhile. */
static double gap_ms(const struct connection_lane *lane, const struct attempt *attempt,
                     const struct attempt *next)
{
    if (attempt->end_ns == 0 || attempt->end_ns > next->accept_ns ||
        is_paused_between(lane, attempt->end_ns, next->accept_ns))
        return -1;
    return (double)(next->accept_ns - attempt->end_ns) / NS_PER_MS;
}

/* A client with a pool of n servers tries them in a sweep and waits once per sweep: of n
 * gaps in a row one is the wait and the others are next to nothing. Where that is so,
 * keep the waits; where not, every gap is one. Gives the new count. */
static int keep_waits(double *gaps, int count, int pool)
{
    int waits = 0;
    int i;
    int k;

    if (pool < 2)
        return count;
    for (i = 0; i + pool <= count; i += pool) {
        double most = 0;
        double rest = 0;

        for (k = 0; k < pool; k++) {
            double gap = gaps[i + k] < 0 ? 0 : gaps[i + k];

            rest += gap < most ? gap : most;
            most = gap > most ? gap : most;
        }
        if (rest > 5.0 * (pool - 1) && rest > most * 0.1)
            return count;
    }
    for (i = 0; i + pool <= count; i += pool) {
        double most = -1;

        for (k = 0; k < pool; k++)
            most = gaps[i + k] > most ? gaps[i + k] : most;
        gaps[waits++] = most;
    }
    return waits;
}

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
    const struct connection_lane *lane = outage->lane;
    const struct attempt *attempts = lane->attempts + outage->first_attempt;
    int gaps = outage->attempt_count > 1 ? outage->attempt_count - 1 : 0;
    struct pace_outage pace = {.order = order, .first_ms = -1};
    int i;

    if (!reserve(j))
        return E_NOMEM;
    pace.waits = calloc((size_t)gaps + 1, sizeof *pace.waits);
    if (pace.waits == NULL)
        return E_NOMEM;
    if (outage->attempt_count > 0 &&
        !is_paused_between(lane, outage->lost_ns, attempts[0].accept_ns))
        pace.first_ms = (double)(attempts[0].accept_ns - outage->lost_ns) / NS_PER_MS;
    for (i = 0; i < gaps; i++)
        pace.waits[i] = gap_ms(lane, &attempts[i], &attempts[i + 1]);
    pace.count = keep_waits(pace.waits, gaps, lane->links.count);
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

static void describe_seen(const struct pace_judgement *judgement, char *text, size_t size)
{
    const struct pace_seen *seen = &judgement->seen;
    char cap[48] = "";

    if (seen->cap_ms > 0)
        snprintf(cap, sizeof cap, " up to %.4g ms", seen->cap_ms);
    if (seen->class == PACE_EXPONENTIAL || seen->class == PACE_LINEAR)
        snprintf(text, size, "%s from %.4g ms by %.3g%s (%d waits)",
                 pace_class_name(seen->class), seen->first_ms, seen->factor, cap,
                 judgement->waits);
    else if (seen->class == PACE_UNCLASSIFIED)
        snprintf(text, size, "no policy to be recognised (%d waits)", judgement->waits);
    else
        snprintf(text, size, "%s, about %.3g ms (%d waits)", pace_class_name(seen->class),
                 seen->first_ms, judgement->waits);
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

    describe_seen(judgement, seen, sizeof seen);
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

    describe_seen(judgement, seen, sizeof seen);
    if (judgement->waits > 0)
        verdict_measured(j->verdict, "%s", seen);
    if (j->count == 0)
        verdict_inconclusive(j->verdict, "no_disconnect",
                             "nobody lost a connection, so nobody had to back off");
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
        title(j.conf, expected, sizeof expected);
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
