/* proxy: links alone, without a scenario, steered over HTTP.
 *
 * All well:  check every flag -> plane -> API -> links of config and flags -> say where
 *            they listen -> SIGINT or SIGTERM -> stats -> close -> 130 or 143.
 * Port taken, fault refused:  the error, everything closed again, exit 4 or 2.
 * Nothing is opened before all flags are known to be good. With --api none the API's
 * thread still keeps the links; it only serves nobody. */
#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <uv.h>

#include "harness/cli/api_call.h"
#include "harness/cli/command.h"
#include "harness/cli/complaint.h"
#include "harness/cli/proxy_flags.h"
#include "harness/cli/seed.h"
#include "harness/cli/wire_log.h"
#include "proxy/base/clock.h"
#include "proxy/control/api.h"
#include "proxy/plane.h"
#include "reports/text.h"

enum { SIGNALS = 3, COUNT_BYTES = 32 };

/* Its loops, timers, wake-ups and API; then there is no connection yet. */
enum { DESCRIPTORS_MIN = 32 };

struct proxy_run {
    struct invocation *invocation;
    struct proxy_wishes wishes;
    uv_loop_t loop;
    uv_signal_t signals[SIGNALS];
    int signals_open;
    struct plane *plane;
    struct api *api;
    struct wire_log *log;
    struct plane_reply end; /* what was counted until the end */
    int exit_code;
};

/* ---- the end ---- */

static void on_signal_closed(uv_handle_t *handle)
{
    struct proxy_run *run = handle->data;

    run->signals_open--;
}

/* Also when we never came to run: what watches keeps the loop alive. */
static void close_signals(struct proxy_run *run)
{
    for (int i = 0; i < SIGNALS && run->signals_open > 0; i++) {
        if (!uv_is_closing((uv_handle_t *)&run->signals[i]))
            uv_close((uv_handle_t *)&run->signals[i], on_signal_closed);
    }
}

static void on_signal(uv_signal_t *handle, int number)
{
    struct proxy_run *run = handle->data;

    if (run->exit_code != EXIT_PASSED)
        return;
    run->exit_code = number == SIGINT ? EXIT_SIGINT : EXIT_SIGTERM;
    close_signals(run);
}

static void print_stats(const struct link_metrics *link, bool named)
{
    const struct link_stats *stats = &link->stats;
    char up[COUNT_BYTES], down[COUNT_BYTES], count[COUNT_BYTES];

    if (named) {
        text_put(stderr, link->name, true);
        fputs(": ", stderr);
    }
    fprintf(stderr,
            "%s connection%s (%llu refused, %llu without upstream, %u still open), "
            "%s bytes to the server, %s to the client\n",
            text_count(count, sizeof count, stats->accepted),
            stats->accepted == 1 ? "" : "s", (unsigned long long)stats->refused,
            (unsigned long long)stats->dial_failed, stats->open,
            text_count(up, sizeof up, stats->bytes_to_server),
            text_count(down, sizeof down, stats->bytes_to_client));
}

/* Before the links close, since then they are no more. */
static void count(struct proxy_run *run)
{
    const struct plane_command command = {.kind = PLANE_METRICS};

    plane_call_wait(run->plane, &command, &run->end);
}

/* What passed through, a line for each link; behind the last line of -v. */
static void sum_up(struct proxy_run *run)
{
    const struct plane_metrics *metrics = run->end.metrics;
    bool named;

    if (metrics != NULL) {
        named = metrics->link_count > 1 || !run->wishes.has_own_link;
        for (uint32_t i = 0; i < metrics->link_count; i++)
            print_stats(&metrics->links[i], named);
    }
    plane_reply_release(&run->end);
}

/* ---- the way there ---- */

/* Who hung up on us before we began, as nohup does, meant it. */
static bool is_ignored(int number)
{
    struct sigaction now;

    return number == SIGHUP && sigaction(number, NULL, &now) == 0 &&
           now.sa_handler == SIG_IGN;
}

static void watch_signals(struct proxy_run *run)
{
    static const int numbers[SIGNALS] = {SIGINT, SIGTERM, SIGHUP};

    for (int i = 0; i < SIGNALS; i++) {
        uv_signal_init(&run->loop, &run->signals[i]);
        run->signals[i].data = run;
        run->signals_open++;
        if (!is_ignored(numbers[i]))
            uv_signal_start(&run->signals[i], on_signal, numbers[i]);
    }
}

