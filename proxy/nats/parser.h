/* parser: a stream of NATS frames, in any number of pieces.
 *
 *   while (size > 0) {
 *       step = frame_parser_step(&parser, bytes, size, &used);
 *       … what step says about the `used` bytes …
 *       bytes += used, size -= used;
 *   }
 *
 * It keeps a control line only while that line is cut by the end of a piece; payloads are
 * counted, never kept. What comes out says for each byte of the stream to which frame it
 * belongs, and a control line is known as a whole before its last byte is given away: so
 * whoever holds the bytes of an unfinished line can still decide about its frame.
 *
 * A stream that is not NATS (TLS, WebSocket, MQTT, garbage) or that falls out of step is
 * LOST, for good: its bytes mean nothing from there on.
 * Thread: a parser belongs to one thread. */
#ifndef STORMDRILL_NATS_PARSER_H
#define STORMDRILL_NATS_PARSER_H

#include "proxy/nats/frame.h"

enum {
    /* nats-server's own limit is 4 KiB by default (max_control_line); INFO and CONNECT
     * grow with the cluster's addresses and a JWT. */
    FRAME_LINE_BYTES_MAX = 64 * 1024,
    FRAME_OBJECT_BYTES_MAX = 1024 * 1024,
};

enum frame_step {
    FRAME_PARTIAL, /* part of a control line that is not whole yet; all of it was used */
    FRAME_LINE,    /* the rest of a control line: parser->frame tells of it. Its texts are
                    * good until the next step. Without payload the frame is over */
    FRAME_PAYLOAD, /* payload (or the CRLF behind it) of parser->frame; more comes */
    FRAME_END,     /* the last bytes of the payload and its CRLF: the frame is over */
    FRAME_LOST,    /* not NATS from parser->lost_at on; all of it was used */
    FRAME_NO_MEMORY, /* nothing was used; the connection cannot be followed */
};

struct frame_parser {
    struct frame frame;     /* the last line that was whole */
    uint64_t offset;        /* bytes used so far */
    uint64_t frames;        /* control lines so far */
    uint64_t lost_at;       /* offset from which on it is not NATS */
    uint64_t body_left;     /* of the payload and its CRLF; 0: a line is next */
    uint8_t *line;          /* a line that was cut: what came so far */
    uint32_t line_bytes;    /* in it */
    uint32_t line_capacity; /* of it */
    bool is_lost;
};

void frame_parser_init(struct frame_parser *parser);
void frame_parser_release(struct frame_parser *parser);

/* Look at `size` bytes (at least one; borrowed). Gives what the first `*used` of them
 * are. */
enum frame_step frame_parser_step(struct frame_parser *parser, const uint8_t *bytes,
                                  size_t size, size_t *used);

#endif
