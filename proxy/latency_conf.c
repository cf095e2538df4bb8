/* latency_conf: what latency takes, and the combinations that mean nothing.
 *
 * Combinations are refused one by one, each with the way out: a fault that silently
 * ignores a parameter would make a test pass for the wrong reason. */
#include "proxy/latency_conf.h"

#include <assert.h>
#include <string.h>

enum { TABLE_ENTRIES_MAX = 65536, TABLE_TEXT_BYTES_MAX = 4096, ENTRY_BYTES = 64 };

static const uint64_t base_ns_default = 100ull * NS_PER_MS;
static const uint64_t wait_ns_max = 3600ull * NS_PER_S;
static const double jitter_fraction_max = 10.0;
static const double shape_default = 2.0;

static const char *const spread_choices[] = {"above", "around", NULL};
static const char *const distribution_choices[] = {"uniform", "normal", "exponential",
                                                   "pareto",  "table",  NULL};

enum { OPTIONAL_DURATION = PARAM_DURATION | PARAM_OPTIONAL };

const struct param latency_params[] = {
    PARAM_UNION(latency_conf, base, OPTIONAL_DURATION, "base", NULL, "0", "1h", NULL,
                "time that each chunk waits; by itself 100ms, with a table 0"),
    PARAM_UNION(latency_conf, jitter, PARAM_DURATION | PARAM_PERCENT, "jitter", "0", "0",
                "1h", NULL, "size of the random part, or its percentage of the base"),
    PARAM_CHOICE(latency_conf, spread, "spread", "above", spread_choices,
                 "of uniform jitter: from 0 to jitter, or from -jitter to jitter"),
    PARAM_CHOICE(latency_conf, distribution, "distribution", "uniform",
                 distribution_choices, "law of the random part"),
    PARAM_UNION(latency_conf, shape, PARAM_NUMBER | PARAM_OPTIONAL, "shape", NULL, "1.05",
                "100", NULL, "of pareto: the smaller, the heavier its tail; by itself 2"),
    PARAM(latency_conf, table, JSON, "table", NULL, NULL, NULL,
          "recorded waits: a list [\"3ms\", \"5ms\"], or 3ms,5ms"),
    PARAM(latency_conf, correlation, PERCENT, "correlation", "0%", "0%", "100%",
          "how much a draw leans on the one before it"),
    PARAM_UNION(latency_conf, from, OPTIONAL_DURATION, "from", NULL, "0", "1h", NULL,
                "base at the beginning of a ramp"),
    PARAM_UNION(latency_conf, to, OPTIONAL_DURATION, "to", NULL, "0", "1h", NULL,
                "base at the end of a ramp, and from then on"),
    PARAM_UNION(latency_conf, over, OPTIONAL_DURATION, "over", NULL, "1ms", "24h", NULL,
                "how long the ramp takes"),
    PARAM(latency_conf, precise, BOOL, "precise", "false", NULL, NULL,
          "spin for the last 100us of each wait: exact, but costs CPU"),
    PARAM_END,
};

static bool has_ramp(const struct latency_conf *conf)
{
    return conf->over.kind != 0;
}

uint64_t latency_base_ns(const struct latency_conf *conf)
{
    if (conf->base.kind != 0)
        return conf->base.ns;
    return conf->distribution == LATENCY_TABLE ? 0 : base_ns_default;
}

double latency_shape(const struct latency_conf *conf)
{
    return conf->shape.kind != 0 ? conf->shape.number : shape_default;
}

/* The table */

/* Entry `index` of "3ms, 5ms", without the blanks around it; false: there is none, or it
 * is longer than any duration. */
static bool text_entry(const char *text, size_t index, char *entry)
{
    size_t size;

    for (; index > 0; index--) {
        text = strchr(text, ',');
        if (text == NULL)
            return false;
        text++;
    }
    text += strspn(text, " \t\r\n");
    size = strcspn(text, ",");
    while (size > 0 && strchr(" \t\r\n", text[size - 1]) != NULL)
        size--;
    if (size >= ENTRY_BYTES)
        return false;
    memcpy(entry, text, size);
    entry[size] = '\0';
    return true;
}

size_t latency_table_size(const json_t *table)
{
    size_t count = 1;

    if (json_is_array(table))
        return json_array_size(table);
    for (const char *at = json_string_value(table); (at = strchr(at, ',')) != NULL; at++)
        count++;
    return count;
}

static int read_entry(const json_t *table, size_t index, uint64_t *ns, struct error *err)
{
    char copy[ENTRY_BYTES];
    const char *text = copy;
    int rc;

    if (json_is_array(table))
        text = json_string_value(json_array_get(table, index));
    else if (!text_entry(json_string_value(table), index, copy))
        text = NULL;
    if (text == NULL) {
        error_set(err, E_PARAM, "latency: table: entry %zu is no duration", index + 1);
        error_hint(err, "each entry is a text with a unit, as in \"3ms\"");
        return E_PARAM;
    }
    rc = param_duration(text, ns, "latency: table", err);
    if (rc == 0 && *ns > wait_ns_max)
        return error_set(err, E_PARAM, "latency: table must be between 0 and 1h, not %s",
                         text);
    return rc;
}

uint64_t latency_table_at(const json_t *table, size_t index)
{
    uint64_t ns = 0;
    int rc = read_entry(table, index, &ns, NULL);

    assert(rc == 0); /* latency_check has read it before */
    return rc == 0 ? ns : 0;
}

