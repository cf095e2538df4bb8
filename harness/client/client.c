/* client: one client process, from its links to its exit.
 *
 * All well:  created -> links are opened (links.c) -> client_launch starts the process ->
 *            it says ready -> orders ... -> it exits, its counters are kept.
 * Not ready in time, or ended before: whoever waits for ready is told why; the process
 *            is killed.
 * Restart:   the next incarnation gets a new page and a new channel; links stay. */
#include "harness/client/client.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness/client/crew.h"
#include "harness/evidence/writer.h"

enum { STATUS_FD = 10, CONTROL_FD = 11, ENV_COUNT = 9 };

#define TO(state) (1u << CLIENT_##state)
static const unsigned allowed[CLIENT_STATE_COUNT] = {
    [CLIENT_LINKING] = TO(STARTING) | TO(EXITED),
    [CLIENT_STARTING] = TO(READY) | TO(EXITED),
    [CLIENT_READY] = TO(EXITED),
    [CLIENT_EXITED] = TO(STARTING),
};
#undef TO

static void client_move(struct client *client, enum client_state to)
{
    assert(client->state < CLIENT_STATE_COUNT);
    assert(allowed[client->state] & (1u << to));
    client->state = to;
}

void client_record(const struct client *client, struct record record,
                   const json_t *detail)
{
    struct writer *writer = client->crew->context->evidence;

    if (writer == NULL || client->number == 0)
        return;
    record.message.client = client->number;
    record.message.incarnation = client->incarnation;
    if (detail != NULL)
        record.detail = writer_detail(writer, detail);
    writer_append(writer, &record);
}

void client_add_waiter(struct waiter **list, client_done_fn *done, void *arg)
{
    struct waiter *waiter = calloc(1, sizeof *waiter);

    assert(waiter != NULL);
    waiter->done = done;
    waiter->arg = arg;
    while (*list != NULL)
        list = &(*list)->next;
    *list = waiter;
}

void client_fire_waiters(struct waiter **list, int rc, const struct error *err)
{
    struct waiter *waiter = *list;

    *list = NULL;
    while (waiter != NULL) {
        struct waiter *next = waiter->next;

        if (waiter->done != NULL)
            waiter->done(waiter->arg, rc, err);
        free(waiter);
        waiter = next;
    }
}

/* ---- starting ---- */

static int make_status(struct client *client, int *fd, struct error *err)
{
    *fd = memfd_create("stormdrill-client-status", MFD_CLOEXEC);
    if (*fd == -1)
        return error_from_errno(err, "status page of '%s'", client->name);
    if (ftruncate(*fd, sizeof *client->status) != 0)
        return error_from_errno(err, "status page of '%s'", client->name);
    client->status =
        mmap(NULL, sizeof *client->status, PROT_READ | PROT_WRITE, MAP_SHARED, *fd, 0);
    if (client->status == MAP_FAILED) {
        client->status = NULL;
        return error_from_errno(err, "map the status page of '%s'", client->name);
    }
    return 0;
}

static int open_log(const struct client *client, struct error *err)
{
    char path[4096];
    int fd;

    snprintf(path, sizeof path, "%s/clients", client->crew->context->folder);
    if (mkdir(path, 0777) != 0 && errno != EEXIST)
        return error_from_errno(err, "create %s", path);
    snprintf(path, sizeof path, "%s/clients/%s.log", client->crew->context->folder,
             client->name);
    fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    return fd == -1 ? error_from_errno(err, "create %s", path) : fd;
}

static char *env_entry(const char *name, const char *value)
{
    char *entry;

    if (value == NULL)
        return NULL;
    return asprintf(&entry, "%s=%s", name, value) == -1 ? NULL : entry;
}

static char *env_number(const char *name, uint64_t value)
{
    char *entry;

    return asprintf(&entry, "%s=%llu", name, (unsigned long long)value) == -1 ? NULL
                                                                              : entry;
}

static char *admin_urls(struct crew *crew)
{
    char *urls = calloc(1, ADDRESS_BYTES * (size_t)cluster_node_count(crew->cluster) + 1);
    size_t used = 0;

    for (int i = 0; urls != NULL && i < cluster_node_count(crew->cluster); i++) {
        const char *address = node_address(cluster_node(crew->cluster, i));

        if (address[0] == '\0')
            continue;
        used += (size_t)snprintf(urls + used, ADDRESS_BYTES, "%snats://%s",
                                 used > 0 ? "," : "", address);
    }
    return urls;
}

