/* node_start: from "down" to "answers", step by step.
 *
 * All well:  config and log pipe -> spawn -> process runs (its pid is recorded with the
 *            time before the spawn) -> its ports file appears -> INFO on that port names
 *            our server -> JetStream says it is enabled -> UP, watchers are told.
 * It ends meanwhile:  its own words, translated, are the error.
 * It takes too long:  it is killed; the error says what was still missing.
 * The ports file lies in the node's own folder and old ones are removed before, so its
 * numbers are this process's; the server's name in INFO proves it. */
#include <assert.h>
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/broker/config.h"
#include "harness/broker/node.h"

enum { LOOK_FIRST_MS = 3, LOOK_MS = 5, LOOK_AGAIN_MS = 25, PROBE_MS = 2000 };

/* js-enabled-only: on a node of a cluster that is still alone the full check fails. */
static const char jetstream_request[] =
    "GET /healthz?js-enabled-only=true HTTP/1.0\r\nHost: localhost\r\n\r\n";
const char node_health_request[] = "GET /healthz HTTP/1.0\r\nHost: localhost\r\n\r\n";

static void on_look(uv_timer_t *timer);

/* --- files
 * ------------------------------------------------------------------------------ */

static bool is_ports_file(const char *name)
{
    size_t size = strlen(name);

    return size > 6 && strcmp(name + size - 6, ".ports") == 0;
}

static void remove_ports_files(const struct node *node)
{
    DIR *folder = opendir(node->folder);
    struct dirent *entry;

    while (folder != NULL && (entry = readdir(folder)) != NULL)
        if (is_ports_file(entry->d_name))
            unlinkat(dirfd(folder), entry->d_name, 0);
    if (folder != NULL)
        closedir(folder);
}

static int write_file(const char *path, const char *text, struct error *err)
{
    /* 0600: the user's table may hold passwords. */
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    size_t size = strlen(text);
    int rc = 0;

    if (fd == -1)
        return error_from_errno(err, "create %s", path);
    if (write(fd, text, size) != (ssize_t)size)
        rc = error_from_errno(err, "write %s", path);
    close(fd);
    return rc;
}

static int write_config(struct node *node, struct error *err)
{
    const struct cluster *cluster = node->cluster;
    const struct config_node what = {
        .server_name = node->server_name,
        .cluster_name = cluster->name,
        .folder = node->folder,
        .jetstream = cluster->conf.jetstream,
        .node_count = cluster->node_count,
        .at = (int)node->number - 1,
        .route_ports = cluster->route_ports,
    };
    json_t *config = config_build(&what, cluster->conf.config);
    char *text = config != NULL ? config_text(config) : NULL;
    int rc = text == NULL ? error_set(err, E_NOMEM, "configuration of %s", node->name)
                          : write_file(node->config_path, text, err);

    free(text);
    json_decref(config);
    return rc;
}

/* The number behind the last colon of the first of `urls`; 0 when there is none. */
static int port_of(const json_t *urls)
{
    const char *url = json_string_value(json_array_get(urls, 0));
    const char *colon = url == NULL ? NULL : strrchr(url, ':');

    return colon == NULL ? 0 : (int)strtol(colon + 1, NULL, 10);
}

/* It may be half written: then it is no JSON yet, and we look again. */
static bool read_ports_file(struct node *node, const char *name)
{
    char path[PATH_MAX + 300];
    json_t *ports;

    snprintf(path, sizeof path, "%s/%s", node->folder, name);
    ports = json_load_file(path, 0, NULL);
    node->client_port = port_of(json_object_get(ports, "nats"));
    node->monitor_port = port_of(json_object_get(ports, "monitoring"));
    json_decref(ports);
    return node->client_port > 0 && node->monitor_port > 0;
}

static bool find_ports(struct node *node)
{
    DIR *folder = opendir(node->folder);
    struct dirent *entry;
    bool found = false;

    while (folder != NULL && !found && (entry = readdir(folder)) != NULL)
        found = is_ports_file(entry->d_name) && read_ports_file(node, entry->d_name);
    if (folder != NULL)
        closedir(folder);
    return found;
}

/* --- what it says when it ends --------------------------------------------------------
 */

/* Cut what only says who speaks and when: "[123] 2026/11/22 10:09:42.017657 [FTL] " and
 * "nats-server: ", and our folder in front of a file's name. */
static const char *without_prefix(const struct node *node, const char *line)
{
    const char *level = strstr(line, " [FTL] ");
    size_t folder = strlen(node->folder);

    if (level == NULL)
        level = strstr(line, " [ERR] ");
    if (line[0] == '[' && level != NULL)
        line = level + 7;
    if (strncmp(line, "nats-server: ", 13) == 0)
        line += 13;
    if (strncmp(line, node->folder, folder) == 0 && line[folder] == '/')
        line += folder + 1;
    return line;
}

