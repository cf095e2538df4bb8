/* test_metrics: the page for Prometheus: what it says, and that a strict reader takes it.
 *
 * The reader below knows the text format 0.0.4 and what promtool's lint adds: HELP and
 * TYPE before the samples and once, samples of a name together, counters end in _total,
 * escaped labels, no sample twice, histograms that add up. Where promtool is installed
 * it reads the page too. */
#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "proxy/control/metrics.h"
#include "tests/lib/memory/memory.h"

/* ---- a snapshot made by hand ---- */

struct snapshot {
    struct plane_metrics metrics;
    struct link_metrics links[2];
    struct fault_metrics faults[3];
};

static void fill_link(struct link_metrics *link, uint32_t number, const char *name)
{
    link->id.number = number;
    snprintf(link->name, sizeof link->name, "%s", name);
    snprintf(link->listen, sizeof link->listen, "127.0.0.1:4%u", number);
    snprintf(link->upstream, sizeof link->upstream, "127.0.0.1:5%u", number);
}

static void snapshot_init(struct snapshot *s)
{
    memset(s, 0, sizeof *s);
    fill_link(&s->links[0], 1, "orders");
    fill_link(&s->links[1], 7, "a \"quoted\\\"\nname");
    s->links[0].is_listening = true;
    s->links[0].stats = (struct link_stats){
        .accepted = 12,
        .refused = 2,
        .dial_failed = 1,
        .closed = 7,
        .open = 5,
        .bytes_from_client = 1000,
        .bytes_to_server = 900,
        .bytes_from_server = 18446744073709551615u,
        .bytes_to_client = 2000,
        .held_bytes = 100,
    };
    s->links[0].stats.closes[CLOSE_BY_CLIENT][CLOSE_FIN] = 4;
    s->links[0].stats.closes[CLOSE_BY_FAULT][CLOSE_RST] = 3;
    s->faults[0] = (struct fault_metrics){
        .link.number = 1, .type = "latency", .label = "latency#1", .touched = 40};
    s->faults[1] = (struct fault_metrics){
        .link.number = 1, .type = "stall", .label = "stall#1", .touched = 0};
    s->faults[2] = (struct fault_metrics){
        .link.number = 7, .type = "latency", .label = "latency#1", .touched = 2};
    histogram_add(&s->faults[0].delays, 100 * NS_PER_MS);
    histogram_add(&s->faults[0].delays, 101 * NS_PER_MS);
    histogram_add(&s->metrics.lag, 3 * NS_PER_US);
    histogram_add(&s->metrics.lag, 2000ull * NS_PER_S);
    s->metrics.memory_bytes = 100;
    s->metrics.memory_bytes_max = 1 << 30;
    s->metrics.link_count = 2;
    s->metrics.fault_count = 3;
    s->metrics.links = s->links;
    s->metrics.faults = s->faults;
}

/* ---- the strict reader ---- */

enum { SAMPLES_MAX = 1000, FAMILIES_MAX = 100, WORD_BYTES = 1200 };

struct reader {
    char families[FAMILIES_MAX][128];
    int family_count;
    char kind[16]; /* of the family at hand; "" before its TYPE */
    char *samples[SAMPLES_MAX];
    int sample_count;
    double bucket;      /* the last one, of the series at hand */
    double bucket_last; /* +Inf */
};

static bool is_name(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (!isalpha((unsigned char)text[i]) && text[i] != '_' &&
            (i == 0 || !isdigit((unsigned char)text[i])))
            return false;
    }
    return size > 0;
}

static const char *family_of(const struct reader *r)
{
    assert_true(r->family_count > 0);
    return r->families[r->family_count - 1];
}

static void read_head(struct reader *r, const char *line)
{
    char what[8], name[128];
    int used = 0;

    assert_int_equal(sscanf(line, "# %7s %127s %n", what, name, &used), 2);
    assert_true(is_name(name, strlen(name)));
    assert_true(line[used] != '\0');
    if (strcmp(what, "HELP") == 0) {
        for (int i = 0; i < r->family_count; i++)
            assert_string_not_equal(r->families[i], name);
        assert_true(r->family_count < FAMILIES_MAX);
        snprintf(r->families[r->family_count++], 128, "%s", name);
        r->kind[0] = '\0';
        return;
    }
    assert_string_equal(what, "TYPE");
    assert_string_equal(name, family_of(r));
    assert_string_equal(r->kind, "");
    snprintf(r->kind, sizeof r->kind, "%s", line + used);
    assert_int_equal(strcmp(r->kind, "counter") == 0,
                     strlen(name) > 6 && strcmp(name + strlen(name) - 6, "_total") == 0);
}

/* `{a="b",c="d"}`; gives what stands behind it. */
static const char *read_labels(const char *at)
{
    for (at++;; at++) {
        size_t name = strcspn(at, "=");

        assert_true(is_name(at, name));
        at += name;
        assert_int_equal(at[1], '"');
        for (at += 2; *at != '"'; at++) {
            assert_int_not_equal(*at, '\0');
            if (*at == '\\') {
                at++;
                assert_non_null(strchr("\\\"n", *at));
            }
        }
        at++;
        if (*at == '}')
            return at + 1;
        assert_int_equal(*at, ',');
    }
}

