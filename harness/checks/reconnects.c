/* reconnects: who lost its connection was back in time.
 *
 * All well:  every client that lost its connection was connected again within the time,
 *            counted from the loss or, where no broker could be reached then, from the
 *            moment one could.
 * Failed:    it closed for good, it was never back though it could, it was late.
 * Inconclusive: nobody lost a connection; the run, or we, ended it before its time was
 *            up; no broker could be reached any more. First connects do not count. */
#include <stdio.h>
#include <stdlib.h>

#include "harness/checks/check.h"
#include "harness/checks/lanes.h"
#include "harness/checks/reach.h"
#include "harness/checks/words.h"
#include "proxy/base/clock.h"

struct reconnects_conf {
    uint64_t within_ns;
};

static const struct param params[] = {
    PARAM(reconnects_conf, within_ns, DURATION, "within", "!", "1ms", "1h",
          "the longest a client may be without its connection while it could have one"),
    PARAM_END,
};

static uint64_t smallest_ns(const void *arg)
{
    const struct reconnects_conf *conf = arg;

    return conf->within_ns;
}

static void title(const void *arg, char *text, size_t size)
{
    const struct reconnects_conf *conf = arg;
    char within[32];

    snprintf(text, size, "reconnects within %s",
             param_duration_text(conf->within_ns, within, sizeof within));
}

enum fate { FATE_BACK, FATE_LATE, FATE_NEVER, FATE_CLOSED, FATE_CUT, FATE_SHUT };
enum { FATE_COUNT = FATE_SHUT + 1 };

struct result { /* of one outage */
    enum fate fate;
    uint64_t took_ns; /* the longest it could have been back and was not */
    char since[160];  /* what that counts from; "" = the loss */
};

struct judging {
    const struct check_input *input;
    const struct reconnects_conf *conf;
    struct lanes *lanes;
    struct reach *reach;
    struct verdict *verdict;
    uint64_t counts[FATE_COUNT];
    struct outage worst_outage[FATE_COUNT]; /* of each fate */
    struct result worst[FATE_COUNT];
    uint64_t outages;
    uint64_t lanes_concerned;
    uint64_t took_total_ns;
};

/* The longest opening during the outage, up to when it was over. */
static void measure(const struct opening *openings, int count, struct result *result)
{
    int i;

    for (i = 0; i < count; i++) {
        uint64_t ns = openings[i].end_ns - openings[i].begin_ns;

        if (ns < result->took_ns)
            continue;
        result->took_ns = ns;
        snprintf(result->since, sizeof result->since, "%s", openings[i].since);
    }
}

static int judge_outage(const struct judging *j, const struct outage *outage,
                        struct result *result)
{
    uint64_t until_ns = outage->until_ns;
    struct opening *openings = NULL;
    int count;

    *result = (struct result){.took_ns = 0};
    if (until_ns == UINT64_MAX) /* a run that was cut off: to its last record */
        until_ns = evidence_end_ns(j->input->evidence);
    count = reach_openings(j->reach, outage->lane, outage->lost_ns, until_ns, &openings);
    if (count < 0)
        return count;
    measure(openings, count, result);
    free(openings);
    if (outage->back_ns != 0)
        result->fate = result->took_ns > j->conf->within_ns ? FATE_LATE : FATE_BACK;
    else if (outage->closed_ns != 0)
        result->fate = FATE_CLOSED;
    else if (result->took_ns > j->conf->within_ns)
        result->fate = FATE_NEVER;
    else
        result->fate = count == 0 ? FATE_SHUT : FATE_CUT;
    return 0;
}

static double seconds(uint64_t ns)
{
    return (double)ns / NS_PER_S;
}

static double moment(const struct judging *j, uint64_t time_ns)
{
    uint64_t start_ns = evidence_start_ns(j->input->evidence);

    return time_ns < start_ns ? 0 : seconds(time_ns - start_ns);
}

static const char *counted_from(const struct result *result, char *text, size_t size)
{
    if (result->since[0] == '\0')
        snprintf(text, size, "from the loss");
    else
        snprintf(text, size, "from when %.150s", result->since);
    return text;
}

