/* fault: the contract between a fault and the chain that runs it.
 *
 * A fault is one small file that decides about one chunk, or about one connection. It
 * never sees a socket, a timer or the end of a stream unless it asks. Silence means
 * pass. The chain owns order, timers, ends, half-close, back-pressure, removal, the
 * probability draw and the counters.
 *
 * A type fills in what it needs; every callback may be NULL:
 *   on_chunk    data arrived: call one verb, or none to let it pass
 *   on_end      FIN or RST arrived (NULL: it passes behind what is held). An RST has
 *               already discarded what this fault held
 *   on_begin    the fault joins a direction of a connection, new or live
 *   on_wake     the time asked for by fault_wake_at has come
 *   on_change   its parameters changed (what it held has left already)
 *   on_remove   it is healed: what it holds leaves next, by itself; fault_end allowed
 *   on_accept   a new connection: let it in or end it
 *   on_open     a connection that was open before the fault came or changed
 *   closes_port does this conf want the listener closed?
 *   check       more than ranges to check: combinations. Any thread
 * Callbacks run on the data plane's thread and must return at once.
 *
 * Adding a fault: write faults/NAME.c with `const struct fault_type fault_NAME`, add
 * FAULT(NAME) to faults.def, tests in tests/unit/proxy/test_NAME.c. */
#ifndef STORMDRILL_PROXY_FAULT_H
#define STORMDRILL_PROXY_FAULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proxy/base/chunk.h"
#include "proxy/base/clock.h"
#include "proxy/base/error.h"
#include "proxy/base/param.h"
#include "proxy/base/rng.h"

enum direction { TO_SERVER, TO_CLIENT, DIRECTION_COUNT };

/* The choices of the common parameter `direction`. */
enum fault_direction { FAULT_BOTH, FAULT_TO_SERVER, FAULT_TO_CLIENT };

/* The parameters that every fault has (fault_common_params in plane.h). */
struct fault_common {
    double probability; /* of being on, drawn once per connection */
    int direction;      /* enum fault_direction */
};

/* Hold until the fault is healed or changed. */
#define FAULT_FOREVER UINT64_MAX

struct fault_type;

/* One fault on one direction of one connection, as its callbacks see it. */
struct fault {
    const struct fault_type *type;
    const void *conf; /* the parameters in force, shared by the whole link */
    void *shared;     /* type->shared_size bytes, one for the link; zeroed at begin */
    void *state;      /* type->state_size bytes of its own; zeroed at begin */
    struct rng rng;   /* its own stream */
    enum direction direction;
    const struct clock *clock;
};

enum fault_answer { FAULT_LET, FAULT_CLOSE_FIN, FAULT_CLOSE_RST };

struct fault_type {
    const char *name;
    const char *summary;
    const struct param *params;
    size_t conf_size;
    size_t state_size;
    size_t shared_size;
    bool delays;        /* holds bytes as its purpose: the larger buffer bound applies */
    bool stops_reading; /* while it is on, its direction is not read at all */

    void (*on_chunk)(struct fault *f, struct chunk *c);
    void (*on_end)(struct fault *f, struct chunk *c);
    void (*on_begin)(struct fault *f);
    void (*on_wake)(struct fault *f);
    void (*on_change)(struct fault *f);
    void (*on_remove)(struct fault *f);
    enum fault_answer (*on_accept)(struct fault *f);
    enum fault_answer (*on_open)(struct fault *f);
    bool (*closes_port)(const void *conf);
    int (*check)(const void *conf, const struct fault_common *common, struct error *err);
};

/* A chunk's `arrived_ns` is the time at which it reached this fault: read from the
 * socket, or let go by the fault before. Its `offset` counts from the first byte of the
 * direction, whatever faults dropped.
 *
 * The verbs. Each settles the chunk that the callback was given (it belongs to the
 * chain afterwards); fault_split and fault_replace come before the one that settles. */

/* Let it go on, behind whatever this fault holds. */
void fault_pass(struct fault *f, struct chunk *c);

/* Let it go on at `due_ns` and never before what was held earlier. */
void fault_hold_until(struct fault *f, struct chunk *c, uint64_t due_ns);

/* Throw it away. */
void fault_drop(struct fault *f, struct chunk *c);

/* Keep the first `at` bytes in `c`; the rest comes to on_chunk next, as a chunk of its
 * own. Nothing happens unless 0 < at < c->size. false: memory is short, unchanged. */
bool fault_split(struct fault *f, struct chunk *c, uint32_t at);

/* Put `with` (taken) in the place of `c`, with its times and its offset. */
void fault_replace(struct fault *f, struct chunk *c, struct chunk *with);

/* End this direction here: CHUNK_FIN behind what is held (and behind the chunk at hand,
 * unless it was dropped), CHUNK_RST instead of it. What still comes is thrown away. */
void fault_end(struct fault *f, enum chunk_end how);

/* Call on_wake at `due_ns`; the last call counts; FAULT_FOREVER calls it off. */
void fault_wake_at(struct fault *f, uint64_t due_ns);

static inline uint64_t fault_now(const struct fault *f)
{
    return clock_now(f->clock);
}

/* Check what ranges cannot: the type's own check, and that a fault without bytes is not
 * given a direction. Any thread. */
int fault_check_conf(const struct fault_type *type, const void *conf,
                     const struct fault_common *common, struct error *err);

/* Its place in fault_type_at. */
int fault_type_index(const struct fault_type *type);

/* "both", "to_server", "to_client" */
const char *fault_direction_name(int direction);

/* Does a fault with this `direction` act on bytes that go `to`? */
bool fault_acts_on(const struct fault_type *type, const struct fault_common *common,
                   enum direction to);

#endif