/* "n1.conf:14:2: unknown …" is "n1.conf:14: unknown …" to a person: the file is made by
 * us, its columns mean nothing. */
static void translate(const struct node *node, char *out, size_t size)
{
    const char *line = without_prefix(node, node_log_cause(&node->log));
    const char *file = strstr(line, ".conf:");
    size_t row = file == NULL ? 0 : strspn(file + 6, "0123456789");
    const char *column = row == 0 ? NULL : file + 6 + row;
    size_t skip = column == NULL || *column != ':' ? 0 : strspn(column + 1, "0123456789");

    if (skip > 0 && column[1 + skip] == ':')
        snprintf(out, size, "%.*s%s", (int)(column - line), line, column + 1 + skip);
    else
        snprintf(out, size, "%s", line);
}

static void describe_end(const struct node *node, const struct child_exit *exit,
                         struct error *err)
{
    char words[NODE_LOG_LINE_BYTES];
    char how[64];

    if (exit->failed) {
        *err = exit->failure;
        error_prefix(err, "broker %s", node->name);
        return;
    }
    if (WIFSIGNALED(exit->status))
        snprintf(how, sizeof how, "signal %d", WTERMSIG(exit->status));
    else
        snprintf(how, sizeof how, "exit %d", WEXITSTATUS(exit->status));
    translate(node, words, sizeof words);
    if (words[0] == '\0') {
        error_set(err, E_ENVIRONMENT, "broker %s stopped while starting (%s), silently",
                  node->name, how);
        error_hint(err, "is %s a nats-server?", node->cluster->broker);
        return;
    }
    error_set(err, E_ENVIRONMENT, "broker %s stopped while starting (%s): %s", node->name,
              how, words);
    if (strstr(words, ".conf:") != NULL && node->cluster->conf.config != NULL)
        error_hint(err, "%s.conf is made from cluster.config; it lies in %s", node->name,
                   node->folder);
    else
        error_hint(err, "its log is %s", node->log_path);
}

/* --- the steps
 * ---------------------------------------------------------------------------- */

/* Its start came to nothing. Waits for it are told; the process, if any, is gone. */
static void fail_start(struct node *node, const struct error *err)
{
    uv_timer_stop(node->timer);
    node_move(node, NODE_DOWN);
    node_decide(node, GOAL_UP, err);
    node_settle(node);
}

static void on_child_exit(struct child *child, const struct child_exit *exit, void *arg)
{
    struct node *node = arg;
    struct error err;

    assert(child == node->child);
    probe_cancel(node->probe);
    node->probe = NULL;
    node_log_finish(&node->log);
    if (node->pid == 0)
        node_record_start(node, 0);
    node_record_exit(node, exit);
    child_release(child, NULL, NULL);
    node->child = NULL;
    node->pid = 0;
    if (node->state != NODE_STARTING) {
        node_on_child_exit(node, exit);
        return;
    }
    if (node->start_error.code != 0)
        err = node->start_error;
    else
        describe_end(node, exit, &err);
    fail_start(node, &err);
}

/* It runs, but does not get there: kill it; its exit then tells the waits why. */
static void give_up(struct node *node)
{
    static const char *const missing[] = {
        [START_LAUNCH] = "its process has not started",
        [START_PORTS] = "it has not written its ports file",
        [START_INFO] = "it has not sent its INFO",
        [START_JETSTREAM] = "its JetStream is not ready",
    };
    char words[NODE_LOG_LINE_BYTES];
    char limit[32];

    translate(node, words, sizeof words);
    error_set(&node->start_error, E_ENVIRONMENT,
              "broker %s is not up after %s: %s%s%s; its last words: %s", node->name,
              param_duration_text(node->cluster->start_limit_ns, limit, sizeof limit),
              missing[node->step], node->trouble[0] == '\0' ? "" : ", ", node->trouble,
              words[0] == '\0' ? "none" : words);
    error_hint(&node->start_error, "its log is %s", node->log_path);
    probe_cancel(node->probe);
    node->probe = NULL;
    node_record_signal(node, SIGKILL);
    child_kill_tree(node->child);
}

static void look_again(struct node *node, uint64_t in_ms)
{
    uv_timer_start(node->timer, on_look, in_ms, 0);
}

static void come_up(struct node *node)
{
    char address[NODE_ADDRESS_BYTES];

    snprintf(address, sizeof address, "127.0.0.1:%d", node->client_port);
    uv_timer_stop(node->timer);
    node_record_ready(node);
    node_move(node, NODE_UP);
    log_info(node->context->log, "broker", "%s is up: %s, pid %d, nats-server %s",
             node->name, address, node->pid, node->version);
    node_set_address(node, address);
}

static void on_jetstream(void *arg, int rc, const char *text)
{
    struct node *node = arg;

    node->probe = NULL;
    if (rc == 0 && strncmp(text, "HTTP/1.", 7) == 0 &&
        strncmp(text + 8, " 200", 4) == 0) {
        come_up(node);
        return;
    }
    snprintf(node->trouble, sizeof node->trouble, "/healthz says %.100s",
             rc != 0 ? error_text(rc) : text);
    look_again(node, LOOK_AGAIN_MS);
}