/* A machine reads these lines to learn the ports, so they are on standard output. */
static int print_links(struct proxy_run *run, struct error *err)
{
    json_t *links = api_links(run->api, err);
    const json_t *link;
    size_t i;

    if (links == NULL)
        return err->code;
    json_array_foreach(links, i, link) {
        const char *name = json_string_value(json_object_get(link, "name"));

        printf("%s %s, upstream %s",
               json_is_true(json_object_get(link, "enabled")) ? "listening on"
                                                              : "disabled",
               json_string_value(json_object_get(link, "listen")),
               json_string_value(json_object_get(link, "upstream")));
        if (json_array_size(links) > 1 || !run->wishes.has_own_link) {
            fputs(", link ", stdout);
            text_put(stdout, name, true);
        }
        putchar('\n');
    }
    json_decref(links);
    return 0;
}

/* Whoever waits for "ready" would wait for ever if it could not be written. A reader that
 * went away has read what it wanted. */
static int say_ready(struct proxy_run *run, struct error *err)
{
    if (strcmp(run->wishes.api, "none") != 0)
        printf("api on %s\n", api_address(run->api));
    if (run->wishes.api_by_default)
        fprintf(stderr, "Toxiproxy's clients and `stormdrill fault` steer it there; "
                        "/metrics and /v1/ are there too\n");
    printf("ready\n");
    if (fflush(stdout) != 0 && errno != EPIPE)
        return error_from_errno(err, "cannot write to standard output");
    return 0;
}

static int start_api(struct proxy_run *run, struct error *err)
{
    struct proxy_wishes *wishes = &run->wishes;
    struct api_options options = {
        .plane = run->plane,
        .listen = wishes->api,
        .token = wishes->token[0] != '\0' ? wishes->token : NULL,
        .allow_any_listen = wishes->allow_any_listen,
    };
    int rc = api_start(&run->api, &options, err);

    if (rc == 0)
        return 0;
    if (rc == E_BUSY)
        error_hint(err, "another proxy, or a Toxiproxy? stop it, or go elsewhere: "
                        "--api 127.0.0.1:0 picks a free port");
    else if (rc == E_PARAM)
        err->code = E_USAGE;
    return err->code;
}

/* "proxy 1 ('proxy'): " says nothing to who has written no list. */
static void leave_entry_out(struct error *err)
{
    static const char behind[] = "'): ";
    const char *rest = strstr(err->text, behind);

    if (strncmp(err->text, "proxy 1 ('", strlen("proxy 1 ('")) != 0 || rest == NULL)
        return;
    rest += strlen(behind);
    memmove(err->text, rest, strlen(rest) + 1);
}

/* What is wrong in a list of links is the caller's; a port that is taken is not. */
static int make_links(struct proxy_run *run, struct error *err)
{
    int rc = api_populate(run->api, run->wishes.links, err);

    if (rc != 0 && run->wishes.config == NULL)
        leave_entry_out(err);
    if (rc != 0 && run->wishes.config != NULL)
        error_prefix(err, "%s", run->wishes.config);
    if (rc == E_PARAM || rc == E_FORMAT)
        err->code = E_USAGE;
    return rc != 0 ? err->code : print_links(run, err);
}

static int start(struct proxy_run *run, struct error *err)
{
    const struct invocation *in = run->invocation;
    struct wire_log_options log = {
        .loop = &run->loop,
        .to = stderr,
        .verbose = invocation_has(in, "verbose"),
        .utf8 = in->err.utf8,
        .named = strcmp(run->wishes.api, "none") != 0 || run->wishes.config != NULL,
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
    rc = start_api(run, err);
    if (rc == 0)
        rc = make_links(run, err);
    if (rc != 0)
        return rc;
    if (log.named || invocation_has(in, "fault"))
        fprintf(stderr, "seed %llu\n", (unsigned long long)plane.seed);
    watch_signals(run);
    return say_ready(run, err);
}

static void release(struct proxy_run *run)
{
    if (run->api != NULL)
        api_stop(run->api);
    if (run->plane != NULL)
        plane_stop(run->plane);
    if (run->log != NULL)
        wire_log_close(run->log);
    close_signals(run);
    uv_run(&run->loop, UV_RUN_DEFAULT);
    assert(run->signals_open == 0);
    uv_loop_close(&run->loop);
    sum_up(run);
    proxy_flags_release(&run->wishes);
}

/* Where not even its own descriptors fit, libuv aborts instead of saying so. */
static bool allows_descriptors(struct error *err)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= DESCRIPTORS_MIN)
        return true;
    error_set(err, E_SYSTEM, "cannot begin: this process may open %llu files",
              (unsigned long long)limit.rlim_cur);
    error_hint(err, "each connection takes two; raise the limit: ulimit -n 4096");
    return false;
}