/* Gives a NULL-terminated list of ENV_COUNT strings to free; false: no memory. */
static bool make_env(struct client *client, char *env[ENV_COUNT + 1])
{
    struct context *context = client->crew->context;
    char *urls = client->type != NULL ? links_urls(client) : admin_urls(client->crew);
    char *conf = json_dumps(client->conf, JSON_COMPACT);
    struct rng rng;
    bool whole = true;

    rng_child(&rng, &context->rng, "client=%s incarnation=%u", client->name,
              client->incarnation);
    env[0] = env_entry("NATS_URL", urls);
    env[1] = env_entry("STORMDRILL_CLIENT", client->name);
    env[2] = env_number("STORMDRILL_SEED", rng.key);
    env[3] = env_number("STORMDRILL_CLIENT_NUMBER", client->number);
    env[4] = env_number("STORMDRILL_INCARNATION", client->incarnation);
    env[5] = env_entry("STORMDRILL_CONF", conf);
    env[6] = env_entry("STORMDRILL_EVIDENCE", context->evidence_folder);
    env[7] = env_number("STORMDRILL_STATUS_FD", STATUS_FD);
    env[8] = env_number("STORMDRILL_CONTROL_FD", CONTROL_FD);
    env[ENV_COUNT] = NULL;
    free(urls);
    free(conf);
    for (int i = 0; i < ENV_COUNT; i++)
        whole = whole && env[i] != NULL;
    return whole;
}

static void on_started(struct child *child, void *arg);
static void on_process_exit(struct child *child, const struct child_exit *end, void *arg);

static int spawn(struct client *client, int status_fd, int control_fd, int log_fd,
                 struct error *err)
{
    struct context *context = client->crew->context;
    const char *workload = client->type != NULL ? client->type->name : "admin";
    const char *argv[] = {context->self, "client", workload, NULL};
    const struct child_fd fds[] = {{.fd = status_fd, .as = STATUS_FD},
                                   {.fd = control_fd, .as = CONTROL_FD}};
    char *env[ENV_COUNT + 1];
    struct child_options options = {.self = context->self,
                                    .argv = argv,
                                    .env = (const char *const *)env,
                                    .stdin_fd = -1,
                                    .stdout_fd = log_fd,
                                    .stderr_fd = log_fd,
                                    .fds = fds,
                                    .fd_count = 2,
                                    .on_started = on_started,
                                    .on_exit = on_process_exit,
                                    .arg = client};
    int rc;

    if (make_env(client, env))
        rc = child_spawn(&client->child, context->loop, &options, err);
    else
        rc = error_set(err, E_NOMEM, "environment of client '%s'", client->name);
    for (int i = 0; i < ENV_COUNT; i++)
        free(env[i]);
    return rc;
}

static int launch(struct client *client, struct error *err)
{
    int pair[2] = {-1, -1};
    int status_fd = -1;
    int log_fd = open_log(client, err);
    int rc = log_fd;

    if (rc < 0)
        return rc;
    rc = make_status(client, &status_fd, err);
    if (rc != 0)
        goto out;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) {
        rc = error_from_errno(err, "control socket of '%s'", client->name);
        goto out;
    }
    rc = channel_open(client, pair[0], err);
    if (rc == 0)
        rc = spawn(client, status_fd, pair[1], log_fd, err);
    if (rc == 0)
        client->crew->handles++;

out:
    close(log_fd);
    if (status_fd != -1)
        close(status_fd);
    if (pair[1] != -1)
        close(pair[1]);
    return rc;
}

static void never_ready(struct client *client, int rc, const struct error *err)
{
    uv_timer_stop(&client->ready_timer);
    client_fire_waiters(&client->ready_waiters, rc, err);
}

static void on_ready_timeout(uv_timer_t *timer)
{
    struct client *client = timer->data;
    struct error err;

    error_set(&err, E_TIMEOUT, "client '%s' was not ready within %d s", client->name,
              CLIENT_READY_MS / 1000);
    error_hint(&err, "what it said: %s/clients/%s.log", client->crew->context->folder,
               client->name);
    never_ready(client, E_TIMEOUT, &err);
    client->killed = true;
    child_kill_tree(client->child);
}

void client_launch(struct client *client)
{
    struct error err;
    int rc;

    client_move(client, CLIENT_STARTING);
    client->stopped = false;
    client->killed = false;
    client->cut_ns = 0;
    rc = launch(client, &err);
    if (rc != 0) {
        channel_close(client);
        client_move(client, CLIENT_EXITED);
        never_ready(client, rc, &err);
        client_fire_waiters(&client->exit_waiters, 0, NULL);
        return;
    }
    uv_timer_start(&client->ready_timer, on_ready_timeout, CLIENT_READY_MS, 0);
}

static void on_started(struct child *child, void *arg)
{
    struct client *client = arg;
    json_t *conf;
    json_t *detail;

    if (client->type == NULL)
        return;
    /* Secrets never reach evidence. */
    conf = workload_public_conf(client->conf);
    detail = json_pack("{s:s, s:s, s:o}", "name", client->name, "workload",
                       client->type->name, "conf", conf);
    client_record(client,
                  (struct record){.kind = RECORD_client_start,
                                  .a = client->number,
                                  .b = (uint64_t)child_pid(child)},
                  detail);
    json_decref(detail);
}

