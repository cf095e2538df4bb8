/* half_open: one side of each connection is gone, and the other hears nothing of it.
 *
 * The socket towards `gone` is reset. From the side that is left nothing is read any
 * more: its bytes wait, its window fills; it gets no FIN and no RST, as when the other
 * machine lost power. Only its own keep-alive or time-out can tell. Heal resets it. */
#include "proxy/fault.h"

enum { GONE_SERVER, GONE_CLIENT };

struct half_open_conf {
    int gone;
};

/* Of a connection: a change of `gone` takes nobody back. */
struct half_open_state {
    enum side gone;
};

static const char *const gone_choices[] = {"server", "client", NULL};

static const struct param params[] = {
    PARAM_CHOICE(half_open_conf, gone, "gone", "server", gone_choices,
                 "the side that is reset; the other one hears nothing"),
    PARAM_END,
};

static void on_begin(struct fault *f)
{
    const struct half_open_conf *conf = f->conf;
    struct half_open_state *state = f->connection;

    state->gone = conf->gone == GONE_SERVER ? SIDE_SERVER : SIDE_CLIENT;
    fault_abandon(f, state->gone);
}

/* What was on its way when the side went never arrives. */
static void on_chunk(struct fault *f, struct chunk *c)
{
    fault_drop(f, c);
}

/* When the side that was left gives up with an RST there is nobody to keep it from. */
static void on_end(struct fault *f, struct chunk *c)
{
    const struct half_open_state *state = f->connection;
    enum direction from_left = state->gone == SIDE_SERVER ? TO_SERVER : TO_CLIENT;

    if (c->end != CHUNK_RST || f->direction != from_left)
        fault_drop(f, c);
}

static int check(const void *conf, const struct fault_common *common, struct error *err)
{
    (void)conf;
    if (common->direction != FAULT_BOTH) {
        error_set(err, E_PARAM, "half_open: direction = \"%s\": it takes both directions",
                  fault_direction_name(common->direction));
        error_hint(err, "leave `direction` away; `gone` says which side is reset. To "
                        "silence one direction use stall or blackhole");
        return E_PARAM;
    }
    if (common->after.kind == PARAM_BYTES) {
        error_set(err, E_PARAM,
                  "half_open: `after` in bytes counts one direction, and "
                  "half_open takes both");
        error_hint(err, "give `after` as a time, such as after = \"3s\"");
        return E_PARAM;
    }
    return 0;
}

const struct fault_type fault_half_open = {
    .name = "half_open",
    .summary = "one side is gone, the other hears nothing of it",
    .touches = "connections",
    .params = params,
    .conf_size = sizeof(struct half_open_conf),
    .connection_size = sizeof(struct half_open_state),
    .stops_reading = true,
    .on_chunk = on_chunk,
    .on_end = on_end,
    .on_begin = on_begin,
    .check = check,
};
