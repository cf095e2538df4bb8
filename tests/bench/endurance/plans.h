/* plans: every fault there is, with parameters so short that a connection lives through
 * it in some milliseconds. */
#ifndef STORMDRILL_BENCH_PLANS_H
#define STORMDRILL_BENCH_PLANS_H

struct plan {
    const char *words; /* as --fault takes them; "" is none; " + " stands between two */
};

/* NULL behind the last. */
const struct plan *plan_at(int index);

/* The first fault of faults.def that has no plan; NULL: each has one. */
const char *plan_missing(void);

#endif
