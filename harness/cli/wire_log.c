/* wire_log: from the plane's thread to a person's terminal.
 *
 *   on_event (plane's thread): describe -> queue under a lock -> uv_async
 *   on_lines (loop's thread):  take the queue -> print
 * The queue has a bound; what does not fit is counted and said. */
#include "harness/cli/wire_log.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "harness/cli/fault_page.h"
#include "proxy/base/clock.h"
#include "proxy/plane.h"
#include "reports/text.h"

enum { LINES_MAX = 4096, LINE_BYTES = 480 };

struct line {
    uint64_t time_ns;
    char text[LINE_BYTES];
};

/* Whose doing it is that a dial failed. */
enum trouble { TROUBLE_NONE, TROUBLE_SERVER, TROUBLE_FAULT, TROUBLE_OURS };

/* What an event's link number stands for. */
struct known_link {
    struct known_link *next;
    uint32_t number;
    char name[LINK_NAME_BYTES];
    char upstream[ADDRESS_BYTES];
    enum trouble trouble; /* said once, until it is another, or a dial succeeds */
};

struct wire_log {
    struct wire_log_options options;
    uv_async_t wake;
    struct known_link *links; /* the plane's thread only */
    pthread_mutex_t lock;
    struct line *lines; /* LINES_MAX of them, under the lock, as are the counts */
    int count;
    uint64_t lost;
};

static const char *who(unsigned flags)
{
    if (flags & PROXY_BY_FAULT)
        return "a fault";
    if (flags & PROXY_BY_CLIENT)
        return "the client";
    if (flags & PROXY_BY_SERVER)
        return "the server";
    return "the proxy";
}

static const char *how(unsigned flags)
{
    if (flags & PROXY_HOW_RST)
        return "RST";
    if (flags & PROXY_HOW_TIMEOUT)
        return "timed out";
    return flags & PROXY_HOW_ERROR ? "error" : "FIN";
}

static const char *detail_text(const struct proxy_event *event, const char *name)
{
    const char *text = json_string_value(json_object_get(event->detail, name));

    return text != NULL ? text : "";
}

/* A change may be a turn: the fault begins late, rests, or is on again. */
static const char *changed(const struct proxy_event *event)
{
    const json_t *resting = json_object_get(event->detail, "resting");

    if (json_is_true(resting))
        return "rests";
    return json_is_false(resting) ? "is on" : "changed";
}

static void describe_fault(char *text, size_t size, const struct proxy_event *event,
                           const char *verb)
{
    char *words = fault_page_words(event->detail);

    snprintf(text, size, "fault %llu %s: %s", (unsigned long long)event->a, verb,
             words != NULL ? words : "");
    free(words);
}

static void describe_connection(char *text, size_t size, const struct proxy_event *event)
{
    unsigned n = event->connection;
    unsigned long long a = event->a, b = event->b;

    if (event->kind == PROXY_ACCEPT)
        snprintf(text, size, "connection %u accepted from port %llu", n, a);
    else if (event->kind == PROXY_DIALED && a != 0)
        snprintf(text, size, "connection %u: dial failed after %.1f ms: %s%s", n,
                 (double)b / NS_PER_MS, strerrordesc_np((int)a),
                 event->flags & PROXY_BY_FAULT ? ", by a fault" : "");
    else if (event->kind == PROXY_DIALED)
        snprintf(text, size, "connection %u connected upstream in %.1f ms", n,
                 (double)b / NS_PER_MS);
    else if (event->kind == PROXY_REFUSED)
        snprintf(text, size, "connection %u refused (%s)", n, how(event->flags));
    else if (event->kind == PROXY_ABANDON)
        snprintf(text, size,
                 "connection %u: the %s was reset, the other side heard nothing", n,
                 event->flags & PROXY_BY_CLIENT ? "client" : "server");
    else if (event->kind == PROXY_HALF_CLOSED)
        snprintf(text, size, "connection %u half-closed by %s", n, who(event->flags));
    else
        snprintf(text, size,
                 "connection %u closed by %s (%s), %llu bytes to server, %llu to client",
                 n, who(event->flags), how(event->flags), a, b);
}

