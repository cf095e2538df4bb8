/* backoff_words: what the check backoff says of what it measured. Private to backoff*.c.
 */
#ifndef STORMDRILL_CHECKS_BACKOFF_WORDS_H
#define STORMDRILL_CHECKS_BACKOFF_WORDS_H

#include "harness/checks/check.h"
#include "harness/checks/lanes.h"
#include "harness/checks/pace.h"

struct backoff_measured { /* beside a pace_outage */
    struct outage outage;
    int attempts;
};

struct backoff_judging {
    const struct check_input *input;
    struct pace_policy policy;
    struct lanes *lanes;
    struct verdict *verdict;
    struct pace_outage *paces;
    struct backoff_measured *measured;
    int count, capacity;
    int lanes_concerned;
    int attempts;
    int excluded; /* outages that a client told of and the proxy never saw */
    struct outage first_excluded; /* of them */
};

/* Every figure behind the verdict. */
void backoff_numbers(struct backoff_judging *j, const struct pace_judgement *judgement);

/* "first attempt after 251 ms, then exponential from 497 ms by 1.99 (24 waits)" */
void backoff_describe(const struct backoff_judging *j,
                      const struct pace_judgement *judgement, char *text, size_t size);

/* "; excluded: 1 outage, because …"; "" when nothing is. */
const char *backoff_excluded(const struct backoff_judging *j, char *text, size_t size);

/* Not as asked: fail, with the reason, the wait that decided and its attempts. */
void backoff_say_off(struct backoff_judging *j, const struct pace_judgement *judgement);

#endif
