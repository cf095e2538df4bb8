/* bound: the exact binomial bound, by bisection on the tail.
 *
 * P(at most k failures of n | rate p) falls as p grows; the bound is the p at which it
 * is 1 - confidence. Summed in logarithms, so that thousands of runs do not underflow. */
#include "reports/bound.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>

/* P(X <= k) for X ~ binomial(n, p), 0 < p < 1. */
static double at_most(int k, int n, double p)
{
    double term = (double)n * log1p(-p); /* log P(X = 0) */
    double sum = exp(term);

    for (int i = 1; i <= k; i++) {
        term += log((double)(n - i + 1) / (double)i) + log(p) - log1p(-p);
        sum += exp(term);
    }
    return sum;
}

double bound_failure_rate(int failed, int runs, double confidence)
{
    double low = 0, high = 1;

    assert(confidence > 0);
    assert(confidence < 1);
    if (runs <= 0 || failed >= runs || failed < 0)
        return 1;
    if (failed == 0)
        return 1 - pow(1 - confidence, 1.0 / runs);
    /* 60 halvings: beyond the precision of a double. */
    for (int i = 0; i < 60; i++) {
        double middle = (low + high) / 2;

        if (at_most(failed, runs, middle) > 1 - confidence)
            low = middle;
        else
            high = middle;
    }
    return high;
}

/* Two digits that count, never "0.0". */
static int digits_after(double percent)
{
    if (percent >= 9.95)
        return 0;
    return percent >= 0.995 ? 1 : 2;
}

char *bound_text(char *to, size_t size, int failed, int runs)
{
    double percent = 100 * bound_failure_rate(failed, runs, 0.95);
    int digits = digits_after(percent);

    if (failed == 0)
        snprintf(to, size, "passed %d of %d: failure rate below %.*f %% at 95 %%", runs,
                 runs, digits, percent);
    else if (failed < runs)
        snprintf(to, size, "failed %d of %d (failure rate below %.*f %% at 95 %%)",
                 failed, runs, digits, percent);
    else
        snprintf(to, size, "failed %d of %d", failed, runs);
    return to;
}
