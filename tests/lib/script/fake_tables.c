/* fake_tables: the parameter tables that the language reads, of clusters and of faults,
 * what is said about them, and what the language only hands on.
 *
 * Of their own, because the real ones lie beside code that needs threads and brokers. */
#include <stddef.h>
#include <string.h>

#include "harness/broker/cluster.h"
#include "harness/client/client.h"
#include "proxy/plane.h"

const struct param cluster_params[] = {
    PARAM(cluster_conf, nodes, INTEGER, "nodes", "1", "1", "9", "how many"),
    PARAM(cluster_conf, jetstream, BOOL, "jetstream", "false", NULL, NULL,
          "with a store"),
    PARAM(cluster_conf, broker, TEXT, "broker", NULL, NULL, NULL, "path"),
    PARAM(cluster_conf, config, JSON, "config", NULL, NULL, NULL, "nats-server's own"),
    PARAM_END,
};

void crew_note_cut(struct crew *crew, struct link_id link)
{
    (void)crew;
    (void)link;
}

int cluster_check(const struct cluster_conf *conf, struct error *err)
{
    if (json_object_get(conf->config, "port") == NULL)
        return 0;
    error_set(err, E_PARAM, "cluster.config.port cannot be set in a scenario");
    error_hint(err, "leave it out");
    return E_PARAM;
}

struct fault_type {
    const char *name;
    const struct param *params;
};

struct delay_conf {
    uint64_t base_ns;
    uint64_t jitter_ns;
};
struct reset_conf {
    uint64_t wait_ns;
    char *trigger;
};
struct common_conf {
    double probability;
    char *direction;
    struct param_value after;
};

/* Room for the parameters of any of them. */
union any_conf {
    struct delay_conf delay;
    struct reset_conf reset;
};

static const struct param delay_params[] = {
    PARAM(delay_conf, base_ns, DURATION, "base", "100ms", "0", "60s", "wait"),
    PARAM(delay_conf, jitter_ns, DURATION, "jitter", "0", "0", "60s", "more wait"),
    PARAM_END,
};
static const struct param reset_params[] = {
    PARAM(reset_conf, wait_ns, DURATION, "wait", "0", "0", "60s", "until then"),
    PARAM(reset_conf, trigger, TEXT, "trigger", NULL, NULL, NULL, "from when"),
    PARAM_END,
};
static const struct param no_params[] = {PARAM_END};
static const struct param common_params[] = {
    PARAM(common_conf, probability, FRACTION, "probability", "1", "0", "1", "of each"),
    PARAM(common_conf, direction, TEXT, "direction", NULL, NULL, NULL, "one way"),
    PARAM_UNION(common_conf, after, PARAM_DURATION | PARAM_BYTES, "after", NULL, NULL,
                NULL, NULL, "begins late"),
    PARAM_END,
};

static const struct fault_type types[] = {
    {.name = "latency", .params = delay_params},
    {.name = "refuse", .params = no_params},
    {.name = "reset", .params = reset_params},
    {.name = "stall", .params = no_params},
};

enum { TYPES = sizeof types / sizeof types[0] };

const struct fault_type *fault_type_at(int index)
{
    return index >= 0 && index < (int)TYPES ? &types[index] : NULL;
}

const struct fault_type *fault_type_find(const char *name)
{
    for (int i = 0; i < (int)TYPES; i++) {
        if (strcmp(types[i].name, name) == 0)
            return &types[i];
    }
    return NULL;
}

const char *fault_type_name(const struct fault_type *type)
{
    return type->name;
}

const struct param *fault_type_params(const struct fault_type *type)
{
    return type->params;
}

int fault_check(const char *type, const json_t *params, struct error *err)
{
    const struct param *own = fault_type_find(type)->params;
    union any_conf conf = {.delay = {0}};
    struct common_conf common = {0};
    const struct param_layer layers[] = {
        {.params = own, .conf = &conf},
        {.params = common_params, .conf = &common},
    };
    int rc = param_read_layers(layers, 2, params, type, err);

    if (rc == 0) {
        param_release(own, &conf);
        param_release(common_params, &common);
    }
    return rc;
}
