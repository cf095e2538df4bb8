/* proxy: one link alone, without a scenario.
 *
 * All well:  check every flag -> plane -> control -> link -> faults, one after the other
 *            -> say where it listens -> SIGINT or SIGTERM -> stats -> close -> 130 or
 * 143. Port taken, fault refused:  the error, everything closed again, exit 4 or 2.
 * Nothing is opened before all flags are known to be good. */
#include <assert.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "harness/cli/command.h"
#include "harness/cli/complaint.h"
#include "harness/cli/seed.h"
#include "harness/cli/wire_log.h"
#include "proxy/base/clock.h"
#include "proxy/plane.h"
#include "reports/text.h"

enum { FAULTS_MAX = 64 };

struct wanted_fault {
    char name[FAULT_NAME_BYTES];
    json_t *params;
};

struct proxy_run {
    struct invocation *invocation;
    uv_loop_t loop;
    uv_signal_t signals[3];
    int signals_open;
    struct plane *plane;
    struct control *control;
    struct wire_log *log;
    struct link_options options;
    struct wanted_fault faults[FAULTS_MAX];
    int fault_count;
    int faults_added;
    struct link_id link;
    bool closing;
    int exit_code;
};

/* ---- flags ---- */

/* What there is instead: pause is for nodes and clients, for example. */
static void list_faults(struct error *err)
{
    const struct fault_type *type;
    char names[256] = "";
    size_t used = 0;

    for (int i = 0; (type = fault_type_at(i)) != NULL; i++) {
        int n = snprintf(names + used, sizeof names - used, "%s%s", i > 0 ? ", " : "",
                         fault_type_name(type));

        if (n < 0 || (size_t)n >= sizeof names - used)
            break;
        used += (size_t)n;
    }
    error_hint(err,
               "the faults are: %s\nwhat they take: stormdrill api faults, stormdrill "
               "api link:latency",
               names);
}

static int read_fault(struct wanted_fault *fault, const char *words, struct error *err)
{
    int rc = param_words(words, fault->name, sizeof fault->name, &fault->params, err);

    if (rc == 0)
        rc = fault_check(fault->name, fault->params, err);
    if (rc != 0) {
        if (fault->name[0] != '\0' && fault_type_find(fault->name) == NULL)
            list_faults(err);
        error_prefix(err, "--fault '%s'", words);
        err->code = E_USAGE;
    }
    return rc != 0 ? E_USAGE : 0;
}

/* Only this machine can reach it: 127.x.y.z, ::1, localhost, a Unix socket. */
static bool is_loopback(const char *address)
{
    unsigned part[3];
    int used = 0;

    if (strncmp(address, "localhost:", 10) == 0 || strncmp(address, "[::1]:", 6) == 0 ||
        strncmp(address, "unix:", 5) == 0)
        return true;
    /* By its digits: a host may be called 127.example.com. */
    return sscanf(address, "127.%3u.%3u.%3u:%n", &part[0], &part[1], &part[2], &used) ==
               3 &&
           used > 0;
}

/* ":4222" means the loopback unless any address may listen. */
static int read_listen(char *to, const char *text, bool allow_any, struct error *err)
{
    const char *host = "";

    if (text[0] == ':')
        host = allow_any ? "0.0.0.0" : "127.0.0.1";
    if (snprintf(to, ADDRESS_BYTES, "%s%s", host, text) >= ADDRESS_BYTES)
        return error_set(err, E_USAGE, "--listen is too long: %.60s…", text);
    if (allow_any || is_loopback(to))
        return 0;
    error_set(err, E_USAGE, "--listen %s is no loopback address", text);
    error_hint(err, "whoever reaches the port reaches the broker behind it; if that is "
                    "meant: --allow-any-listen");
    return E_USAGE;
}

/* "host:port" or "unix:/path"; what the port means is the plane's to say. */
static int check_address(const char *flag, const char *text, struct error *err)
{
    const char *colon = strrchr(text, ':');
    char *end = NULL;
    long port;

    if (strncmp(text, "unix:/", 6) == 0)
        return 0;
    port = colon != NULL ? strtol(colon + 1, &end, 10) : -1;
    if (colon == NULL || end == colon + 1 || *end != '\0' || port < 0 || port > 65535) {
        error_set(err, E_USAGE, "--%s '%s' is no address", flag, text);
        error_hint(err, "write host:port (port 0 to 65535) or unix:/path");
        return E_USAGE;
    }
    return 0;
}

