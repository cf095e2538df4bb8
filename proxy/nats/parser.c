/* parser: line -> (payload ->) line -> …
 *
 * All well, in one piece: the line's end is found by memchr, the line is read where it
 * lies, the payload is counted off.
 * A line is cut:  its parts are copied together; the frame's texts then point there.
 * Not NATS:       noticed with the first bytes that no verb begins with, by a line that
 *                 cannot be read, by a payload that does not end with CRLF. */
#include "proxy/nats/parser.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { CRLF_BYTES = 2, LINE_FIRST_BYTES = 512, VERB_LOOK_BYTES = 8 };

void frame_parser_init(struct frame_parser *parser)
{
    *parser = (struct frame_parser){.lost_at = UINT64_MAX};
}

void frame_parser_release(struct frame_parser *parser)
{
    free(parser->line);
    frame_parser_init(parser);
}

static enum frame_step pass_over(struct frame_parser *parser, size_t size, size_t *used)
{
    parser->offset += size;
    *used = size;
    return FRAME_LOST;
}

/* From `at` on it is not NATS; the bytes at hand end behind it. */
static enum frame_step lose(struct frame_parser *parser, uint64_t at, size_t size,
                            size_t *used)
{
    parser->is_lost = true;
    parser->lost_at = at;
    free(parser->line);
    parser->line = NULL;
    parser->line_bytes = 0;
    parser->line_capacity = 0;
    return pass_over(parser, size, used);
}

/* Where the line at hand begins. */
static uint64_t line_begin(const struct frame_parser *parser)
{
    return parser->offset - parser->line_bytes;
}

/* Room for `more` bytes of a cut line. false: memory is short. */
static bool reserve(struct frame_parser *parser, uint32_t more)
{
    uint32_t capacity =
        parser->line_capacity > 0 ? parser->line_capacity : LINE_FIRST_BYTES;
    uint8_t *line;

    while (capacity < parser->line_bytes + more)
        capacity *= 2;
    if (capacity == parser->line_capacity)
        return true;
    line = realloc(parser->line, capacity);
    if (line == NULL)
        return false;
    parser->line = line;
    parser->line_capacity = capacity;
    return true;
}

/* How long the line that begins so may become. */
static uint32_t line_limit(const uint8_t *line, size_t size)
{
    bool is_object = size > 0 && (line[0] == 'I' || line[0] == 'i' || line[0] == 'C' ||
                                  line[0] == 'c');

    return is_object ? FRAME_OBJECT_BYTES_MAX : FRAME_LINE_BYTES_MAX;
}

/* The piece ends within a line: keep what came of it. */
static enum frame_step keep_part(struct frame_parser *parser, const uint8_t *bytes,
                                 size_t size, size_t *used)
{
    uint32_t limit = line_limit(parser->line_bytes > 0 ? parser->line : bytes,
                                parser->line_bytes > 0 ? parser->line_bytes : size);
    uint64_t begin = line_begin(parser);

    if (size > limit || parser->line_bytes + size > limit)
        return lose(parser, begin, size, used);
    if (!reserve(parser, (uint32_t)size)) {
        *used = 0;
        return FRAME_NO_MEMORY;
    }
    memcpy(parser->line + parser->line_bytes, bytes, size);
    parser->line_bytes += (uint32_t)size;
    if (!frame_may_begin(parser->line, parser->line_bytes < VERB_LOOK_BYTES
                                           ? parser->line_bytes
                                           : VERB_LOOK_BYTES))
        return lose(parser, begin, size, used);
    parser->offset += size;
    *used = size;
    return FRAME_PARTIAL;
}

/* `line` is whole, its LF included. */
static enum frame_step take_line(struct frame_parser *parser, const uint8_t *line,
                                 size_t line_size, size_t size, size_t *used)
{
    size_t text_size = line_size - 1;
    uint64_t begin = parser->offset + size - line_size;

    if (text_size > 0 && line[text_size - 1] == '\r')
        text_size--;
    if (!frame_read(&parser->frame, line, text_size))
        return lose(parser, begin, size, used);
    parser->frame.line_bytes = (uint32_t)line_size;
    parser->frame.number = parser->frames++;
    parser->frame.offset = begin;
    if (parser->frame.has_payload)
        parser->body_left = parser->frame.payload_bytes + CRLF_BYTES;
    parser->offset += size;
    parser->line_bytes = 0;
    *used = size;
    return FRAME_LINE;
}

static enum frame_step step_line(struct frame_parser *parser, const uint8_t *bytes,
                                 size_t size, size_t *used)
{
    const uint8_t *end = memchr(bytes, '\n', size);
    size_t part = end != NULL ? (size_t)(end - bytes) + 1 : size;

    /* The last line was copied together: its texts are not needed any more. */
    if (end == NULL)
        return keep_part(parser, bytes, size, used);
    if (parser->line_bytes == 0) {
        if (part > line_limit(bytes, size))
            return lose(parser, parser->offset, part, used);
        return take_line(parser, bytes, part, part, used);
    }
    if (parser->line_bytes + part > line_limit(parser->line, parser->line_bytes))
        return lose(parser, line_begin(parser), part, used);
    if (!reserve(parser, (uint32_t)part)) {
        *used = 0;
        return FRAME_NO_MEMORY;
    }
    memcpy(parser->line + parser->line_bytes, bytes, part);
    return take_line(parser, parser->line, parser->line_bytes + part, part, used);
}

/* The payload is nobody's business here; the CRLF behind it keeps us in step. */
static enum frame_step step_body(struct frame_parser *parser, const uint8_t *bytes,
                                 size_t size, size_t *used)
{
    static const char crlf[] = "\r\n";

    if (parser->body_left > CRLF_BYTES) {
        uint64_t payload = parser->body_left - CRLF_BYTES;

        if (size <= payload) {
            parser->body_left -= size;
            parser->offset += size;
            *used = size;
            return FRAME_PAYLOAD;
        }
        *used = (size_t)payload;
    } else {
        *used = 0;
    }
    for (uint64_t left = parser->body_left - *used; left > 0 && *used < size; left--) {
        /* Lost from the first byte that should not be there. */
        if (bytes[*used] != (uint8_t)crlf[CRLF_BYTES - left])
            return lose(parser, parser->offset + *used, size, used);
        ++*used;
    }
    parser->body_left -= *used;
    parser->offset += *used;
    return parser->body_left == 0 ? FRAME_END : FRAME_PAYLOAD;
}

enum frame_step frame_parser_step(struct frame_parser *parser, const uint8_t *bytes,
                                  size_t size, size_t *used)
{
    assert(size > 0);
    if (parser->is_lost)
        return pass_over(parser, size, used);
    if (parser->body_left > 0)
        return step_body(parser, bytes, size, used);
    return step_line(parser, bytes, size, used);
}
