/* limit: end the connection after exactly so many bytes of a direction.
 *
 * Bytes count from where connection and fault met, however they were cut, and the count
 * survives a change: a new limit at or below what has passed ends at once. The last
 * byte that fits is passed on, then comes the end. */
#include "proxy/fault.h"

enum { WITH_CLOSE, WITH_FIN, WITH_RST };

struct limit_conf {
    uint64_t bytes;
    int with;
};

struct limit_state {
    uint64_t passed;
};

static const char *const with_choices[] = {"close", "fin", "rst", NULL};

static const struct param params[] = {
    PARAM(limit_conf, bytes, BYTES, "bytes", "64KiB", "0", "1024TiB",
          "so many pass, then it ends; 0: the first byte ends it"),
    PARAM_CHOICE(limit_conf, with, "with", "close", with_choices,
                 "close: FIN on both sides; fin: this direction alone ends, the other "
                 "goes on; rst: RST on both sides"),
    PARAM_END,
};

static void end(struct fault *f)
{
    static const enum chunk_end ends[] = {
        [WITH_CLOSE] = CHUNK_CLOSE, [WITH_FIN] = CHUNK_FIN, [WITH_RST] = CHUNK_RST};
    const struct limit_conf *conf = f->conf;

    fault_end(f, ends[conf->with]);
}

/* The bytes go first, then the end: an RST of ours must not take them with it here. */
static void on_chunk(struct fault *f, struct chunk *c)
{
    const struct limit_conf *conf = f->conf;
    struct limit_state *state = f->state;
    uint64_t left = conf->bytes - state->passed;

    if (c->size < left) {
        state->passed += c->size;
        return;
    }
    if (left == 0) {
        fault_drop(f, c);
        end(f);
        return;
    }
    /* Without memory for the cut, one byte too many or too few would be a lie. */
    if (!fault_split(f, c, (uint32_t)left)) {
        fault_drop(f, c);
        fault_end(f, CHUNK_RST);
        return;
    }
    state->passed += left;
    fault_pass(f, c);
    end(f);
}

static void on_change(struct fault *f)
{
    const struct limit_conf *conf = f->conf;
    const struct limit_state *state = f->state;

    if (state->passed > 0 && state->passed >= conf->bytes)
        end(f);
}

const struct fault_type fault_limit = {
    .name = "limit",
    .summary = "end the connection after exactly so many bytes",
    .touches = "connections",
    .params = params,
    .conf_size = sizeof(struct limit_conf),
    .state_size = sizeof(struct limit_state),
    .on_chunk = on_chunk,
    .on_change = on_change,
};