static int read_flags(struct proxy_run *run, struct error *err)
{
    const struct invocation *in = run->invocation;
    const char *upstream = invocation_text(in, "upstream");
    const char *listen = invocation_text(in, "listen");
    const char *words;
    int rc;

    if (upstream == NULL) {
        error_set(err, E_USAGE, "proxy needs --upstream: where the server is");
        error_hint(err, "stormdrill proxy --upstream 127.0.0.1:4222");
        return E_USAGE;
    }
    if (listen == NULL)
        listen = "127.0.0.1:0";
    rc = check_address("upstream", upstream, err);
    if (rc == 0)
        rc = check_address("listen", listen, err);
    if (rc == 0)
        rc = read_listen(run->options.listen, listen,
                         invocation_has(in, "allow-any-listen"), err);
    if (rc == 0 &&
        snprintf(run->options.upstream, ADDRESS_BYTES, "%s", upstream) >= ADDRESS_BYTES)
        rc = error_set(err, E_USAGE, "--upstream is too long: %.60s…", upstream);
    snprintf(run->options.name, sizeof run->options.name, "proxy");
    run->options.dial_timeout_ns = invocation_duration(in, "dial-timeout", 0);
    for (int i = 0; rc == 0 && (words = invocation_text_at(in, "fault", i)); i++) {
        if (run->fault_count == FAULTS_MAX)
            return error_set(err, E_USAGE, "more than %d faults", FAULTS_MAX);
        rc = read_fault(&run->faults[run->fault_count++], words, err);
    }
    return rc;
}

/* ---- the end ---- */

static void on_signal_closed(uv_handle_t *handle)
{
    struct proxy_run *run = handle->data;

    run->signals_open--;
}

static void on_control_closed(void *arg)
{
    struct proxy_run *run = arg;

    for (int i = 0; i < 3; i++)
        uv_close((uv_handle_t *)&run->signals[i], on_signal_closed);
}

static void finish(struct proxy_run *run)
{
    assert(!run->closing);
    run->closing = true;
    control_close(run->control, on_control_closed, run);
}

static void fail(struct proxy_run *run, const struct error *error)
{
    if (run->closing)
        return;
    run->exit_code = complaint_end(&run->invocation->err, error);
    finish(run);
}

static void on_stats(void *arg, const struct plane_reply *reply)
{
    struct proxy_run *run = arg;
    char up[32], down[32], count[32];

    if (run->closing)
        return;
    if (reply->rc == 0) {
        const struct link_stats *stats = &reply->stats;

        fprintf(stderr,
                "%s connections (%llu refused, %llu without upstream, %u still open), "
                "%s bytes to the server, %s to the client\n",
                text_count(count, sizeof count, stats->accepted),
                (unsigned long long)stats->refused,
                (unsigned long long)stats->dial_failed, stats->open,
                text_count(up, sizeof up, stats->bytes_to_server),
                text_count(down, sizeof down, stats->bytes_to_client));
    }
    finish(run);
}

static void on_signal(uv_signal_t *handle, int number)
{
    struct proxy_run *run = handle->data;
    bool first = run->exit_code == EXIT_PASSED;

    if (run->closing || !first)
        return;
    run->exit_code = number == SIGINT ? EXIT_SIGINT : EXIT_SIGTERM;
    if (run->link.number == 0)
        finish(run);
    else
        control_link_stats(run->control, run->link, on_stats, run);
}

/* ---- the way there ---- */

static void on_fault_added(void *arg, const struct plane_reply *reply);

static void add_next_fault(struct proxy_run *run)
{
    if (run->faults_added < run->fault_count) {
        const struct wanted_fault *fault = &run->faults[run->faults_added];

        control_fault_add(run->control, run->link, fault->name, fault->params,
                          on_fault_added, run);
        return;
    }
    printf("ready\n");
    fflush(stdout);
}

static void on_fault_added(void *arg, const struct plane_reply *reply)
{
    struct proxy_run *run = arg;

    if (run->closing)
        return;
    if (reply->rc != 0) {
        fail(run, &reply->error);
        return;
    }
    run->faults_added++;
    add_next_fault(run);
}

static void on_link_open(void *arg, const struct plane_reply *reply)
{
    struct proxy_run *run = arg;

    if (run->closing)
        return;
    if (reply->rc != 0) {
        fail(run, &reply->error);
        return;
    }
    run->link = reply->link;
    /* A machine reads this line to learn the port, so it is on standard output. */
    printf("listening on %s, upstream %s\n", reply->address, run->options.upstream);
    fflush(stdout);
    add_next_fault(run);
}

