/* stage: processes, sockets and pages for tests of the built-in client. */
#include "tests/lib/client/stage.h"

#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "harness/evidence/writer.h"
#include "proxy/base/clock.h"

/* Descriptors are handed down above this: a test may have many open. */
enum { HANDED_DOWN_FROM = 200 };

static uint64_t deadline(void)
{
    return clock_now(clock_real()) + (uint64_t)STAGE_WAIT_MS * NS_PER_MS;
}

static bool is_late(uint64_t deadline_ns)
{
    usleep(2000);
    return clock_now(clock_real()) > deadline_ns;
}

bool stage_is_client(int argc, char **argv)
{
    return argc == 3 && strcmp(argv[1], "client") == 0;
}

/* The broker writes its port into a file once it listens. */
static uint16_t read_port(const struct stage *stage)
{
    uint64_t until_ns = deadline();
    char path[400];
    char text[256];
    int port = 0;

    snprintf(path, sizeof path, "%s/nats-server_%d.ports", stage->folder, stage->broker);
    while (port == 0 && !is_late(until_ns)) {
        FILE *file = fopen(path, "r");
        const char *at;

        if (file == NULL)
            continue;
        if (fgets(text, sizeof text, file) != NULL &&
            (at = strstr(text, "127.0.0.1:")) != NULL)
            sscanf(at + 10, "%d", &port);
        fclose(file);
    }
    if (port == 0)
        fail_msg("nats-server did not start in %s", stage->folder);
    return (uint16_t)port;
}

void stage_start_broker(struct stage *stage)
{
    char store[300];

    snprintf(store, sizeof store, "%s/store", stage->folder);
    stage->broker = fork();
    assert_true(stage->broker >= 0);
    if (stage->broker == 0) {
        int null = open("/dev/null", O_RDWR);

        prctl(PR_SET_PDEATHSIG, SIGKILL);
        dup2(null, 1);
        dup2(null, 2);
        execlp("nats-server", "nats-server", "-a", "127.0.0.1", "-p", "-1", "-js", "-sd",
               store, "--ports_file_dir", stage->folder, (char *)NULL);
        execl("/usr/sbin/nats-server", "nats-server", "-a", "127.0.0.1", "-p", "-1",
              "-js", "-sd", store, "--ports_file_dir", stage->folder, (char *)NULL);
        _exit(127);
    }
    stage->broker_port = read_port(stage);
    if (stage->relay != NULL)
        relay_set_upstream(stage->relay, stage->broker_port);
}

void stage_kill_broker(struct stage *stage)
{
    kill(stage->broker, SIGKILL);
    waitpid(stage->broker, NULL, 0);
    stage->broker = 0;
}

void stage_open(struct stage *stage)
{
    struct evidence_home_options options = {.folder = stage->evidence};
    struct error err = {0};

    memset(stage, 0, sizeof *stage);
    signal(SIGPIPE, SIG_IGN);
    snprintf(stage->folder, sizeof stage->folder, "/tmp/stormdrill-client-XXXXXX");
    assert_non_null(mkdtemp(stage->folder));
    snprintf(stage->evidence, sizeof stage->evidence, "%s/evidence", stage->folder);
    if (evidence_home_create(&stage->home, &options, &err) != 0)
        fail_msg("%s", err.text);
    stage_start_broker(stage);
    stage->relay = relay_start(stage->broker_port);
}

static int remove_entry(const char *path, const struct stat *info, int type,
                        struct FTW *walk)
{
    (void)info;
    (void)type;
    (void)walk;
    return remove(path);
}

