/* metrics: one family after the other, each with all its links or faults.
 *
 * The format wants the samples of a name together, so the loops run over families on
 * the outside and over links inside. Units are base units (bytes, seconds), counters
 * end in _total, as Prometheus' own lint asks. */
#include "proxy/control/metrics.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum kind { COUNTER, GAUGE, HISTOGRAM };

static void head(FILE *to, const char *name, enum kind kind, const char *help)
{
    static const char *const kinds[] = {
        [COUNTER] = "counter", [GAUGE] = "gauge", [HISTOGRAM] = "histogram"};

    fprintf(to, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, kinds[kind]);
}

/* jansson refuses what is no UTF-8. */
static bool is_utf8(const char *text)
{
    json_t *probe = json_string(text);

    json_decref(probe);
    return probe != NULL;
}

/* `name="value"`, escaped. A name that was cut inside a character is no UTF-8 any more,
 * and one such value would cost the whole scrape. */
static void label(FILE *to, const char *name, const char *value)
{
    bool clean = is_utf8(value);

    fprintf(to, "%s=\"", name);
    for (const char *c = value; *c != '\0'; c++) {
        if (*c == '\n')
            fputs("\\n", to);
        else if (*c == '"' || *c == '\\')
            fprintf(to, "\\%c", *c);
        else
            fputc(clean || (unsigned char)*c < 0x80 ? *c : '?', to);
    }
    fputc('"', to);
}

static void count(FILE *to, uint64_t value)
{
    fprintf(to, " %llu\n", (unsigned long long)value);
}

/* Exact, where a double would lose the last digits of a long sum. */
static void seconds(FILE *to, uint64_t ns)
{
    fprintf(to, " %llu.%09llu\n", (unsigned long long)(ns / NS_PER_S),
            (unsigned long long)(ns % NS_PER_S));
}

/* The samples of one histogram. `labels` end with a comma, or are empty. */
static void histogram(FILE *to, const char *name, const char *labels,
                      const struct histogram *h)
{
    uint64_t below = 0;
    int size = (int)strlen(labels);
    const char *open = size > 0 ? "{" : "";
    const char *close = size > 0 ? "}" : "";

    for (int i = 0; i < HISTOGRAM_BUCKETS; i++) {
        below += h->counts[i];
        fprintf(to, "%s_bucket{%sle=\"", name, labels);
        if (i < HISTOGRAM_BUCKETS - 1)
            fprintf(to, "%.10g\"}", (double)histogram_bound_ns(i) / NS_PER_S);
        else
            fputs("+Inf\"}", to);
        count(to, below);
    }
    if (size > 0)
        size--; /* without the comma */
    fprintf(to, "%s_sum%s%.*s%s", name, open, size, labels, close);
    seconds(to, h->sum_ns);
    fprintf(to, "%s_count%s%.*s%s", name, open, size, labels, close);
    count(to, below);
}

/* ---- the plane ---- */

static void write_plane(FILE *to, const struct plane_metrics *m)
{
    head(to, "stormdrill_build_info", GAUGE, "Always 1; the version that runs.");
    fputs("stormdrill_build_info{", to);
    label(to, "version", STORMDRILL_VERSION);
    fputs("} 1\n", to);

    head(to, "stormdrill_memory_bytes", GAUGE, "Bytes held in all directions.");
    fputs("stormdrill_memory_bytes", to);
    count(to, m->memory_bytes);
    head(to, "stormdrill_memory_limit_bytes", GAUGE,
         "Bytes that all directions together may hold.");
    fputs("stormdrill_memory_limit_bytes", to);
    count(to, m->memory_bytes_max);

    head(to, "stormdrill_loop_lag_seconds", HISTOGRAM,
         "How late the data plane's loop was, sampled every 20 ms.");
    histogram(to, "stormdrill_loop_lag_seconds", "", &m->lag);
    head(to, "stormdrill_delay_error_seconds", HISTOGRAM,
         "By how much bytes that a fault held were let go later than they were due.");
    histogram(to, "stormdrill_delay_error_seconds", "", &m->delay_errors);
}

/* ---- the links ---- */

static uint64_t is_listening(const struct link_metrics *link)
{
    return link->is_listening ? 1 : 0;
}

static uint64_t open_now(const struct link_metrics *link)
{
    return link->stats.open;
}

