/* broker_rig: see its header. Everything lies in a folder of its own below $TMPDIR. */
#include "tests/lib/broker/broker_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "harness/process/child.h"

bool broker_rig_role(int argc, char **argv, int *code)
{
    if (argc < 2 || strcmp(argv[1], "guard") != 0)
        return false;
    *code = guard_main(argc, argv);
    return true;
}

static void on_tick(uv_timer_t *timer)
{
    (void)timer;
}

void broker_rig_init(struct broker_rig *rig)
{
    const char *tmp = getenv("TMPDIR");
    struct error err;

    *rig = (struct broker_rig){.cluster = NULL};
    snprintf(rig->folder, sizeof rig->folder, "%s/stormdrill-test-XXXXXX",
             tmp != NULL ? tmp : "/tmp");
    assert_non_null(mkdtemp(rig->folder));
    if (broker_find(&rig->broker, NULL, &err) != 0)
        fail_msg("%s", err.text);
    assert_int_equal(uv_loop_init(&rig->loop), 0);
    uv_timer_init(&rig->loop, &rig->tick);
    uv_timer_start(&rig->tick, on_tick, 2, 2);
    rig->context = (struct context){
        .loop = &rig->loop,
        .clock = clock_real(),
        .folder = rig->folder,
        .self = "/proc/self/exe",
        .broker_path = rig->broker.path,
        .broker_version = rig->broker.version,
    };
}

static int remove_entry(const char *path, const struct stat *info, int type,
                        struct FTW *walk)
{
    (void)info;
    (void)type;
    (void)walk;
    return remove(path);
}

void broker_rig_release(struct broker_rig *rig)
{
    if (rig->cluster != NULL) {
        struct outcome stopped = {.calls = 0};

        cluster_stop(rig->cluster, broker_rig_done, &stopped);
        broker_rig_until(rig, &stopped);
        assert_int_equal(stopped.rc, 0);
        assert_int_equal(broker_rig_processes(rig), 0);
        cluster_destroy(rig->cluster);
    }
    uv_close((uv_handle_t *)&rig->tick, NULL);
    uv_run(&rig->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&rig->loop), 0);
    nftw(rig->folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

int broker_rig_try(struct broker_rig *rig, const char *conf, struct error *err)
{
    struct cluster_conf read;
    json_t *object = conf[0] == '\0' ? NULL : json_loads(conf, 0, NULL);
    int rc;

    assert_true(conf[0] == '\0' || object != NULL);
    rc = param_read(cluster_params, &read, object, "cluster", err);
    json_decref(object);
    if (rc == 0)
        rc = cluster_create(&rig->cluster, &rig->context, &read, err);
    return rc;
}

void broker_rig_create(struct broker_rig *rig, const char *conf)
{
    struct error err;

    if (broker_rig_try(rig, conf, &err) != 0)
        fail_msg("cluster_create: %s", err.text);
}

struct node *broker_rig_start(struct broker_rig *rig, const char *conf)
{
    struct outcome started = {.calls = 0};

    broker_rig_create(rig, conf);
    cluster_start(rig->cluster, broker_rig_done, &started);
    assert_int_equal(started.calls, 0); /* never before the call returns */
    broker_rig_until(rig, &started);
    if (started.rc != 0)
        fail_msg("cluster_start: %s (%s)", started.error.text, started.error.hint);
    return cluster_node(rig->cluster, 0);
}

void broker_rig_done(void *arg, int rc, const struct error *err)
{
    struct outcome *outcome = arg;

    outcome->calls++;
    outcome->rc = rc;
    assert_true((rc == 0) == (err == NULL));
    if (err != NULL)
        outcome->error = *err;
}

void broker_rig_until_true(struct broker_rig *rig, bool (*is_true)(void *arg), void *arg)
{
    uint64_t end_ns = clock_now(clock_real()) + (uint64_t)BROKER_RIG_WAIT_MS * NS_PER_MS;

    while (!is_true(arg)) {
        if (clock_now(clock_real()) > end_ns)
            fail_msg("waited %d ms for a state that did not come", BROKER_RIG_WAIT_MS);
        uv_run(&rig->loop, UV_RUN_ONCE);
    }
}

static bool is_called(void *arg)
{
    return ((struct outcome *)arg)->calls > 0;
}

void broker_rig_until(struct broker_rig *rig, struct outcome *outcome)
{
    broker_rig_until_true(rig, is_called, outcome);
}

int broker_rig_run(struct broker_rig *rig, struct node *node,
                   void (*verb)(struct node *node, node_done_fn *done, void *arg),
                   struct outcome *outcome)
{
    *outcome = (struct outcome){.calls = 0};
    verb(node, broker_rig_done, outcome);
    assert_int_equal(outcome->calls, 0);
    broker_rig_until(rig, outcome);
    assert_int_equal(outcome->calls, 1);
    return outcome->rc;
}

void broker_rig_hear(const char *address, char *line, size_t size)
{
    struct sockaddr_in at = {.sin_family = AF_INET};
    struct timeval patience = {.tv_sec = 2};
    const char *colon = strrchr(address, ':');
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ssize_t got = -1;

    line[0] = '\0';
    assert_non_null(colon);
    at.sin_port = htons((uint16_t)strtol(colon + 1, NULL, 10));
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (connect(fd, (struct sockaddr *)&at, sizeof at) == 0)
        got = recv(fd, line, size - 1, 0);
    close(fd);
    line[got > 0 ? got : 0] = '\0';
}

static bool names_folder(int pid, const char *folder)
{
    char path[64];
    char text[8192];
    ssize_t size;
    int fd;

    snprintf(path, sizeof path, "/proc/%d/cmdline", pid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd == -1)
        return false;
    /* A zombie has no arguments. */
    size = read(fd, text, sizeof text);
    close(fd);
    return size > 0 && memmem(text, (size_t)size, folder, strlen(folder)) != NULL;
}

int broker_rig_processes(const struct broker_rig *rig)
{
    DIR *proc = opendir("/proc");
    struct dirent *entry;
    int count = 0;

    assert_non_null(proc);
    while ((entry = readdir(proc)) != NULL) {
        int pid = (int)strtol(entry->d_name, NULL, 10);

        if (pid > 1 && names_folder(pid, rig->folder))
            count++;
    }
    closedir(proc);
    return count;
}

bool broker_rig_file_has(const struct broker_rig *rig, const char *name, const char *text)
{
    char path[512];
    char *content = NULL;
    size_t size = 0;
    FILE *file;
    bool has;

    snprintf(path, sizeof path, "%s/%s", rig->folder, name);
    file = fopen(path, "r");
    if (file == NULL)
        return false;
    if (getdelim(&content, &size, '\0', file) == -1 && content != NULL)
        content[0] = '\0';
    fclose(file);
    has = content != NULL && strstr(content, text) != NULL;
    free(content);
    return has;
}

int broker_rig_open_fds(void)
{
    DIR *self = opendir("/proc/self/fd");
    int count = 0;

    assert_non_null(self);
    while (readdir(self) != NULL)
        count++;
    closedir(self);
    return count;
}
