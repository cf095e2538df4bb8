/* frame: the verbs of NATS' text protocols, and one control line taken apart.
 *
 * Client protocol in full (INFO CONNECT PUB HPUB SUB UNSUB MSG HMSG PING PONG +OK -ERR);
 * of the route and leaf protocols enough to keep in step (RS+ RS- RMSG LS+ LS- LMSG A+
 * A-): their arguments stay one text, their payload's size is known. Verbs in any case,
 * arguments separated by runs of blanks and tabs, as nats-server takes them.
 * Source: docs.nats.io, "Client Protocol" and "Cluster Protocol"; nats-server's parser.
 * Thread: works on its arguments alone. */
#ifndef STORMDRILL_NATS_FRAME_H
#define STORMDRILL_NATS_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* X(constant, text): in the order of the constants. */
#define FRAME_VERBS(X)                                                                   \
    X(FRAME_INFO, "INFO")                                                                \
    X(FRAME_CONNECT, "CONNECT")                                                          \
    X(FRAME_PUB, "PUB")                                                                  \
    X(FRAME_HPUB, "HPUB")                                                                \
    X(FRAME_SUB, "SUB")                                                                  \
    X(FRAME_UNSUB, "UNSUB")                                                              \
    X(FRAME_MSG, "MSG")                                                                  \
    X(FRAME_HMSG, "HMSG")                                                                \
    X(FRAME_PING, "PING")                                                                \
    X(FRAME_PONG, "PONG")                                                                \
    X(FRAME_OK, "+OK")                                                                   \
    X(FRAME_ERR, "-ERR")                                                                 \
    X(FRAME_RMSG, "RMSG")                                                                \
    X(FRAME_LMSG, "LMSG")                                                                \
    X(FRAME_RSUB, "RS+")                                                                 \
    X(FRAME_RUNSUB, "RS-")                                                               \
    X(FRAME_LSUB, "LS+")                                                                 \
    X(FRAME_LUNSUB, "LS-")                                                               \
    X(FRAME_ASUB, "A+")                                                                  \
    X(FRAME_AUNSUB, "A-")

enum frame_verb {
#define X(constant, text) constant,
    FRAME_VERBS(X)
#undef X
        FRAME_VERB_COUNT,
};

enum {
    /* A payload beyond this is no message: nats-server's own limit is 64 MiB. */
    FRAME_PAYLOAD_BYTES_MAX = 1 << 30,
};

/* Bytes of the control line; not ended by NUL. size 0: the argument is not there. */
struct frame_text {
    const char *at;
    uint32_t size;
};

/* One control line. The texts point into the line that was read. */
struct frame {
    enum frame_verb verb;
    bool has_payload;       /* PUB HPUB MSG HMSG RMSG LMSG, also when it is empty */
    uint32_t line_bytes;    /* of the control line, its end included */
    uint32_t header_bytes;  /* of the payload, the NATS/1.0 headers; 0: none */
    uint64_t payload_bytes; /* headers included, the CRLF behind it not */
    uint64_t number;        /* of the frame in its direction, from 0 */
    uint64_t offset;        /* of its first byte in its direction */
    struct frame_text subject;
    struct frame_text reply;
    struct frame_text queue; /* of SUB */
    struct frame_text sid;   /* of SUB UNSUB MSG HMSG */
    struct frame_text args;  /* everything behind the verb: JSON, an error's words */
};

/* "HPUB" */
const char *frame_verb_name(enum frame_verb verb);

/* Could the first `size` bytes of a line be the beginning of a verb? A stream that is
 * not NATS shows it in its first bytes; nobody waits for its first line to end. */
bool frame_may_begin(const uint8_t *bytes, size_t size);

/* Take a whole line apart, without the CRLF or LF that ended it. false: it is no NATS
 * line, or its sizes cannot be. Sets all but line_bytes, number and offset. */
bool frame_read(struct frame *frame, const uint8_t *line, size_t size);

#endif
