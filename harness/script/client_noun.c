/* client_noun: a client, which is a process of its own, or a group of them: what can be
 * done to it and asked.
 *
 * stop ends its load and drains, and it stays for questions; terminate, kill and restart
 * are for the process; pause is a fault and heals. is_* and the counters answer at once,
 * await_* wait. A group has the same methods: they act on all its clients at once and
 * wait for all of them; counters are sums. */
#include "harness/script/client_noun.h"

#include <stdio.h>
#include <string.h>

#include "harness/script/fault_noun.h"
#include "harness/script/gather.h"
#include "harness/script/journal.h"
#include "harness/script/link_noun.h"
#include "harness/script/raise.h"
#include "harness/script/values.h"

typedef void client_verb_fn(struct client *client, client_done_fn *done, void *arg);
typedef uint64_t client_counter_fn(const struct client *client);

struct crew *client_noun_crew(lua_State *L)
{
    struct crew *crew = script_of(L)->run->options.crew;

    if (crew == NULL)
        raise_hint(L, "add cluster = { nodes = 1 } to the scenario",
                   "there is no cluster for clients");
    return crew;
}

struct client *client_noun_find(lua_State *L, uint32_t number)
{
    struct crew *crew = client_noun_crew(L);

    /* Few clients, rare questions: no index is worth its upkeep. */
    for (int i = 0; i < crew_count(crew); i++) {
        if (client_number(crew_at(crew, i)) == number)
            return crew_at(crew, i);
    }
    raise_text(L, "this client is no longer there");
}

/* The box at argument 1: of a client or a group. */
static const struct box *self_box(lua_State *L, const char *method)
{
    return noun_self(L, noun_of(L, 1) == &noun_group ? &noun_group : &noun_client,
                     method);
}

/* Its clients. Found before anything is begun: behind that nothing may raise. */
static void self(lua_State *L, const char *method, struct clients *clients)
{
    const struct box *box = self_box(L, method);

    clients->count = 0;
    for (uint32_t i = 0; i < box->count; i++)
        clients->at[clients->count++] = client_noun_find(L, box->number + i);
}

/* Do this to all of them; goes on when it is done to the last. `say` is called for each
 * before the first is touched, once it is sure that we can wait; it may be NULL. */
static int act(lua_State *L, const struct clients *clients, const char *word,
               void (*say)(struct run *run, const char *name), client_verb_fn *verb)
{
    struct gather *all = gather_begin(L, word, clients->count);

    for (int i = 0; say != NULL && i < clients->count; i++)
        say(script_of(L)->run, client_name(clients->at[i]));
    for (int i = 0; i < clients->count; i++)
        verb(clients->at[i], gather_done, all);
    return wait_end(L, gather_wait(all));
}

/* client:stop(): its load ends, everything sent is settled */
static int l_stop(lua_State *L)
{
    struct clients clients;

    self(L, "stop", &clients);
    noun_takes_nothing(L, &noun_client, "stop");
    return act(L, &clients, "client:stop", NULL, client_stop);
}

/* client:terminate { grace = "5s" }: SIGTERM, then SIGKILL */
static int l_terminate(lua_State *L)
{
    static const char *const names[] = {"grace"};
    struct clients clients;
    struct gather *all;
    json_t *options;
    uint64_t grace_ns;

    self(L, "terminate", &clients);
    options = value_options(L, 2, "client:terminate");
    value_only(L, options, "client:terminate", names, 1);
    grace_ns = value_option_duration(L, options, "grace", "grace", 5ull * NS_PER_S);
    all = gather_begin(L, "client:terminate", clients.count);
    for (int i = 0; i < clients.count; i++) {
        journal_action(script_of(L)->run, "terminate", client_name(clients.at[i]));
        client_terminate(clients.at[i], grace_ns, gather_done, all);
    }
    return wait_end(L, gather_wait(all));
}

/* The client itself writes the action, stamped just before the signal. */
static void say_kill(struct run *run, const char *name)
{
    journal_say(run, "kill %s", name);
}

/* client:kill(): SIGKILL */
static int l_kill(lua_State *L)
{
    struct clients clients;

    self(L, "kill", &clients);
    noun_takes_nothing(L, &noun_client, "kill");
    return act(L, &clients, "client:kill", say_kill, client_kill);
}

static void say_restart(struct run *run, const char *name)
{
    journal_action(run, "restart", name);
}

/* client:restart(): killed, if it runs, and started again */
static int l_restart(lua_State *L)
{
    struct clients clients;

    self(L, "restart", &clients);
    noun_takes_nothing(L, &noun_client, "restart");
    return act(L, &clients, "client:restart", say_restart, client_restart);
}

/* client:pause() -> Fault: SIGSTOP, healed by SIGCONT */
static int l_pause(lua_State *L)
{
    const struct box *box = self_box(L, "pause");
    struct disturbance *d;
    struct clients clients;

    self(L, "pause", &clients);
    noun_takes_nothing(L, &noun_client, "pause");
    d = disturbance_create(script_of(L)->run, DISTURB_CLIENT, "pause", box->name);
    if (d == NULL || !disturbance_set_clients(d, clients.at, clients.count))
        raise_text(L, "client:pause: out of memory");
    d->params = json_object();
    return fault_noun_begin(L, d, "client:pause");
}

