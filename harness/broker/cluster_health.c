/* cluster_health: is every node there and content?
 *
 * Node by node: up -> INFO names our server -> /healthz answers 200 (with JetStream that
 * covers its streams and, in a cluster, a meta leader). Whatever is not so yet is asked
 * again until the deadline; what was last missing is then the error. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/broker/node.h"

enum { HEALTH_LOOK_MS = 20, HEALTH_PROBE_MS = 2000 };

struct health {
    struct health *next;
    struct cluster *cluster;
    int at; /* the node that is asked */
    uint64_t within_ns;
    uint64_t deadline_ns;
    uv_timer_t *timer;
    struct probe *probe;
    struct node_wait *result;
    char missing[256];
};

static void on_look(uv_timer_t *timer);

static void health_end(struct health *health)
{
    struct health **link = &health->cluster->healths;

    while (*link != health)
        link = &(*link)->next;
    *link = health->next;
    probe_cancel(health->probe);
    loop_timer_drop(health->timer);
    cluster_later(health->cluster, health->result);
    free(health);
}

static void look_again(struct health *health, const char *format, const char *what)
{
    const struct node *node = &health->cluster->nodes[health->at];
    char words[160];

    snprintf(words, sizeof words, format, what);
    snprintf(health->missing, sizeof health->missing, "%s %s", node->name, words);
    uv_timer_start(health->timer, on_look, HEALTH_LOOK_MS, 0);
}

static void ask(struct health *health, int port, const char *request,
                enum probe_until until, probe_fn *done)
{
    const struct probe_options options = {
        .host = "127.0.0.1",
        .port = port,
        .request = request,
        .until = until,
        .timeout_ms = HEALTH_PROBE_MS,
        .done = done,
        .arg = health,
    };
    struct error err;

    if (probe_start(&health->probe, health->cluster->context->loop, &options, &err) != 0)
        look_again(health, "cannot be asked: %s", err.text);
}

static void on_healthz(void *arg, int rc, const char *text)
{
    struct health *health = arg;
    const char *body;

    health->probe = NULL;
    if (rc != 0) {
        look_again(health, "does not answer /healthz: %s", error_text(rc));
        return;
    }
    if (strncmp(text, "HTTP/1.", 7) != 0 || strncmp(text + 8, " 200", 4) != 0) {
        body = strstr(text, "\r\n\r\n");
        look_again(health, "says %s", body != NULL ? body + 4 : text);
        return;
    }
    health->at++;
    uv_timer_start(health->timer, on_look, 0, 0);
}

static void on_info(void *arg, int rc, const char *text)
{
    struct health *health = arg;
    struct node *node = &health->cluster->nodes[health->at];

    health->probe = NULL;
    if (rc != 0)
        look_again(health, "does not answer: %s", error_text(rc));
    else if (node->state != NODE_UP)
        look_again(health, "is %s", node_state_name(node->state));
    else if (!node_reads_info(node, text))
        look_again(health, "is somebody else: %s", node->trouble);
    else
        ask(health, node->monitor_port, node_health_request, PROBE_END, on_healthz);
}

static void on_look(uv_timer_t *timer)
{
    struct health *health = timer->data;
    struct cluster *cluster = health->cluster;
    const struct node *node;
    char within[32];

    if (health->at == cluster->node_count) {
        health_end(health);
        return;
    }
    if (clock_now(clock_real()) >= health->deadline_ns) {
        health->result->rc = error_set(
            &health->result->error, E_TIMEOUT, "the cluster is not healthy within %s: %s",
            param_duration_text(health->within_ns, within, sizeof within),
            health->missing);
        health_end(health);
        return;
    }
    node = &cluster->nodes[health->at];
    if (node->state == NODE_UP)
        ask(health, node->client_port, NULL, PROBE_LINE, on_info);
    else
        look_again(health, "is %s", node_state_name(node->state));
}

void cluster_await_healthy(struct cluster *cluster, uint64_t within_ns,
                           node_done_fn *done, void *arg)
{
    struct health *health = calloc(1, sizeof *health);
    struct node_wait *result = calloc(1, sizeof *result);

    assert(health != NULL);
    assert(result != NULL);
    result->done = done;
    result->arg = arg;
    health->result = result;
    health->cluster = cluster;
    health->within_ns = within_ns;
    health->deadline_ns = clock_now(clock_real()) + within_ns;
    snprintf(health->missing, sizeof health->missing, "nobody was asked");
    health->next = cluster->healths;
    cluster->healths = health;
    health->timer = loop_timer_create(cluster->context->loop, health);
    assert(health->timer != NULL);
    uv_timer_start(health->timer, on_look, 0, 0);
}

void cluster_cancel_health(struct cluster *cluster)
{
    while (cluster->healths != NULL) {
        struct health *health = cluster->healths;

        health->result->rc = error_set(&health->result->error, E_CANCELLED,
                                       "the cluster was stopped meanwhile");
        health_end(health);
    }
}
