/* crew: all clients of a case, and the links that follow the nodes.
 *
 * A node's address changes (it was killed, it is back): every link towards it gets the
 * new upstream; when the last has it in force the node is told, so that a script's
 * `node:start()` returns only when clients can reach it.
 * The end:  crew_stop -> loads end and drain -> SIGTERM -> SIGKILL after a grace -> all
 *           exited -> done; crew_destroy frees. */
#include "harness/client/crew.h"

#include <assert.h>
#include <stdlib.h>

/* ---- deferred answers ---- */

struct deferred {
    uv_timer_t timer;
    struct crew *crew;
    client_done_fn *done;
    void *arg;
    int rc;
    bool failed;
    struct error error;
};

void crew_drop_handle(struct crew *crew)
{
    assert(crew->handles > 0);
    crew->handles--;
    if (crew->handles > 0 || !crew->destroying)
        return;
    free(crew->clients);
    free(crew);
}

static void on_deferred_closed(uv_handle_t *handle)
{
    struct deferred *deferred = handle->data;

    crew_drop_handle(deferred->crew);
    free(deferred);
}

static void on_deferred(uv_timer_t *timer)
{
    struct deferred *deferred = timer->data;

    uv_close((uv_handle_t *)timer, on_deferred_closed);
    if (deferred->done != NULL)
        deferred->done(deferred->arg, deferred->rc,
                       deferred->failed ? &deferred->error : NULL);
}

void crew_defer(struct crew *crew, client_done_fn *done, void *arg, int rc,
                const struct error *err)
{
    struct deferred *deferred = calloc(1, sizeof *deferred);

    assert(deferred != NULL);
    deferred->crew = crew;
    deferred->done = done;
    deferred->arg = arg;
    deferred->rc = rc;
    if (err != NULL) {
        deferred->failed = true;
        deferred->error = *err;
    }
    uv_timer_init(crew->context->loop, &deferred->timer);
    deferred->timer.data = deferred;
    crew->handles++;
    uv_timer_start(&deferred->timer, on_deferred, 0, 0);
}

/* ---- links follow the nodes ---- */

struct following {
    struct node *node;
    int outstanding;
};

static void followed(struct following *following)
{
    following->outstanding--;
    if (following->outstanding > 0)
        return;
    node_watch_done(following->node);
    free(following);
}

static void on_upstream(void *arg, const struct plane_reply *reply)
{
    (void)reply; /* a link that was closed meanwhile needs no upstream */
    followed(arg);
}

static void on_address(struct node_watch *watch, struct node *node, const char *address)
{
    struct crew *crew = watch->arg;
    struct following *following = calloc(1, sizeof *following);

    assert(following != NULL);
    following->node = node;
    following->outstanding = 1; /* our own, so that it cannot end while we ask */
    for (int i = 0; i < crew->count; i++) {
        struct client *client = crew->clients[i];

        for (int k = 0; k < client->path_count; k++) {
            if (client->paths[k].node != node || client->paths[k].id.number == 0)
                continue;
            following->outstanding++;
            control_link_upstream(crew->context->control, client->paths[k].id, address,
                                  on_upstream, following);
        }
    }
    crew_admin_servers(crew);
    followed(following);
}

/* ---- making ---- */

int crew_create(struct crew **out, struct context *context, struct cluster *cluster,
                struct error *err)
{
    struct crew *crew = calloc(1, sizeof *crew);

    if (crew == NULL)
        return error_set(err, E_NOMEM, "the clients of the case");
    crew->context = context;
    crew->cluster = cluster;
    crew->watch.on_address = on_address;
    crew->watch.arg = crew;
    cluster_watch(cluster, &crew->watch);
    crew->watching = true;
    *out = crew;
    return 0;
}

int crew_count(const struct crew *crew)
{
    return crew->count;
}

struct client *crew_at(const struct crew *crew, int at)
{
    assert(at >= 0);
    assert(at < crew->count);
    return crew->clients[at];
}

/* ---- many at once ---- */

struct gathering { /* one done for many */
    struct crew *crew;
    int outstanding;
    int rc;
    struct error error;
    uint64_t grace_ns;
    client_done_fn *done;
    void *arg;
};

static struct gathering *gather(struct crew *crew, client_done_fn *done, void *arg)
{
    struct gathering *all = calloc(1, sizeof *all);

    assert(all != NULL);
    all->crew = crew;
    all->outstanding = 1;
    all->done = done;
    all->arg = arg;
    return all;
}

static void on_gathered(void *arg, int rc, const struct error *err)
{
    struct gathering *all = arg;

    if (rc != 0 && all->rc == 0) {
        all->rc = rc;
        if (err != NULL)
            all->error = *err;
    }
    all->outstanding--;
    if (all->outstanding > 0)
        return;
    if (all->done != NULL)
        all->done(all->arg, all->rc, all->rc != 0 ? &all->error : NULL);
    free(all);
}

void crew_stop_workloads(struct crew *crew, client_done_fn *done, void *arg)
{
    struct gathering *all = gather(crew, done, arg);

    for (int i = 0; i < crew->count; i++) {
        if (!crew->clients[i]->type->publishes || crew->clients[i]->stopped)
            continue;
        all->outstanding++;
        client_stop(crew->clients[i], on_gathered, all);
    }
    crew_defer(crew, on_gathered, all, 0, NULL);
}

static void on_loads_ended(void *arg, int rc, const struct error *err)
{
    struct gathering *all = arg;
    struct crew *crew = all->crew;

    (void)rc;
    (void)err;
    for (int i = 0; i < crew->count; i++) {
        if (crew->clients[i]->state == CLIENT_EXITED)
            continue;
        all->outstanding++;
        client_terminate(crew->clients[i], 3ull * NS_PER_S, on_gathered, all);
    }
    if (crew->admin != NULL && crew->admin->state != CLIENT_EXITED) {
        all->outstanding++;
        client_terminate(crew->admin, 1ull * NS_PER_S, on_gathered, all);
    }
    crew_defer(crew, on_gathered, all, 0, NULL);
}

void crew_stop(struct crew *crew, uint64_t grace_ns, client_done_fn *done, void *arg)
{
    struct gathering *ends = gather(crew, done, arg);
    struct gathering *loads = gather(crew, on_loads_ended, ends);

    crew->stopping = true;
    if (crew->watching)
        cluster_unwatch(crew->cluster, &crew->watch);
    crew->watching = false;
    for (int i = 0; i < crew->count; i++) {
        if (!crew->clients[i]->type->publishes || crew->clients[i]->stopped)
            continue;
        loads->outstanding++;
        client_stop_within(crew->clients[i], grace_ns, on_gathered, loads);
    }
    crew_defer(crew, on_gathered, loads, 0, NULL);
}

void crew_destroy(struct crew *crew)
{
    if (crew->watching)
        cluster_unwatch(crew->cluster, &crew->watch);
    crew->handles++; /* our own, so that the crew cannot go while we walk through it */
    for (int i = 0; i < crew->count; i++)
        client_free(crew->clients[i]);
    if (crew->admin != NULL)
        client_free(crew->admin);
    crew->destroying = true;
    crew_drop_handle(crew);
}
