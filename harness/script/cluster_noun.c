/* cluster_noun: t and t.cluster: where every story begins.
 *
 * t is a table that knows its names: t.cluster, t.params, t.case. Reading another one, or
 * a value that no case has, is an error with a suggestion. */
#include "harness/script/cluster_noun.h"

#include <string.h>

#include "harness/script/client_noun.h"
#include "harness/script/noun.h"
#include "harness/script/raise.h"
#include "harness/script/stream_noun.h"
#include "harness/script/tasks.h"
#include "harness/script/values.h"

static struct cluster *self(lua_State *L, const char *method)
{
    noun_self(L, &noun_cluster, method);
    return script_of(L)->run->options.cluster;
}

/* cluster:stream("ORDERS", { subjects = "orders.>" }) -> Stream */
static int l_stream(lua_State *L)
{
    self(L, "stream");
    return l_cluster_stream(L);
}

/* An object also where no options were given: a client's name may be all it needs. */
static int start_client(lua_State *L, const char *workload, const char *word)
{
    self(L, workload);
    return client_noun_start(L, workload, value_options(L, 2, word));
}

/* cluster:publisher { subject = … } -> Client */
static int l_publisher(lua_State *L)
{
    return start_client(L, "publisher", "cluster:publisher");
}

/* cluster:subscriber { subject = … } -> Client */
static int l_subscriber(lua_State *L)
{
    return start_client(L, "subscriber", "cluster:subscriber");
}

/* cluster:connector { count = … } -> Client */
static int l_connector(lua_State *L)
{
    return start_client(L, "connector", "cluster:connector");
}

/* cluster:stop_workloads(): every publisher stops and drains */
static int l_stop_workloads(lua_State *L)
{
    struct crew *crew;
    struct wait *wait;

    self(L, "stop_workloads");
    crew = client_noun_crew(L);
    wait = wait_begin(L, "cluster:stop_workloads");
    crew_stop_workloads(crew, wait_done, wait);
    return wait_end(L, wait);
}

/* cluster:await_healthy "20s" */
static int l_await_healthy(lua_State *L)
{
    struct cluster *cluster = self(L, "await_healthy");
    uint64_t ns = value_duration(L, 2, "await_healthy");
    struct wait *wait = wait_begin(L, "cluster:await_healthy");

    cluster_await_healthy(cluster, ns, wait_done, wait);
    return wait_end_deadline(L, wait);
}

/* cluster.nodes */
static void push_field(lua_State *L, const struct box *box, const char *field)
{
    struct cluster *cluster = script_of(L)->run->options.cluster;
    int count = cluster_node_count(cluster);

    (void)box;
    (void)field;
    lua_createtable(L, count, 0);
    for (int i = 0; i < count; i++) {
        const struct node *node = cluster_node(cluster, i);

        noun_push(L, &noun_node, node_number(node), 0, node_name(node));
        lua_rawseti(L, -2, i + 1);
    }
}

static const struct method methods[] = {
    {"await_healthy", l_await_healthy},
    {"connector", l_connector},
    {"publisher", l_publisher},
    {"stop_workloads", l_stop_workloads},
    {"stream", l_stream},
    {"subscriber", l_subscriber},
    {NULL, NULL},
};
static const char *const fields[] = {"nodes", NULL};

const struct noun noun_cluster = {
    .name = "cluster",
    .methods = methods,
    .fields = fields,
    .push_field = push_field,
};

/* ---- t ---- */

enum { NAMES_MAX = 128 };

/* Reading what a table of ours does not hold: upvalue 1 its name, upvalue 2 the names
 * that are allowed all the same. */
static int l_missing(lua_State *L)
{
    const char *owner = lua_tostring(L, lua_upvalueindex(1));
    const char *names[NAMES_MAX];
    int count = 0;

    lua_pushvalue(L, 2);
    if (lua_rawget(L, lua_upvalueindex(2)) != LUA_TNIL)
        return 0;
    if (strcmp(owner, "t") == 0 && lua_type(L, 2) == LUA_TSTRING &&
        strcmp(lua_tostring(L, 2), "cluster") == 0)
        raise_hint(L, "add cluster = { nodes = 1 }", "this scenario has no cluster");
    lua_pushnil(L);
    while (lua_next(L, lua_upvalueindex(2)) != 0) {
        lua_pop(L, 1);
        if (count < NAMES_MAX && lua_type(L, -1) == LUA_TSTRING)
            names[count++] = lua_tostring(L, -1);
    }
    raise_unknown(L, owner, "", luaL_tolstring(L, 2, NULL), names, count);
}

static int l_read_only(lua_State *L)
{
    raise_text(L, "%s cannot be assigned to; keep values of your own in a local",
               lua_tostring(L, lua_upvalueindex(1)));
}

/* The table at the top becomes strict; the names allowed lie below it, and stay. */
static void make_strict(lua_State *L, const char *owner)
{
    lua_newtable(L);
    lua_pushstring(L, owner);
    lua_pushvalue(L, -4);
    lua_pushcclosure(L, l_missing, 2);
    lua_setfield(L, -2, "__index");
    lua_pushstring(L, owner);
    lua_pushcclosure(L, l_read_only, 1);
    lua_setfield(L, -2, "__newindex");
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_setmetatable(L, -2);
}

static void allow_names(lua_State *L, const json_t *object)
{
    const char *name;
    json_t *member;

    json_object_foreach((json_t *)object, name, member) {
        lua_pushboolean(L, 1);
        lua_setfield(L, -2, name);
    }
}

/* Every name that some case of this scenario has. */
static void push_case_names(lua_State *L, const struct run *run)
{
    const struct script *script = run->script;

    lua_newtable(L);
    for (int i = 0; i < script_case_count(script); i++) {
        const struct script_case *one = script_case_at(script, i);

        if (strcmp(one->scenario, run->which->scenario) == 0)
            allow_names(L, one->values);
    }
}

/* Set t.FIELD to a strict copy of `values`; the allowed names are at the top, popped. */
static void set_values(lua_State *L, int t, const char *field, const char *owner,
                       const json_t *values)
{
    if (values != NULL)
        value_push(L, values);
    else
        lua_newtable(L);
    make_strict(L, owner);
    lua_setfield(L, t, field);
    lua_pop(L, 1);
}

void cluster_noun_push_run(lua_State *L, struct run *run)
{
    static const char *const names[] = {"case", "cluster", "params"};
    int allowed;
    int t;

    lua_newtable(L);
    allowed = lua_gettop(L);
    lua_newtable(L);
    t = lua_gettop(L);
    push_case_names(L, run);
    set_values(L, t, "case", "t.case", run->which->values);
    lua_newtable(L);
    allow_names(L, run->options.params);
    set_values(L, t, "params", "t.params", run->options.params);
    if (run->options.cluster != NULL) {
        noun_push(L, &noun_cluster, 0, 0, NULL);
        lua_setfield(L, t, "cluster");
    }
    make_strict(L, "t");
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(names[i], "cluster") == 0 && run->options.cluster == NULL)
            continue;
        lua_pushboolean(L, 1);
        lua_setfield(L, allowed, names[i]);
    }
    lua_remove(L, allowed);
}
