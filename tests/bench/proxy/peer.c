/* peer: the proxies that are compared.
 *
 * All well:  write a configuration for a free port -> start -> it accepts.
 * Port taken meanwhile:  the child ends; try twice more with another port.
 * Program not there, option not known:  `why` says so, and the table leaves it out.
 * All of them run one thread for the data, so that CPU and speed mean the same. */
#include "tests/bench/proxy/peer.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/bench/common/child.h"
#include "tests/bench/common/net.h"

enum { HAPROXY_CONNECTIONS = 9500, HAPROXY_PIPES = 128 };
enum { TRIES = 3, PATH_BYTES = 300, READY_MS = 5000, ARGUMENTS_MAX = 16 };

static bool give_up(struct peer *peer, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static bool give_up(struct peer *peer, const char *format, ...)
{
    va_list list;

    va_start(list, format);
    vsnprintf(peer->why, sizeof peer->why, format, list);
    va_end(list);
    peer_stop(peer);
    return false;
}

/* The last line of what a child said, for `why`. */
static void read_complaint(const char *log, char *line, size_t size)
{
    char text[512];
    FILE *file = fopen(log, "re");

    snprintf(line, size, "it said nothing");
    if (file == NULL)
        return;
    while (fgets(text, sizeof text, file) != NULL)
        if (strspn(text, " \n") != strlen(text))
            snprintf(line, size, "%.*s", (int)strcspn(text, "\n"), text);
    fclose(file);
}

static void log_path(char *path, const struct peer_tools *tools, const char *name)
{
    snprintf(path, PATH_BYTES, "%s/%s.log", tools->folder, name);
}

static FILE *open_config(char *path, const struct peer_tools *tools, const char *name)
{
    snprintf(path, PATH_BYTES, "%s/%s.conf", tools->folder, name);
    return fopen(path, "we");
}

/* ---- ours ---- */

/* It prints "listening on 127.0.0.1:PORT, upstream ..." and later "ready". */
static uint16_t read_port(int out)
{
    struct pollfd poller = {.fd = out, .events = POLLIN};
    char text[2048] = "";
    size_t used = 0;
    unsigned port = 0;
    const char *line;

    while (strstr(text, "ready") == NULL && used < sizeof text - 1 &&
           poll(&poller, 1, READY_MS) == 1) {
        ssize_t n = read(out, text + used, sizeof text - 1 - used);

        if (n <= 0)
            return 0;
        used += (size_t)n;
        text[used] = '\0';
    }
    line = strstr(text, "listening on 127.0.0.1:");
    if (line == NULL || sscanf(line, "listening on 127.0.0.1:%u", &port) != 1)
        return 0;
    return (uint16_t)port;
}

static bool start_stormdrill(struct peer *peer, const struct peer_tools *tools)
{
    const struct peer_setup *setup = peer->setup;
    char upstream[64];
    char log[PATH_BYTES];
    char complaint[160];
    char *argv[ARGUMENTS_MAX] = {(char *)tools->stormdrill,
                                 "proxy",
                                 "--listen",
                                 "127.0.0.1:0",
                                 "--upstream",
                                 upstream};
    int count = 6;
    int out = -1;

    snprintf(upstream, sizeof upstream, "127.0.0.1:%u", peer->upstream);
    if (setup->fault != NULL) {
        argv[count++] = "--fault";
        argv[count++] = (char *)setup->fault;
    }
    if (setup->buffer != NULL) {
        argv[count++] = "--buffer";
        argv[count++] = (char *)setup->buffer;
    }
    log_path(log, tools, "stormdrill");
    peer->pid = child_start(argv, log, &out);
    if (peer->pid == 0)
        return give_up(peer, "%s: %s", tools->stormdrill, strerror(errno));
    peer->port = read_port(out);
    close(out); /* it says nothing more before it ends */
    if (peer->port != 0)
        return true;
    read_complaint(log, complaint, sizeof complaint);
    return give_up(peer, "%s", complaint);
}

/* ---- the others ---- */

static bool start_haproxy(struct peer *peer, const struct peer_tools *tools)
{
    static const char *const splice[] = {
        [PEER_HAPROXY] = "  option splice-auto\n",
        [PEER_HAPROXY_TUNED] = "  option splice-request\n  option splice-response\n",
        [PEER_HAPROXY_COPY] = "",
    };
    char config[PATH_BYTES];
    char log[PATH_BYTES];
    char *argv[] = {"haproxy", "-db", "-f", config, NULL};
    FILE *file = open_config(config, tools, "haproxy");
    /* It refuses to start unless all descriptors that this may need are allowed. */
    long most = (tools->fd_limit - 4 * HAPROXY_PIPES) / 2;
    long connections = most < HAPROXY_CONNECTIONS ? most : HAPROXY_CONNECTIONS;

    if (file == NULL)
        return give_up(peer, "%s: %s", config, strerror(errno));
    fprintf(
        file,
        "global\n  maxconn %ld\n  maxpipes %d\n  nbthread 1\n%s%s"
        "defaults\n  mode tcp\n  timeout connect 5s\n"
        "  timeout client 1h\n  timeout server 1h\n%s"
        "listen bench\n  maxconn %ld\n  bind 127.0.0.1:%u backlog 4096\n  server origin "
        "127.0.0.1:%u\n",
        connections, HAPROXY_PIPES,
        peer->setup->kind == PEER_HAPROXY_TUNED ? "  tune.pipesize 1048576\n" : "",
        peer->setup->kind == PEER_HAPROXY_COPY ? "  nosplice\n" : "",
        splice[peer->setup->kind], connections, peer->port, peer->upstream);
    fclose(file);
    log_path(log, tools, "haproxy");
    peer->pid = child_start(argv, log, NULL);
    return peer->pid != 0;
}

static bool start_nginx(struct peer *peer, const struct peer_tools *tools)
{
    static const char module[] = "/usr/lib/nginx/modules/ngx_stream_module.so";
    char config[PATH_BYTES];
    char log[PATH_BYTES];
    char rate[64] = "";
    char *argv[] = {"nginx", "-p", (char *)tools->folder, "-c", config, NULL};
    FILE *file = open_config(config, tools, "nginx");

    if (file == NULL)
        return give_up(peer, "%s: %s", config, strerror(errno));
    if (peer->setup->rate_bytes_per_s != 0)
        snprintf(rate, sizeof rate, "    proxy_upload_rate %llu;\n",
                 (unsigned long long)peer->setup->rate_bytes_per_s);
    if (access(module, R_OK) == 0) /* else it is built in, or missing */
        fprintf(file, "load_module %s;\n", module);
    fprintf(file,
            "daemon off;\nmaster_process off;\npid %s/nginx.pid;\n"
            "error_log stderr warn;\nevents { worker_connections 20000; }\n"
            "stream {\n  server {\n    listen 127.0.0.1:%u backlog=4096;\n"
            "    proxy_pass 127.0.0.1:%u;\n    proxy_timeout 1h;\n%s  }\n}\n",
            tools->folder, peer->port, peer->upstream, rate);
    fclose(file);
    log_path(log, tools, "nginx");
    peer->pid = child_start(argv, log, NULL);
    return peer->pid != 0;
}

static bool start_socat(struct peer *peer, const struct peer_tools *tools)
{
    char listen[128];
    char upstream[64];
    char log[PATH_BYTES];
    char *argv[] = {"socat", listen, upstream, NULL};

    snprintf(listen, sizeof listen,
             "TCP-LISTEN:%u,bind=127.0.0.1,fork,reuseaddr,backlog=4096,nodelay",
             peer->port);
    snprintf(upstream, sizeof upstream, "TCP:127.0.0.1:%u,nodelay", peer->upstream);
    log_path(log, tools, "socat");
    peer->pid = child_start(argv, log, NULL);
    return peer->pid != 0;
}

static bool start_floor(struct peer *peer, const struct peer_tools *tools)
{
    char listen[64];
    char upstream[64];
    char delay[32];
    char log[PATH_BYTES];
    char *argv[] = {
        (char *)tools->floor, "--listen", listen, "--target", upstream, "--mode", "poll",
        "--delay-us",         delay,      NULL};

    if (tools->floor == NULL)
        return give_up(peer, "no --peer floor=PATH");
    if (peer->setup->delay_us == 0)
        argv[6] = "pollauto";
    snprintf(listen, sizeof listen, "127.0.0.1:%u", peer->port);
    snprintf(upstream, sizeof upstream, "127.0.0.1:%u", peer->upstream);
    snprintf(delay, sizeof delay, "%llu", (unsigned long long)peer->setup->delay_us);
    log_path(log, tools, "floor");
    peer->pid = child_start(argv, log, NULL);
    return peer->pid != 0;
}

/* This program again, as the bare relay. */
static bool start_relay(struct peer *peer, const struct peer_tools *tools)
{
    char port[16];
    char upstream[16];
    char delay[32];
    char log[PATH_BYTES];
    char *argv[] = {"/proc/self/exe", "--relay", port, upstream, delay, NULL};

    snprintf(port, sizeof port, "%u", peer->port);
    snprintf(upstream, sizeof upstream, "%u", peer->upstream);
    snprintf(delay, sizeof delay, "%llu", (unsigned long long)peer->setup->delay_us);
    log_path(log, tools, "relay");
    peer->pid = child_start(argv, log, NULL);
    return peer->pid != 0;
}

static bool start_toxiproxy(struct peer *peer, const struct peer_tools *tools)
{
    char port[16];
    char log[PATH_BYTES];
    char *argv[] = {(char *)tools->toxiproxy, "-host", "127.0.0.1", "-port", port, NULL};

    if (tools->toxiproxy == NULL)
        return give_up(peer, "no --toxiproxy PATH");
    snprintf(port, sizeof port, "%u", peer->port);
    log_path(log, tools, "toxiproxy");
    peer->pid = child_start(argv, log, NULL);
    return peer->pid != 0 && net_await_listener(peer->port, peer->pid) &&
           toxiproxy_populate(peer, peer->port);
}

/* ---- all of them ---- */

static bool start_once(struct peer *peer, const struct peer_tools *tools)
{
    switch (peer->setup->kind) {
    case PEER_HAPROXY:
    case PEER_HAPROXY_TUNED:
    case PEER_HAPROXY_COPY:
        return start_haproxy(peer, tools);
    case PEER_NGINX:
        return start_nginx(peer, tools);
    case PEER_SOCAT:
        return start_socat(peer, tools);
    case PEER_FLOOR:
        return start_floor(peer, tools);
    case PEER_RELAY:
        return start_relay(peer, tools);
    case PEER_TOXIPROXY:
        return start_toxiproxy(peer, tools);
    case PEER_DIRECT:
    case PEER_STORMDRILL:
        break;
    }
    abort();
}

/* What the log is called, and what must be installed; NULL: nothing. */
static const char *program_of(enum peer_kind kind)
{
    static const char *const programs[] = {
        [PEER_HAPROXY] = "haproxy", [PEER_HAPROXY_TUNED] = "haproxy",
        [PEER_NGINX] = "nginx",     [PEER_HAPROXY_COPY] = "haproxy",
        [PEER_SOCAT] = "socat",     [PEER_TOXIPROXY] = NULL,
    };

    return programs[kind];
}

bool peer_start(struct peer *peer, const struct peer_setup *setup,
                const struct peer_tools *tools, uint16_t upstream)
{
    char path[PATH_BYTES];
    char complaint[160];
    const char *program;

    *peer = (struct peer){.setup = setup, .port = upstream, .upstream = upstream};
    if (setup->kind == PEER_DIRECT)
        return true;
    if (setup->kind == PEER_STORMDRILL)
        return start_stormdrill(peer, tools);
    program = program_of(setup->kind);
    if (program != NULL && !child_find(program, path, sizeof path))
        return give_up(peer, "%s is not installed", program);
    for (int i = 0; i < TRIES; i++) {
        peer->port = net_free_port();
        if (start_once(peer, tools) && net_await_listener(peer->port, peer->pid))
            return true;
        peer_stop(peer);
        if (peer->why[0] != '\0')
            return false;
    }
    log_path(path, tools, program != NULL ? program : setup->name);
    read_complaint(path, complaint, sizeof complaint);
    return give_up(peer, "it does not start: %s", complaint);
}

void peer_stop(struct peer *peer)
{
    child_stop(peer->pid);
    peer->pid = 0;
}
