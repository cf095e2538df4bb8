/* client_noun: a client, which is a process of its own: what can be done to it and asked.
 *
 * stop ends its load and drains, and it stays for questions; terminate, kill and restart
 * are for the process; pause is a fault and heals. is_* and the counters answer at once,
 * await_* wait. */
#include "harness/script/client_noun.h"

#include <stdio.h>
#include <string.h>

#include "harness/script/fault_noun.h"
#include "harness/script/journal.h"
#include "harness/script/link_noun.h"
#include "harness/script/raise.h"
#include "harness/script/values.h"

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

static struct client *self(lua_State *L, const char *method)
{
    return client_noun_find(L, noun_self(L, &noun_client, method)->number);
}

static int return_top(lua_State *L)
{
    (void)L;
    return 1;
}

/* The box comes first and gets its number later: nothing may raise between asking for
 * the client and waiting for it. */
int client_noun_start(lua_State *L, const char *workload, const json_t *conf)
{
    struct crew *crew = client_noun_crew(L);
    struct box *box = noun_push(L, &noun_client, 0, 0, NULL);
    struct wait *wait = wait_begin(L, workload);
    struct client *client;
    struct error err;

    if (client_create(&client, crew, workload, conf, wait_done, wait, &err) != 0) {
        wait_drop(wait);
        raise_error(L, &err);
    }
    box->number = client_number(client);
    snprintf(box->name, sizeof box->name, "%s", client_name(client));
    journal_say(script_of(L)->run, "client %s", box->name);
    return wait_end_then(L, wait, return_top);
}

/* client:stop(): its load ends, everything sent is settled */
static int l_stop(lua_State *L)
{
    struct client *client = self(L, "stop");
    struct wait *wait = wait_begin(L, "client:stop");

    client_stop(client, wait_done, wait);
    return wait_end(L, wait);
}

/* client:terminate { grace = "5s" }: SIGTERM, then SIGKILL */
static int l_terminate(lua_State *L)
{
    static const char *const names[] = {"grace"};
    struct client *client = self(L, "terminate");
    json_t *options = value_options(L, 2, "client:terminate");
    struct wait *wait;
    uint64_t grace_ns;

    value_only(L, options, "client:terminate", names, 1);
    grace_ns = value_option_duration(L, options, "grace", "grace", 5ull * NS_PER_S);
    wait = wait_begin(L, "client:terminate");
    journal_action(script_of(L)->run, "terminate", client_name(client));
    client_terminate(client, grace_ns, wait_done, wait);
    return wait_end(L, wait);
}

/* client:kill(): SIGKILL */
static int l_kill(lua_State *L)
{
    struct client *client = self(L, "kill");
    struct wait *wait = wait_begin(L, "client:kill");

    /* The client itself writes the action, stamped just before the signal. */
    journal_say(script_of(L)->run, "kill %s", client_name(client));
    client_kill(client, wait_done, wait);
    return wait_end(L, wait);
}

/* client:restart(): killed, if it runs, and started again */
static int l_restart(lua_State *L)
{
    struct client *client = self(L, "restart");
    struct wait *wait = wait_begin(L, "client:restart");

    journal_action(script_of(L)->run, "restart", client_name(client));
    client_restart(client, wait_done, wait);
    return wait_end(L, wait);
}

/* client:pause() -> Fault: SIGSTOP, healed by SIGCONT */
static int l_pause(lua_State *L)
{
    struct client *client = self(L, "pause");
    struct disturbance *d = disturbance_create(script_of(L)->run, DISTURB_CLIENT, "pause",
                                               client_name(client));

    if (d == NULL)
        raise_text(L, "client:pause: out of memory");
    d->client = client;
    d->params = json_object();
    return fault_noun_begin(L, d, "client:pause");
}

/* client:link_to(node or "n1") -> Link */
static int l_link_to(lua_State *L)
{
    struct client *client = self(L, "link_to");
    struct cluster *cluster = script_of(L)->run->options.cluster;
    const struct box *box = noun_test(L, 2, &noun_node);
    const char *name = lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : "";
    const struct node *node = box != NULL ? cluster_node(cluster, (int)box->number - 1)
                                          : cluster_node_named(cluster, name);

    if (node == NULL)
        raise_hint(L, "write client:link_to(t.cluster.nodes[1]) or client:link_to \"n1\"",
                   "client:link_to takes a node; there is no '%.64s'",
                   luaL_tolstring(L, 2, NULL));
    link_noun_push(L, client, node_number(node));
    return 1;
}

/* client:is_connected() -> boolean, as its own library says */
static int l_is_connected(lua_State *L)
{
    lua_pushboolean(L, client_is_connected(self(L, "is_connected")));
    return 1;
}

/* client:await_connected "5s" */
static int l_await_connected(lua_State *L)
{
    struct client *client = self(L, "await_connected");
    uint64_t ns = value_duration(L, 2, "await_connected");
    struct wait *wait = wait_begin(L, "client:await_connected");

    client_await_connected(client, ns, wait_done, wait);
    return wait_end_deadline(L, wait);
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

/* client:await_caught_up "10s" -> true | false, message */
static int l_await_caught_up(lua_State *L)
{
    struct client *client = self(L, "await_caught_up");
    uint64_t ns = value_duration(L, 2, "await_caught_up");
    struct wait *wait = wait_begin(L, "client:await_caught_up");

    client_await_caught_up(client, ns, wait_done, wait);
    return wait_end_raw(L, wait, on_caught_up);
}

static int push_count(lua_State *L, uint64_t count)
{
    lua_pushinteger(L, (lua_Integer)count);
    return 1;
}

/* client:attempted() -> integer; so are the next three */
static int l_attempted(lua_State *L)
{
    return push_count(L, client_attempted(self(L, "attempted")));
}

static int l_acknowledged(lua_State *L)
{
    return push_count(L, client_acknowledged(self(L, "acknowledged")));
}

static int l_received(lua_State *L)
{
    return push_count(L, client_received(self(L, "received")));
}

static int l_missed(lua_State *L)
{
    return push_count(L, client_missed(self(L, "missed")));
}

static void push_field(lua_State *L, const struct box *box, const char *field)
{
    if (strcmp(field, "link") == 0)
        link_noun_push(L, client_noun_find(L, box->number), 0);
    else
        lua_pushstring(L, box->name);
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
