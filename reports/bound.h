/* bound: how much a handful of repeats can say.
 *
 * The exact (Clopper-Pearson) upper bound of a failure rate, one-sided: after `failed` of
 * `runs` failures, rates above it would give so few failures in less than 1 - confidence
 * of all series. With no failure it is 1 - (1 - confidence)^(1/runs). */
#ifndef STORMDRILL_REPORTS_BOUND_H
#define STORMDRILL_REPORTS_BOUND_H

#include <stddef.h>

/* In [0, 1]; 1 when nothing can be said (no runs, or all failed). */
double bound_failure_rate(int failed, int runs, double confidence);

/* "passed 50 of 50: failure rate below 5.8 % at 95 %", "failed 1 of 10 (failure rate
 * below 39 % at 95 %)". Gives `to`. */
char *bound_text(char *to, size_t size, int failed, int runs);

#endif
