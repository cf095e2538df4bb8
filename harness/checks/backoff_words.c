/* backoff_words: the series in figures, in a sentence, and as witnesses. */
#include "harness/checks/backoff_words.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/checks/words.h"
#include "proxy/base/clock.h"

enum { SERIES_MAX = 10, WAITS_MAX = 30 };

/* "first 30 of 160": a list that was cut says so. */
static void say_cut(json_t *object, const char *name, int shown, int of)
{
    char text[48];

    if (of <= shown)
        return;
    snprintf(text, sizeof text, "first %d of %d", shown, of);
    json_object_set_new(object, name, json_string(text));
}

static json_t *one_series(const struct backoff_judging *j, int o)
{
    const struct pace_outage *pace = &j->paces[o];
    json_t *waits = json_array();
    json_t *series;
    int i;

    for (i = 0; i < pace->count && i < WAITS_MAX; i++)
        json_array_append_new(waits, pace->waits[i] < 0 ? json_null()
                                                        : json_real(pace->waits[i]));
    series =
        json_pack("{s:s, s:i, s:i, s:f, s:o}", "client", j->measured[o].outage.lane->name,
                  "outage", pace->order + 1, "attempts", j->measured[o].attempts,
                  "first_attempt_ms", pace->first_ms, "waits_ms", waits);
    say_cut(series, "waits_ms_shown", WAITS_MAX, pace->count);
    return series;
}

static json_t *series_json(const struct backoff_judging *j)
{
    json_t *list = json_array();
    int o;

    for (o = 0; o < j->count && o < SERIES_MAX; o++)
        json_array_append_new(list, one_series(j, o));
    return list;
}

void backoff_numbers(struct backoff_judging *j, const struct pace_judgement *judgement)
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
    if (j->excluded > 0)
        verdict_count(verdict, "excluded", (uint64_t)j->excluded);
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
    say_cut(verdict->numbers, "series_shown", SERIES_MAX, j->count);
}

static int by_size(const void *left, const void *right)
{
    double a = *(const double *)left;
    double b = *(const double *)right;

    return a < b ? -1 : a > b;
}

/* The middle one of the times from a loss to the first attempt; negative: none. */
static double middle_first_ms(const struct backoff_judging *j)
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

void backoff_describe(const struct backoff_judging *j,
                      const struct pace_judgement *judgement, char *text, size_t size)
{
    const struct pace_seen *seen = &judgement->seen;
    double first_ms = middle_first_ms(j);
    char first[TIME_TEXT_BYTES];
    char longest[TIME_TEXT_BYTES];
    char cap[48] = "";
    size_t used;

    text[0] = '\0';
    if (first_ms >= 0)
        snprintf(text, size, "first attempt after %s, then ",
                 ms_text(first_ms, first, sizeof first));
    used = strlen(text);
    if (seen->cap_ms > 0)
        snprintf(cap, sizeof cap, " up to %s",
                 ms_text(seen->cap_ms, longest, sizeof longest));
    ms_text(seen->first_ms, first, sizeof first);
    if (seen->class == PACE_EXPONENTIAL || seen->class == PACE_LINEAR)
        snprintf(text + used, size - used, "%s from %s by %.3g%s (%d waits)",
                 pace_class_name(seen->class), first, seen->factor, cap,
                 judgement->waits);
    else if (seen->class == PACE_UNCLASSIFIED)
        snprintf(text + used, size - used, "no policy to be recognised (%d waits)",
                 judgement->waits);
    else
        snprintf(text + used, size - used, "%s, about %s (%d waits)",
                 pace_class_name(seen->class), first, judgement->waits);
}

static double moment(const struct backoff_judging *j, uint64_t time_ns)
{
    uint64_t start_ns = evidence_start_ns(j->input->evidence);

    return time_ns < start_ns ? 0 : (double)(time_ns - start_ns) / NS_PER_S;
}

const char *backoff_excluded(const struct backoff_judging *j, char *text, size_t size)
{
    text[0] = '\0';
    if (j->excluded > 0)
        snprintf(text, size,
                 "; excluded: %d outage%s, because the proxy saw no connection end when "
                 "%.60s said that it had lost one (at %.3f s)",
                 j->excluded, j->excluded == 1 ? "" : "s", j->first_excluded.lane->name,
                 moment(j, j->first_excluded.lost_ns));
    return text;
}

/* The attempts of the outage that decided, or of the first. */
static void witness(struct backoff_judging *j, const struct pace_judgement *judgement)
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
        char after[TIME_TEXT_BYTES] = "some time";

        if (since_ns != 0 && since_ns <= attempts[i].accept_ns)
            ns_text(attempts[i].accept_ns - since_ns, after, sizeof after);
        verdict_witness(j->verdict, j->input->evidence, attempts[i].accept,
                        "attempt %d of %s, %s after %s%s", i + 1, outage->lane->name,
                        after, i == 0 ? "the loss" : "the one before",
                        attempts[i].is_established ? ": connected" : "");
    }
}

/* "; wait 3 of worker's outage 1 was 99 ms, not 360 to 445 ms", or "" */
static const char *what_broke(const struct backoff_judging *j,
                              const struct pace_judgement *judgement, char *text,
                              size_t size)
{
    int o = judgement->outage;
    char was[TIME_TEXT_BYTES];
    char low[TIME_TEXT_BYTES];
    char high[TIME_TEXT_BYTES];

    text[0] = '\0';
    if (o >= 0 && judgement->wait >= 0)
        snprintf(text, size, "; wait %d of %.60s's outage %d was %s, not %s to %s",
                 judgement->wait + 1, j->measured[o].outage.lane->name,
                 j->paces[o].order + 1,
                 ms_text(j->paces[o].waits[judgement->wait], was, sizeof was),
                 ms_text(fmax(judgement->low_ms, 0), low, sizeof low),
                 ms_text(judgement->high_ms, high, sizeof high));
    else if (o >= 0)
        snprintf(text, size,
                 "; %.60s first tried %s after its loss, neither at once nor after first",
                 j->measured[o].outage.lane->name,
                 ms_text(j->paces[o].first_ms, was, sizeof was));
    return text;
}

void backoff_say_off(struct backoff_judging *j, const struct pace_judgement *judgement)
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
    char where[200];
    char excluded[300];

    backoff_describe(j, judgement, seen, sizeof seen);
    verdict_fail(j->verdict, reason, "%s%s%s%s",
                 judgement->answer == PACE_NO_RESET
                     ? "the counter was not reset by a success: seen "
                     : "seen: ",
                 seen, what_broke(j, judgement, where, sizeof where),
                 backoff_excluded(j, excluded, sizeof excluded));
    witness(j, judgement);
}
