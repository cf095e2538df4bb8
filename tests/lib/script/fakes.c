/* fakes: a cluster, clients, a plane and an evidence writer that only take notes.
 *
 * Every answer is a timer of its own on the loop (or waits in a list while the fakes are
 * silent), so that no callback fires before its call has returned. */
#include "tests/lib/script/fakes.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/evidence/writer.h"

struct node {
    struct fakes *fakes;
    uint32_t number;
    char name[8];
    enum node_state state;
};

struct cluster {
    struct fakes *fakes;
    struct node nodes[FAKE_NODES];
};

struct client {
    struct fakes *fakes;
    uint32_t number;
    char name[64];
    char workload[32];
    char stream[64];
    int connections;
};

struct crew {
    struct fakes *fakes;
    struct client clients[FAKE_CLIENTS_MAX];
    int count;
};

struct control {
    struct fakes *fakes;
    uint32_t faults;
};

struct writer {
    struct fakes *fakes;
    char strings[64][128];
    uint32_t string_count;
    char detail[4096];
};

static void append(char *text, const char *format, va_list args)
{
    size_t used = strlen(text);

    vsnprintf(text + used, FAKE_TEXT_BYTES - used, format, args);
    used = strlen(text);
    snprintf(text + used, FAKE_TEXT_BYTES - used, "\n");
}

