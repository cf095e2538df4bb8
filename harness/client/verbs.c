/* verbs: what a script can ask of a client. The life itself is in client.c. */
#include <assert.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/client/crew.h"
#include "harness/evidence/writer.h"
#include "proxy/nats/subject.h"

static const char *text_of(const json_t *conf, const char *name)
{
    return json_string_value(json_object_get(conf, name));
}

static char *copy_text(const char *text)
{
    return text != NULL ? strdup(text) : NULL;
}

int client_check(const char *workload, const json_t *conf, struct error *err)
{
    const struct workload_type *type = workload_find(workload);
    struct connection_conf connection;
    void *own;
    int rc;

    if (type == NULL)
        return error_set(err, E_PARAM, "there is no workload '%s'", workload);
    rc = workload_read(type, conf, &connection, &own, err);
    if (rc == 0)
        workload_release(type, &connection, own);
    return rc;
}

static bool name_is_taken(const struct crew *crew, const char *name)
{
    for (int i = 0; i < crew->count; i++) {
        if (strcmp(crew->clients[i]->name, name) == 0)
            return true;
    }
    return false;
}

/* The user's name, or the workload's with the first free number behind it. */
static int choose_name(const struct crew *crew, const char *workload, const char *wanted,
                       char *name, size_t size, struct error *err)
{
    if (wanted != NULL) {
        if (wanted[0] == '\0' || wanted[0] == '.' || strlen(wanted) > 60 ||
            strpbrk(wanted, "/\\ \t\r\n;,=") != NULL)
            return error_set(err, E_PARAM,
                             "client name \"%.80s\": 1 to 60 characters without blanks, "
                             "'/', ',', ';', '=' or a dot in front",
                             wanted);
        if (name_is_taken(crew, wanted))
            return error_set(err, E_PARAM, "there is already a client called '%s'",
                             wanted);
        snprintf(name, size, "%s", wanted);
        return 0;
    }
    for (int i = 1;; i++) {
        snprintf(name, size, i == 1 ? "%s" : "%s-%d", workload, i);
        if (!name_is_taken(crew, name))
            return 0;
    }
}

static bool make_room(struct crew *crew)
{
    int capacity = crew->capacity == 0 ? 16 : crew->capacity * 2;
    struct client **grown;

    if (crew->count < crew->capacity)
        return true;
    grown = realloc(crew->clients, (size_t)capacity * sizeof(struct client *));
    if (grown == NULL)
        return false;
    crew->clients = grown;
    crew->capacity = capacity;
    return true;
}

static int connections_of(const struct workload_type *type, const json_t *conf)
{
    json_int_t count = json_integer_value(json_object_get(conf, "count"));

    return type->is_connector && count > 0 ? (int)count : 1;
}

static int take_conf(struct client *client, const struct workload_type *type,
                     const json_t *conf)
{
    const char *ack_wait = text_of(conf, "ack_wait");

    client->type = type;
    client->conf = conf != NULL ? json_deep_copy(conf) : json_object();
    client->subject = copy_text(text_of(conf, "subject"));
    client->stream = copy_text(text_of(conf, "stream"));
    client->durable = copy_text(text_of(conf, "durable"));
    client->ack_wait_ns = 30ull * NS_PER_S; /* nats-server's own default */
    if (ack_wait != NULL)
        return param_duration(ack_wait, &client->ack_wait_ns, "ack_wait", NULL);
    return client->conf != NULL ? 0 : E_NOMEM;
}

int client_create(struct client **out, struct crew *crew, const char *workload,
                  const json_t *conf, client_done_fn *done, void *arg, struct error *err)
{
    const struct workload_type *type = workload_find(workload);
    struct client *client;
    char name[128];
    int rc = client_check(workload, conf, err);

    if (rc == 0)
        rc = choose_name(crew, workload, text_of(conf, "name"), name, sizeof name, err);
    if (rc != 0)
        return rc;
    if (!make_room(crew))
        return error_set(err, E_NOMEM, "client '%s'", name);
    client = client_new(crew, name);
    if (client == NULL)
        return error_set(err, E_NOMEM, "client '%s'", name);
    client->number = (uint32_t)crew->count + 1;
    rc = take_conf(client, type, conf);
    if (rc == 0)
        rc = links_open(client, connections_of(type, conf), err);
    if (rc != 0) {
        client_free(client);
        return rc;
    }
    crew->clients[crew->count++] = client;
    client_add_waiter(&client->ready_waiters, done, arg);
    *out = client;
    return 0;
}

const char *client_name(const struct client *client)
{
    return client->name;
}

