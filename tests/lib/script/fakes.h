/* fakes: a cluster, clients, a plane and an evidence writer that only take notes.
 *
 * The script layer calls these by name; a test program that links this library in front
 * of the real ones gets the fakes, so the language is tested without a broker, a socket
 * or a process. Every verb is answered later, on the loop, as the real ones do. What was
 * asked and what was recorded stands in two texts, one line each:
 *   deeds   "kill n1", "add latency link 11 {"base": "20ms"}", "heal fault 7"
 *   records "phase leader killed", "expectation held 1 {…}" */
#ifndef STORMDRILL_TESTS_SCRIPT_FAKES_H
#define STORMDRILL_TESTS_SCRIPT_FAKES_H

#include <uv.h>

#include "harness/client/client.h"
#include "harness/context.h"
#include "proxy/base/error.h"

enum {
    FAKE_TEXT_BYTES = 64 * 1024,
    FAKE_NODES = 2,
    FAKE_CLIENTS_MAX = 32,
    FAKE_ANSWERS_MAX = 64,
};

/* An answer on its way. From a pool, so that a failing allocation never hits a fake. */
struct fake_answer {
    uv_timer_t timer;
    struct fakes *fakes;
    bool taken;
    node_done_fn *verb; /* one of the three */
    plane_reply_fn *plane;
    admin_done_fn *admin;
    void *arg;
    int rc;
    struct plane_reply reply;
};

struct fakes {
    uv_loop_t *loop;
    struct context context;
    struct cluster *cluster;
    struct crew *crew;
    char deeds[FAKE_TEXT_BYTES];
    char records[FAKE_TEXT_BYTES];

    bool connected;      /* what client_is_connected says */
    int await_rc;        /* how await_* end: 0, E_TIMEOUT, E_LIMIT */
    int create_rc;       /* how a client's start ends */
    int add_rc;          /* how a fault's beginning ends, */
    uint32_t add_fails;  /* on this link */
    int verb_rc;         /* how node and client verbs end, */
    uint32_t verb_fails; /* of this client only; 0: of all */
    uint32_t apart;      /* the one client that is not connected; 0: none */
    uint32_t odd_one;    /* the one client whose await_* ends with odd_rc */
    int odd_rc;
    bool silent;       /* nothing is answered until fakes_answer() */
    bool plane_silent; /* the same for the plane only */
    int waiting;       /* answers held back */
    struct fake_answer answers[FAKE_ANSWERS_MAX];
};

struct fakes *fakes_create(uv_loop_t *loop, uint64_t seed);
void fakes_destroy(struct fakes *fakes); /* after the loop has run empty */

/* Give the answers that were held back. */
void fakes_answer(struct fakes *fakes);

#endif
