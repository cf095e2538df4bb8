/* bench_control: a client that stops reading holds up no call of the API.
 *
 *   bench_control [--stormdrill PATH] [--rounds N]     default 3 rounds, at most 30 s
 *
 * `stormdrill proxy` has two links: behind one a server that never stops sending, and
 * four clients that never read; behind the other a server that never answers a dial, and
 * four clients that wait for it. Once nothing moves any more, a round adds 100 faults of
 * six kinds, changes them and heals them, all at a time first and then one after the
 * other; between them it lists the links and reads the metrics. Every call must be
 * answered in under GOAL_MS (Toxiproxy hangs until it is restarted). Exit code 1: missed;
 * 2: it could not be measured. */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "proxy/base/clock.h"
#include "tests/bench/common/child.h"
#include "tests/bench/common/net.h"

enum {
    GOAL_MS = 50,
    FAULTS = 100,
    CLIENTS = 4,
    LIMIT_S = 30,
    ANSWER_MS = 10000,
    STILL_MS = 200,
    FILL_MS = 1500,
    SAMPLES_MAX = 8192,
    ROUNDS_MAX = 50,
    PATH_BYTES = 512,
    REPLY_BYTES = 1 << 20,
    EXIT_BROKEN = 2
};

enum kind { ADD, CHANGE, HEAL, LIST, METRICS, KIND_COUNT };
static const char *const kind_names[] = {"add", "change", "heal", "list", "metrics"};

/* None of them ends a connection, so that the crowd stays as it is. */
static const struct {
    const char *link, *fault, *params, *change;
} plans[] = {
    {"flood", "latency", "{\"base\":\"100ms\"}", "{\"base\":\"20ms\"}"},
    {"flood", "stall", "{}", "{\"probability\":0.5}"},
    {"flood", "throttle", "{\"rate\":\"1MB/s\"}", "{\"rate\":\"2MB/s\"}"},
    {"flood", "slice", "{\"size\":64}", "{\"size\":1000}"},
    {"silent", "latency", "{\"base\":\"100ms\"}", "{\"base\":\"20ms\"}"},
    {"flood", "corrupt", "{\"rate\":0.0001}", "{\"rate\":0.001}"},
};
enum { PLAN_COUNT = sizeof plans / sizeof plans[0] };

struct flood {
    int listener;
    uint16_t port;
    _Atomic uint64_t bytes;
    _Atomic bool over;
    pthread_t thread;
};

struct bench {
    struct flood flood;
    pid_t pid;
    int api;
    uint16_t api_port;
    int clients[2 * CLIENTS];
    int silent, waiting[2]; /* a listener with a full queue, and who fills it */
    uint64_t begun_ns;
    char *reply;
    double ms[KIND_COUNT][SAMPLES_MAX];
    int count[KIND_COUNT];
};

static uint64_t elapsed_ms(uint64_t since_ns)
{
    return (clock_now(clock_real()) - since_ns) / NS_PER_MS;
}

static bool complain(const char *format, ...) __attribute__((format(printf, 1, 2)));
static bool complain(const char *format, ...)
{
    va_list list;

    fputs("bench_control: ", stderr);
    va_start(list, format);
    vfprintf(stderr, format, list);
    va_end(list);
    fputc('\n', stderr);
    return false;
}

/* ---- the server that never stops sending ---- */

static void *send_for_ever(void *arg)
{
    static const char piece[65536] = {'x'};
    struct flood *flood = arg;
    struct pollfd fds[1 + CLIENTS] = {{.fd = flood->listener, .events = POLLIN}};
    nfds_t count = 1;

    while (!atomic_load(&flood->over)) {
        if (poll(fds, count, 20) <= 0)
            continue;
        for (nfds_t i = 1; i < count; i++) {
            ssize_t n = 0;

            if (fds[i].revents != 0)
                n = send(fds[i].fd, piece, sizeof piece, MSG_NOSIGNAL | MSG_DONTWAIT);
            if (n > 0)
                atomic_fetch_add(&flood->bytes, (uint64_t)n);
            else if (n < 0 && errno != EAGAIN)
                fds[i].events = 0;
        }
        if (fds[0].revents != 0 && count < 1 + CLIENTS) {
            int fd = accept(flood->listener, NULL, NULL);

            if (fd != -1)
                fds[count++] = (struct pollfd){.fd = fd, .events = POLLOUT};
        }
    }
    for (nfds_t i = 1; i < count; i++)
        net_abort(fds[i].fd);
    return NULL;
}

static bool start_flood(struct flood *flood)
{
    flood->listener = net_listen(&flood->port);
    return flood->listener != -1 &&
           pthread_create(&flood->thread, NULL, send_for_ever, flood) == 0;
}

/* Nothing has been taken from the server for a while: every buffer is full. A delay makes
 * them larger, so this is so once more when the faults have come. */