static void read_histogram(struct reader *r, const char *line, const char *suffix,
                           double value)
{
    if (strcmp(suffix, "_bucket") == 0) {
        const char *le = strstr(line, "le=\"");

        assert_non_null(le);
        if (strncmp(le, "le=\"1e-06\"", 10) == 0)
            r->bucket = 0; /* a series begins */
        assert_true(value >= r->bucket);
        r->bucket = value;
        if (strncmp(le, "le=\"+Inf\"", 9) == 0)
            r->bucket_last = value;
    } else if (strcmp(suffix, "_count") == 0) {
        assert_true(value == r->bucket_last);
    } else {
        assert_string_equal(suffix, "_sum");
    }
}

static void read_sample(struct reader *r, const char *line)
{
    size_t name = strcspn(line, "{ ");
    size_t family = strlen(family_of(r));
    const char *at = line + name;
    char suffix[16];
    char *end;
    double value;

    assert_true(is_name(line, name));
    assert_true(name >= family);
    assert_int_equal(strncmp(line, family_of(r), family), 0);
    if (*at == '{')
        at = read_labels(at);
    assert_int_equal(*at, ' ');
    for (int i = 0; i < r->sample_count; i++)
        assert_true(strncmp(r->samples[i], line, (size_t)(at - line) + 1) != 0);
    assert_true(r->sample_count < SAMPLES_MAX);
    r->samples[r->sample_count++] = strdup(line);
    value = strtod(at + 1, &end);
    assert_true(end > at + 1 && *end == '\0');
    assert_true(value >= 0);
    snprintf(suffix, sizeof suffix, "%.*s", (int)(name - family), line + family);
    if (strcmp(r->kind, "histogram") == 0)
        read_histogram(r, line, suffix, value);
    else
        assert_string_equal(suffix, "");
}

/* Reads a whole page, or fails the test. */
static void read_strictly(const char *page)
{
    struct reader *r = calloc(1, sizeof *r);
    char *copy = strdup(page);
    char *rest = copy;
    char *line;

    assert_int_equal(page[strlen(page) - 1], '\n');
    copy[strlen(copy) - 1] = '\0';
    while ((line = strsep(&rest, "\n")) != NULL) {
        if (line[0] == '#')
            read_head(r, line);
        else
            read_sample(r, line);
    }
    for (int i = 0; i < r->sample_count; i++)
        free(r->samples[i]);
    free(copy);
    free(r);
}

static bool has_line(const char *page, const char *line)
{
    char wanted[WORD_BYTES];

    snprintf(wanted, sizeof wanted, "\n%s\n", line);
    return strstr(page, wanted) != NULL;
}

/* Where Prometheus' own reader is installed, what it says; it knows the format best. */
static void read_with_promtool(const char *page)
{
    FILE *promtool;

    if (system("command -v promtool >/dev/null 2>&1") != 0)
        return;
    promtool = popen("promtool check metrics", "w");
    assert_non_null(promtool);
    fputs(page, promtool);
    assert_int_equal(pclose(promtool), 0);
}

/* ---- the sentences ---- */

static void test_metrics__are_taken_by_a_strict_reader_and_by_promtool(void **state)
{
    struct snapshot s;
    struct plane_metrics nothing = {.memory_bytes_max = 1};
    char *page;

    (void)state;
    snapshot_init(&s);
    page = metrics_text(&s.metrics);
    read_strictly(page);
    read_with_promtool(page);
    free(page);
    page = metrics_text(&nothing);
    read_strictly(page);
    free(page);
}

static void test_metrics__count_connections_and_who_closed_them(void **state)
{
    struct snapshot s;
    char *page;

    (void)state;
    snapshot_init(&s);
    page = metrics_text(&s.metrics);
    assert_true(has_line(page, "stormdrill_link_listening{link=\"orders\"} 1"));
    assert_true(has_line(page, "stormdrill_connections_open{link=\"orders\"} 5"));
    assert_true(
        has_line(page, "stormdrill_connections_accepted_total{link=\"orders\"} 12"));
    assert_true(
        has_line(page, "stormdrill_connections_refused_total{link=\"orders\"} 2"));
    assert_true(
        has_line(page, "stormdrill_connections_dial_failed_total{link=\"orders\"} 1"));
    assert_true(has_line(page, "stormdrill_connections_closed_total{link=\"orders\","
                               "by=\"client\",how=\"fin\"} 4"));
    assert_true(has_line(page, "stormdrill_connections_closed_total{link=\"orders\","
                               "by=\"fault\",how=\"rst\"} 3"));
    assert_true(has_line(page, "stormdrill_connections_closed_total{link=\"orders\","
                               "by=\"server\",how=\"error\"} 0"));
    assert_true(has_line(page, "stormdrill_held_bytes{link=\"orders\"} 100"));
    free(page);
}

