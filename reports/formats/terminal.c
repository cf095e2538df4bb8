/* terminal: the summary at the end of a run (ux.md 2.4).
 *
 * One line per case; below every case that did not pass what decided it; the verdict of
 * the whole is the last line, since that is where a person looks first. Repeats of a case
 * are one line with the bound that their number allows. */
#include <assert.h>
#include <string.h>

#include "reports/bound.h"
#include "reports/case_block.h"
#include "reports/format.h"
#include "reports/page.h"
#include "reports/text.h"

enum { ID_COLUMNS_MAX = 72, KEY_BYTES = 1024 };

struct columns {
    int label;
    int id;
    bool repeats;
};

static bool is_outcome(const json_t *result, const char *outcome)
{
    return strcmp(member_text(result, "outcome"), outcome) == 0;
}

static bool is_shown(const struct page *page, const json_t *result)
{
    return page->options->verbose >= 0 || !is_outcome(result, "passed");
}

static struct columns measure(const struct page *page, const json_t *cases)
{
    struct columns columns = {.label = 0, .id = 0};
    const json_t *one;
    size_t i;

    json_array_foreach(cases, i, one) {
        int label = (int)strlen(outcome_label(member_text(one, "outcome")));
        int id = text_width(member_text(one, "id"), page->options->utf8);

        if (label > columns.label)
            columns.label = label;
        if (id > columns.id && id <= ID_COLUMNS_MAX)
            columns.id = id;
    }
    return columns;
}

/* Which of the repeats: their names are the same. */
static void print_which(const struct page *page, const json_t *result)
{
    page_format(page, "  repeat %lld, seed %lld",
                (long long)json_integer_value(json_object_get(result, "repeat")),
                (long long)json_integer_value(json_object_get(result, "seed")));
}

static void print_case(const struct page *page, const json_t *result,
                       const struct columns *columns)
{
    const char *outcome = member_text(result, "outcome");
    size_t checks = json_array_size(json_object_get(result, "checks"));
    char duration[32];

    page_painted(page, outcome_paint(outcome), outcome_label(outcome), columns->label);
    page_format(page, "  ");
    page_painted(page, PAINT_PLAIN, member_text(result, "id"), columns->id);
    if (columns->repeats)
        print_which(page, result);
    if (!is_outcome(result, "skipped"))
        page_format(
            page, "  %9s   %zu check%s",
            text_duration(duration, sizeof duration, member_number(result, "duration_s")),
            checks, checks == 1 ? "" : "s");
    page_format(page, "\n");
    if (is_outcome(result, "passed"))
        case_block_passed(page, result);
    else
        case_block_not_passed(page, result);
}

/* ---- repeats ---- */

/* Two files may tell of cases with the same name: a file and a name are one. Gives `to`.
 */
static char *key_of(char *to, size_t size, const json_t *result, const char *member)
{
    snprintf(to, size, "%s\n%s", member_text(result, member),
             member_text(result, "file"));
    return to;
}

static void count(json_t *series, const char *name)
{
    json_int_t before = json_integer_value(json_object_get(series, name));

    json_object_set_new(series, name, json_integer(before + 1));
}

/* {key: {passed, failed, other}}, in the order in which the cases came. */
static json_t *count_all(const json_t *cases)
{
    json_t *all = json_object();
    const json_t *one;
    size_t i;

    json_array_foreach(cases, i, one) {
        char key[KEY_BYTES];

        key_of(key, sizeof key, one, "id");
        if (json_object_get(all, key) == NULL)
            json_object_set_new(all, key, json_object());
        count(json_object_get(all, key), is_outcome(one, "passed")   ? "passed"
                                         : is_outcome(one, "failed") ? "failed"
                                                                     : "other");
    }
    return all;
}

static bool print_series(const struct page *page, const char *key, const json_t *counts,
                         const struct columns *columns)
{
    int passed = (int)member_number(counts, "passed");
    int failed = (int)member_number(counts, "failed");
    int other = (int)member_number(counts, "other");
    const char *outcome = failed ? "failed" : other ? "inconclusive" : "passed";
    char id[KEY_BYTES];
    char bound[96];

    if (page->options->verbose < 0 && failed + other == 0)
        return false;
    snprintf(id, sizeof id, "%.*s", (int)strcspn(key, "\n"), key);
    page_painted(page, outcome_paint(outcome), outcome_label(outcome), columns->label);
    page_format(page, "  ");
    page_painted(page, PAINT_PLAIN, id, columns->id);
    if (passed + failed > 0)
        page_format(page, "  %s",
                    bound_text(bound, sizeof bound, failed, passed + failed));
    /* What gave no verdict is no trial. */
    if (other > 0)
        page_format(page, "%s %d without a verdict", passed + failed > 0 ? ";" : " ",
                    other);
    page_format(page, "\n");
    return true;
}