static void watch_signals(struct proxy_run *run)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};

    for (int i = 0; i < 3; i++) {
        uv_signal_init(&run->loop, &run->signals[i]);
        run->signals[i].data = run;
        run->signals_open++;
        uv_signal_start(&run->signals[i], on_signal, numbers[i]);
    }
}

static int start(struct proxy_run *run, struct error *err)
{
    const struct invocation *in = run->invocation;
    struct wire_log_options log = {
        .loop = &run->loop,
        .to = stderr,
        .verbose = invocation_has(in, "verbose"),
        .utf8 = in->err.utf8,
        .start_ns = clock_now(clock_real()),
    };
    struct plane_options plane = {.seed = seed_of(in)};
    int rc = wire_log_open(&run->log, &log, err);

    if (rc != 0)
        return rc;
    plane.observer = wire_log_observer(run->log);
    rc = plane_start(&run->plane, &plane, err);
    if (rc != 0)
        return rc;
    rc = control_open(&run->control, run->plane, &run->loop, err);
    if (rc != 0)
        return rc;
    watch_signals(run);
    if (run->fault_count > 0)
        fprintf(stderr, "seed %llu\n", (unsigned long long)plane.seed);
    control_link_open(run->control, &run->options, on_link_open, run);
    return 0;
}

static void release(struct proxy_run *run)
{
    if (run->plane != NULL)
        plane_stop(run->plane);
    if (run->log != NULL)
        wire_log_close(run->log);
    uv_run(&run->loop, UV_RUN_DEFAULT);
    assert(run->signals_open == 0);
    uv_loop_close(&run->loop);
    for (int i = 0; i < run->fault_count; i++)
        json_decref(run->faults[i].params);
}

static int run_proxy(struct invocation *invocation)
{
    struct proxy_run *run = calloc(1, sizeof *run);
    struct error err;
    int code;

    /* A reader of ours that goes away is an EPIPE, never a sudden death of every
     * connection. */
    signal(SIGPIPE, SIG_IGN);
    if (run == NULL) {
        error_set(&err, E_NOMEM, "proxy");
        return complaint_end(&invocation->err, &err);
    }
    run->invocation = invocation;
    uv_loop_init(&run->loop);
    if (read_flags(run, &err) != 0 || start(run, &err) != 0)
        run->exit_code = complaint_end(&invocation->err, &err);
    else
        uv_run(&run->loop, UV_RUN_DEFAULT);
    release(run);
    code = run->exit_code;
    free(run);
    return code;
}

static const struct flag flags[] = {
    {.name = "listen",
     .letter = 'l',
     .kind = VALUE_TEXT,
     .value = "ADDR",
     .help = "where clients connect; default 127.0.0.1:0, a free port, which is printed"},
    {.name = "upstream",
     .letter = 'u',
     .kind = VALUE_TEXT,
     .value = "ADDR",
     .help = "where the server is: host:port or unix:/path"},
    {.name = "fault",
     .letter = 'f',
     .repeats = true,
     .kind = VALUE_TEXT,
     .value = "WORDS",
     .help = "a fault from the start on, like 'latency base=100ms jitter=10ms'"},
    {.name = "seed",
     .kind = VALUE_NUMBER,
     .value = "N",
     .help = "repeat the draws of an earlier run; default: random, printed"},
    {.name = "dial-timeout",
     .kind = VALUE_DURATION,
     .value = "TIME",
     .help = "how long a connection to the server may take; default 5s"},
    {.name = "allow-any-listen",
     .help = "let --listen be more than this machine's loopback"},
    {.name = "verbose", .letter = 'v', .help = "print what happens on standard error"},
    {.name = NULL},
};

extern const struct command command_proxy;
const struct command command_proxy = {
    .name = "proxy",
    .summary = "run one link alone: a TCP proxy with faults, without a scenario",
    .arguments = "",
    .details =
        "It runs until SIGINT or SIGTERM, then says what passed through. A fault's "
        "parameters\ncarry their units; `probability=0.5` makes it hit half of "
        "the connections, and\n`direction=to_server` or `to_client` one way only.",
    .examples =
        "  stormdrill proxy --upstream 127.0.0.1:4222 --listen 127.0.0.1:4223 \\\n"
        "      --fault 'latency base=100ms jitter=10ms'\n"
        "  stormdrill proxy -u 127.0.0.1:4222 -f 'refuse probability=0.5' --seed 7 "
        "-v",
    .flags = flags,
    .run = run_proxy,
};