bool node_reads_info(struct node *node, const char *line)
{
    json_t *info = NULL;
    const char *name = NULL;
    const char *id = NULL;
    const char *version = NULL;
    bool ours;

    if (strncmp(line, "INFO ", 5) == 0)
        info = json_loads(line + 5, JSON_DISABLE_EOF_CHECK, NULL);
    (void)json_unpack(info, "{s:s, s:s, s:s}", "server_name", &name, "server_id", &id,
                      "version", &version);
    ours = name != NULL && id != NULL && version != NULL &&
           strcmp(name, node->server_name) == 0;
    if (ours) {
        snprintf(node->server_id, sizeof node->server_id, "%s", id);
        snprintf(node->version, sizeof node->version, "%s", version);
    } else {
        snprintf(node->trouble, sizeof node->trouble,
                 "port %d is answered by somebody else: %.60s", node->client_port,
                 name != NULL ? name : line);
    }
    json_decref(info);
    return ours;
}

static void on_info(void *arg, int rc, const char *text)
{
    struct node *node = arg;

    node->probe = NULL;
    if (rc != 0)
        snprintf(node->trouble, sizeof node->trouble, "port %d: %s", node->client_port,
                 error_text(rc));
    if (rc != 0 || !node_reads_info(node, text)) {
        /* The numbers may be stale too: read the file again. */
        node->step = START_PORTS;
        look_again(node, LOOK_AGAIN_MS);
        return;
    }
    if (!node->cluster->conf.jetstream) {
        come_up(node);
        return;
    }
    node->step = START_JETSTREAM;
    look_again(node, 0);
}

static void ask(struct node *node, int port, const char *request, enum probe_until until,
                probe_fn *done)
{
    const struct probe_options options = {
        .host = "127.0.0.1",
        .port = port,
        .request = request,
        .until = until,
        .timeout_ms = PROBE_MS,
        .done = done,
        .arg = node,
    };

    assert(node->probe == NULL);
    if (probe_start(&node->probe, node->context->loop, &options, NULL) != 0)
        look_again(node, LOOK_AGAIN_MS);
}

static void on_look(uv_timer_t *timer)
{
    struct node *node = timer->data;

    assert(node->state == NODE_STARTING);
    if (clock_now(clock_real()) >= node->deadline_ns) {
        give_up(node);
        return;
    }
    if (node->step == START_PORTS && find_ports(node))
        node->step = START_INFO;
    switch (node->step) {
    case START_LAUNCH:
    case START_PORTS:
        look_again(node, LOOK_MS);
        return;
    case START_INFO:
        ask(node, node->client_port, NULL, PROBE_LINE, on_info);
        return;
    case START_JETSTREAM:
        ask(node, node->monitor_port, jetstream_request, PROBE_END, on_jetstream);
        return;
    }
}

static void on_child_started(struct child *child, void *arg)
{
    struct node *node = arg;

    node->pid = child_pid(child);
    node_record_start(node, node->pid);
    if (node->state != NODE_STARTING)
        return; /* killed meanwhile */
    node->step = START_PORTS;
    look_again(node, LOOK_FIRST_MS);
}

static int launch(struct node *node, struct error *err)
{
    const char *argv[] = {node->cluster->broker, "-c", node->config_path, NULL};
    struct child_options options = {
        .self = node->context->self,
        .argv = argv,
        .clean_env = true,
        .stdin_fd = -1,
        .on_started = on_child_started,
        .on_exit = on_child_exit,
        .arg = node,
    };
    int output;
    int rc = write_config(node, err);

    if (rc != 0)
        return rc;
    remove_ports_files(node);
    rc = node_log_attach(&node->log, node->context->loop, &output, err);
    if (rc != 0)
        return rc;
    options.stdout_fd = options.stderr_fd = output;
    node->start_ns = clock_now(node->context->clock);
    node->deadline_ns = clock_now(clock_real()) + node->cluster->start_limit_ns;
    rc = child_spawn(&node->child, node->context->loop, &options, err);
    close(output);
    if (rc != 0)
        node_log_finish(&node->log);
    return rc;
}

void node_begin_start(struct node *node)
{
    struct error err;

    assert(node->child == NULL);
    node_move(node, NODE_STARTING);
    node->step = START_LAUNCH;
    node->trouble[0] = node->server_id[0] = node->fell[0] = '\0';
    node->client_port = node->monitor_port = 0;
    node->outlived_stop = false;
    error_clear(&node->start_error);
    if (launch(node, &err) != 0) {
        error_prefix(&err, "broker %s", node->name);
        fail_start(node, &err);
        return;
    }
    /* Bounds the launch too. */
    look_again(node, LOOK_FIRST_MS);
}