const char *client_workload(const struct client *client)
{
    return client->type->name;
}

const char *client_stream(const struct client *client)
{
    return client->stream;
}

uint32_t client_number(const struct client *client)
{
    return client->number;
}

uint32_t client_incarnation(const struct client *client)
{
    return client->incarnation;
}

bool client_is_running(const struct client *client)
{
    return client->state != CLIENT_EXITED;
}

static struct client *owner_of(struct crew *crew, struct link_id link)
{
    for (int i = 0; i < crew->count; i++) {
        for (int k = 0; k < crew->clients[i]->path_count; k++) {
            if (crew->clients[i]->paths[k].id.number == link.number)
                return crew->clients[i];
        }
    }
    return NULL;
}

static bool has_noticed_cuts(const struct client *client)
{
    uint64_t now_ns = clock_now(client->crew->context->clock);

    return client->cut_ns == 0 ||
           now_ns - client->cut_ns > (uint64_t)CLIENT_NOTICE_MS * NS_PER_MS ||
           atomic_load(&client->status->losses) >= client->cut_noticed;
}

void crew_note_cut(struct crew *crew, struct link_id link)
{
    struct client *client = owner_of(crew, link);

    if (client == NULL || client->status == NULL)
        return;
    /* Several resets at once: each will be a loss of its own. */
    if (has_noticed_cuts(client))
        client->cut_noticed = atomic_load(&client->status->losses);
    client->cut_noticed++;
    client->cut_ns = clock_now(crew->context->clock);
}

bool client_is_connected(const struct client *client)
{
    uint32_t wanted;

    if (client->status == NULL || client->state == CLIENT_EXITED)
        return false;
    wanted = (uint32_t)connections_of(client->type, client->conf);
    if (!has_noticed_cuts(client))
        return false;
    return atomic_load(&client->status->connected) >= wanted;
}

/* A counter of the page plus what past incarnations had counted. */
#define COUNTER(name)                                                                    \
    uint64_t client_##name(const struct client *client)                                  \
    {                                                                                    \
        return client->name +                                                            \
               (client->status != NULL ? atomic_load(&client->status->name) : 0);        \
    }
COUNTER(attempted)
COUNTER(acknowledged)
COUNTER(received)
#undef COUNTER

static uint64_t handed_over(const struct client *publisher)
{
    uint64_t accepted = publisher->accepted;
    uint64_t acknowledged = client_acknowledged(publisher);

    if (publisher->status != NULL)
        accepted += atomic_load(&publisher->status->accepted);
    return accepted > acknowledged ? accepted : acknowledged;
}

uint64_t client_missed(const struct client *client)
{
    const struct crew *crew = client->crew;
    uint64_t have = client->distinct;
    uint64_t want = 0;

    if (client->status != NULL)
        have += atomic_load(&client->status->distinct);
    for (int i = 0; i < crew->count; i++) {
        const struct client *other = crew->clients[i];

        if (other->type->publishes && other->subject != NULL && client->subject != NULL &&
            subject_matches(client->subject, other->subject))
            want += handed_over(other);
    }
    return want > have ? want - have : 0;
}

int client_link_count(const struct client *client)
{
    return client->path_count;
}

struct link_id client_link(const struct client *client, int at)
{
    assert(at >= 0);
    assert(at < client->path_count);
    return client->paths[at].id;
}

const struct node *client_link_node(const struct client *client, int at)
{
    assert(at >= 0);
    assert(at < client->path_count);
    return client->paths[at].node;
}

const char *client_link_name(const struct client *client, int at)
{
    assert(at >= 0);
    assert(at < client->path_count);
    return client->paths[at].name;
}

/* ---- stop: the load ends and drains ---- */

struct stopping {
    struct client *client;
    client_done_fn *done;
    void *arg;
};

static void on_stopped(void *arg, int rc, const struct error *err, const json_t *answer)
{
    struct stopping *stopping = arg;

    (void)answer;
    client_record(stopping->client,
                  (struct record){.kind = RECORD_drained,
                                  .a = stopping->client->number,
                                  .flags = rc == 0 ? EVIDENCE_HELD : 0},
                  NULL);
    if (stopping->done != NULL)
        stopping->done(stopping->arg, rc, err);
    free(stopping);
}

void client_stop(struct client *client, client_done_fn *done, void *arg)
{
    client_stop_within(client, (uint64_t)CLIENT_STOP_MS * NS_PER_MS, done, arg);
}