bool wire_log_describe(char *text, size_t size, const struct proxy_event *event)
{
    const char *upstream = detail_text(event, "upstream");

    switch (event->kind) {
    case PROXY_ACCEPT:
    case PROXY_DIALED:
    case PROXY_REFUSED:
    case PROXY_HALF_CLOSED:
    case PROXY_ABANDON:
    case PROXY_CLOSE:
        describe_connection(text, size, event);
        return true;
    case PROXY_FAULT_BEGIN:
        describe_fault(text, size, event, "begins");
        return true;
    case PROXY_FAULT_CHANGE:
        describe_fault(text, size, event, changed(event));
        return true;
    case PROXY_FAULT_HEAL:
        snprintf(text, size, "fault %llu healed, it touched %llu",
                 (unsigned long long)event->a, (unsigned long long)event->b);
        return true;
    case PROXY_FAULT_DRAW:
        snprintf(text, size, "connection %u %s by fault %llu", event->connection,
                 event->flags & PROXY_DRAW_HIT ? "is hit" : "is spared",
                 (unsigned long long)event->a);
        return true;
    case PROXY_ACTION:
        snprintf(text, size, "action %s on %llu connections",
                 detail_text(event, "action"), (unsigned long long)event->a);
        return true;
    case PROXY_BOUND:
        snprintf(text, size, "connection %u holds %llu bytes towards the %s: its bound",
                 event->connection, (unsigned long long)event->a,
                 event->flags & PROXY_BY_CLIENT ? "server" : "client");
        return true;
    case PROXY_LAG:
        snprintf(text, size, "the data plane was late by %.1f ms",
                 (double)event->a / NS_PER_MS);
        return event->a >= 5 * NS_PER_MS;
    case PROXY_LINK_OPEN:
        snprintf(text, size, "link opened on %s, upstream %s",
                 detail_text(event, "listen"), detail_text(event, "upstream"));
        return true;
    case PROXY_LINK_UPSTREAM:
        snprintf(text, size, "upstream is now %s",
                 upstream[0] != '\0' ? upstream : "nobody");
        return true;
    case PROXY_LINK_CLOSE:
        snprintf(text, size, "link closed");
        return true;
    case PROXY_DIAL:
    case PROXY_FIRST_BYTE:
        break;
    }
    return false;
}

/* ---- the links there are ---- */

static struct known_link *find_link(const struct wire_log *log, uint32_t number)
{
    struct known_link *link = log->links;

    while (link != NULL && link->number != number)
        link = link->next;
    return link;
}

static void forget_link(struct wire_log *log, uint32_t number)
{
    struct known_link **at = &log->links;

    while (*at != NULL && (*at)->number != number)
        at = &(*at)->next;
    if (*at != NULL) {
        struct known_link *link = *at;

        *at = link->next;
        free(link);
    }
}

/* Without memory for it the link has no name in the log: better than no link. */
static void know_link(struct wire_log *log, const struct proxy_event *event)
{
    struct known_link *link = find_link(log, event->link);

    if (link == NULL && event->kind == PROXY_LINK_OPEN) {
        link = calloc(1, sizeof *link);
        if (link == NULL)
            return;
        link->number = event->link;
        link->next = log->links;
        log->links = link;
        snprintf(link->name, sizeof link->name, "%s", detail_text(event, "name"));
    }
    if (link == NULL)
        return;
    snprintf(link->upstream, sizeof link->upstream, "%s", detail_text(event, "upstream"));
    link->trouble = TROUBLE_NONE;
}

/* What this machine or this process lacks for a dial; NULL: it is not that. */
static const char *our_limit(int error)
{
    if (error == EMFILE)
        return "this process has no file descriptor left; raise its limit before the "
               "start: ulimit -n 65536";
    if (error == ENFILE)
        return "this machine has no file descriptor left; raise fs.file-max";
    if (error == EADDRNOTAVAIL)
        return "this machine has no free port for it; open fewer connections, or widen "
               "net.ipv4.ip_local_port_range";
    if (error == ENOMEM || error == ENOBUFS)
        return "this machine is short of memory";
    return NULL;
}

static enum trouble trouble_of(const struct proxy_event *event)
{
    if (event->a == 0)
        return TROUBLE_NONE;
    if (event->flags & PROXY_BY_FAULT)
        return TROUBLE_FAULT;
    return our_limit((int)event->a) != NULL ? TROUBLE_OURS : TROUBLE_SERVER;
}

static void describe_trouble(char *text, size_t size, enum trouble trouble, int error,
                             const char *upstream)
{
    if (trouble == TROUBLE_FAULT)
        snprintf(text, size,
                 "warning: a fault (unreachable) let the dial of %s hang until its time "
                 "was up; connections are reset",
                 upstream);
    else if (trouble == TROUBLE_OURS)
        snprintf(text, size, "warning: cannot dial %s: %s; connections are reset",
                 upstream, our_limit(error));
    else
        snprintf(text, size, "warning: nobody answers at %s: %s; connections are reset",
                 upstream, strerrordesc_np(error));
}