static void deed(struct fakes *fakes, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static void deed(struct fakes *fakes, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    append(fakes->deeds, format, args);
    va_end(args);
}

static void note_record(struct fakes *fakes, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static void note_record(struct fakes *fakes, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    append(fakes->records, format, args);
    va_end(args);
}

/* ---- answers ---- */

static void give(struct fake_answer *answer)
{
    struct error err;

    error_set(&err, answer->rc, "%s", error_text(answer->rc));
    if (answer->verb != NULL)
        answer->verb(answer->arg, answer->rc, answer->rc != 0 ? &err : NULL);
    else if (answer->plane != NULL) {
        answer->reply.rc = answer->rc;
        answer->reply.error = err;
        answer->plane(answer->arg, &answer->reply);
    } else {
        json_t *object = json_pack("{s:i, s:s}", "messages", 42, "name", "ORDERS");

        answer->admin(answer->arg, answer->rc, answer->rc != 0 ? &err : NULL, object);
        json_decref(object);
    }
}

static void on_freed(uv_handle_t *handle)
{
    ((struct fake_answer *)handle->data)->taken = false;
}

static void on_due(uv_timer_t *timer)
{
    struct fake_answer *answer = timer->data;

    if (answer->fakes->silent || (answer->fakes->plane_silent && answer->plane != NULL)) {
        uv_timer_start(timer, on_due, 1, 0); /* not yet */
        return;
    }
    answer->fakes->waiting--;
    give(answer);
    uv_close((uv_handle_t *)timer, on_freed);
}

static struct fake_answer *answer_later(struct fakes *fakes, void *arg, int rc)
{
    struct fake_answer *answer = NULL;

    for (int i = 0; i < FAKE_ANSWERS_MAX && answer == NULL; i++) {
        if (!fakes->answers[i].taken)
            answer = &fakes->answers[i];
    }
    assert(answer != NULL);
    *answer = (struct fake_answer){.fakes = fakes, .taken = true, .arg = arg, .rc = rc};
    fakes->waiting++;
    uv_timer_init(fakes->loop, &answer->timer);
    answer->timer.data = answer;
    uv_timer_start(&answer->timer, on_due, 0, 0);
    return answer;
}

static void answer_verb(struct fakes *fakes, node_done_fn *done, void *arg, int rc)
{
    answer_later(fakes, arg, rc)->verb = done;
}

void fakes_answer(struct fakes *fakes)
{
    fakes->silent = false;
    fakes->plane_silent = false;
}

struct fakes *fakes_create(uv_loop_t *loop, uint64_t seed)
{
    struct fakes *fakes = calloc(1, sizeof *fakes);
    struct cluster *cluster = calloc(1, sizeof *cluster);
    struct crew *crew = calloc(1, sizeof *crew);
    struct control *control = calloc(1, sizeof *control);
    struct writer *writer = calloc(1, sizeof *writer);

    assert(fakes != NULL && cluster != NULL && crew != NULL);
    assert(control != NULL && writer != NULL);
    /* Names the tables, so that the linker takes the fake ones and not the real. */
    assert(fault_type_at(0) != NULL);
    assert(cluster_params[0].name != NULL);
    fakes->loop = loop;
    fakes->connected = true;
    fakes->cluster = cluster;
    fakes->crew = crew;
    cluster->fakes = crew->fakes = control->fakes = writer->fakes = fakes;
    for (uint32_t i = 0; i < FAKE_NODES; i++) {
        cluster->nodes[i] = (struct node){.fakes = fakes, .number = i + 1};
        cluster->nodes[i].state = NODE_UP;
        snprintf(cluster->nodes[i].name, sizeof cluster->nodes[i].name, "n%u", i + 1);
    }
    fakes->context = (struct context){
        .loop = loop,
        .clock = clock_real(),
        .evidence = writer,
        .control = control,
        .seed = seed,
        .fault_numbers = 1000000,
    };
    rng_init(&fakes->context.rng, seed);
    return fakes;
}

void fakes_destroy(struct fakes *fakes)
{
    assert(fakes->waiting == 0);
    free(fakes->cluster);
    free(fakes->crew);
    free(fakes->context.control);
    free(fakes->context.evidence);
    free(fakes);
}

/* ---- harness/broker/cluster.h ---- */

int cluster_node_count(const struct cluster *cluster)
{
    (void)cluster;
    return FAKE_NODES;
}

struct node *cluster_node(const struct cluster *cluster, int at)
{
    assert(at >= 0 && at < FAKE_NODES);
    return (struct node *)&cluster->nodes[at];
}

struct node *cluster_node_named(const struct cluster *cluster, const char *name)
{
    for (int i = 0; i < FAKE_NODES; i++) {
        if (strcmp(cluster->nodes[i].name, name) == 0)
            return (struct node *)&cluster->nodes[i];
    }
    return NULL;
}

void cluster_await_healthy(struct cluster *cluster, uint64_t within_ns,
                           node_done_fn *done, void *arg)
{
    deed(cluster->fakes, "await_healthy %llu ms",
         (unsigned long long)(within_ns / NS_PER_MS));
    answer_verb(cluster->fakes, done, arg, cluster->fakes->await_rc);
}

const char *node_name(const struct node *node)
{
    return node->name;
}

uint32_t node_number(const struct node *node)
{
    return node->number;
}

#define NODE_VERB(verb)                                                                  \
    void node_##verb(struct node *node, node_done_fn *done, void *arg)                   \
    {                                                                                    \
        deed(node->fakes, #verb " %s", node->name);                                      \
        answer_verb(node->fakes, done, arg, node->fakes->verb_rc);                       \
    }
NODE_VERB(start)
NODE_VERB(stop)
NODE_VERB(kill)
NODE_VERB(pause)
NODE_VERB(resume)
NODE_VERB(restart)
#undef NODE_VERB

/* ---- harness/client/client.h ---- */

int crew_count(const struct crew *crew)
{
    return crew->count;
}

struct client *crew_at(const struct crew *crew, int at)
{
    return (struct client *)&crew->clients[at];
}

int client_create(struct client **out, struct crew *crew, const char *workload,
                  const json_t *conf, client_done_fn *done, void *arg, struct error *err)
{
    struct client *client = &crew->clients[crew->count];
    const char *name = json_string_value(json_object_get(conf, "name"));
    const char *stream = json_string_value(json_object_get(conf, "stream"));
    char *text;

    if (json_object_get(conf, "wrong") != NULL)
        return error_set(err, E_PARAM, "%s has no option 'wrong'", workload);
    for (int i = 0; name != NULL && i < crew->count; i++) {
        if (strcmp(crew->clients[i].name, name) == 0)
            return error_set(err, E_PARAM, "there is already a client called '%s'", name);
    }
    text = json_dumps(conf, JSON_SORT_KEYS);
    assert(crew->count < FAKE_CLIENTS_MAX);
    client->fakes = crew->fakes;
    client->number = (uint32_t)++crew->count;
    snprintf(client->workload, sizeof client->workload, "%s", workload);
    snprintf(client->stream, sizeof client->stream, "%s", stream != NULL ? stream : "");
    client->connections = (int)json_integer_value(json_object_get(conf, "count"));
    client->connections += client->connections == 0;
    if (name != NULL)
        snprintf(client->name, sizeof client->name, "%s", name);
    else
        snprintf(client->name, sizeof client->name, "%s-%u", workload, client->number);
    deed(crew->fakes, "client %s %s", workload, text != NULL ? text : "{}");
    free(text);
    *out = client;
    answer_verb(crew->fakes, done, arg, crew->fakes->create_rc);
    return 0;
}

const char *client_name(const struct client *client)
{
    return client->name;
}

uint32_t client_number(const struct client *client)
{
    return client->number;
}

const char *client_workload(const struct client *client)
{
    return client->workload;
}

const char *client_stream(const struct client *client)
{
    return client->stream[0] != '\0' ? client->stream : NULL;
}

bool client_is_connected(const struct client *client)
{
    return client->fakes->connected && client->number != client->fakes->apart;
}

uint64_t client_attempted(const struct client *client)
{
    return client->number * 100;
}

uint64_t client_acknowledged(const struct client *client)
{
    return client->number * 90;
}

uint64_t client_received(const struct client *client)
{
    return client->number * 80;
}

uint64_t client_missed(const struct client *client)
{
    return client->number;
}

/* A connector has one to each node for each of its connections. */
int client_link_count(const struct client *client)
{
    return client->connections * FAKE_NODES;
}

struct link_id client_link(const struct client *client, int at)
{
    return (struct link_id){.number = client->number * 10 + (uint32_t)at + 1};
}

const struct node *client_link_node(const struct client *client, int at)
{
    return &client->fakes->cluster->nodes[at % FAKE_NODES];
}

static int verb_rc(const struct client *client)
{
    const struct fakes *fakes = client->fakes;

    return fakes->verb_fails == 0 || fakes->verb_fails == client->number ? fakes->verb_rc
                                                                         : 0;
}

static int await_rc(const struct client *client)
{
    const struct fakes *fakes = client->fakes;

    return fakes->odd_one == client->number ? fakes->odd_rc : fakes->await_rc;
}

#define CLIENT_VERB(verb)                                                                \
    void client_##verb(struct client *client, client_done_fn *done, void *arg)           \
    {                                                                                    \
        deed(client->fakes, #verb " %s", client->name);                                  \
        answer_verb(client->fakes, done, arg, verb_rc(client));                          \
    }
CLIENT_VERB(stop)
CLIENT_VERB(kill)
CLIENT_VERB(pause)
CLIENT_VERB(resume)
CLIENT_VERB(restart)
#undef CLIENT_VERB

void client_terminate(struct client *client, uint64_t grace_ns, client_done_fn *done,
                      void *arg)
{
    deed(client->fakes, "terminate %s %llu ms", client->name,
         (unsigned long long)(grace_ns / NS_PER_MS));
    answer_verb(client->fakes, done, arg, verb_rc(client));
}

void client_await_connected(struct client *client, uint64_t within_ns,
                            client_done_fn *done, void *arg)
{
    deed(client->fakes, "await_connected %s %llu ms", client->name,
         (unsigned long long)(within_ns / NS_PER_MS));
    answer_verb(client->fakes, done, arg, await_rc(client));
}

void client_await_caught_up(struct client *client, uint64_t within_ns,
                            client_done_fn *done, void *arg)
{
    deed(client->fakes, "await_caught_up %s %llu ms", client->name,
         (unsigned long long)(within_ns / NS_PER_MS));
    answer_verb(client->fakes, done, arg, await_rc(client));
}

void crew_stop_workloads(struct crew *crew, client_done_fn *done, void *arg)
{
    deed(crew->fakes, "stop_workloads");
    answer_verb(crew->fakes, done, arg, crew->fakes->verb_rc);
}

void crew_admin(struct crew *crew, const json_t *request, uint64_t within_ns,
                admin_done_fn *done, void *arg)
{
    char *text = json_dumps(request, JSON_SORT_KEYS);

    (void)within_ns;
    deed(crew->fakes, "admin %s", text);
    free(text);
    answer_later(crew->fakes, arg, crew->fakes->verb_rc)->admin = done;
}

/* ---- proxy/plane.h ---- */

void control_fault_add(struct control *control, struct link_id link, const char *type,
                       const json_t *params, plane_reply_fn *done, void *arg)
{
    char *text = json_dumps(params, JSON_SORT_KEYS);
    bool fails = control->fakes->add_rc != 0 && control->fakes->add_fails == link.number;
    struct fake_answer *answer =
        answer_later(control->fakes, arg, fails ? control->fakes->add_rc : 0);

    answer->plane = done;
    answer->reply.fault.number = ++control->faults;
    deed(control->fakes, "add %s link %u fault %u %s", type, link.number, control->faults,
         text);
    free(text);
}

void control_fault_change(struct control *control, struct fault_id fault,
                          const json_t *params, plane_reply_fn *done, void *arg)
{
    char *text = json_dumps(params, JSON_SORT_KEYS);

    deed(control->fakes, "change fault %u %s", fault.number, text);
    free(text);
    answer_later(control->fakes, arg, 0)->plane = done;
}

void control_fault_heal(struct control *control, struct fault_id fault,
                        plane_reply_fn *done, void *arg)
{
    deed(control->fakes, "heal fault %u", fault.number);
    answer_later(control->fakes, arg, 0)->plane = done;
}

void control_link_reset(struct control *control, struct link_id link,
                        plane_reply_fn *done, void *arg)
{
    deed(control->fakes, "reset link %u", link.number);
    answer_later(control->fakes, arg, 0)->plane = done;
}

/* ---- harness/evidence/writer.h ---- */

uint32_t writer_string(struct writer *writer, const char *text)
{
    assert(writer->string_count < 63);
    writer->string_count++;
    snprintf(writer->strings[writer->string_count], sizeof writer->strings[0], "%s",
             text);
    return writer->string_count;
}

uint32_t writer_detail(struct writer *writer, const json_t *object)
{
    char *text = json_dumps(object, JSON_SORT_KEYS);

    snprintf(writer->detail, sizeof writer->detail, " %s", text != NULL ? text : "");
    free(text);
    return 1;
}

void writer_append(struct writer *writer, const struct record *record)
{
    unsigned kind = atomic_load(&record->kind);

    note_record(writer->fakes, "%s a=%llu%s%s%s%s", record_kind_name(kind),
                (unsigned long long)record->a,
                record->flags & EVIDENCE_HELD ? " held" : "",
                record->subject != 0 ? " " : "",
                record->subject != 0 ? writer->strings[record->subject] : "",
                record->detail != 0 ? writer->detail : "");
    writer->detail[0] = '\0';
}
