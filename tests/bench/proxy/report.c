/* report: what was measured, for a person: one table for each section, then the goals. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "tests/bench/proxy/bench.h"
#include "tests/bench/proxy/goals.h"

enum { CELL_BYTES = 40, NAME_WIDTH = 14, CELL_WIDTH = 19 };

/* Three digits that count. */
static void write_number(char *text, size_t size, double value)
{
    double big = fabs(value);
    int digits = big >= 100 ? 0 : big >= 10 ? 1 : big >= 1 ? 2 : 3;

    if (big >= 1e6)
        snprintf(text, size, "%.2f M", value / 1e6);
    else if (big >= 1e4)
        snprintf(text, size, "%.1f k", value / 1e3);
    else
        snprintf(text, size, "%.*f", digits, value);
}

/* "2.16   2.77x": the median, and what the first row is of it. */
static void print_cell(const struct series *series, const struct series *ours)
{
    struct spread spread = series_spread(series);
    struct spread ratio = series_ratio(ours, series, 1);
    char number[CELL_BYTES] = "-";
    char cell[CELL_BYTES * 2];

    if (spread.count > 0)
        write_number(number, sizeof number, spread.median);
    if (series == ours || ratio.count == 0 || spread.median <= 0)
        snprintf(cell, sizeof cell, "%s        ", number);
    else
        snprintf(cell, sizeof cell, "%s %6.2fx", number, ratio.median);
    printf(" %*s", CELL_WIDTH, cell);
}

/* The measures of a section, in the order in which they came up. */
static int list_measures(const struct bench *bench, const struct section *section,
                         const char *measures[SERIES_MAX])
{
    const struct results *results = &bench->results;
    int count = 0;

    for (int i = 0; i < results->count; i++) {
        const struct series *series = &results->series[i];
        bool known = strcmp(series->section, section->name) != 0 ||
                     strcmp(series->setup, "others") == 0;

        for (int k = 0; !known && k < count; k++)
            known = strcmp(measures[k], series->measure) == 0;
        if (!known)
            measures[count++] = series->measure;
    }
    return count;
}

static bool was_measured(const struct bench *bench, const struct section *section,
                         const char *setup)
{
    for (int i = 0; i < bench->results.count; i++)
        if (strcmp(bench->results.series[i].section, section->name) == 0 &&
            strcmp(bench->results.series[i].setup, setup) == 0)
            return true;
    return false;
}

void report_section(const struct bench *bench, const struct section *section)
{
    const char *measures[SERIES_MAX];
    int count = list_measures(bench, section, measures);

    printf("%s: %s\n%-*s", section->name, section->what, NAME_WIDTH, "");
    for (int i = 0; i < count; i++)
        printf(" %*s", CELL_WIDTH - 8, measures[i]), printf("%8s", "");
    printf("\n");
    for (int i = 0; i < section->setup_count; i++) {
        const char *setup = section->setups[i].name;

        if (!was_measured(bench, section, setup))
            continue;
        printf("%-*s", NAME_WIDTH, setup);
        for (int k = 0; k < count; k++)
            print_cell(results_find(&bench->results, section->name, setup, measures[k]),
                       results_find(&bench->results, section->name,
                                    section->setups[0].name, measures[k]));
        printf("\n");
    }
    printf("\n");
    fflush(stdout);
}

static void print_goal(const struct goal *goal, const struct goal_outcome *outcome)
{
    static const char *const words[] = {
        [GOAL_UNKNOWN] = "not measured", [GOAL_MET] = "met", [GOAL_MISSED] = "MISSED"};
    char what[128];
    char bound[CELL_BYTES], median[CELL_BYTES], least[CELL_BYTES], most[CELL_BYTES];

    snprintf(what, sizeof what, "%s, %s: %s%s%s%s", goal->section, goal->measure,
             goal->setup, goal->peer != NULL ? " / " : "",
             goal->peer != NULL ? goal->peer : "", outcome->through_stand_in ? " *" : "");
    write_number(bound, sizeof bound, goal->bound);
    write_number(median, sizeof median, outcome->spread.median);
    write_number(least, sizeof least, outcome->spread.least);
    write_number(most, sizeof most, outcome->spread.most);
    printf("%-62s %s %6s  %8s  [%s .. %s]  %s\n", what,
           goal->at_least ? ">=" : "<=", bound, median, least, most,
           words[outcome->state]);
}

/* Others that compute make every figure smaller and each ratio of speeds wider. */
static void print_load(const struct bench *bench)
{
    double sum = 0, most = 0;
    int count = 0;

    for (int i = 0; i < bench->results.count; i++) {
        const struct series *series = &bench->results.series[i];

        if (strcmp(series->setup, "others") != 0)
            continue;
        sum += series->values[0];
        most = fmax(most, series->values[0]);
        count++;
    }
    if (count > 0)
        printf(
            "other programs used %.0f %% of the CPU between the sections, at most %.0f "
            "%%%s\n",
            sum / count * 100, most * 100,
            sum / count > 0.1
                ? ": believe the ratios of CPU; for speeds, again on a quiet machine"
                : "");
}

int report_goals(const struct bench *bench)
{
    const struct goal *goal;
    bool stood_in = false;
    int missed = 0;
    int met = 0;

    printf("%-62s %9s  %8s  [least .. most]\n", "goals (ratios within rounds)", "wanted",
           "median");
    for (int i = 0; (goal = goal_at(i)) != NULL; i++) {
        struct goal_outcome outcome = goal_judge(goal, &bench->results);

        if (outcome.state == GOAL_UNKNOWN)
            continue;
        print_goal(goal, &outcome);
        stood_in |= outcome.through_stand_in;
        missed += outcome.state == GOAL_MISSED;
        met += outcome.state == GOAL_MET;
    }
    if (stood_in)
        printf("* no Toxiproxy here: reckoned from another peer of this run and what "
               "Toxiproxy was\n  in relation to it (docs/performance.md)\n");
    printf("\n");
    for (int i = 0; i < bench->results.note_count; i++)
        printf("note: %s\n", bench->results.notes[i]);
    print_load(bench);
    printf("%d goals met, %d missed\n", met, missed);
    return missed;
}