static void test_metrics__count_bytes_exactly_and_for_toxiproxys_users_too(void **state)
{
    struct snapshot s;
    char *page;

    (void)state;
    snapshot_init(&s);
    page = metrics_text(&s.metrics);
    assert_true(has_line(page, "stormdrill_read_bytes_total{link=\"orders\","
                               "direction=\"to_server\"} 1000"));
    assert_true(has_line(page, "stormdrill_passed_bytes_total{link=\"orders\","
                               "direction=\"to_server\"} 900"));
    /* More than a double holds. */
    assert_true(has_line(page, "stormdrill_read_bytes_total{link=\"orders\","
                               "direction=\"to_client\"} 18446744073709551615"));
    assert_true(has_line(page, "toxiproxy_proxy_received_bytes_total{direction="
                               "\"upstream\",listener=\"127.0.0.1:41\",proxy=\"orders\","
                               "upstream=\"127.0.0.1:51\"} 1000"));
    assert_true(has_line(page, "toxiproxy_proxy_sent_bytes_total{direction="
                               "\"downstream\",listener=\"127.0.0.1:41\",proxy=\"orders\""
                               ",upstream=\"127.0.0.1:51\"} 2000"));
    free(page);
}

static void test_metrics__name_each_fault_by_its_link_and_label(void **state)
{
    struct snapshot s;
    char *page;

    (void)state;
    snapshot_init(&s);
    page = metrics_text(&s.metrics);
    assert_true(has_line(page, "stormdrill_fault_touched_total{link=\"orders\",fault="
                               "\"latency#1\",type=\"latency\"} 40"));
    assert_true(has_line(page,
                         "stormdrill_fault_delay_seconds_bucket{link=\"orders\","
                         "fault=\"latency#1\",type=\"latency\",le=\"0.065536\"} 0"));
    assert_true(has_line(page,
                         "stormdrill_fault_delay_seconds_bucket{link=\"orders\","
                         "fault=\"latency#1\",type=\"latency\",le=\"0.131072\"} 2"));
    assert_true(has_line(page, "stormdrill_fault_delay_seconds_sum{link=\"orders\",fault="
                               "\"latency#1\",type=\"latency\"} 0.201000000"));
    /* What drew no delay has no delays. */
    assert_null(strstr(page, "stormdrill_fault_delay_seconds_count{link=\"orders\","
                             "fault=\"stall#1\""));
    free(page);
}

static void test_metrics__put_what_is_beyond_all_bounds_into_the_last_bucket(void **state)
{
    struct snapshot s;
    char *page;

    (void)state;
    snapshot_init(&s);
    page = metrics_text(&s.metrics);
    assert_true(has_line(page, "stormdrill_loop_lag_seconds_bucket{le=\"4e-06\"} 1"));
    assert_true(
        has_line(page, "stormdrill_loop_lag_seconds_bucket{le=\"1073.741824\"} 1"));
    assert_true(has_line(page, "stormdrill_loop_lag_seconds_bucket{le=\"+Inf\"} 2"));
    assert_true(has_line(page, "stormdrill_loop_lag_seconds_sum 2000.000003000"));
    assert_true(has_line(page, "stormdrill_loop_lag_seconds_count 2"));
    free(page);
}

static void test_metrics__escape_names_and_survive_one_cut_in_a_character(void **state)
{
    struct snapshot s;
    char *page;

    (void)state;
    snapshot_init(&s);
    page = metrics_text(&s.metrics);
    assert_true(has_line(page, "stormdrill_connections_open{link=\"a \\\"quoted\\\\\\\""
                               "\\nname\"} 0"));
    free(page);

    snprintf(s.links[1].name, sizeof s.links[1].name, "caf\xc3");
    page = metrics_text(&s.metrics);
    assert_true(has_line(page, "stormdrill_connections_open{link=\"caf?\"} 0"));
    read_strictly(page);
    free(page);
}

static void test_metrics__are_whole_or_nothing_when_memory_is_short(void **state)
{
    struct snapshot s;
    char *whole;

    (void)state;
    snapshot_init(&s);
    whole = metrics_text(&s.metrics);
    for (unsigned n = 1;; n++) {
        char *page;

        memory_fail_at(n);
        page = metrics_text(&s.metrics);
        if (!memory_failed()) {
            memory_fail_at(0);
            assert_string_equal(page, whole);
            free(page);
            break;
        }
        assert_true(page == NULL || strcmp(page, whole) == 0);
        free(page);
    }
    free(whole);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_metrics__are_taken_by_a_strict_reader_and_by_promtool),
        cmocka_unit_test(test_metrics__count_connections_and_who_closed_them),
        cmocka_unit_test(test_metrics__count_bytes_exactly_and_for_toxiproxys_users_too),
        cmocka_unit_test(test_metrics__name_each_fault_by_its_link_and_label),
        cmocka_unit_test(
            test_metrics__put_what_is_beyond_all_bounds_into_the_last_bucket),
        cmocka_unit_test(test_metrics__escape_names_and_survive_one_cut_in_a_character),
        cmocka_unit_test(test_metrics__are_whole_or_nothing_when_memory_is_short),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
