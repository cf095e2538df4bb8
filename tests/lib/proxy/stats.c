/* stats: mean, deviation, neighbours, and the distance from a law. */
#include "stats.h"

#include <math.h>
#include <stdlib.h>

double stats_mean(const double *values, size_t count)
{
    double sum = 0;

    for (size_t i = 0; i < count; i++)
        sum += values[i];
    return sum / (double)count;
}

double stats_deviation(const double *values, size_t count)
{
    double mean = stats_mean(values, count);
    double sum = 0;

    for (size_t i = 0; i < count; i++)
        sum += (values[i] - mean) * (values[i] - mean);
    return sqrt(sum / (double)count);
}

double stats_autocorrelation(const double *values, size_t count)
{
    double mean = stats_mean(values, count);
    double own = 0;
    double shared = 0;

    for (size_t i = 0; i < count; i++)
        own += (values[i] - mean) * (values[i] - mean);
    for (size_t i = 1; i < count; i++)
        shared += (values[i] - mean) * (values[i - 1] - mean);
    return shared / own;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;

    return (x > y) - (x < y);
}

double stats_distance(double *values, size_t count, double (*cdf)(double x))
{
    double largest = 0;

    qsort(values, count, sizeof *values, compare);
    for (size_t i = 0; i < count; i++) {
        double expected = cdf(values[i]);

        largest = fmax(largest, fabs(expected - (double)i / (double)count));
        largest = fmax(largest, fabs((double)(i + 1) / (double)count - expected));
    }
    return largest * sqrt((double)count);
}
