/* stream_noun: a JetStream stream: clients on it, its consumers and its state.
 *
 * What only the broker's API can do goes through the admin client of the crew. A
 * publisher that is given no subject uses one that the stream stores. */
#include "harness/script/stream_noun.h"

#include <stdio.h>
#include <string.h>

#include "harness/client/stream.h"
#include "harness/script/client_noun.h"
#include "harness/script/journal.h"
#include "harness/script/raise.h"
#include "harness/script/tasks.h"
#include "harness/script/values.h"

static const uint64_t ADMIN_WITHIN_NS = 15ull * NS_PER_S;

static void on_admin_answer(void *arg, int rc, const struct error *err,
                            const json_t *answer)
{
    struct wait *wait = arg;

    if (rc == 0)
        wait->answer = json_deep_copy(answer);
    wait_done(wait, rc, err);
}

/* Ask the admin client; `then` finds the answer in task->answer. */
static int ask(lua_State *L, const json_t *request, const char *word, lua_CFunction then)
{
    struct crew *crew = client_noun_crew(L);
    struct wait *wait = wait_begin(L, word);

    crew_admin(crew, request, ADMIN_WITHIN_NS, on_admin_answer, wait);
    return then != NULL ? wait_end_then(L, wait, then) : wait_end(L, wait);
}

static int return_top(lua_State *L)
{
    (void)L;
    return 1;
}

/* {op, …options} under the stack's care. */
static json_t *request_of(lua_State *L, const char *op, const json_t *options)
{
    json_t *request = json_object();

    value_own(L, request);
    json_object_update(request, (json_t *)options);
    json_object_set_new(request, "op", json_string(op));
    return request;
}

static void check_stream(lua_State *L, const char *name, const json_t *options,
                         char subject[SUBJECT_BYTES])
{
    const char *texts[STREAM_SUBJECTS_MAX];
    struct stream_conf conf;
    struct error err;
    int rc = stream_read(&conf, name, options, &err);

    if (rc != 0)
        raise_error(L, &err);
    stream_subjects(&conf, name, texts);
    rc = subject_concrete(subject, texts[0], &err);
    stream_release(&conf);
    if (rc != 0)
        raise_error(L, &err);
}

int l_cluster_stream(lua_State *L)
{
    const char *name = value_text(L, 2, "cluster:stream", SCRIPT_NAME_BYTES_MAX);
    json_t *options = value_options(L, 3, "cluster:stream(name, ...)");
    json_t *request = request_of(L, "add_stream", options);
    char subject[SUBJECT_BYTES];

    client_noun_crew(L);
    if (!json_is_true(json_object_get(script_of(L)->run->which->cluster, "jetstream")))
        raise_hint(L, "write cluster = { jetstream = true }",
                   "cluster:stream needs a cluster with JetStream");
    check_stream(L, name, options, subject);
    json_object_set_new(request, "name", json_string(name));
    noun_push(L, &noun_stream, 0, 0, name);
    lua_pushstring(L, subject);
    lua_setiuservalue(L, -2, 1);
    journal_stream(script_of(L)->run, name, options);
    return ask(L, request, "cluster:stream", return_top);
}

/* The options of a client, as an object of its own with the stream's name in it. */
static json_t *client_conf(lua_State *L, const struct box *box, const char *word)
{
    json_t *options = value_options(L, 2, word);
    json_t *conf = options != NULL ? json_deep_copy(options) : json_object();

    value_own(L, conf);
    json_object_set_new(conf, "stream", json_string(box->name));
    return conf;
}

/* stream:publisher { …, count = 3 } -> Client or Group */
static int l_publisher(lua_State *L)
{
    const struct box *box = noun_self(L, &noun_stream, "publisher");
    json_t *conf = client_conf(L, box, "stream:publisher");

    if (json_object_get(conf, "subject") == NULL) {
        lua_getiuservalue(L, 1, 1);
        json_object_set_new(conf, "subject", json_string(lua_tostring(L, -1)));
    }
    return client_noun_start(L, "publisher", conf, "stream:publisher");
}

/* stream:consumer { … } -> Client or Group */
static int l_consumer(lua_State *L)
{
    const struct box *box = noun_self(L, &noun_stream, "consumer");

    return client_noun_start(L, "consumer", client_conf(L, box, "stream:consumer"),
                             "stream:consumer");
}

/* stream:add_consumer { durable = … }: a consumer without a client */
static int l_add_consumer(lua_State *L)
{
    const struct box *box = noun_self(L, &noun_stream, "add_consumer");
    json_t *options = value_options(L, 2, "stream:add_consumer");
    json_t *request = request_of(L, "add_consumer", options);

    json_object_set_new(request, "stream", json_string(box->name));
    return ask(L, request, "stream:add_consumer", NULL);
}

/* Those of its clients that read it. */
static void find_consumers(lua_State *L, const char *stream, struct clients *found)
{
    struct crew *crew = client_noun_crew(L);

    found->count = 0;
    for (int i = 0; i < crew_count(crew); i++) {
        struct client *client = crew_at(crew, i);

        if (strcmp(client_workload(client), "consumer") != 0 ||
            strcmp(client_stream(client), stream) != 0)
            continue;
        if (found->count == GROUP_CLIENTS_MAX)
            raise_text(L, "stream %s has more than %d consumers", stream,
                       GROUP_CLIENTS_MAX);
        found->at[found->count++] = client;
    }
}

/* stream:await_caught_up "10s" -> true | false, message: all its consumer clients. Where
 * there is none nothing is awaited, and the evidence says so. */
static int l_await_caught_up(lua_State *L)
{
    const struct box *box = noun_self(L, &noun_stream, "await_caught_up");
    uint64_t ns = value_duration(L, 2, "await_caught_up");
    struct task *task = task_here(L, "stream:await_caught_up");
    struct clients consumers;
    char text[BOX_NAME_BYTES + 64];

    find_consumers(L, box->name, &consumers);
    if (consumers.count > 0)
        return client_noun_await_caught_up(L, &consumers, ns);
    snprintf(text, sizeof text, "stream %s has no consumer client to wait for",
             box->name);
    journal_note(task->run, text);
    lua_pushboolean(L, 1);
    return 1;
}

static int push_answer(lua_State *L)
{
    value_push(L, thread_of(L)->task->answer);
    return 1;
}

/* stream:info() -> table */
static int l_info(lua_State *L)
{
    const struct box *box = noun_self(L, &noun_stream, "info");
    json_t *request = request_of(L, "stream_info", NULL);

    json_object_set_new(request, "stream", json_string(box->name));
    return ask(L, request, "stream:info", push_answer);
}

static void push_field(lua_State *L, const struct box *box, const char *field)
{
    (void)field;
    lua_pushstring(L, box->name);
}

static const struct method methods[] = {
    {"add_consumer", l_add_consumer}, {"await_caught_up", l_await_caught_up},
    {"consumer", l_consumer},         {"info", l_info},
    {"publisher", l_publisher},       {NULL, NULL},
};
static const char *const fields[] = {"name", NULL};

const struct noun noun_stream = {
    .name = "stream",
    .methods = methods,
    .fields = fields,
    .push_field = push_field,
};