static void witness(struct judging *j, const struct outage *outage,
                    const struct result *result)
{
    const char *name = outage->lane->name;
    const struct record *r = result->fate == FATE_CLOSED && outage->closed != NULL
                                 ? outage->closed
                                 : outage->loss;
    double lost_s = moment(j, outage->lost_ns);
    char from[200];
    char took[TIME_TEXT_BYTES];
    char late[TIME_TEXT_BYTES];

    counted_from(result, from, sizeof from);
    ns_text(result->took_ns, took, sizeof took);
    if (result->fate == FATE_CLOSED)
        verdict_witness(j->verdict, j->input->evidence, r,
                        "%s lost its connection at %.3f s and closed it for good at "
                        "%.3f s",
                        name, lost_s, moment(j, outage->closed_ns));
    else if (result->fate == FATE_LATE)
        verdict_witness(
            j->verdict, j->input->evidence, r,
            "%s lost its connection at %.3f s and was back %s late: %s, %s", name, lost_s,
            ns_text(result->took_ns - j->conf->within_ns, late, sizeof late), took, from);
    else
        verdict_witness(j->verdict, j->input->evidence, r,
                        "%s lost its connection at %.3f s and was not back %s later, %s "
                        "(%d attempts)",
                        name, lost_s, took, from, outage->attempt_count);
}

static int judge_lane(struct judging *j, const struct connection_lane *lane)
{
    struct outage *outages = NULL;
    int count =
        lane_outages_told(j->lanes, lane, j->input->from_ns, j->input->to_ns, &outages);
    int rc = count < 0 ? count : 0;
    int i;

    j->lanes_concerned += count > 0;
    for (i = 0; i < count && rc == 0; i++) {
        struct result result;

        rc = judge_outage(j, &outages[i], &result);
        if (rc != 0)
            break;
        j->outages++;
        j->took_total_ns += result.fate == FATE_BACK ? result.took_ns : 0;
        if (j->counts[result.fate]++ == 0 ||
            result.took_ns > j->worst[result.fate].took_ns) {
            j->worst[result.fate] = result;
            j->worst_outage[result.fate] = outages[i];
        }
        if (result.fate == FATE_LATE || result.fate == FATE_NEVER ||
            result.fate == FATE_CLOSED)
            witness(j, &outages[i], &result);
    }
    free(outages);
    return rc;
}

static void print_numbers(struct judging *j)
{
    struct verdict *verdict = j->verdict;
    char within[32];

    verdict_count(verdict, "clients", j->lanes_concerned);
    verdict_count(verdict, "outages", j->outages);
    verdict_count(verdict, "back", j->counts[FATE_BACK]);
    verdict_count(verdict, "late", j->counts[FATE_LATE]);
    verdict_count(verdict, "never", j->counts[FATE_NEVER]);
    verdict_count(verdict, "closed", j->counts[FATE_CLOSED]);
    verdict_count(verdict, "cut_short", j->counts[FATE_CUT]);
    verdict_count(verdict, "out_of_reach", j->counts[FATE_SHUT]);
    verdict_number(verdict, "worst_s", seconds(j->worst[FATE_BACK].took_ns));
    if (j->counts[FATE_BACK] > 0)
        verdict_number(verdict, "mean_s",
                       seconds(j->took_total_ns) / (double)j->counts[FATE_BACK]);
    verdict_expected(verdict, "within %s",
                     param_duration_text(j->conf->within_ns, within, sizeof within));
}

static void say_failed(struct judging *j, enum fate fate)
{
    const struct outage *outage = &j->worst_outage[fate];
    const struct result *result = &j->worst[fate];
    const char *name = outage->lane->name;
    unsigned long long others = j->counts[fate] - 1;
    char from[200];
    char more[64] = "";
    char took[TIME_TEXT_BYTES];

    counted_from(result, from, sizeof from);
    ns_text(result->took_ns, took, sizeof took);
    if (others > 0)
        snprintf(more, sizeof more, " (and %llu more)", others);
    if (fate == FATE_CLOSED) {
        verdict_fail(j->verdict, "closed",
                     "%s lost its connection at %.3f s and closed it for good%s", name,
                     moment(j, outage->lost_ns), more);
        verdict_measured(j->verdict, "closed for good");
    } else if (fate == FATE_NEVER) {
        verdict_fail(j->verdict, "never_reconnected",
                     "%s lost its connection at %.3f s and was never back, though it "
                     "could have been for %s, %s%s",
                     name, moment(j, outage->lost_ns), took, from, more);
        verdict_measured(j->verdict, "not within %s", took);
    } else {
        verdict_fail(j->verdict, "late",
                     "%s lost its connection at %.3f s and was back after %s, %s%s", name,
                     moment(j, outage->lost_ns), took, from, more);
        verdict_measured(j->verdict, "%s", took);
    }
}

