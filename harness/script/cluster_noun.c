/* cluster_noun: t.cluster: its nodes, its streams, and clients that need no stream. */
#include "harness/script/client_noun.h"
#include "harness/script/noun.h"
#include "harness/script/raise.h"
#include "harness/script/run.h"
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

static int start_client(lua_State *L, const char *workload, const char *word)
{
    self(L, workload);
    return client_noun_start(L, workload, value_options(L, 2, word), word);
}

/* cluster:publisher { subject = …, count = 3 } -> Client or Group */
static int l_publisher(lua_State *L)
{
    return start_client(L, "publisher", "cluster:publisher");
}

/* cluster:subscriber { subject = … } -> Client or Group */
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
    noun_takes_nothing(L, &noun_cluster, "stop_workloads");
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

/* A node that is not there gets words, not a bare nil. The place behind the last stays
 * nil: that is how ipairs ends. */
static int l_no_such_node(lua_State *L)
{
    int count = cluster_node_count(script_of(L)->run->options.cluster);

    if (lua_isinteger(L, 2) && lua_tointeger(L, 2) == count + 1)
        return 0;
    if (count == 1)
        raise_text(L, "there is no node %s: the cluster has one, nodes[1]",
                   luaL_tolstring(L, 2, NULL));
    raise_text(L, "there is no node %s: the cluster has nodes[1] to nodes[%d]",
               luaL_tolstring(L, 2, NULL), count);
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
    lua_createtable(L, 0, 1);
    lua_pushcfunction(L, l_no_such_node);
    lua_setfield(L, -2, "__index");
    lua_setmetatable(L, -2);
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
