/* slice: pass the bytes on in small pieces, each a write of its own.
 *
 * A piece has `size` bytes on average, drawn evenly from size - variation to size +
 * variation, and after each piece the next one waits `delay`, also when it comes with
 * another read. What was read together ends with a smaller piece, so sizes hang on reads
 * and do not repeat from run to run. The end of the stream follows the last piece.
 *
 * What waits is held whole and cut when its time has come: a read of 64 KiB in pieces of
 * one byte costs the memory of two chunks, not of 65,536. */
#include "proxy/fault.h"

/* Memory was short for a cut, or too many pieces wait behind us: try again soon. */
static const uint64_t retry_ns = NS_PER_MS;

/* Pieces that leave in one go: a read can have half a million, and each is a write. */
enum { PIECES_PER_GO = 256 };

struct slice_conf {
    uint64_t size_bytes;
    uint64_t variation_bytes;
    uint64_t delay_ns;
};

struct slice_state {
    uint64_t next_ns; /* no piece leaves before */
};

static const struct param params[] = {
    PARAM(slice_conf, size_bytes, BYTES, "size", "100", "1", "1GiB",
          "bytes of a piece, on average"),
    PARAM(slice_conf, variation_bytes, BYTES, "variation", "0", "0", "1GiB",
          "a piece is up to this much smaller or larger; less than size"),
    PARAM(slice_conf, delay_ns, DURATION, "delay", "0", "0", "60s",
          "wait after each piece"),
    PARAM_END,
};

static int check(const void *conf, const struct fault_common *common, struct error *err)
{
    const struct slice_conf *slice = conf;

    (void)common;
    if (slice->variation_bytes < slice->size_bytes)
        return 0;
    error_set(err, E_PARAM, "slice: variation must be less than size (%llu), not %llu",
              (unsigned long long)slice->size_bytes,
              (unsigned long long)slice->variation_bytes);
    error_hint(err, "the smallest piece has size - variation bytes, and at least one");
    return E_PARAM;
}

static size_t draw_piece(struct fault *f)
{
    const struct slice_conf *conf = f->conf;
    uint64_t smallest = conf->size_bytes - conf->variation_bytes;

    return (size_t)(smallest + rng_below(&f->rng, 2 * conf->variation_bytes + 1));
}

/* Let pieces go until one has to wait. The wait counts from now, not from when the piece
 * was due: two pieces are never closer than `delay`. */
static void let_go(struct fault *f)
{
    const struct slice_conf *conf = f->conf;
    struct slice_state *s = f->state;

    for (int i = 0; i < PIECES_PER_GO && fault_held(f) > 0 && s->next_ns <= fault_now(f);
         i++) {
        uint64_t wait_ns =
            fault_release(f, draw_piece(f)) > 0 ? conf->delay_ns : retry_ns;

        s->next_ns = fault_now(f) + wait_ns;
    }
    fault_wake_at(f, fault_held(f) > 0 ? s->next_ns : FAULT_FOREVER);
}

static void on_chunk(struct fault *f, struct chunk *c)
{
    fault_hold_until(f, c, FAULT_FOREVER);
    let_go(f);
}

/* What was held has left; the pause before the next piece is drawn by the new rules. */
static void on_change(struct fault *f)
{
    struct slice_state *s = f->state;

    s->next_ns = 0;
    fault_wake_at(f, FAULT_FOREVER);
}

const struct fault_type fault_slice = {
    .name = "slice",
    .summary = "pass bytes on in small pieces",
    .params = params,
    .conf_size = sizeof(struct slice_conf),
    .state_size = sizeof(struct slice_state),
    .writes_apart = true,
    .on_chunk = on_chunk,
    .on_wake = let_go,
    .on_change = on_change,
    .check = check,
};
