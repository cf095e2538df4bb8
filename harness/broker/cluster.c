/* cluster: the nodes of a case together: made, started, stopped, watched.
 *
 * Nodes have names n1, n2, …; the servers' own names carry a random word of this cluster,
 * so that whoever else runs a nats-server on this machine is never taken for one of ours.
 * With several nodes each names the cluster port of every other as a route. Those ports
 * are picked free beforehand; when somebody takes one in between, that node's start fails
 * and says so.
 * A verb for all nodes is a gather: one verb per node, done when the last one is. */
#include "harness/broker/cluster.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness/broker/broker.h"
#include "harness/broker/config.h"
#include "harness/broker/node.h"

const struct param cluster_params[] = {
    PARAM(cluster_conf, nodes, INTEGER, "nodes", "1", "1", "9", "how many nats-servers"),
    PARAM(cluster_conf, jetstream, BOOL, "jetstream", "false", NULL, NULL,
          "JetStream, with its store in the run folder"),
    PARAM(cluster_conf, broker, TEXT, "broker", NULL, NULL, NULL,
          "the nats-server to run; default: --broker, $STORMDRILL_BROKER, $PATH"),
    PARAM(cluster_conf, config, JSON, "config", NULL, NULL, NULL,
          "nats-server's own configuration, as a table; merged over ours"),
    PARAM_END,
};

/* One verb for several nodes. */
struct gather {
    struct gather *next;
    struct cluster *cluster;
    bool is_stop; /* done after every other: then the cluster may be destroyed */
    int remaining;
    struct node_wait *result;
};

/* --- timers that outlive their owner until libuv has let go of them
 * ---------------------- */

uv_timer_t *loop_timer_create(uv_loop_t *loop, void *data)
{
    uv_timer_t *timer = malloc(sizeof *timer);

    if (timer == NULL)
        return NULL;
    uv_timer_init(loop, timer);
    timer->data = data;
    return timer;
}

static void on_timer_closed(uv_handle_t *handle)
{
    free(handle);
}

void loop_timer_drop(uv_timer_t *timer)
{
    uv_close((uv_handle_t *)timer, on_timer_closed);
}

/* --- callbacks, later
 * -------------------------------------------------------------------- */

static void on_later(uv_timer_t *timer)
{
    struct cluster *cluster = timer->data;
    struct node_wait *wait = cluster->decided;

    /* Only what is decided by now: a callback may start a verb that fails at once. */
    cluster->decided = NULL;
    cluster->decided_end = &cluster->decided;
    while (wait != NULL) {
        struct node_wait *next = wait->next;

        wait->done(wait->arg, wait->rc, wait->rc == 0 ? NULL : &wait->error);
        free(wait);
        wait = next;
    }
}

void cluster_later(struct cluster *cluster, struct node_wait *wait)
{
    wait->next = NULL;
    *cluster->decided_end = wait;
    cluster->decided_end = &wait->next;
    uv_timer_start(cluster->later, on_later, 0, 0);
}

/* --- making and freeing
 * -------------------------------------------------------------------- */

