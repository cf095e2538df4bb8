/* fault: the list of faults there are, and their parameters from text to conf.
 *
 * The list is faults/faults.def. Everything here is constant data or works on its
 * arguments alone, so any thread may call it: a script's thread checks parameters
 * before the data plane hears of the fault. */
#include "proxy/fault.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/link.h"

#define FAULT(name) extern const struct fault_type fault_##name;
#include "proxy/faults/faults.def"
#undef FAULT

static const struct fault_type *const table[] = {
#define FAULT(name) &fault_##name,
#include "proxy/faults/faults.def"
#undef FAULT
};

enum { FAULT_TYPES = sizeof table / sizeof table[0] };

static const char *const directions[] = {"both", "to_server", "to_client", NULL};

static const struct param common_params[] = {
    PARAM(fault_common, probability, FRACTION, "probability", "1", "0", "1",
          "share of the connections on which it acts"),
    PARAM_CHOICE(fault_common, direction, "direction", "both", directions,
                 "the bytes on which it acts"),
    PARAM_UNION(fault_common, after, PARAM_DURATION | PARAM_BYTES, "after", NULL, "0",
                "24h", NULL, "how late it begins: a time, or bytes of the direction"),
    PARAM(fault_common, on_ns, DURATION, "on", "0", "0", "24h",
          "with `off`: how long it is on before it rests"),
    PARAM(fault_common, off_ns, DURATION, "off", "0", "0", "24h",
          "with `on`: how long it rests before it is on again"),
    PARAM(fault_common, times, INTEGER, "times", "0", "0", "1000000000",
          "with `on` and `off`: how many times it is on; 0: for ever"),
    PARAM_END,
};

const struct param *fault_common_params(void)
{
    return common_params;
}

const struct fault_type *fault_type_at(int index)
{
    return index >= 0 && index < (int)FAULT_TYPES ? table[index] : NULL;
}

int fault_type_index(const struct fault_type *type)
{
    int index = 0;

    static_assert((int)FAULT_TYPES <= FAULT_TYPES_MAX, "links count faults by type");
    while (table[index] != type)
        index++;
    return index;
}

const struct fault_type *fault_type_find(const char *name)
{
    for (int i = 0; i < (int)FAULT_TYPES; i++)
        if (strcmp(table[i]->name, name) == 0)
            return table[i];
    return NULL;
}

const char *fault_type_name(const struct fault_type *type)
{
    return type->name;
}

const char *fault_type_summary(const struct fault_type *type)
{
    return type->summary;
}

const struct param *fault_type_params(const struct fault_type *type)
{
    return type->params;
}

const char *fault_direction_name(int direction)
{
    return directions[direction];
}

bool fault_has_bytes(const struct fault_type *type)
{
    return type->on_chunk != NULL || type->on_end != NULL || type->on_begin != NULL ||
           type->stops_reading;
}

bool fault_acts_on(const struct fault_type *type, const struct fault_common *common,
                   enum direction to)
{
    if (!fault_has_bytes(type))
        return false;
    if (common->direction == FAULT_BOTH)
        return true;
    return (common->direction == FAULT_TO_SERVER) == (to == TO_SERVER);
}

/* What Toxiproxy's users look for, and what does the same here. */
static const char *const toxiproxy_names[][2] = {
    {"bandwidth", "throttle rate=1MB/s"},
    {"timeout", "blackhole"},
    {"reset_peer", "reset"},
    {"slicer", "slice size=1KiB"},
    {"limit_data", "limit bytes=64KiB"},
    {"down", "refuse"},
    {"noop", "none, since it does nothing"},
};

/* The first word was taken for a parameter. */
static int no_type(const json_t *params, struct error *err)
{
    const char *key = json_object_iter_key(json_object_iter((json_t *)params));

    if (key == NULL)
        error_set(err, E_PARAM, "which fault? its name is missing");
    else
        error_set(err, E_PARAM, "which fault? before '%.60s=' its name is missing", key);
    error_hint(err, "the name, a blank, then the parameters: latency base=100ms");
    return E_PARAM;
}