/* Whose fault it was: a parameter that is wrong is the author's. What took too long, or
 * is not told in our words, is the environment's. */
static int code_of_failure(const json_t *line)
{
    json_int_t code = json_integer_value(json_object_get(line, "code"));

    return code == E_PARAM || code == E_SCRIPT ? E_PARAM : E_ENVIRONMENT;
}

/* Something it says unasked. */
void client_on_line(struct client *client, const json_t *line)
{
    const char *event = json_string_value(json_object_get(line, "event"));
    const char *text = json_string_value(json_object_get(line, "text"));
    struct error err;

    if (event == NULL)
        return;
    if (strcmp(event, "ready") == 0 && client->state == CLIENT_STARTING) {
        client_move(client, CLIENT_READY);
        uv_timer_stop(&client->ready_timer);
        client_fire_waiters(&client->ready_waiters, 0, NULL);
    } else if (strcmp(event, "failed") == 0 && client->state == CLIENT_STARTING) {
        int code = code_of_failure(line);

        error_set(&err, code, "client '%s': %s", client->name,
                  text != NULL ? text : "could not start");
        never_ready(client, code, &err);
    }
}

/* ---- ending ---- */

static void keep_counters(struct client *client)
{
    struct client_status *status = client->status;

    if (status == NULL)
        return;
    client->attempted += atomic_load(&status->attempted);
    client->accepted += atomic_load(&status->accepted);
    client->acknowledged += atomic_load(&status->acknowledged);
    client->received += atomic_load(&status->received);
    client->distinct += atomic_load(&status->distinct);
    munmap(status, sizeof *status);
    client->status = NULL;
}

static void on_released(void *arg)
{
    crew_drop_handle(arg);
}

static void describe_exit(const struct client *client, const struct child_exit *end,
                          struct error *err)
{
    if (end->failed)
        *err = end->failure;
    else if (WIFSIGNALED(end->status))
        error_set(err, E_ENVIRONMENT,
                  "client '%s' was ended by signal %d before it was ready", client->name,
                  WTERMSIG(end->status));
    else
        error_set(err, E_ENVIRONMENT, "client '%s' ended before it was ready (exit %d)",
                  client->name, WEXITSTATUS(end->status));
    error_hint(err, "what it said: %s/clients/%s.log", client->crew->context->folder,
               client->name);
}

/* It died by itself, or by somebody else's hand: the story must say so. */
static void record_death(const struct client *client, const struct child_exit *end)
{
    char text[256];
    json_t *detail;

    if (!end->failed && WIFSIGNALED(end->status))
        snprintf(text, sizeof text,
                 "client '%s' was killed by signal %d, not by the scenario", client->name,
                 WTERMSIG(end->status));
    else
        snprintf(text, sizeof text, "client '%s' ended by itself (exit %d)", client->name,
                 end->failed ? -1 : WEXITSTATUS(end->status));
    log_warn(client->crew->context->log, "client", "%s", text);
    detail = json_pack("{s:s}", "text", text);
    client_record(client, (struct record){.kind = RECORD_warning, .a = client->number},
                  detail);
    json_decref(detail);
}

static void on_process_exit(struct child *child, const struct child_exit *end, void *arg)
{
    struct client *client = arg;
    struct error err;

    assert(client->child == child);
    client_record(client,
                  (struct record){.kind = RECORD_client_exit,
                                  .time_ns = end->time_ns,
                                  .a = client->number,
                                  .b = (uint64_t)(unsigned)end->status},
                  NULL);
    describe_exit(client, end, &err);
    if (!client->killed && !client->crew->stopping && client->state == CLIENT_READY)
        record_death(client, end);
    client->child = NULL;
    client_move(client, CLIENT_EXITED);
    keep_counters(client);
    channel_close(client);
    child_release(child, on_released, client->crew);
    never_ready(client, err.code, &err);
    client_fire_waiters(&client->exit_waiters, 0, NULL);
}

/* ---- making and freeing ---- */

struct client *client_new(struct crew *crew, const char *name)
{
    struct client *client = calloc(1, sizeof *client);

    if (client == NULL)
        return NULL;
    client->crew = crew;
    snprintf(client->name, sizeof client->name, "%s", name);
    uv_timer_init(crew->context->loop, &client->ready_timer);
    client->ready_timer.data = client;
    crew->handles++;
    return client;
}

static void on_timer_closed(uv_handle_t *handle)
{
    struct client *client = handle->data;

    crew_drop_handle(client->crew);
    free(client->paths);
    free(client->subject);
    free(client->stream);
    free(client->durable);
    json_decref(client->conf);
    free(client);
}

void client_free(struct client *client)
{
    assert(client->child == NULL);
    assert(client->channel == NULL);
    links_close(client);
    uv_close((uv_handle_t *)&client->ready_timer, on_timer_closed);
}