/* Free ports on loopback, all different because all are held until the last is found. */
static int pick_ports(int *ports, int count, struct error *err)
{
    int sockets[16];
    int opened = 0;
    int rc = 0;

    assert(count <= (int)(sizeof sockets / sizeof *sockets));
    for (; rc == 0 && opened < count; opened++) {
        struct sockaddr_in at = {.sin_family = AF_INET,
                                 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        socklen_t size = sizeof at;

        sockets[opened] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (sockets[opened] == -1 ||
            bind(sockets[opened], (struct sockaddr *)&at, sizeof at) == -1 ||
            getsockname(sockets[opened], (struct sockaddr *)&at, &size) == -1)
            rc = error_from_errno(err, "pick a free port for a route");
        ports[opened] = ntohs(at.sin_port);
    }
    while (opened-- > 0)
        if (sockets[opened] != -1)
            close(sockets[opened]);
    return rc;
}

static int find_program(struct cluster *cluster, struct error *err)
{
    const char *path = cluster->conf.broker != NULL ? cluster->conf.broker
                                                    : cluster->context->broker_path;

    if (path == NULL) {
        error_set(err, E_ENVIRONMENT, "no nats-server was given to this case");
        error_hint(err, "install one (apt install nats-server) or use --broker PATH");
        return E_ENVIRONMENT;
    }
    if (strlen(path) >= sizeof cluster->broker)
        return error_set(err, E_PARAM, "the path of the broker is too long: %.80s…",
                         path);
    snprintf(cluster->broker, sizeof cluster->broker, "%s", path);
    return 0;
}

static int make_folder(const struct cluster *cluster, struct error *err)
{
    char path[PATH_MAX];
    int size = snprintf(path, sizeof path, "%s/brokers", cluster->context->folder);

    /* What is made in it gets longer by "/n1/store/jetstream/…". */
    if (size < 0 || size >= PATH_MAX / 2)
        return error_set(err, E_PARAM, "the path of the run folder is too long: %.80s…",
                         cluster->context->folder);
    if (mkdir(path, 0700) != 0 && errno != EEXIST)
        return error_from_errno(err, "create %s", path);
    return 0;
}

static int make_nodes(struct cluster *cluster, struct error *err)
{
    int count = (int)cluster->conf.nodes;
    uint32_t word;
    int rc = 0;

    if (getrandom(&word, sizeof word, 0) != (ssize_t)sizeof word)
        return error_from_errno(err, "draw a name for the cluster");
    snprintf(cluster->name, sizeof cluster->name, "stormdrill-%08x", word);
    cluster->nodes = calloc((size_t)count, sizeof *cluster->nodes);
    cluster->route_ports = calloc((size_t)count, sizeof *cluster->route_ports);
    if (cluster->nodes == NULL || cluster->route_ports == NULL)
        return error_set(err, E_NOMEM, "%d nodes", count);
    if (count > 1)
        rc = pick_ports(cluster->route_ports, count, err);
    for (int i = 0; rc == 0 && i < count; i++) {
        struct node *node = &cluster->nodes[cluster->node_count++];

        rc = node_init(node, cluster, i, err);
        snprintf(node->server_name, sizeof node->server_name, "%s-%s", cluster->name,
                 node->name);
    }
    return rc;
}

int cluster_create(struct cluster **out, struct context *context,
                   struct cluster_conf *conf, struct error *err)
{
    struct cluster *cluster = calloc(1, sizeof *cluster);
    int rc;

    *out = NULL;
    if (cluster == NULL) {
        param_release(cluster_params, conf);
        return error_set(err, E_NOMEM, "cluster");
    }
    cluster->context = context;
    cluster->conf = *conf;
    *conf = (struct cluster_conf){.nodes = 0};
    cluster->decided_end = &cluster->decided;
    cluster->start_limit_ns = 15ull * NS_PER_S;
    cluster->stop_grace_ns = 5ull * NS_PER_S;
    cluster->watchers_limit_ns = 10ull * NS_PER_S;
    cluster->later = loop_timer_create(context->loop, cluster);
    rc = cluster->later == NULL ? error_set(err, E_NOMEM, "cluster")
                                : config_check(&cluster->conf, err);
    if (rc == 0)
        rc = find_program(cluster, err);
    if (rc == 0)
        rc = make_folder(cluster, err);
    if (rc == 0)
        rc = make_nodes(cluster, err);
    if (rc != 0) {
        cluster_destroy(cluster);
        return rc;
    }
    *out = cluster;
    return 0;
}

int cluster_check(const struct cluster_conf *conf, struct error *err)
{
    return config_check(conf, err);
}

void cluster_destroy(struct cluster *cluster)
{
    if (cluster == NULL)
        return;
    assert(cluster->decided == NULL);
    assert(cluster->gathers == NULL);
    assert(cluster->healths == NULL);
    for (int i = 0; i < cluster->node_count; i++)
        node_release(&cluster->nodes[i]);
    if (cluster->later != NULL)
        loop_timer_drop(cluster->later);
    param_release(cluster_params, &cluster->conf);
    free(cluster->route_ports);
    free(cluster->nodes);
    free(cluster);
}

/* --- verbs for all
 * ---------------------------------------------------------------------------- */

static void gather_end(struct gather *gather)
{
    struct gather **link = &gather->cluster->gathers;

    while (*link != gather)
        link = &(*link)->next;
    *link = gather->next;
    cluster_later(gather->cluster, gather->result);
    free(gather);
}

/* Stops that only waited for the others. */
static void end_stops(struct cluster *cluster)
{
    struct gather *next;

    for (struct gather *g = cluster->gathers; g != NULL; g = g->next)
        if (!g->is_stop)
            return;
    for (struct gather *g = cluster->gathers; g != NULL; g = next) {
        next = g->next;
        if (g->remaining == 0)
            gather_end(g);
    }
}

static void gather_part_done(void *arg, int rc, const struct error *err)
{
    struct gather *gather = arg;
    struct cluster *cluster = gather->cluster;

    if (rc != 0 && gather->result->rc == 0) {
        gather->result->rc = rc;
        gather->result->error = *err;
    }
    gather->remaining--;
    if (gather->remaining > 0)
        return;
    if (!gather->is_stop)
        gather_end(gather);
    end_stops(cluster);
}

/* Counts one part for itself, which gather_part_done ends after all verbs were begun. */
static struct gather *gather_create(struct cluster *cluster, node_done_fn *done,
                                    void *arg)
{
    struct gather *gather = calloc(1, sizeof *gather);
    struct node_wait *result = calloc(1, sizeof *result);

    assert(gather != NULL);
    assert(result != NULL);
    result->done = done;
    result->arg = arg;
    gather->result = result;
    gather->cluster = cluster;
    gather->remaining = 1;
    gather->next = cluster->gathers;
    cluster->gathers = gather;
    return gather;
}

/* The second half of cluster_start: every node answers; do they agree with each other? */
static void on_all_up(void *arg, int rc, const struct error *err)
{
    struct gather *gather = arg;

    if (rc != 0 || gather->cluster->stopping) {
        gather_part_done(gather, rc, err);
        return;
    }
    cluster_await_healthy(gather->cluster, 30ull * NS_PER_S, gather_part_done, gather);
}

void cluster_start(struct cluster *cluster, node_done_fn *done, void *arg)
{
    struct gather *whole = gather_create(cluster, done, arg);
    struct gather *starts = gather_create(cluster, on_all_up, whole);

    cluster->stopping = false;
    for (int i = 0; i < cluster->node_count; i++) {
        starts->remaining++;
        node_start(&cluster->nodes[i], gather_part_done, starts);
    }
    gather_part_done(starts, 0, NULL);
}

/* That a broker had to be killed is a warning in evidence; all are gone, that counts. */
static void on_node_stopped(void *arg, int rc, const struct error *err)
{
    (void)rc;
    (void)err;
    gather_part_done(arg, 0, NULL);
}

void cluster_stop(struct cluster *cluster, node_done_fn *done, void *arg)
{
    struct gather *gather = gather_create(cluster, done, arg);

    gather->is_stop = true;
    cluster->stopping = true;
    cluster_cancel_health(cluster);
    for (int i = 0; i < cluster->node_count; i++) {
        struct node *node = &cluster->nodes[i];

        /* A node that is down may still wait for its watchers to have acted. */
        if (node->state == NODE_DOWN && node->watchers_pending == 0)
            continue;
        gather->remaining++;
        node_end(node, SIGTERM, on_node_stopped, gather);
    }
    gather_part_done(gather, 0, NULL);
}

/* --- what there is
 * ------------------------------------------------------------------------------ */

int cluster_node_count(const struct cluster *cluster)
{
    return cluster->node_count;
}

struct node *cluster_node(const struct cluster *cluster, int at)
{
    assert(at >= 0);
    assert(at < cluster->node_count);
    return &cluster->nodes[at];
}

struct node *cluster_node_named(const struct cluster *cluster, const char *name)
{
    for (int i = 0; i < cluster->node_count; i++)
        if (strcmp(cluster->nodes[i].name, name) == 0)
            return &cluster->nodes[i];
    return NULL;
}

void cluster_watch(struct cluster *cluster, struct node_watch *watch)
{
    watch->next = cluster->watches;
    cluster->watches = watch;
}

void cluster_unwatch(struct cluster *cluster, struct node_watch *watch)
{
    struct node_watch **link = &cluster->watches;

    while (*link != NULL && *link != watch)
        link = &(*link)->next;
    if (*link == watch)
        *link = watch->next;
}
