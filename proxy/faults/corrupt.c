/* corrupt: flip bits of some of the bytes.
 *
 * Each byte is hit with the chance `rate`, on its own; of a byte that is hit, `bits`
 * different bits are flipped. Nothing is added or lost: the other end gets as many bytes
 * as were sent, and TCP's checksum is right.
 *
 * Which bytes are hit depends on the fault's stream and the bytes' offsets in their
 * direction alone, not on reads, on time, or on when the fault came: blocks of 64 KiB
 * have streams of their own, and in a block the gaps between hits are geometric. A byte
 * that is not hit costs nothing, a chunk without hits is passed on as it is. */
#include "proxy/draws.h"
#include "proxy/fault.h"

enum { BLOCK_BYTES = 64 * 1024 };

struct corrupt_conf {
    double rate;
    int64_t bits;
};

/* Where we are in a block's stream. */
struct corrupt_state {
    struct rng rng;
    uint64_t block; /* its number + 1; 0: none yet */
    uint64_t
        next; /* offset of the next hit; at the block's end or behind: none is left */
};

static const struct param params[] = {
    PARAM(corrupt_conf, rate, FRACTION, "rate", "0.01%", "0", "1",
          "share of the bytes that are hit"),
    PARAM(corrupt_conf, bits, INTEGER, "bits", "1", "1", "8",
          "bits that are flipped in a byte that is hit"),
    PARAM_END,
};

static uint64_t gap(struct corrupt_state *s, const struct corrupt_conf *conf)
{
    return quantile_geometric(rng_unit(&s->rng), conf->rate, BLOCK_BYTES);
}

static void enter_block(const struct fault *f, struct corrupt_state *s, uint64_t number)
{
    if (s->block == number + 1)
        return;
    s->block = number + 1;
    rng_init(&s->rng, draw_at(&f->rng, number));
    s->next = number * BLOCK_BYTES + gap(s, f->conf);
}

/* `bits` different ones of eight: the first ones of a random order. One number is enough
 * for all: 8! goes into 2^64 so often that no order is preferred by more than 1e-14. */
static uint8_t draw_mask(struct corrupt_state *s, int64_t bits)
{
    uint8_t order[8] = {1, 2, 4, 8, 16, 32, 64, 128};
    uint64_t draw = rng_next(&s->rng);
    uint8_t mask = 0;

    for (unsigned i = 0; i < (unsigned)bits; i++) {
        unsigned at = i + (unsigned)(draw % (8 - i));
        uint8_t taken = order[at];

        draw /= 8 - i;
        order[at] = order[i];
        mask |= taken;
    }
    return mask;
}

/* Go through the hits of the block up to `stop` and make those that are not before
 * `from`. Every hit draws, made or not: what is behind it must not depend on that.
 * Gives how many were made, or -1: memory is short. */
static int hit_between(struct fault *f, struct chunk *c, uint64_t from, uint64_t stop)
{
    const struct corrupt_conf *conf = f->conf;
    struct corrupt_state *s = f->state;
    int made = 0;

    while (s->next < stop) {
        uint8_t mask = draw_mask(s, conf->bits);

        if (s->next >= from) {
            if (!chunk_own(c))
                return -1;
            c->data[s->next - c->offset] ^= mask;
            made++;
        }
        s->next += 1 + gap(s, conf);
    }
    return made;
}

/* Without memory for a copy the bytes would go on unharmed and nobody would know, so the
 * connection is reset instead. */
static void on_chunk(struct fault *f, struct chunk *c)
{
    uint64_t end = c->offset + c->size;
    int made_in_all = 0;

    for (uint64_t at = c->offset; at < end;) {
        uint64_t number = at / BLOCK_BYTES;
        uint64_t block_end = (number + 1) * BLOCK_BYTES;
        uint64_t stop = end < block_end ? end : block_end;
        int made;

        enter_block(f, f->state, number);
        made = hit_between(f, c, at, stop);
        if (made < 0) {
            fault_drop(f, c);
            fault_end(f, CHUNK_RST);
            return;
        }
        made_in_all += made;
        at = stop;
    }
    if (made_in_all > 0)
        fault_touch(f);
}

/* Other gaps from here on: the block is entered anew, up to where we are. */
static void on_change(struct fault *f)
{
    struct corrupt_state *s = f->state;

    s->block = 0;
}

const struct fault_type fault_corrupt = {
    .name = "corrupt",
    .summary = "flip bits of some of the bytes",
    .params = params,
    .conf_size = sizeof(struct corrupt_conf),
    .state_size = sizeof(struct corrupt_state),
    .on_chunk = on_chunk,
    .on_change = on_change,
};
