/* max_connections: no more than so many connections at a time.
 *
 * Counted are those that it let in and those that were open when it came. A lower `max`
 * ends nobody: it holds once enough have closed. With `over = wait` the next one is
 * accepted by the kernel but not dialled for until another one closes, as with a server
 * whose accept queue is full. */
#include "proxy/fault.h"

enum { OVER_RST, OVER_FIN, OVER_WAIT };

struct max_connections_conf {
    int64_t max;
    int over;
};

/* Of the link. */
struct max_connections_shared {
    int64_t open;
};

/* Of a connection. */
struct max_connections_state {
    bool counted;
};

static const char *const over_choices[] = {"rst", "fin", "wait", NULL};

static const struct param params[] = {
    PARAM(max_connections_conf, max, INTEGER, "max", "100", "0", "1000000",
          "so many may be open at a time; 0: none"),
    PARAM_CHOICE(max_connections_conf, over, "over", "rst", over_choices,
                 "what becomes of one more: rst or fin ends it, wait lets it in when "
                 "another one closes"),
    PARAM_END,
};

static enum fault_answer let_in(struct fault *f)
{
    struct max_connections_shared *shared = f->shared;
    struct max_connections_state *state = f->connection;

    if (!state->counted)
        shared->open++;
    state->counted = true;
    return FAULT_LET;
}

/* It is asked more than once about one connection: counting is done once. */
static enum fault_answer on_accept(struct fault *f)
{
    const struct max_connections_conf *conf = f->conf;
    const struct max_connections_shared *shared = f->shared;
    const struct max_connections_state *state = f->connection;

    if (state->counted || shared->open < conf->max)
        return let_in(f);
    if (conf->over == OVER_WAIT)
        return FAULT_WAIT;
    return conf->over == OVER_FIN ? FAULT_CLOSE_FIN : FAULT_CLOSE_RST;
}

static void on_close(struct fault *f)
{
    struct max_connections_shared *shared = f->shared;
    struct max_connections_state *state = f->connection;

    if (state->counted)
        shared->open--;
    state->counted = false;
}

const struct fault_type fault_max_connections = {
    .name = "max_connections",
    .summary = "no more than so many connections at a time",
    .params = params,
    .conf_size = sizeof(struct max_connections_conf),
    .connection_size = sizeof(struct max_connections_state),
    .shared_size = sizeof(struct max_connections_shared),
    .on_accept = on_accept,
    .on_open = let_in,
    .on_close = on_close,
};
