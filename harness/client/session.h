/* session: one running built-in client: its environment, its eyes and its page.
 *
 *   session_open (environment, evidence, desk, watchdog) -> the workload's run() connects
 *   (uplink.h), says session_ready, works, attends to orders -> session_close
 *
 * One evidence writer per thread: `load` is the workload's own, `callbacks` the library's
 * callback thread's, further threads bring a `struct eye` of their own.
 * What the library is asked for stands between guard_enter and guard_leave. */
#ifndef STORMDRILL_CLIENT_SESSION_H
#define STORMDRILL_CLIENT_SESSION_H

#include <stdatomic.h>

#include "harness/client/desk.h"
#include "harness/client/status.h"
#include "harness/client/watchdog.h"
#include "harness/client/workload.h"
#include "harness/evidence/writer.h"
#include "proxy/base/clock.h"
#include "proxy/base/log.h"
#include "proxy/base/rng.h"

enum {
    SESSION_NAME_BYTES = 128,
    SESSION_SETTLE_MS = 10000, /* what a stop may take until everything is settled */
    SESSION_TICK_MS = 250,     /* how often an idle client looks after its connection */
};

/* What one thread needs to call the library and to write down what it saw. */
struct eye {
    struct session *session;
    struct writer *writer; /* NULL: no evidence is kept */
    struct guard guard;
};

struct session {
    const struct workload_type *type; /* NULL: the admin */
    char name[SESSION_NAME_BYTES];
    uint32_t number;
    uint32_t incarnation;
    const char *urls; /* NATS_URL */
    struct rng rng;   /* from the client's own seed */
    const struct clock *clock;
    struct log *log;
    struct connection_conf connection;
    struct reconnect_policy policy;
    void *conf; /* the workload's */
    struct client_status *status;
    struct evidence_home *home; /* NULL: no evidence is kept */
    struct eye load;
    struct eye callbacks;
    struct watchdog *watchdog;
    struct desk *desk;
    uint64_t began_ns;
    bool status_is_mapped;
    bool library_is_open;
};

/* Read the environment and start what every client has. `type` NULL: the admin. */
int session_open(struct session *session, const struct workload_type *type,
                 struct error *err);

/* End the library's threads: no callback comes after this. For a workload whose own
 * memory they may still look at; session_close does it otherwise. Connections must be
 * closed before. */
void session_end_library(struct session *session);

/* Leave as a program does that forgets to flush: evidence is closed, nothing else. */
_Noreturn void session_abandon(struct session *session, int code);

/* Ends the session's own threads and the library's; closes the evidence. */
void session_close(struct session *session);

/* A thread of your own: its writer is called c<number>.<incarnation>.<name>. */
int eye_open(struct eye *eye, struct session *session, const char *name,
             struct error *err);
void eye_close(struct eye *eye);

/* Append; time 0 is now. Does nothing where no evidence is kept. */
void eye_record(struct eye *eye, struct record record);
uint32_t eye_string(struct eye *eye, const char *text);
/* {"text": text}, plus {key: value} unless key is NULL. */
uint32_t eye_detail(struct eye *eye, const char *text, const char *key,
                    const char *value);

struct message_id session_message(const struct session *session, uint64_t number);

/* Count on the page; any thread. `counter` is a field of the status page. */
void session_count(struct session *session, _Atomic uint64_t *counter, uint64_t by);

void session_ready(struct session *session);
void session_failed(struct session *session, const struct error *err);

uint64_t session_now(const struct session *session);

/* Sleep for `ns`, less when somebody wants the load to end: then false. */
bool session_pause(struct session *session, uint64_t ns);

/* Answer in the words of an error (NULL or rc 0: it worked). Takes the errand. */
void session_answer(struct session *session, struct errand *errand, int rc,
                    const struct error *err);

#endif