void stage_close(struct stage *stage)
{
    for (uint32_t i = 0; i < stage->count; i++) {
        struct member *member = &stage->members[i];

        member_kill(member);
        close(member->fd);
        munmap(member->status, sizeof *member->status);
    }
    if (stage->broker != 0)
        stage_kill_broker(stage);
    relay_stop(stage->relay);
    evidence_home_close(stage->home);
    assert_int_equal(evidence_collect(stage->evidence, NULL), 0);
    nftw(stage->folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

static void set_number(const char *name, unsigned number)
{
    char text[16];

    snprintf(text, sizeof text, "%u", number);
    setenv(name, text, 1);
}

/* In the parent, before the fork: it has threads, so that in the child nothing may be
 * allocated any more (a sanitizer's allocator can be locked for ever there). */
static void set_environment(const struct stage *stage, const struct member *member,
                            const char *workload, const char *conf)
{
    bool is_admin = strcmp(workload, "admin") == 0;
    char url[64];

    snprintf(url, sizeof url, "nats://127.0.0.1:%d",
             (int)(is_admin ? stage->broker_port : relay_port(stage->relay)));
    setenv("NATS_URL", url, 1);
    set_number("STORMDRILL_CLIENT_NUMBER", member->number);
    set_number("STORMDRILL_INCARNATION", member->incarnation);
    set_number("STORMDRILL_STATUS_FD", HANDED_DOWN_FROM);
    set_number("STORMDRILL_CONTROL_FD", HANDED_DOWN_FROM + 1);
    setenv("STORMDRILL_CONF", conf, 1);
    setenv("STORMDRILL_EVIDENCE", stage->evidence, 1);
    setenv("STORMDRILL_SEED", "4711", 1);
}

static void become_client(const char *workload, int status_fd, int control_fd)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    dup2(status_fd, HANDED_DOWN_FROM);
    dup2(control_fd, HANDED_DOWN_FROM + 1);
    execl("/proc/self/exe", "test", "client", workload, (char *)NULL);
    _exit(127);
}

static void launch(struct stage *stage, struct member *member, const char *workload,
                   const char *conf)
{
    int status_fd = memfd_create("status", MFD_CLOEXEC);
    int fds[2];

    assert_int_equal(ftruncate(status_fd, sizeof(struct client_status)), 0);
    member->status = mmap(NULL, sizeof(struct client_status), PROT_READ | PROT_WRITE,
                          MAP_SHARED, status_fd, 0);
    assert_true(member->status != MAP_FAILED);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    member->fd = fds[0];
    member->line_size = 0;
    set_environment(stage, member, workload, conf);
    member->pid = fork();
    assert_true(member->pid >= 0);
    if (member->pid == 0)
        become_client(workload, status_fd, fds[1]);
    close(status_fd);
    close(fds[1]);
}

struct member *member_start(struct stage *stage, const char *workload, const char *conf)
{
    struct member *member = &stage->members[stage->count];

    assert_true(stage->count < STAGE_MEMBERS_MAX);
    member->number = ++stage->count;
    launch(stage, member, workload, conf);
    return member;
}

void member_restart(struct stage *stage, struct member *member, const char *workload,
                    const char *conf)
{
    assert_int_equal(member->pid, 0);
    close(member->fd);
    munmap(member->status, sizeof *member->status);
    member->incarnation++;
    launch(stage, member, workload, conf);
}

json_t *member_line(struct member *member)
{
    uint64_t until_ns = deadline();
    json_t *line;
    char *newline;

    while ((newline = memchr(member->line, '\n', member->line_size)) == NULL) {
        struct pollfd poll_fd = {.fd = member->fd, .events = POLLIN};
        ssize_t n;

        if (clock_now(clock_real()) > until_ns)
            fail_msg("client %u says nothing", member->number);
        if (poll(&poll_fd, 1, 100) != 1)
            continue;
        n = recv(member->fd, member->line + member->line_size,
                 sizeof member->line - member->line_size, 0);
        if (n <= 0)
            fail_msg("client %u hung up", member->number);
        member->line_size += (size_t)n;
    }
    line = json_loadb(member->line, (size_t)(newline - member->line), 0, NULL);
    assert_non_null(line);
    member->line_size -= (size_t)(newline + 1 - member->line);
    memmove(member->line, newline + 1, member->line_size);
    return line;
}

void member_await_ready(struct member *member)
{
    json_t *line = member_line(member);
    const char *event = json_string_value(json_object_get(line, "event"));

    if (event == NULL || strcmp(event, "ready") != 0)
        fail_msg("client %u is not ready: %s", member->number,
                 json_string_value(json_object_get(line, "text")));
    json_decref(line);
}

json_t *member_order(struct member *member, const char *op, const char *members)
{
    json_t *order = members != NULL ? json_loads(members, 0, NULL) : json_object();
    char *text;
    json_t *answer;

    assert_non_null(order);
    json_object_set_new(order, "op", json_string(op));
    json_object_set_new(order, "id", json_integer(++member->last_id));
    text = json_dumps(order, JSON_COMPACT);
    dprintf(member->fd, "%s\n", text);
    free(text);
    json_decref(order);
    answer = member_line(member);
    assert_int_equal(json_integer_value(json_object_get(answer, "id")), member->last_id);
    return answer;
}

static void must_have_worked(const struct member *member, const char *op,
                             const json_t *answer)
{
    if (json_integer_value(json_object_get(answer, "rc")) != 0)
        fail_msg("client %u, %s: %s", member->number, op,
                 json_string_value(json_object_get(answer, "text")));
}

void member_obeys(struct member *member, const char *op, const char *members)
{
    json_t *answer = member_order(member, op, members);

    must_have_worked(member, op, answer);
    json_decref(answer);
}

int member_wait(struct member *member)
{
    uint64_t until_ns = deadline();
    int status = 0;

    while (waitpid(member->pid, &status, WNOHANG) == 0) {
        if (is_late(until_ns))
            fail_msg("client %u does not exit", member->number);
    }
    member->pid = 0;
    return status;
}

void member_kill(struct member *member)
{
    if (member->pid == 0)
        return;
    kill(member->pid, SIGKILL);
    waitpid(member->pid, NULL, 0);
    member->pid = 0;
}

void member_exit(struct member *member)
{
    int status;

    member_obeys(member, "exit", NULL);
    status = member_wait(member);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

void await_count(const _Atomic uint64_t *counter, uint64_t at_least)
{
    uint64_t until_ns = deadline();

    while (atomic_load(counter) < at_least) {
        if (is_late(until_ns))
            fail_msg("%lu instead of %lu", (unsigned long)atomic_load(counter),
                     (unsigned long)at_least);
    }
}

void await_level(const _Atomic uint32_t *level, uint32_t wanted)
{
    uint64_t until_ns = deadline();

    while (atomic_load(level) != wanted) {
        if (is_late(until_ns))
            fail_msg("%u instead of %u", atomic_load(level), wanted);
    }
}

json_t *stage_admin(struct stage *stage, const char *op, const char *members)
{
    char servers[100];
    json_t *answer;

    if (stage->admin == NULL) {
        stage->admin = member_start(stage, "admin", "{}");
        member_await_ready(stage->admin);
    }
    snprintf(servers, sizeof servers, "{\"urls\": \"nats://127.0.0.1:%u\"}",
             stage->broker_port);
    member_obeys(stage->admin, "servers", servers);
    answer = member_order(stage->admin, op, members);
    must_have_worked(stage->admin, op, answer);
    return answer;
}

void stage_await_caught_up(struct stage *stage, const char *stream, const char *consumer)
{
    uint64_t until_ns = deadline();
    json_int_t left = 1;
    char members[300];

    snprintf(members, sizeof members, "{\"stream\": \"%s\", \"consumer\": \"%s\"}",
             stream, consumer);
    while (left > 0) {
        json_t *info = stage_admin(stage, "consumer_info", members);

        left = json_integer_value(json_object_get(info, "num_pending")) +
               json_integer_value(json_object_get(info, "num_ack_pending"));
        json_decref(info);
        if (is_late(until_ns))
            fail_msg("consumer '%s' has %d left", consumer, (int)left);
    }
}

void stage_await_records(const struct stage *stage, const struct member *member,
                         const char *kind, uint64_t at_least)
{
    uint64_t until_ns = deadline();

    while (stage_records(stage, member, kind) < at_least) {
        if (is_late(until_ns))
            fail_msg("client %u has not written %lu of '%s'", member->number,
                     (unsigned long)at_least, kind);
    }
}
