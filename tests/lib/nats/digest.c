/* digest: drives a parser over a stream and hashes what it says. */
#include "digest.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static void mix(struct digest *digest, uint64_t value)
{
    digest->hash = (digest->hash ^ value) * 0x100000001b3ull;
    digest->hash ^= digest->hash >> 29;
}

static void mix_text(struct digest *digest, struct frame_text text)
{
    mix(digest, text.size);
    for (uint32_t i = 0; i < text.size; i++)
        mix(digest, (uint8_t)text.at[i]);
}

static void take_line(struct digest *digest, const struct frame *frame)
{
    digest->lines++;
    mix(digest, frame->verb);
    mix(digest, frame->has_payload);
    mix(digest, frame->line_bytes);
    mix(digest, frame->header_bytes);
    mix(digest, frame->payload_bytes);
    mix(digest, frame->number);
    mix(digest, frame->offset);
    mix_text(digest, frame->subject);
    mix_text(digest, frame->reply);
    mix_text(digest, frame->queue);
    mix_text(digest, frame->sid);
    mix_text(digest, frame->args);
}

/* One step's meaning; the steps of a payload are as many as the pieces, so only their
 * end counts. */
static void take(struct digest *digest, const struct frame_parser *parser,
                 enum frame_step step)
{
    if (step == FRAME_LINE)
        take_line(digest, &parser->frame);
    if (step == FRAME_END || (step == FRAME_LINE && !parser->frame.has_payload)) {
        digest->ends++;
        mix(digest, parser->offset);
    }
}

struct digest digest_read(const uint8_t *bytes, size_t size, size_t (*cut)(void *arg),
                          void *arg)
{
    struct digest digest = {.hash = 0xcbf29ce484222325ull};
    struct frame_parser parser;
    size_t done = 0;

    frame_parser_init(&parser);
    while (done < size) {
        size_t piece = cut != NULL ? cut(arg) : size;
        /* Exactly as long as it says: what reads behind the end is found by ASan. */
        uint8_t *copy;
        size_t at = 0;

        if (piece > size - done)
            piece = size - done;
        copy = malloc(piece);
        assert(copy != NULL);
        memcpy(copy, bytes + done, piece);
        while (at < piece) {
            size_t used = SIZE_MAX;
            enum frame_step step =
                frame_parser_step(&parser, copy + at, piece - at, &used);

            assert(step != FRAME_NO_MEMORY);
            assert(used > 0);
            assert(used <= piece - at);
            at += used;
            take(&digest, &parser, step);
        }
        assert(at == piece);
        free(copy);
        done += piece;
        assert(parser.offset == done);
    }
    digest.partial = parser.line_bytes;
    digest.body_left = parser.body_left;
    digest.lost_at = parser.lost_at;
    frame_parser_release(&parser);
    return digest;
}