/* A text is gone through for each draw, so it must be short. */
static int check_table_size(const json_t *table, struct error *err)
{
    if (!json_is_array(table) && !json_is_string(table)) {
        error_set(err, E_PARAM, "latency: table must be a list of durations");
        error_hint(err, "as in [\"3ms\", \"5ms\"], or as a text: 3ms,5ms");
        return E_PARAM;
    }
    if (json_is_string(table) && json_string_length(table) > TABLE_TEXT_BYTES_MAX) {
        error_set(err, E_PARAM, "latency: table as a text must be shorter than %d bytes",
                  TABLE_TEXT_BYTES_MAX);
        error_hint(err, "give it as a list, or leave entries away");
        return E_PARAM;
    }
    if (json_is_array(table) && json_array_size(table) == 0)
        return error_set(err, E_PARAM, "latency: table is empty; it needs a duration");
    if (latency_table_size(table) > TABLE_ENTRIES_MAX)
        return error_set(err, E_PARAM, "latency: table has %zu entries, at most %d fit",
                         latency_table_size(table), TABLE_ENTRIES_MAX);
    return 0;
}

static int check_table(const struct latency_conf *conf, struct error *err)
{
    int rc;

    if (conf->distribution != LATENCY_TABLE && conf->table == NULL)
        return 0;
    if (conf->distribution != LATENCY_TABLE) {
        error_set(err, E_PARAM, "latency: table without distribution = \"table\"");
        error_hint(err, "add the distribution, or add the fault anew without the table");
        return E_PARAM;
    }
    if (conf->table == NULL) {
        error_set(err, E_PARAM, "latency: distribution = \"table\" without a table");
        error_hint(err, "give table = [\"3ms\", \"5ms\"], the waits that were recorded");
        return E_PARAM;
    }
    rc = check_table_size(conf->table, err);
    for (size_t i = 0; rc == 0 && i < latency_table_size(conf->table); i++) {
        uint64_t ns;

        rc = read_entry(conf->table, i, &ns, err);
    }
    return rc;
}

/* Combinations */

static int check_ramp(const struct latency_conf *conf, struct error *err)
{
    bool all = conf->from.kind != 0 && conf->to.kind != 0 && conf->over.kind != 0;
    bool any = conf->from.kind != 0 || conf->to.kind != 0 || conf->over.kind != 0;

    if (any && !all) {
        error_set(err, E_PARAM, "latency: a ramp needs from, to and over; %s is missing",
                  conf->from.kind == 0 ? "from"
                  : conf->to.kind == 0 ? "to"
                                       : "over");
        error_hint(err, "as in from = 5ms, to = 400ms, over = 45s");
        return E_PARAM;
    }
    if (has_ramp(conf) && conf->base.kind != 0) {
        error_set(err, E_PARAM, "latency: base together with from, to and over");
        error_hint(err, "a ramp is the base: leave base away; to make one of a fault "
                        "that has a base, heal it and add another");
        return E_PARAM;
    }
    return 0;
}

static bool has_jitter(const struct latency_conf *conf)
{
    return conf->jitter.kind == PARAM_PERCENT ? conf->jitter.number > 0.0
                                              : conf->jitter.ns > 0;
}

static int check_jitter(const struct latency_conf *conf, struct error *err)
{
    const char *law = distribution_choices[conf->distribution];
    bool draws = conf->distribution == LATENCY_TABLE || has_jitter(conf);

    if (conf->jitter.kind == PARAM_PERCENT && conf->jitter.number > jitter_fraction_max)
        return error_set(err, E_PARAM,
                         "latency: jitter must be between 0%% and 1000%%, not %g%%",
                         conf->jitter.number * 100);
    if (conf->distribution == LATENCY_TABLE && has_jitter(conf)) {
        error_set(err, E_PARAM, "latency: jitter together with a table");
        error_hint(err, "the table says how waits differ: leave jitter away");
        return E_PARAM;
    }
    if (conf->distribution != LATENCY_UNIFORM && !draws) {
        error_set(err, E_PARAM, "latency: distribution = \"%s\" without jitter", law);
        error_hint(err, "jitter is its size: %s",
                   conf->distribution == LATENCY_NORMAL ? "the standard deviation"
                                                        : "the mean");
        return E_PARAM;
    }
    if (conf->correlation > 0.0 && !draws) {
        error_set(err, E_PARAM, "latency: correlation where nothing is drawn");
        error_hint(err, "add jitter, or a table");
        return E_PARAM;
    }
    return 0;
}

static int check_law(const struct latency_conf *conf, struct error *err)
{
    const char *law = distribution_choices[conf->distribution];

    if (conf->spread == LATENCY_AROUND && conf->distribution != LATENCY_UNIFORM) {
        error_set(err, E_PARAM, "latency: spread = \"around\" with distribution = \"%s\"",
                  law);
        error_hint(err, "spread is for uniform jitter; normal lies around base, the "
                        "others above it");
        return E_PARAM;
    }
    if (conf->shape.kind != 0 && conf->distribution != LATENCY_PARETO) {
        error_set(err, E_PARAM, "latency: shape with distribution = \"%s\"", law);
        error_hint(err, "only pareto has a shape: add distribution = \"pareto\"");
        return E_PARAM;
    }
    return 0;
}

int latency_check(const void *conf, const struct fault_common *common, struct error *err)
{
    int rc;

    (void)common;
    rc = check_ramp(conf, err);
    if (rc == 0)
        rc = check_law(conf, err);
    if (rc == 0)
        rc = check_jitter(conf, err);
    if (rc == 0)
        rc = check_table(conf, err);
    return rc;
}
