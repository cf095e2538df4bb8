/* publisher: what the three ways of publishing share: core, synchronous with PubAck,
 * asynchronous with a window. The load loop is workloads/publisher.c.
 *
 * A way sends message k when it is due and writes down its fate; `settle` ends what is
 * under way when the load has ended. Thread: the workload's, but for the PubAcks of
 * `async`, which come on a thread of the library and have an eye of their own. */
#ifndef STORMDRILL_CLIENT_PUBLISHER_H
#define STORMDRILL_CLIENT_PUBLISHER_H

#include "harness/client/attend.h"
#include "harness/client/stream.h"
#include "harness/client/uplink.h"

enum { PUBLISH_RETRY_FIRST_MS = 50, PUBLISH_RETRY_MOST_MS = 1000, MESSAGE_ID_BYTES = 64 };

struct publisher_conf {
    char *subject;
    char *stream;
    double rate;
    uint64_t size;
    int64_t messages;         /* 0: without end */
    uint64_t wait_for_ack_ns; /* 0: not given */
    int64_t window;           /* 0: not given */
    bool msg_id;
    json_t *header;
    bool drain;
    uint64_t retry_for_ns;
};

struct publisher;

struct publish_way {
    const char *name;
    int (*open)(struct publisher *publisher, struct error *err); /* may be NULL */
    /* Try message `number`, due at `intended_ns`, until its fate is known; or leave
     * publisher->next as it is: there was no room, ask again. Who sends it counts
     * publisher->next up. */
    void (*send)(struct publisher *publisher, uint64_t number, uint64_t intended_ns);
    /* Between messages and while waiting; may be NULL. */
    void (*tend)(struct publisher *publisher);
    /* The load has ended: wait for what is under way, until `until_ns`. May be NULL. */
    int (*settle)(struct publisher *publisher, uint64_t until_ns, struct error *err);
    void (*close)(
        struct publisher *publisher); /* the connection is closed; may be NULL */
};

struct publisher {
    struct session *session;
    const struct publisher_conf *conf;
    const struct publish_way *way;
    struct uplink uplink;
    jsCtx *js; /* NULL for core */
    char subject[SUBJECT_BYTES];
    uint32_t subject_number; /* in the load writer's table */
    uint64_t begin_ns;       /* message k is due at begin + k / rate */
    uint64_t next;           /* number of the next message */
    uint64_t stop_by_ns;     /* 0, or when everything must be settled */
    uint8_t *bytes;          /* one payload */
    void *state;             /* the way's own */
    struct attendance attendance;
};

extern const struct publish_way publish_core;
extern const struct publish_way publish_sync;
extern const struct publish_way publish_async;

/* What became of one try. */
enum publish_fate {
    PUBLISH_DONE,
    PUBLISH_UNKNOWN,   /* it may be stored: try again under the same id */
    PUBLISH_TRY_AGAIN, /* it is not stored, and that can pass */
    PUBLISH_REFUSED,   /* it is not stored, and trying again would not help */
};
enum publish_fate publish_judge(natsStatus status, jsErrCode code);

/* Write `attempted` and count it. */
void publisher_attempted(struct publisher *publisher, uint64_t number,
                         uint64_t intended_ns);

/* Write `publish_failed` on `eye` and count it. `last`: words when it is given up. */
void publisher_failed(struct publisher *publisher, struct eye *eye, uint64_t number,
                      uint64_t intended_ns, natsStatus status, enum publish_fate fate,
                      const char *last);

/* Write `acknowledged` on `eye` and count it. */
void publisher_acknowledged(struct publisher *publisher, struct eye *eye, uint64_t number,
                            uint64_t intended_ns, const jsPubAck *ack);

/* A message of the library with payload and the user's headers. Gives; NULL on failure,
 * then `*status` says why. */
natsMsg *publisher_message(struct publisher *publisher, uint64_t number,
                           uint64_t intended_ns, natsStatus *status);

/* "c3.0.17", or NULL where the user wants no id. Writes into `text`. */
const char *publisher_message_id(const struct publisher *publisher, uint64_t number,
                                 char text[MESSAGE_ID_BYTES]);

/* How long a message may be tried from `first_ns` on: retry_for, or less once the load is
 * told to stop. */
uint64_t publisher_try_until_ns(struct publisher *publisher, uint64_t first_ns);

/* Sleep for `ns`, less when the time for trying is over. Looks after the connection. */
void publisher_pause(struct publisher *publisher, uint64_t ns);

#endif