/* Was anything worth a line? */
static bool print_repeats(const struct page *page, const json_t *cases,
                          const struct columns *columns)
{
    json_t *all = count_all(cases);
    const json_t *one;
    const char *key;
    json_t *counts;
    bool any = false;
    size_t i;

    json_array_foreach(cases, i, one) {
        if (is_outcome(one, "passed") && page->options->verbose < 1)
            continue;
        print_case(page, one, columns);
        any = true;
    }
    json_object_foreach(all, key, counts)
        any = print_series(page, key, counts, columns) || any;
    json_decref(all);
    return any;
}

/* ---- the last line ---- */

static int count_distinct(const json_t *cases, const char *member)
{
    json_t *seen = json_object();
    const json_t *one;
    size_t i;
    int count;

    json_array_foreach(cases, i, one) {
        char key[KEY_BYTES];

        json_object_set_new(seen, key_of(key, sizeof key, one, member), json_true());
    }
    count = (int)json_object_size(seen);
    json_decref(seen);
    return count;
}

static const char *plural(size_t count)
{
    return count == 1 ? "" : "s";
}

/* "12 scenarios", "12 cases of 5 scenarios", "50 runs of 2 cases". */
static void print_what(const struct page *page, const json_t *cases)
{
    size_t total = json_array_size(cases);
    size_t ids = (size_t)count_distinct(cases, "id");
    size_t scenarios = (size_t)count_distinct(cases, "scenario");

    if (total != ids)
        page_format(page, "%zu runs of %zu case%s", total, ids, plural(ids));
    else if (total != scenarios)
        page_format(page, "%zu case%s of %zu scenario%s", total, plural(total), scenarios,
                    plural(scenarios));
    else
        page_format(page, "%zu scenario%s", total, plural(total));
}

static void print_verdict(const struct page *page, const json_t *results)
{
    static const struct {
        const char *name;
        const char *words;
    } order[] = {
        {"passed", "passed"},           {"failed", "failed"},
        {"error", "with errors"},       {"inconclusive", "inconclusive"},
        {"interrupted", "interrupted"}, {"skipped", "skipped"},
    };
    const json_t *totals = json_object_get(results, "totals");
    char duration[32];
    bool any = false;

    print_what(page, json_object_get(results, "cases"));
    for (size_t i = 0; i < sizeof order / sizeof *order; i++) {
        json_int_t count = json_integer_value(json_object_get(totals, order[i].name));
        char words[64];

        if (count == 0)
            continue;
        page_format(page, any ? ", " : ": ");
        snprintf(words, sizeof words, "%lld %s", (long long)count, order[i].words);
        page_painted(page, outcome_paint(order[i].name), words, 0);
        any = true;
    }
    page_format(
        page, " in %s\n",
        text_duration(duration, sizeof duration, member_number(results, "duration_s")));
}

static int print(const json_t *results, const struct format_options *options, FILE *to,
                 struct error *err)
{
    const struct page page = {.to = to, .options = options};
    const json_t *cases = json_object_get(results, "cases");
    struct columns columns = measure(&page, cases);
    const json_t *one;
    bool any = false;
    size_t i;

    assert(json_is_object(results));
    if (member_number(results, "repeat") > 1) {
        columns.repeats = true;
        any = print_repeats(&page, cases, &columns);
    } else {
        json_array_foreach(cases, i, one) {
            if (!is_shown(&page, one))
                continue;
            print_case(&page, one, &columns);
            any = true;
        }
    }
    if (any)
        page_format(&page, "\n");
    print_verdict(&page, results);
    if (fflush(to) != 0 || ferror(to))
        return error_from_errno(err, "cannot print the report");
    return 0;
}

extern const struct format_type format_terminal;
const struct format_type format_terminal = {
    .name = "terminal",
    .summary = "a summary for a person, verdict last",
    .print = print,
};