static uint64_t accepted(const struct link_metrics *link)
{
    return link->stats.accepted;
}

static uint64_t refused(const struct link_metrics *link)
{
    return link->stats.refused;
}

static uint64_t dial_failed(const struct link_metrics *link)
{
    return link->stats.dial_failed;
}

static uint64_t held(const struct link_metrics *link)
{
    return link->stats.held_bytes;
}

/* What has one value for each link. */
static const struct {
    const char *name;
    enum kind kind;
    const char *help;
    uint64_t (*value)(const struct link_metrics *link);
} link_values[] = {
    {"stormdrill_link_listening", GAUGE, "1 while the link's port is open.",
     is_listening},
    {"stormdrill_connections_open", GAUGE, "Connections through the link now.", open_now},
    {"stormdrill_connections_accepted_total", COUNTER, "Connections accepted.", accepted},
    {"stormdrill_connections_refused_total", COUNTER,
     "Connections that a fault turned away.", refused},
    {"stormdrill_connections_dial_failed_total", COUNTER,
     "Connections that found no upstream.", dial_failed},
    {"stormdrill_held_bytes", GAUGE, "Bytes held in the link's faults and queues now.",
     held},
};

static void link_labels(FILE *to, const struct link_metrics *link)
{
    label(to, "link", link->name);
}

static void write_link_values(FILE *to, const struct plane_metrics *m)
{
    for (size_t v = 0; v < sizeof link_values / sizeof *link_values; v++) {
        head(to, link_values[v].name, link_values[v].kind, link_values[v].help);
        for (uint32_t i = 0; i < m->link_count; i++) {
            fprintf(to, "%s{", link_values[v].name);
            link_labels(to, &m->links[i]);
            fputc('}', to);
            count(to, link_values[v].value(&m->links[i]));
        }
    }
}

/* Every combination from the start on: a counter that appears with its first event
 * loses that event in rate(). */
static void write_closes(FILE *to, const struct plane_metrics *m)
{
    static const char *const who[CLOSE_WHO_COUNT] = {[CLOSE_BY_CLIENT] = "client",
                                                     [CLOSE_BY_SERVER] = "server",
                                                     [CLOSE_BY_FAULT] = "fault",
                                                     [CLOSE_BY_PROXY] = "proxy"};
    static const char *const how[CLOSE_HOW_COUNT] = {[CLOSE_FIN] = "fin",
                                                     [CLOSE_RST] = "rst",
                                                     [CLOSE_TIMEOUT] = "timeout",
                                                     [CLOSE_ERROR] = "error"};
    static const char name[] = "stormdrill_connections_closed_total";

    head(to, name, COUNTER, "Connections that ended, by whom and how.");
    for (uint32_t i = 0; i < m->link_count; i++) {
        for (int w = 0; w < CLOSE_WHO_COUNT; w++) {
            for (int h = 0; h < CLOSE_HOW_COUNT; h++) {
                fprintf(to, "%s{", name);
                link_labels(to, &m->links[i]);
                fprintf(to, ",by=\"%s\",how=\"%s\"}", who[w], how[h]);
                count(to, m->links[i].stats.closes[w][h]);
            }
        }
    }
}

/* One counter of bytes, both directions: `a` to the server, `b` to the client. */
static void bytes_of_link(FILE *to, const char *name, const struct link_metrics *link,
                          uint64_t a, uint64_t b)
{
    fprintf(to, "%s{", name);
    link_labels(to, link);
    fputs(",direction=\"to_server\"}", to);
    count(to, a);
    fprintf(to, "%s{", name);
    link_labels(to, link);
    fputs(",direction=\"to_client\"}", to);
    count(to, b);
}

static void write_bytes(FILE *to, const struct plane_metrics *m)
{
    head(to, "stormdrill_read_bytes_total", COUNTER,
         "Bytes read, by the direction in which they travel.");
    for (uint32_t i = 0; i < m->link_count; i++) {
        const struct link_stats *s = &m->links[i].stats;

        bytes_of_link(to, "stormdrill_read_bytes_total", &m->links[i],
                      s->bytes_from_client, s->bytes_from_server);
    }
    head(to, "stormdrill_passed_bytes_total", COUNTER,
         "Bytes passed on, by the direction in which they travel.");
    for (uint32_t i = 0; i < m->link_count; i++) {
        const struct link_stats *s = &m->links[i].stats;

        bytes_of_link(to, "stormdrill_passed_bytes_total", &m->links[i],
                      s->bytes_to_server, s->bytes_to_client);
    }
}