static void say_cut(struct judging *j)
{
    enum fate fate = j->counts[FATE_CUT] > 0 ? FATE_CUT : FATE_SHUT;
    const struct outage *outage = &j->worst_outage[fate];
    double lost_s = moment(j, outage->lost_ns);
    char took[TIME_TEXT_BYTES];

    if (fate == FATE_SHUT)
        verdict_inconclusive(j->verdict, "out_of_reach",
                             "%s lost its connection at %.3f s, and no broker could be "
                             "reached from then on",
                             outage->lane->name, lost_s);
    else
        verdict_inconclusive(j->verdict,
                             outage->client_ended ? "client_ended" : "run_ended",
                             "%s lost its connection at %.3f s, and %s %s after it "
                             "could have been back",
                             outage->lane->name, lost_s,
                             outage->client_ended ? "was ended" : "the run was over",
                             ns_text(j->worst[fate].took_ns, took, sizeof took));
}

static void decide(struct judging *j)
{
    static const enum fate failures[] = {FATE_CLOSED, FATE_NEVER, FATE_LATE};
    const struct result *worst = &j->worst[FATE_BACK];
    char from[200];
    char took[TIME_TEXT_BYTES];
    size_t i;

    for (i = 0; i < sizeof failures / sizeof failures[0]; i++)
        if (j->counts[failures[i]] > 0) {
            say_failed(j, failures[i]);
            return;
        }
    if (j->outages == 0) {
        verdict_inconclusive(j->verdict, "no_disconnect",
                             "nobody lost a connection, so nobody had to come back");
        return;
    }
    if (j->counts[FATE_CUT] + j->counts[FATE_SHUT] > 0) {
        say_cut(j);
        return;
    }
    verdict_pass(j->verdict,
                 "%llu of %llu lost connections were back; the slowest, %s, "
                 "after %s, counted %s",
                 (unsigned long long)j->counts[FATE_BACK], (unsigned long long)j->outages,
                 j->worst_outage[FATE_BACK].lane->name,
                 ns_text(worst->took_ns, took, sizeof took),
                 counted_from(worst, from, sizeof from));
    verdict_measured(j->verdict, "%s", took);
}

static void judge(const struct check_input *input, const void *arg,
                  struct verdict *verdict)
{
    struct judging j = {.input = input, .conf = arg, .verdict = verdict};
    struct error err;
    int rc;
    int i;

    rc = lanes_create(&j.lanes, input->evidence, input->cast, input->scope->of, &err);
    if (rc == 0)
        rc = reach_create(&j.reach, input->evidence, input->cast, &err);
    for (i = 0; rc == 0 && i < j.lanes->count; i++)
        rc = judge_lane(&j, &j.lanes->lanes[i]);
    if (rc == 0) {
        print_numbers(&j);
        decide(&j);
    } else {
        verdict_inconclusive(verdict, "no_memory", "not enough memory to judge");
    }
    reach_destroy(j.reach);
    lanes_destroy(j.lanes);
}

static const char *const reasons[] = {"closed", "never_reconnected", "late", NULL};
static const char *const doubts[] = {"no_disconnect", "out_of_reach", "client_ended",
                                     "run_ended", NULL};

const struct check_type check_reconnects = {
    .name = "reconnects",
    .summary = "who lost its connection is back in time",
    .params = params,
    .reasons = reasons,
    .doubts = doubts,
    .conf_size = sizeof(struct reconnects_conf),
    .smallest_ns = smallest_ns,
    .title = title,
    .judge = judge,
};
