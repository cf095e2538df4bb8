/* idle_kill: what load balancers and firewalls do to connections that say nothing.
 *
 * After `idle` without a byte in either direction: rst and close end the connection;
 * silent forgets it, so that everything both ways vanishes and nobody is told;
 * rst_on_data forgets it too, and answers the next byte or FIN with RST. A silent one
 * of which something vanished is reset when the fault ends. */
#include "proxy/fault.h"

enum { HOW_RST, HOW_CLOSE, HOW_SILENT, HOW_RST_ON_DATA };

struct idle_kill_conf {
    uint64_t idle_ns;
    int how;
};

/* Of a connection: both directions keep it busy, and both are forgotten together. */
struct idle_kill_state {
    uint64_t last_ns; /* of the last byte in either direction, or when it began */
    bool forgotten;
    bool swallowed;
};

static const char *const how_choices[] = {"rst", "close", "silent", "rst_on_data", NULL};

static const struct param params[] = {
    PARAM(idle_kill_conf, idle_ns, DURATION, "idle", "60s", "1ms", "7d",
          "time without a byte in either direction"),
    PARAM_CHOICE(idle_kill_conf, how, "how", "rst", how_choices,
                 "rst, close: end both sides; silent: drop all that comes from then on; "
                 "rst_on_data: answer what comes next with RST"),
    PARAM_END,
};

/* Both directions watch the one clock, so that each is ended even where a later fault
 * holds up the end of the other. */
static void watch(struct fault *f)
{
    const struct idle_kill_conf *conf = f->conf;
    struct idle_kill_state *state = f->connection;

    if (!state->forgotten && fault_now(f) < state->last_ns + conf->idle_ns) {
        fault_wake_at(f, state->last_ns + conf->idle_ns);
        return;
    }
    state->forgotten = true;
    if (conf->how == HOW_RST)
        fault_end(f, CHUNK_RST);
    else if (conf->how == HOW_CLOSE)
        fault_end(f, CHUNK_CLOSE);
}

/* The memory outlives a rest: each time begins anew, for both directions at once. */
static void on_begin(struct fault *f)
{
    struct idle_kill_state *state = f->connection;

    *state = (struct idle_kill_state){.last_ns = fault_now(f)};
    watch(f);
}

/* Of a flow that was forgotten. An RST gets no answer, and nobody to be passed on to. */
static void on_forgotten(struct fault *f, struct chunk *c)
{
    const struct idle_kill_conf *conf = f->conf;
    struct idle_kill_state *state = f->connection;
    bool answers = conf->how != HOW_SILENT && c->end != CHUNK_RST;

    state->swallowed = true;
    fault_drop(f, c);
    if (answers)
        fault_end(f, conf->how == HOW_CLOSE ? CHUNK_CLOSE : CHUNK_RST);
}

static void on_chunk(struct fault *f, struct chunk *c)
{
    struct idle_kill_state *state = f->connection;

    if (state->forgotten)
        on_forgotten(f, c);
    else if (c->arrived_ns > state->last_ns)
        state->last_ns = c->arrived_ns;
}

static void on_end(struct fault *f, struct chunk *c)
{
    const struct idle_kill_state *state = f->connection;

    if (state->forgotten)
        on_forgotten(f, c);
}

/* Both directions: where a later fault holds up the one RST, nothing may pass the other
 * way over a hole. */
static void on_remove(struct fault *f)
{
    const struct idle_kill_state *state = f->connection;

    if (state->swallowed)
        fault_end(f, CHUNK_RST);
}

static int check(const void *conf, const struct fault_common *common, struct error *err)
{
    (void)conf;
    if (common->direction != FAULT_BOTH) {
        error_set(err, E_PARAM,
                  "idle_kill: direction = \"%s\": a connection is idle when "
                  "both directions are",
                  fault_direction_name(common->direction));
        error_hint(err,
                   "leave `direction` away; blackhole has an `idle` of one direction");
        return E_PARAM;
    }
    if (common->after.kind == PARAM_BYTES) {
        error_set(err, E_PARAM,
                  "idle_kill: `after` in bytes counts one direction, and "
                  "idle_kill watches both");
        error_hint(err, "give `after` as a time, such as after = \"3s\"");
        return E_PARAM;
    }
    return 0;
}

const struct fault_type fault_idle_kill = {
    .name = "idle_kill",
    .summary = "end or forget connections that say nothing, as load balancers do",
    .touches = "connections and chunks",
    .params = params,
    .conf_size = sizeof(struct idle_kill_conf),
    .connection_size = sizeof(struct idle_kill_state),
    .on_chunk = on_chunk,
    .on_end = on_end,
    .on_begin = on_begin,
    .on_wake = watch,
    .on_change = watch,
    .on_remove = on_remove,
    .check = check,
};