/* A near miss gets a suggestion, anything else the way to the list. */
static int unknown_type(const char *name, const json_t *params, struct error *err)
{
    const char *names[FAULT_TYPES];
    const char *nearest;

    if (name[0] == '\0')
        return no_type(params, err);
    for (size_t i = 0; i < sizeof toxiproxy_names / sizeof toxiproxy_names[0]; i++)
        if (strcmp(toxiproxy_names[i][0], name) == 0)
            return error_set(err, E_PARAM,
                             "there is no fault '%s'; Toxiproxy calls it so, here it is: "
                             "%s",
                             name, toxiproxy_names[i][1]);
    for (int i = 0; i < (int)FAULT_TYPES; i++)
        names[i] = table[i]->name;
    nearest = error_suggest(name, names, FAULT_TYPES);
    if (nearest != NULL)
        return error_set(err, E_PARAM, "there is no fault '%s'; did you mean '%s'?", name,
                         nearest);
    error_set(err, E_PARAM, "there is no fault '%s'", name);
    error_hint(err, "`stormdrill api` lists the faults");
    return E_PARAM;
}

/* `on` and `off` belong together; below a millisecond a fault would only keep the loop
 * busy with itself. */
static int check_repeat(const struct fault_type *type, const struct fault_common *common,
                        struct error *err)
{
    char text[32];
    uint64_t shortest_ns =
        common->on_ns < common->off_ns ? common->on_ns : common->off_ns;

    if (common->on_ns == 0 && common->off_ns == 0 && common->times == 0)
        return 0;
    if (shortest_ns == 0) {
        error_set(err, E_PARAM, "%s: `%s` needs `%s`", type->name,
                  common->on_ns > 0    ? "on"
                  : common->off_ns > 0 ? "off"
                                       : "times",
                  common->on_ns > 0 ? "off" : "on");
        error_hint(err, "on=5s off=2s times=3: give on and off, and times if you like");
        return E_PARAM;
    }
    if (shortest_ns < NS_PER_MS)
        return error_set(err, E_PARAM, "%s: `%s` is %s; at least 1ms", type->name,
                         shortest_ns == common->on_ns ? "on" : "off",
                         param_duration_text(shortest_ns, text, sizeof text));
    return 0;
}

int fault_check_conf(const struct fault_type *type, const void *conf,
                     const struct fault_common *common, struct error *err)
{
    int rc = check_repeat(type, common, err);

    if (rc != 0)
        return rc;
    if (!fault_has_bytes(type) && common->direction != FAULT_BOTH) {
        error_set(err, E_PARAM, "%s has no direction: it acts on whole connections",
                  type->name);
        error_hint(err, "leave `direction` away");
        return E_PARAM;
    }
    if (!fault_has_bytes(type) && common->after.kind == PARAM_BYTES) {
        error_set(err, E_PARAM,
                  "%s: `after` cannot be bytes: it acts on whole connections",
                  type->name);
        error_hint(err, "give a time, such as after=5s");
        return E_PARAM;
    }
    return type->check != NULL ? type->check(conf, common, err) : 0;
}

int plane_command_fault(struct plane_command *out, struct link_id link, const char *name,
                        const json_t *params, struct error *err)
{
    const struct fault_type *type = fault_type_find(name);
    struct param_layer layers[2];
    int rc;

    *out = (struct plane_command){.kind = PLANE_FAULT_ADD, .link = link, .type = type};
    if (type == NULL)
        return unknown_type(name, params, err);
    out->conf = calloc(1, type->conf_size);
    out->common = calloc(1, sizeof(struct fault_common));
    if (out->conf == NULL || out->common == NULL) {
        plane_command_release(out);
        return error_set(err, E_NOMEM, "fault %s", name);
    }

    layers[0] = (struct param_layer){type->params, out->conf};
    layers[1] = (struct param_layer){common_params, out->common};
    rc = param_read_layers(layers, 2, params, type->name, err);
    if (rc == 0)
        rc = fault_check_conf(type, out->conf, out->common, err);
    if (rc != 0)
        plane_command_release(out);
    return rc;
}

/* As `validate` needs it: the command is made, and thrown away. */
int fault_check(const char *type, const json_t *params, struct error *err)
{
    struct plane_command command;
    int rc = plane_command_fault(&command, (struct link_id){0}, type, params, err);

    if (rc == 0)
        plane_command_release(&command);
    return rc;
}

void plane_command_release(struct plane_command *command)
{
    if (command->conf != NULL)
        param_release(command->type->params, command->conf);
    free(command->conf);
    free(command->common);
    json_decref(command->params);
    command->conf = NULL;
    command->common = NULL;
    command->params = NULL;
}