/* Without -v: one warning when nobody answers upstream, until somebody did. */
static bool is_news(struct known_link *link, const struct proxy_event *event, char *text,
                    size_t size)
{
    enum trouble trouble;
    bool is_new;

    if (event->kind != PROXY_DIALED || link == NULL)
        return false;
    trouble = trouble_of(event);
    is_new = trouble != link->trouble && trouble != TROUBLE_NONE;
    link->trouble = trouble;
    if (is_new)
        describe_trouble(text, size, trouble, (int)event->a, link->upstream);
    return is_new;
}

static void push(struct wire_log *log, uint64_t time_ns, const char *text)
{
    if (log->count == LINES_MAX) {
        log->lost++;
        return;
    }
    log->lines[log->count].time_ns = time_ns;
    snprintf(log->lines[log->count].text, LINE_BYTES, "%s", text);
    log->count++;
}

static void on_event(void *arg, const struct proxy_event *event)
{
    struct wire_log *log = arg;
    struct known_link *link;
    char line[LINE_BYTES];
    size_t used = 0;

    if (event->kind == PROXY_LINK_OPEN || event->kind == PROXY_LINK_UPSTREAM)
        know_link(log, event);
    link = find_link(log, event->link);
    if (log->options.named && link != NULL)
        used = (size_t)snprintf(line, sizeof line, "%s: ", link->name);
    if (is_news(link, event, line + used, sizeof line - used) ||
        (log->options.verbose &&
         wire_log_describe(line + used, sizeof line - used, event))) {
        pthread_mutex_lock(&log->lock);
        push(log, event->time_ns, line);
        pthread_mutex_unlock(&log->lock);
        uv_async_send(&log->wake);
    }
    if (event->kind == PROXY_LINK_CLOSE)
        forget_link(log, event->link);
}

static void print_lines(struct wire_log *log, const struct line *lines, int count)
{
    for (int i = 0; i < count; i++) {
        uint64_t since = lines[i].time_ns > log->options.start_ns
                             ? lines[i].time_ns - log->options.start_ns
                             : 0;

        fprintf(log->options.to, "[%7.1fs] ", (double)since / NS_PER_S);
        text_put(log->options.to, lines[i].text, log->options.utf8);
        fputc('\n', log->options.to);
    }
}

static void on_lines(uv_async_t *wake)
{
    struct wire_log *log = wake->data;
    struct line *taken = calloc(LINES_MAX, sizeof *taken);
    uint64_t lost;
    int count;

    if (taken == NULL)
        return;
    pthread_mutex_lock(&log->lock);
    count = log->count;
    lost = log->lost;
    memcpy(taken, log->lines, (size_t)count * sizeof *taken);
    log->count = 0;
    log->lost = 0;
    pthread_mutex_unlock(&log->lock);

    print_lines(log, taken, count);
    if (lost > 0)
        fprintf(log->options.to, "(%llu events were not printed: too many at once)\n",
                (unsigned long long)lost);
    fflush(log->options.to);
    free(taken);
}

int wire_log_open(struct wire_log **out, const struct wire_log_options *options,
                  struct error *err)
{
    struct wire_log *log = calloc(1, sizeof *log);

    assert(options->to != NULL);
    if (log == NULL)
        return error_set(err, E_NOMEM, "event log");
    log->options = *options;
    log->lines = calloc(LINES_MAX, sizeof *log->lines);
    if (log->lines == NULL || uv_async_init(options->loop, &log->wake, on_lines) != 0) {
        free(log->lines);
        free(log);
        return error_set(err, E_NOMEM, "event log");
    }
    pthread_mutex_init(&log->lock, NULL);
    log->wake.data = log;
    /* Events alone do not keep the program alive. */
    uv_unref((uv_handle_t *)&log->wake);
    *out = log;
    return 0;
}

struct observer wire_log_observer(struct wire_log *log)
{
    return (struct observer){.on_event = on_event, .arg = log};
}

static void on_closed(uv_handle_t *handle)
{
    struct wire_log *log = handle->data;

    while (log->links != NULL)
        forget_link(log, log->links->number);
    pthread_mutex_destroy(&log->lock);
    free(log->lines);
    free(log);
}

void wire_log_close(struct wire_log *log)
{
    on_lines(&log->wake);
    uv_close((uv_handle_t *)&log->wake, on_closed);
}