/* client:link_to(node or "n1") -> Link */
static int l_link_to(lua_State *L)
{
    const struct box *clients = self_box(L, "link_to");
    struct cluster *cluster = script_of(L)->run->options.cluster;
    const struct box *box = noun_test(L, 2, &noun_node);
    const char *name = lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : "";
    const struct node *node = box != NULL ? cluster_node(cluster, (int)box->number - 1)
                                          : cluster_node_named(cluster, name);

    if (node == NULL)
        raise_hint(L, "write client:link_to(t.cluster.nodes[1]) or client:link_to \"n1\"",
                   "client:link_to takes a node; there is no '%.64s'",
                   luaL_tolstring(L, 2, NULL));
    link_noun_push(L, clients, node_number(node));
    return 1;
}

/* client:is_connected() -> boolean, as its own library says; a group: all are */
static int l_is_connected(lua_State *L)
{
    struct clients clients;
    bool all = true;

    self(L, "is_connected", &clients);
    noun_takes_nothing(L, &noun_client, "is_connected");
    for (int i = 0; i < clients.count; i++)
        all = all && client_is_connected(clients.at[i]);
    lua_pushboolean(L, all);
    return 1;
}

/* client:await_connected "5s" */
static int l_await_connected(lua_State *L)
{
    uint64_t ns;
    struct clients clients;
    struct gather *all;

    self(L, "await_connected", &clients);
    ns = value_duration(L, 2, "await_connected");
    all = gather_begin(L, "client:await_connected", clients.count);
    for (int i = 0; i < clients.count; i++)
        client_await_connected(clients.at[i], ns, gather_done, all);
    return wait_end_deadline(L, gather_wait(all));
}

/* Not caught up in time, or stuck: that is for the checks to judge, from the record that
 * the client wrote; run(t) goes on (DESIGN 9). */
static int on_caught_up(lua_State *L)
{
    struct task *task = thread_of(L)->task;

    if (task->rc == 0) {
        lua_pushboolean(L, 1);
        return 1;
    }
    task->error.where[0] = '\0';
    if (task->rc != E_TIMEOUT && task->rc != E_LIMIT)
        raise_error(L, &task->error);
    raise_where(L, task->error.where, sizeof task->error.where);
    journal_deadline(task->run, &task->error);
    journal_say(task->run, "not caught up: %s", task->error.text);
    lua_pushboolean(L, 0);
    lua_pushstring(L, task->error.text);
    return 2;
}

int client_noun_await_caught_up(lua_State *L, const struct clients *clients,
                                uint64_t within_ns)
{
    struct gather *all = gather_begin(L, "await_caught_up", clients->count);

    for (int i = 0; i < clients->count; i++)
        client_await_caught_up(clients->at[i], within_ns, gather_done, all);
    return wait_end_raw(L, gather_wait(all), on_caught_up);
}

/* A connector has nothing to catch up with: true would be an empty word. */
static void refuse_deaf(lua_State *L, const struct clients *clients)
{
    if (strcmp(client_workload(clients->at[0]), "connector") == 0)
        raise_hint(L, "consumers and subscribers catch up",
                   "client:await_caught_up: a connector receives nothing");
}

/* client:await_caught_up "10s" -> true | false, message */
static int l_await_caught_up(lua_State *L)
{
    struct clients clients;

    self(L, "await_caught_up", &clients);
    refuse_deaf(L, &clients);
    return client_noun_await_caught_up(L, &clients,
                                       value_duration(L, 2, "await_caught_up"));
}

static int push_sum(lua_State *L, const char *method, client_counter_fn *counter)
{
    struct clients clients;
    uint64_t sum = 0;

    self(L, method, &clients);
    noun_takes_nothing(L, &noun_client, method);
    for (int i = 0; i < clients.count; i++)
        sum += counter(clients.at[i]);
    lua_pushinteger(L, (lua_Integer)sum);
    return 1;
}

/* client:attempted() -> integer; so are the next three; a group: the sum */
static int l_attempted(lua_State *L)
{
    return push_sum(L, "attempted", client_attempted);
}

static int l_acknowledged(lua_State *L)
{
    return push_sum(L, "acknowledged", client_acknowledged);
}

static int l_received(lua_State *L)
{
    return push_sum(L, "received", client_received);
}

static int l_missed(lua_State *L)
{
    return push_sum(L, "missed", client_missed);
}

static void push_field(lua_State *L, const struct box *box, const char *field)
{
    if (strcmp(field, "link") == 0)
        link_noun_push(L, box, 0);
    else
        lua_pushstring(L, box->name);
}

/* group[2] */
static void push_item(lua_State *L, const struct box *box, uint32_t at)
{
    const struct client *client = client_noun_find(L, box->number + at - 1);

    noun_push(L, &noun_client, client_number(client), 0, client_name(client));
}

static const struct method methods[] = {
    {"acknowledged", l_acknowledged},
    {"attempted", l_attempted},
    {"await_caught_up", l_await_caught_up},
    {"await_connected", l_await_connected},
    {"is_connected", l_is_connected},
    {"kill", l_kill},
    {"link_to", l_link_to},
    {"missed", l_missed},
    {"pause", l_pause},
    {"received", l_received},
    {"restart", l_restart},
    {"stop", l_stop},
    {"terminate", l_terminate},
    {NULL, NULL},
};
static const char *const fields[] = {"link", "name", NULL};

const struct noun noun_client = {
    .name = "client",
    .methods = methods,
    .fields = fields,
    .push_field = push_field,
};

const struct noun noun_group = {
    .name = "group",
    .methods = methods,
    .fields = fields,
    .push_field = push_field,
    .push_item = push_item,
};
