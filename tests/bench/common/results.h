/* results: every value that was measured, and what follows from them. */
#ifndef STORMDRILL_BENCH_RESULTS_H
#define STORMDRILL_BENCH_RESULTS_H

#include <stdbool.h>

enum { ROUNDS_MAX = 100, SERIES_MAX = 512, NOTES_MAX = 64, NOTE_BYTES = 256 };

/* The values of one measure of one setup, by round; NAN where there is none. */
struct series {
    const char *section;
    const char *setup;
    const char *measure;
    double values[ROUNDS_MAX];
};

struct results {
    struct series series[SERIES_MAX];
    int count;
    int round; /* of the section that runs */
    char notes[NOTES_MAX][NOTE_BYTES];
    int note_count;
};

/* The names are borrowed for ever: literals. */
void results_add(struct results *results, const char *section, const char *setup,
                 const char *measure, double value);

/* NULL: not measured. */
const struct series *results_find(const struct results *results, const char *section,
                                  const char *setup, const char *measure);

/* Something a reader must know before believing the figures. Each text once. */
void results_note(struct results *results, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

struct spread {
    int count; /* 0: nothing to say */
    double median;
    double least;
    double most;
};

struct spread series_spread(const struct series *series);

/* Of the ratios `over` / (`below` * factor), round by round. */
struct spread series_ratio(const struct series *over, const struct series *below,
                           double factor);

#endif
