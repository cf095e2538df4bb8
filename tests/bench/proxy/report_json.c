/* report_json: everything that was measured, for machines: each value of each round, the
 * goals, the notes. */
#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <string.h>
#include <sys/utsname.h>

#include "tests/bench/proxy/bench.h"
#include "tests/bench/proxy/goals.h"

static json_t *number(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

static json_t *write_spread(const struct spread *spread)
{
    return json_pack("{s:o, s:o, s:o, s:i}", "median", number(spread->median), "least",
                     number(spread->least), "most", number(spread->most), "count",
                     spread->count);
}

static json_t *write_series(const struct series *series)
{
    struct spread spread = series_spread(series);
    json_t *object = write_spread(&spread);
    json_t *values = json_array();
    int last = ROUNDS_MAX;

    while (last > 0 && isnan(series->values[last - 1]))
        last--;
    for (int i = 0; i < last; i++)
        json_array_append_new(values, number(series->values[i]));
    json_object_set_new(object, "values", values);
    json_object_set_new(object, "section", json_string(series->section));
    json_object_set_new(object, "setup", json_string(series->setup));
    json_object_set_new(object, "measure", json_string(series->measure));
    return object;
}

static json_t *write_goal(const struct goal *goal, const struct results *results)
{
    static const char *const words[] = {
        [GOAL_UNKNOWN] = "not measured", [GOAL_MET] = "met", [GOAL_MISSED] = "missed"};
    struct goal_outcome outcome = goal_judge(goal, results);

    return json_pack("{s:s, s:s, s:s, s:s?, s:s, s:f, s:b, s:o, s:s}", "section",
                     goal->section, "setup", goal->setup, "measure", goal->measure,
                     "peer", goal->peer, "wanted", goal->at_least ? ">=" : "<=", "bound",
                     goal->bound, "through_stand_in", outcome.through_stand_in,
                     "measured", write_spread(&outcome.spread), "outcome",
                     words[outcome.state]);
}

int report_write_json(const struct bench *bench, const char *path)
{
    const struct results *results = &bench->results;
    json_t *series = json_array();
    json_t *goals = json_array();
    json_t *notes = json_array();
    struct utsname system;
    json_t *all;
    int rc;

    for (int i = 0; i < results->count; i++)
        json_array_append_new(series, write_series(&results->series[i]));
    for (int i = 0; goal_at(i) != NULL; i++)
        json_array_append_new(goals, write_goal(goal_at(i), results));
    for (int i = 0; i < results->note_count; i++)
        json_array_append_new(notes, json_string(results->notes[i]));
    uname(&system);
    all = json_pack("{s:{s:s, s:i}, s:b, s:o, s:o, s:o}", "machine", "kernel",
                    system.release, "cores", bench->cores, "quick", bench->quick,
                    "series", series, "goals", goals, "notes", notes);
    rc = all != NULL ? json_dump_file(all, path, JSON_INDENT(1)) : -1;
    json_decref(all);
    return rc;
}
