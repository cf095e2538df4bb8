/* results: every value that was measured, and what follows from them. */
#include "tests/bench/common/results.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct series *results_find(const struct results *results, const char *section,
                                  const char *setup, const char *measure)
{
    for (int i = 0; i < results->count; i++) {
        const struct series *series = &results->series[i];

        if (strcmp(series->section, section) == 0 && strcmp(series->setup, setup) == 0 &&
            strcmp(series->measure, measure) == 0)
            return series;
    }
    return NULL;
}

void results_add(struct results *results, const char *section, const char *setup,
                 const char *measure, double value)
{
    const struct series *known = results_find(results, section, setup, measure);
    struct series *series;

    if (known == NULL && results->count == SERIES_MAX)
        return;
    series = &results->series[known != NULL ? known - results->series : results->count];
    if (known == NULL) {
        *series = (struct series){.section = section, .setup = setup, .measure = measure};
        for (int i = 0; i < ROUNDS_MAX; i++)
            series->values[i] = NAN;
        results->count++;
    }
    series->values[results->round] = value;
}

void results_note(struct results *results, const char *format, ...)
{
    char note[NOTE_BYTES];
    va_list list;

    va_start(list, format);
    vsnprintf(note, sizeof note, format, list);
    va_end(list);
    for (int i = 0; i < results->note_count; i++)
        if (strcmp(results->notes[i], note) == 0)
            return;
    if (results->note_count < NOTES_MAX)
        memcpy(results->notes[results->note_count++], note, sizeof note);
}

static int by_size(const void *a, const void *b)
{
    double left = *(const double *)a;
    double right = *(const double *)b;

    return left < right ? -1 : left > right;
}

static struct spread spread_of(double *values, int count)
{
    struct spread spread = {.count = count};

    if (count == 0)
        return spread;
    qsort(values, (size_t)count, sizeof values[0], by_size);
    spread.least = values[0];
    spread.most = values[count - 1];
    spread.median = (values[(count - 1) / 2] + values[count / 2]) / 2;
    return spread;
}

struct spread series_spread(const struct series *series)
{
    double values[ROUNDS_MAX];
    int count = 0;

    for (int i = 0; series != NULL && i < ROUNDS_MAX; i++)
        if (!isnan(series->values[i]))
            values[count++] = series->values[i];
    return spread_of(values, count);
}

struct spread series_ratio(const struct series *over, const struct series *below,
                           double factor)
{
    double values[ROUNDS_MAX];
    int count = 0;

    if (over == NULL || below == NULL)
        return (struct spread){.count = 0};
    for (int i = 0; i < ROUNDS_MAX; i++) {
        double ratio = over->values[i] / (below->values[i] * factor);

        if (!isnan(ratio) && !isinf(ratio))
            values[count++] = ratio;
    }
    return spread_of(values, count);
}