void client_stop_within(struct client *client, uint64_t within_ns, client_done_fn *done,
                        void *arg)
{
    struct stopping *stopping;

    client->stopped = true;
    if (client->state != CLIENT_READY) {
        crew_defer(client->crew, done, arg, 0, NULL);
        return;
    }
    stopping = calloc(1, sizeof *stopping);
    assert(stopping != NULL);
    *stopping = (struct stopping){.client = client, .done = done, .arg = arg};
    client_order(client, "stop", NULL, within_ns, on_stopped, stopping);
}

/* ---- signals ---- */

static void stamp_signal(struct client *client, const char *action, int signal)
{
    json_t *detail;

    client_record(client,
                  (struct record){.kind = RECORD_client_signal,
                                  .a = client->number,
                                  .b = (uint64_t)signal},
                  NULL);
    if (action == NULL)
        return;
    detail =
        json_pack("{s:s, s:s, s:{}}", "action", action, "on", client->name, "params");
    client_record(client, (struct record){.kind = RECORD_action, .a = 1}, detail);
    json_decref(detail);
}

/* Signal a running client and answer when it has ended; at once when it had. */
static void end_by(struct client *client, const char *action, int signal,
                   client_done_fn *done, void *arg)
{
    if (client->child == NULL) {
        crew_defer(client->crew, done, arg, 0, NULL);
        return;
    }
    client->killed = true;
    client_add_waiter(&client->exit_waiters, done, arg);
    stamp_signal(client, action, signal);
    /* Stale means that the exit is on its way. */
    child_signal(client->child, signal, NULL);
}

void client_kill(struct client *client, client_done_fn *done, void *arg)
{
    end_by(client, "kill", SIGKILL, done, arg);
}

struct ending { /* the grace of a polite end */
    uv_timer_t timer;
    struct client *client;
    struct crew *crew; /* outlives the client */
    client_done_fn *done;
    void *arg;
};

static void on_ending_closed(uv_handle_t *handle)
{
    struct ending *ending = handle->data;

    crew_drop_handle(ending->crew);
    free(ending);
}

static void on_ended(void *arg, int rc, const struct error *err)
{
    struct ending *ending = arg;

    /* First the timer: what `done` does may free the client. */
    uv_close((uv_handle_t *)&ending->timer, on_ending_closed);
    if (ending->done != NULL)
        ending->done(ending->arg, rc, err);
}

static void on_grace_over(uv_timer_t *timer)
{
    struct ending *ending = timer->data;

    if (ending->client->child != NULL) {
        stamp_signal(ending->client, NULL, SIGKILL);
        child_kill_tree(ending->client->child);
    }
}

void client_terminate(struct client *client, uint64_t grace_ns, client_done_fn *done,
                      void *arg)
{
    struct ending *ending = calloc(1, sizeof *ending);

    assert(ending != NULL);
    ending->client = client;
    ending->crew = client->crew;
    ending->done = done;
    ending->arg = arg;
    uv_timer_init(client->crew->context->loop, &ending->timer);
    ending->timer.data = ending;
    client->crew->handles++;
    end_by(client, NULL, SIGTERM, on_ended, ending);
    if (client->child != NULL)
        uv_timer_start(&ending->timer, on_grace_over, grace_ns / NS_PER_MS, 0);
}

static void signal_tree(struct client *client, int signal, client_done_fn *done,
                        void *arg)
{
    struct error err;
    int rc;

    if (client->child == NULL) {
        error_set(&err, E_STALE, "client '%s' has ended", client->name);
        crew_defer(client->crew, done, arg, E_STALE, &err);
        return;
    }
    stamp_signal(client, NULL, signal);
    rc = child_signal_tree(client->child, signal, &err);
    crew_defer(client->crew, done, arg, rc, rc != 0 ? &err : NULL);
}

void client_pause(struct client *client, client_done_fn *done, void *arg)
{
    signal_tree(client, SIGSTOP, done, arg);
}

void client_resume(struct client *client, client_done_fn *done, void *arg)
{
    signal_tree(client, SIGCONT, done, arg);
}

/* ---- restart: the next incarnation ---- */

static void on_gone(void *arg, int rc, const struct error *err)
{
    struct stopping *restart = arg;
    struct client *client = restart->client;

    (void)rc;
    (void)err;
    client_add_waiter(&client->ready_waiters, restart->done, restart->arg);
    free(restart);
    client->incarnation++;
    client_launch(client);
}

void client_restart(struct client *client, client_done_fn *done, void *arg)
{
    struct stopping *restart = calloc(1, sizeof *restart);

    assert(restart != NULL);
    *restart = (struct stopping){.client = client, .done = done, .arg = arg};
    client_terminate(client, 5ull * NS_PER_S, on_gone, restart);
}