static bool await_still(const struct bench *bench, uint64_t limit_ms)
{
    const struct timespec step = {.tv_nsec = 5 * NS_PER_MS};
    uint64_t begun_ns = clock_now(clock_real());
    uint64_t seen = 0, since_ns = begun_ns;

    while (elapsed_ms(begun_ns) < limit_ms) {
        uint64_t now = atomic_load(&bench->flood.bytes);

        if (now != seen)
            since_ns = clock_now(clock_real());
        else if (now > 0 && elapsed_ms(since_ns) > STILL_MS)
            return true;
        seen = now;
        nanosleep(&step, NULL);
    }
    return false;
}

/* ---- the server that never answers: its queue is full, so the kernel is silent ---- */

static uint16_t open_silent(struct bench *bench)
{
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;

    bench->silent = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bench->silent == -1 ||
        bind(bench->silent, (struct sockaddr *)&at, sizeof at) != 0 ||
        listen(bench->silent, 0) != 0 ||
        getsockname(bench->silent, (struct sockaddr *)&at, &size) != 0)
        return 0;
    for (int i = 0; i < 2; i++)
        bench->waiting[i] = net_connect_begin(ntohs(at.sin_port), 0);
    return ntohs(at.sin_port);
}

/* ---- calls ---- */

/* The body of the answer in bench->reply; 0: none came. */
static int receive(struct bench *bench)
{
    char head[4096];
    const char *length;
    size_t at = 0, size;
    int status = 0;

    do {
        if (at == sizeof head - 1 || !net_read_all(bench->api, head + at, 1, ANSWER_MS))
            return 0;
        head[++at] = '\0';
    } while (at < 4 || memcmp(head + at - 4, "\r\n\r\n", 4) != 0);
    length = strcasestr(head, "\r\nContent-Length:");
    size = length != NULL ? strtoul(strchr(length, ':') + 1, NULL, 10) : 0;
    if (sscanf(head, "HTTP/1.1 %d", &status) != 1 || size >= REPLY_BYTES ||
        !net_read_all(bench->api, bench->reply, size, ANSWER_MS))
        return 0;
    bench->reply[size] = '\0';
    return status;
}

static bool call(struct bench *bench, enum kind kind, const char *method,
                 const char *path, const char *body)
{
    char request[1024];
    uint64_t from_ns = clock_now(clock_real());
    int status;
    int size = snprintf(request, sizeof request,
                        "%s %s HTTP/1.1\r\nHost: localhost\r\n"
                        "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
                        method, path, strlen(body), body);

    bench->reply[0] = '\0';
    if (!net_write_all(bench->api, request, (size_t)size, ANSWER_MS))
        return complain("the API has gone at %s %s", method, path);
    status = receive(bench);
    if (bench->count[kind] < SAMPLES_MAX)
        bench->ms[kind][bench->count[kind]++] =
            (double)(clock_now(clock_real()) - from_ns) / NS_PER_MS;
    if (status / 100 != 2)
        return complain("%s %s: %d %.200s", method, path, status, bench->reply);
    return elapsed_ms(bench->begun_ns) < LIMIT_S * 1000 ||
           complain("not done after %d s", LIMIT_S);
}

/* A link to `upstream`; its port. */
static uint16_t open_link(struct bench *bench, const char *name, uint16_t upstream)
{
    static const char before[] = "\"listen\":\"127.0.0.1:";
    char body[128];
    const char *listen;

    snprintf(body, sizeof body, "{\"name\":\"%s\",\"upstream\":\"127.0.0.1:%u\"}", name,
             upstream);
    if (!call(bench, LIST, "POST", "/v1/links", body))
        return 0;
    listen = strstr(bench->reply, before);
    return listen != NULL ? (uint16_t)strtoul(listen + strlen(before), NULL, 10) : 0;
}

static bool add(struct bench *bench, int i)
{
    char path[128], body[256];

    snprintf(path, sizeof path, "/v1/links/%s/faults", plans[i % PLAN_COUNT].link);
    snprintf(body, sizeof body, "{\"fault\":\"%s\",\"name\":\"f%d\",\"params\":%s}",
             plans[i % PLAN_COUNT].fault, i, plans[i % PLAN_COUNT].params);
    return call(bench, ADD, "POST", path, body);
}

static bool change(struct bench *bench, int i)
{
    char path[128], body[256];

    snprintf(path, sizeof path, "/v1/links/%s/faults/f%d", plans[i % PLAN_COUNT].link, i);
    snprintf(body, sizeof body, "{\"params\":%s}", plans[i % PLAN_COUNT].change);
    return call(bench, CHANGE, "PATCH", path, body);
}

static bool heal(struct bench *bench, int i)
{
    char path[128];

    snprintf(path, sizeof path, "/v1/links/%s/faults/f%d", plans[i % PLAN_COUNT].link, i);
    return call(bench, HEAL, "DELETE", path, "");
}

static bool look(struct bench *bench)
{
    return call(bench, LIST, "GET", "/v1/links", "") &&
           call(bench, METRICS, "GET", "/metrics", "");
}

