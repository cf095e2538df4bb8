/* bench_frames: how fast the parser reads, in bytes of wire and messages per second.
 *
 * A stream of messages in pieces of 64 KiB, as the proxy reads them, again and again;
 * medians of ROUNDS. The goal (issue 4): 1.5 GB/s on one core with 128-byte messages.
 * The floor beside it: a memchr for each line and a jump over each payload. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/base/clock.h"
#include "proxy/nats/parser.h"

enum {
    PIECE_BYTES = 64 * 1024,
    STREAM_BYTES = 32 * PIECE_BYTES,
    PASSES = 40,
    ROUNDS = 9
};

struct stream {
    uint8_t *bytes;
    size_t size;
    uint64_t messages;
};

static struct stream make_stream(const char *line, size_t payload_bytes)
{
    struct stream stream = {.bytes = malloc(STREAM_BYTES)};
    size_t line_bytes = strlen(line);

    assert(stream.bytes != NULL);
    while (stream.size + line_bytes + payload_bytes + 2 <= STREAM_BYTES) {
        memcpy(stream.bytes + stream.size, line, line_bytes);
        stream.size += line_bytes;
        memset(stream.bytes + stream.size, 'x', payload_bytes);
        stream.size += payload_bytes;
        memcpy(stream.bytes + stream.size, "\r\n", 2);
        stream.size += 2;
        stream.messages++;
    }
    return stream;
}

static uint64_t parse_once(const struct stream *stream)
{
    struct frame_parser parser;
    uint64_t ends = 0;

    frame_parser_init(&parser);
    for (size_t at = 0; at < stream->size; at += PIECE_BYTES) {
        size_t left = stream->size - at < PIECE_BYTES ? stream->size - at : PIECE_BYTES;
        const uint8_t *bytes = stream->bytes + at;

        while (left > 0) {
            size_t used;
            enum frame_step step = frame_parser_step(&parser, bytes, left, &used);

            ends += step == FRAME_END;
            bytes += used;
            left -= used;
        }
    }
    assert(!parser.is_lost);
    frame_parser_release(&parser);
    return ends;
}

static uint64_t floor_once(const struct stream *stream, size_t payload_bytes)
{
    const uint8_t *at = stream->bytes;
    const uint8_t *end = stream->bytes + stream->size;
    uint64_t messages = 0;

    while (at < end) {
        at = memchr(at, '\n', (size_t)(end - at));
        at += 1 + payload_bytes + 2;
        messages++;
    }
    return messages;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;

    return (x > y) - (x < y);
}

static double median(double *values)
{
    qsort(values, ROUNDS, sizeof *values, compare);
    return values[ROUNDS / 2];
}

static double measure(const char *name, const char *line, size_t payload_bytes)
{
    struct stream stream = make_stream(line, payload_bytes);
    double parser_gb[ROUNDS];
    double floor_gb[ROUNDS];
    double parsed;
    double gb = (double)stream.size * PASSES / 1e9;

    for (int round = 0; round < ROUNDS; round++) {
        uint64_t begin_ns = clock_now(clock_real());
        uint64_t middle_ns;
        uint64_t ends = 0;

        for (int i = 0; i < PASSES; i++)
            ends += parse_once(&stream);
        middle_ns = clock_now(clock_real());
        for (int i = 0; i < PASSES; i++)
            ends += floor_once(&stream, payload_bytes);
        assert(ends == 2 * PASSES * stream.messages);
        parser_gb[round] = gb * 1e9 / (double)(middle_ns - begin_ns);
        floor_gb[round] = gb * 1e9 / (double)(clock_now(clock_real()) - middle_ns);
    }
    parsed = median(parser_gb);
    printf("%-28s %6.2f GB/s  %6.2f M messages/s   floor %6.2f GB/s\n", name, parsed,
           parsed * 1e3 * (double)stream.messages / (double)stream.size,
           median(floor_gb));
    free(stream.bytes);
    return parsed;
}

int main(void)
{
    double small;

    measure("PUB, 16 bytes", "PUB orders.new 16\r\n", 16);
    small = measure("PUB, 128 bytes", "PUB orders.new 128\r\n", 128);
    measure("MSG with reply, 128 bytes",
            "MSG orders.new 7 $JS.ACK.ORDERS.worker.1.2.3.1700000000000000000.5 128\r\n",
            128);
    measure("HPUB, 128 bytes", "HPUB orders.new _INBOX.abcdefgh.1 31 128\r\n", 128);
    measure("PUB, 1 KiB", "PUB orders.new 1024\r\n", 1024);
    measure("PUB, 64 KiB", "PUB orders.new 65536\r\n", 65536);
    printf("goal: 1.5 GB/s with 128-byte messages: %s (%.2f)\n",
           small >= 1.5 ? "met" : "MISSED", small);
    return small >= 1.5 ? 0 : 1;
}