/* ---- the faults ---- */

static const struct link_metrics *link_of(const struct plane_metrics *m,
                                          const struct fault_metrics *fault)
{
    for (uint32_t i = 0; i < m->link_count; i++) {
        if (m->links[i].id.number == fault->link.number)
            return &m->links[i];
    }
    return NULL;
}

/* A fault's label is unique on its link. */
static void fault_labels(FILE *to, const struct plane_metrics *m,
                         const struct fault_metrics *fault)
{
    const struct link_metrics *link = link_of(m, fault);

    label(to, "link", link != NULL ? link->name : "");
    fputc(',', to);
    label(to, "fault", fault->label);
    fputc(',', to);
    label(to, "type", fault->type);
}

/* false: memory is short. */
static bool write_fault_delays(FILE *to, const struct plane_metrics *m,
                               const struct fault_metrics *fault)
{
    char *labels = NULL;
    size_t size = 0;
    FILE *line = open_memstream(&labels, &size);
    bool written;

    if (line == NULL)
        return false;
    fault_labels(line, m, fault);
    fputc(',', line);
    written = fclose(line) == 0;
    if (written)
        histogram(to, "stormdrill_fault_delay_seconds", labels, &fault->delays);
    free(labels);
    return written;
}

static bool write_faults(FILE *to, const struct plane_metrics *m)
{
    head(to, "stormdrill_fault_touched_total", COUNTER,
         "Chunks and connections on which the fault acted.");
    for (uint32_t i = 0; i < m->fault_count; i++) {
        fputs("stormdrill_fault_touched_total{", to);
        fault_labels(to, m, &m->faults[i]);
        fputc('}', to);
        count(to, m->faults[i].touched);
    }
    head(to, "stormdrill_fault_delay_seconds", HISTOGRAM, "Delays that the fault drew.");
    for (uint32_t i = 0; i < m->fault_count; i++) {
        if (m->faults[i].delays.count > 0 && !write_fault_delays(to, m, &m->faults[i]))
            return false;
    }
    return true;
}

/* ---- Toxiproxy's two ---- */

static void toxiproxy_sample(FILE *to, const char *name, const struct link_metrics *link,
                             const char *direction, uint64_t bytes)
{
    fprintf(to, "%s{direction=\"%s\",", name, direction);
    label(to, "listener", link->listen);
    fputc(',', to);
    label(to, "proxy", link->name);
    fputc(',', to);
    label(to, "upstream", link->upstream);
    fputc('}', to);
    count(to, bytes);
}

static void write_toxiproxy(FILE *to, const struct plane_metrics *m)
{
    static const char received[] = "toxiproxy_proxy_received_bytes_total";
    static const char sent[] = "toxiproxy_proxy_sent_bytes_total";

    head(to, received, COUNTER, "Bytes read, under Toxiproxy's name.");
    for (uint32_t i = 0; i < m->link_count; i++) {
        const struct link_metrics *link = &m->links[i];

        toxiproxy_sample(to, received, link, "upstream", link->stats.bytes_from_client);
        toxiproxy_sample(to, received, link, "downstream", link->stats.bytes_from_server);
    }
    head(to, sent, COUNTER, "Bytes passed on, under Toxiproxy's name.");
    for (uint32_t i = 0; i < m->link_count; i++) {
        const struct link_metrics *link = &m->links[i];

        toxiproxy_sample(to, sent, link, "upstream", link->stats.bytes_to_server);
        toxiproxy_sample(to, sent, link, "downstream", link->stats.bytes_to_client);
    }
}

char *metrics_text(const struct plane_metrics *metrics)
{
    char *text = NULL;
    size_t size = 0;
    FILE *to = open_memstream(&text, &size);
    bool whole;

    assert(metrics != NULL);
    if (to == NULL)
        return NULL;
    write_plane(to, metrics);
    write_link_values(to, metrics);
    write_closes(to, metrics);
    write_bytes(to, metrics);
    whole = write_faults(to, metrics);
    write_toxiproxy(to, metrics);
    whole = whole && ferror(to) == 0;
    if (fclose(to) != 0 || !whole) {
        free(text);
        return NULL;
    }
    return text;
}
