/* fault: the contract between a fault and the chain that runs it.
 *
 * A fault is one small file that decides about one chunk, or about one connection. It
 * never sees a socket, a timer or the end of a stream unless it asks. Silence means
 * pass. The chain owns order, timers, ends, half-close, back-pressure, removal, the
 * probability draw, the counters, and when the fault begins (`after`) and rests (`on`,
 * `off`): a fault repeats none of this.
 *
 * A type fills in what it needs; every callback may be NULL.
 * About bytes, once for each direction on which it acts (a stage in its chain):
 *   on_chunk    data arrived: call one verb, or none to let it pass
 *   on_end      FIN, CLOSE or RST arrived (NULL: it passes behind what is held). An RST
 *               has already discarded what this fault held
 *   on_begin    the fault begins in a direction of a connection, new or live
 *   on_wake     the time asked for by fault_wake_at has come
 *   on_change   its parameters changed (what it held is on its way, unless it stops
 *               reading or `keeps_held`)
 *   on_remove   it is healed or rests: what it holds leaves next, by itself; fault_end
 *               allowed
 *   on_gone     its direction is gone, with the connection or after on_remove: forget
 *               pointers to it. No verb; `f` and its state go when it returns
 * About connections:
 *   on_accept   a new connection: let it in, end it, or let it wait (fault_ask_at says
 *               when to ask again; it is also asked when a fault of the link changes and
 *               when another connection of the link has closed)
 *   on_dial     let in, the upstream is to be dialled now: LET, or WAIT: the dial hangs
 *               until the fault is gone, or the link's dial time-out ends it
 *   on_open     a connection that was open before the fault came or changed
 *   on_close    a connection is gone on which on_accept or on_open had answered LET
 * About the link:
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

/* The two ends of a connection. */
enum side { SIDE_CLIENT, SIDE_SERVER };

/* The choices of the common parameter `direction`. */
enum fault_direction { FAULT_BOTH, FAULT_TO_SERVER, FAULT_TO_CLIENT };

/* The parameters that every fault has (fault_common_params in plane.h). */
struct fault_common {
    double probability; /* of being on, drawn once per connection */
    int direction;      /* enum fault_direction */
    /* It begins this late: a time or bytes of the direction, counted on each connection
     * from where connection and fault met. A fault that decides about connections
     * alone takes a time only, counted from when it came to the link. */
    struct param_value after; /* DURATION | BYTES; kind 0: at once */
    /* It is on for `on_ns`, rests for `off_ns`, and so on, `times` times (0: for ever),
     * counted from when it came to the link (where `after` is the link's: from when it
     * began); then it rests. Both 0: always on. Resting is like being healed, but the
     * draws and what it remembers of connections stay. */
    uint64_t on_ns;
    uint64_t off_ns;
    int64_t times;
};

/* Hold until the fault is healed or changed; ask only when something has changed. */
#define FAULT_FOREVER UINT64_MAX

struct fault_type;

/* One fault on one direction of one connection, as its callbacks see it. */
struct fault {
    const struct fault_type *type;
    const void *conf; /* the parameters in force, shared by the whole link */
    void *shared; /* type->shared_size bytes, one for the link; zeroed when it comes */
    void *connection; /* type->connection_size bytes, one for the connection, the same
                       * for both directions and for the connection's events; zeroed
                       * when connection and fault meet. In the tests' rig too */
    void *state;      /* type->state_size bytes of this direction; zeroed at begin */
    struct rng rng;   /* its own stream; of the connection's in the connection's events */
    enum direction direction;
    uint64_t opened_ns; /* when the connection was accepted */
    const struct clock *clock;
    uint64_t ask_ns; /* of fault_ask_at: the seats' own; they set FAULT_FOREVER before */
};

enum fault_answer { FAULT_LET, FAULT_CLOSE_FIN, FAULT_CLOSE_RST, FAULT_WAIT };

struct fault_type {
    const char *name;
    const char *summary;
    const char *touches; /* what its count of `touched` counts, in words; NULL: chunks
                          * where it sees bytes, else connections */
    const struct param *params;
    size_t conf_size;
    size_t state_size;
    size_t connection_size;
    size_t shared_size;
    uint32_t buffer_bytes; /* while it is on a direction may hold this much, where the
                            * link names no bound; the largest counts. 0: no wish */
    bool stops_reading;    /* while it is on, its direction is not read at all */
    bool keeps_held;       /* a change of its parameters does not let go what it holds */
    bool writes_apart;     /* what leaves it is not joined with the next into one write */
    bool from_arrival;     /* wants arrived_ns to be the kernel's receive time */

    void (*on_chunk)(struct fault *f, struct chunk *c);
    void (*on_end)(struct fault *f, struct chunk *c);
    void (*on_begin)(struct fault *f);
    void (*on_wake)(struct fault *f);
    void (*on_change)(struct fault *f);
    void (*on_remove)(struct fault *f);
    void (*on_gone)(struct fault *f);
    enum fault_answer (*on_accept)(struct fault *f);
    enum fault_answer (*on_dial)(struct fault *f);
    enum fault_answer (*on_open)(struct fault *f);
    void (*on_close)(struct fault *f);
    bool (*closes_port)(const void *conf);
    bool (*spins)(const void *conf); /* its delays end exactly: the loop spins the last
                                      * 100 us of each */
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
 * unless it was dropped), CHUNK_RST instead of it. CHUNK_CLOSE like CHUNK_FIN, but when
 * it arrives the whole connection ends with FIN on both sides, whatever the other
 * direction still holds. What still comes is thrown away. */
void fault_end(struct fault *f, enum chunk_end how);

/* Call on_wake at `due_ns`; the last call counts; FAULT_FOREVER calls it off. */
void fault_wake_at(struct fault *f, uint64_t due_ns);

/* Of what is held with FAULT_FOREVER, let the first `bytes` go on, and an end that then
 * stands in front. From on_wake, on_change and on_chunk (after settling). Gives how many
 * bytes went; fewer when less is held or memory for a split is short. */
size_t fault_release(struct fault *f, size_t bytes);

/* Data bytes that this fault holds in this direction. */
size_t fault_held(const struct fault *f);

/* Count the chunk at hand as touched: for a fault that changes its bytes in place. */
void fault_touch(struct fault *f);

/* Of this connection the socket towards `gone` is closed with RST, the other side hears
 * nothing of it. When the fault is healed or rests, the side that was left is reset. */
void fault_abandon(struct fault *f, enum side gone);

/* From on_accept that answers WAIT: ask again at `due_ns` (or FAULT_FOREVER). */
void fault_ask_at(struct fault *f, uint64_t due_ns);

static inline uint64_t fault_now(const struct fault *f)
{
    return clock_now(f->clock);
}

/* Check what ranges cannot: the type's own check, and that a fault without bytes is not
 * given a direction or a number of bytes. Any thread. */
int fault_check_conf(const struct fault_type *type, const void *conf,
                     const struct fault_common *common, struct error *err);

/* Does it decide about bytes, too? Without, it has no stage in any chain. */
bool fault_has_bytes(const struct fault_type *type);

/* Its place in fault_type_at. */
int fault_type_index(const struct fault_type *type);

/* "both", "to_server", "to_client" */
const char *fault_direction_name(int direction);

/* Does a fault with this `direction` act on bytes that go `to`? */
bool fault_acts_on(const struct fault_type *type, const struct fault_common *common,
                   enum direction to);

#endif