static bool run_round(struct bench *bench)
{
    static bool (*const steps[])(struct bench * bench, int i) = {add, change, heal};

    for (int step = 0; step < 3; step++) {
        for (int i = 0; i < FAULTS; i++)
            if (!steps[step](bench, i) || (i % 25 == 0 && !look(bench)))
                return false;
        await_still(bench, FILL_MS);
    }
    for (int i = 0; i < FAULTS; i++)
        if (!add(bench, i) || !change(bench, i) || !heal(bench, i))
            return false;
    return look(bench);
}

/* ---- start, judge, stop ---- */

/* "api on 127.0.0.1:PORT" is the first that it says. */
static bool start_proxy(struct bench *bench, const char *stormdrill)
{
    char *argv[] = {(char *)stormdrill, "proxy", "--api", "127.0.0.1:0", NULL};
    char line[256] = "";
    FILE *said;
    int out = -1;

    bench->pid = child_start(argv, "/dev/null", &out);
    if (bench->pid == 0)
        return complain("%s: %s", stormdrill, strerror(errno));
    said = fdopen(out, "r");
    if (said != NULL && fgets(line, sizeof line, said) != NULL &&
        strrchr(line, ':') != NULL)
        bench->api_port = (uint16_t)strtoul(strrchr(line, ':') + 1, NULL, 10);
    if (said != NULL)
        fclose(said);
    bench->api = bench->api_port != 0 ? net_connect(bench->api_port) : -1;
    return bench->api != -1 || complain("%s has no API: %s", stormdrill, line);
}

static bool start_crowd(struct bench *bench)
{
    uint16_t flood = open_link(bench, "flood", bench->flood.port);
    uint16_t silent = open_link(bench, "silent", open_silent(bench));

    if (flood == 0 || silent == 0)
        return complain("no link");
    for (int i = 0; i < 2 * CLIENTS; i++) {
        bench->clients[i] = net_connect(i < CLIENTS ? flood : silent);
        if (bench->clients[i] == -1)
            return complain("a client cannot connect: %s", strerror(errno));
    }
    memset(bench->count, 0, sizeof bench->count);
    return await_still(bench, ANSWER_MS) ||
           complain("the clients do not read, and yet bytes go on");
}

static int by_size(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;

    return left < right ? -1 : left > right;
}

static bool judge(struct bench *bench)
{
    bool good = true;

    printf("%-8s %6s %9s %9s %9s  goal: every call under %d ms\n", "call", "count",
           "p50 ms", "p99 ms", "max ms", GOAL_MS);
    for (int kind = 0; kind < KIND_COUNT; kind++) {
        int count = bench->count[kind];
        double *ms = bench->ms[kind];

        if (count == 0)
            continue;
        qsort(ms, (size_t)count, sizeof ms[0], by_size);
        printf("%-8s %6d %9.2f %9.2f %9.2f  %s\n", kind_names[kind], count, ms[count / 2],
               ms[(count - 1) * 99 / 100], ms[count - 1],
               ms[count - 1] < GOAL_MS ? "met" : "MISSED");
        good = good && ms[count - 1] < GOAL_MS;
    }
    return good;
}

static void stop(struct bench *bench)
{
    child_stop(bench->pid);
    if (bench->flood.thread != 0) {
        atomic_store(&bench->flood.over, true);
        pthread_join(bench->flood.thread, NULL);
    }
    free(bench->reply); /* descriptors go with the process */
}

/* build/bench/tests/bench/bench_control belongs to build/bench/stormdrill. */
static void find_stormdrill(char path[PATH_BYTES])
{
    ssize_t n = readlink("/proc/self/exe", path, PATH_BYTES - 16);

    path[n > 0 ? n : 0] = '\0';
    for (int i = 0; i < 3; i++) {
        char *slash = strrchr(path, '/');

        if (slash != NULL)
            *slash = '\0';
    }
    snprintf(path + strlen(path), PATH_BYTES - strlen(path), "/stormdrill");
}

int main(int argc, char **argv)
{
    static struct bench bench;
    char stormdrill[PATH_BYTES];
    int rounds = 3;
    bool done;

    find_stormdrill(stormdrill);
    for (int i = 1; i < argc; i++) {
        if (i + 1 < argc && strcmp(argv[i], "--stormdrill") == 0)
            snprintf(stormdrill, sizeof stormdrill, "%s", argv[++i]);
        else if (i + 1 < argc && strcmp(argv[i], "--rounds") == 0)
            rounds = (int)strtol(argv[++i], NULL, 10);
        else
            rounds = 0;
    }
    if (rounds < 1 || rounds > ROUNDS_MAX) {
        complain("usage: bench_control [--stormdrill PATH] [--rounds 1..%d]", ROUNDS_MAX);
        return EXIT_BROKEN;
    }
    bench.begun_ns = clock_now(clock_real());
    bench.reply = malloc(REPLY_BYTES);
    done = bench.reply != NULL && start_flood(&bench.flood) &&
           start_proxy(&bench, stormdrill) && start_crowd(&bench);
    for (int i = 0; done && i < rounds; i++)
        done = run_round(&bench);
    stop(&bench);
    if (!done) {
        judge(&bench);
        return EXIT_BROKEN;
    }
    return judge(&bench) ? 0 : 1;
}
