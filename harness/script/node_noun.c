/* node_noun: one nats-server of the cluster: start, stop, kill, restart; pause heals. */
#include <string.h>

#include "harness/script/fault_noun.h"
#include "harness/script/journal.h"
#include "harness/script/noun.h"
#include "harness/script/raise.h"

typedef void node_verb_fn(struct node *node, node_done_fn *done, void *arg);

static struct node *self(lua_State *L, const char *method)
{
    const struct box *box = noun_self(L, &noun_node, method);

    return cluster_node(script_of(L)->run->options.cluster, (int)box->number - 1);
}

static int act(lua_State *L, const char *method, node_verb_fn *verb)
{
    struct node *node = self(L, method);
    struct wait *wait;

    noun_takes_nothing(L, &noun_node, method);
    wait = wait_begin(L, method);
    /* The node itself writes the action into evidence, just before the act. */
    journal_say(script_of(L)->run, "%s %s", method, node_name(node));
    verb(node, wait_done, wait);
    return wait_end(L, wait);
}

/* node:start(): until it answers */
static int l_start(lua_State *L)
{
    return act(L, "start", node_start);
}

/* node:stop(): SIGTERM, until it is gone */
static int l_stop(lua_State *L)
{
    return act(L, "stop", node_stop);
}

/* node:kill(): SIGKILL, until it is gone */
static int l_kill(lua_State *L)
{
    return act(L, "kill", node_kill);
}

/* node:restart() */
static int l_restart(lua_State *L)
{
    return act(L, "restart", node_restart);
}

/* node:pause() -> Fault: SIGSTOP, healed by SIGCONT */
static int l_pause(lua_State *L)
{
    struct node *node = self(L, "pause");
    struct disturbance *d;

    noun_takes_nothing(L, &noun_node, "pause");
    d = disturbance_create(script_of(L)->run, DISTURB_NODE, "pause", node_name(node));
    if (d == NULL || !disturbance_set_node(d, node))
        raise_text(L, "node:pause: out of memory");
    d->params = json_object();
    return fault_noun_begin(L, d, "node:pause");
}

static void push_field(lua_State *L, const struct box *box, const char *field)
{
    (void)field;
    lua_pushstring(L, box->name);
}

static const struct method methods[] = {
    {"kill", l_kill},   {"pause", l_pause}, {"restart", l_restart},
    {"start", l_start}, {"stop", l_stop},   {NULL, NULL},
};
static const char *const fields[] = {"name", NULL};

const struct noun noun_node = {
    .name = "node",
    .methods = methods,
    .fields = fields,
    .push_field = push_field,
};