static int run_proxy(struct invocation *invocation)
{
    struct proxy_run *run = calloc(1, sizeof *run);
    struct error err;
    int rc = UV_ENOMEM;
    int code;

    /* A reader of ours that goes away is an EPIPE, never a sudden death of every
     * connection. */
    signal(SIGPIPE, SIG_IGN);
    if (!allows_descriptors(&err)) {
        free(run);
        return complaint_end(&invocation->err, &err);
    }
    if (run == NULL || (rc = uv_loop_init(&run->loop)) != 0) {
        free(run);
        error_set(&err, E_SYSTEM, "cannot begin: %s", uv_strerror(rc));
        return complaint_end(&invocation->err, &err);
    }
    run->invocation = invocation;
    if (proxy_flags_read(&run->wishes, invocation, &err) != 0 || start(run, &err) != 0) {
        run->exit_code = complaint_end(&invocation->err, &err);
    } else {
        uv_run(&run->loop, UV_RUN_DEFAULT);
        count(run);
    }
    release(run);
    code = run->exit_code;
    free(run);
    return code;
}

static const struct flag flags[] = {
    {.name = "upstream",
     .letter = 'u',
     .kind = VALUE_TEXT,
     .value = "ADDR",
     .help = "a link to this server: host:port or unix:/path"},
    {.name = "listen",
     .letter = 'l',
     .kind = VALUE_TEXT,
     .value = "ADDR",
     .help = "where its clients connect; default 127.0.0.1:0, a free port, which is "
             "printed"},
    {.name = "fault",
     .letter = 'f',
     .repeats = true,
     .kind = VALUE_TEXT,
     .value = "WORDS",
     .help = "a fault on it from the start on, like 'latency base=100ms jitter=10ms'"},
    {.name = "name",
     .kind = VALUE_TEXT,
     .value = "NAME",
     .help = "what the API calls it; default proxy"},
    {.name = "dial-timeout",
     .kind = VALUE_DURATION,
     .value = "TIME",
     .help = "how long a connection to the server may take; default 5s"},
    {.name = "buffer",
     .kind = VALUE_TEXT,
     .value = "SIZE",
     .help = "how much each direction of a connection may hold; default 1MiB, 64MiB "
             "while it is delayed"},
    {.name = "config",
     .letter = 'c',
     .kind = VALUE_TEXT,
     .value = "FILE",
     .help = "links from a JSON file, as Toxiproxy's -config has it, toxics in it too"},
    {.name = "api",
     .kind = VALUE_TEXT,
     .value = "ADDR",
     .help =
         "the control API: host:port, unix:/path or none; default " API_DEFAULT_ADDRESS
         " without --upstream, none with it"},
    {.name = "api-token-file",
     .kind = VALUE_TEXT,
     .value = "FILE",
     .help = "callers of the API must know the token in it; default "
             "$STORMDRILL_API_TOKEN"},
    {.name = "allow-any-listen",
     .help = "let --listen, --api and links without a host be more than this machine's "
             "loopback"},
    {.name = "seed",
     .kind = VALUE_NUMBER,
     .value = "N",
     .help = "repeat the draws of an earlier run; default: random, printed"},
    {.name = "verbose", .letter = 'v', .help = "print what happens on standard error"},
    {.name = NULL},
};

extern const struct command command_proxy;
const struct command command_proxy = {
    .name = "proxy",
    .summary = "run the proxy alone: TCP links with faults, steered over HTTP",
    .arguments = "",
    .details =
        "Without --upstream it is a drop-in for Toxiproxy: its clients and "
        "`stormdrill fault`\nmake links and faults over the API. With --upstream it is "
        "one link, and has an API\nwhen --api says where.\n\n"
        "It runs until SIGINT or SIGTERM, then says what passed through. A fault's "
        "parameters\ncarry their units; `probability=0.5` makes it hit half of "
        "the connections, and\n`direction=to_server` or `to_client` one way only.",
    .examples =
        "  stormdrill proxy --upstream 127.0.0.1:4222 --listen 127.0.0.1:4223 \\\n"
        "      --fault 'latency base=100ms jitter=10ms'\n"
        "  stormdrill proxy -u 127.0.0.1:4222 -f 'refuse probability=0.5' --seed 7 "
        "-v\n"
        "  stormdrill proxy --config toxiproxy.json\n"
        "  stormdrill proxy -u 127.0.0.1:4222 --api 127.0.0.1:8474\n"
        "  stormdrill fault add proxy 'latency base=100ms'",
    .flags = flags,
    .run = run_proxy,
};
