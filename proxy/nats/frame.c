/* frame: verb, arguments, sizes.
 *
 * The verb is found by its first letters; then its arguments are cut at blanks, and each
 * verb says which of them is what. Sizes stand last, so the optional ones before them
 * are told by the count. */
#include "proxy/nats/frame.h"

#include <assert.h>
#include <string.h>

/* A route's HMSG names its queue groups too. */
enum { ARGS_MAX = 16 };

static const struct {
    const char *text;
    uint8_t size;
} verbs[FRAME_VERB_COUNT] = {
#define X(constant, text) [constant] = {text, sizeof text - 1},
    FRAME_VERBS(X)
#undef X
};

/* The arguments of a line; count is -1 when there are more than a verb can have. */
struct args {
    struct frame_text at[ARGS_MAX];
    int count;
};

const char *frame_verb_name(enum frame_verb verb)
{
    assert((unsigned)verb < FRAME_VERB_COUNT);
    return verbs[verb].text;
}

static uint8_t upper(uint8_t c)
{
    return c >= 'a' && c <= 'z' ? (uint8_t)(c - ('a' - 'A')) : c;
}

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t';
}

/* Do the first `size` bytes spell the verb's first letters? */
static bool spells(enum frame_verb verb, const uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (upper(bytes[i]) != (uint8_t)verbs[verb].text[i])
            return false;
    return true;
}

/* The verbs that begin with this letter, most frequent first: a message costs one
 * comparison of two to five bytes. Ends with FRAME_VERB_COUNT. */
static const uint8_t *candidates(uint8_t letter)
{
    static const uint8_t of_m[] = {FRAME_MSG, FRAME_VERB_COUNT};
    static const uint8_t of_p[] = {FRAME_PUB, FRAME_PING, FRAME_PONG, FRAME_VERB_COUNT};
    static const uint8_t of_h[] = {FRAME_HMSG, FRAME_HPUB, FRAME_VERB_COUNT};
    static const uint8_t of_s[] = {FRAME_SUB, FRAME_VERB_COUNT};
    static const uint8_t of_u[] = {FRAME_UNSUB, FRAME_VERB_COUNT};
    static const uint8_t of_i[] = {FRAME_INFO, FRAME_VERB_COUNT};
    static const uint8_t of_c[] = {FRAME_CONNECT, FRAME_VERB_COUNT};
    static const uint8_t of_plus[] = {FRAME_OK, FRAME_VERB_COUNT};
    static const uint8_t of_minus[] = {FRAME_ERR, FRAME_VERB_COUNT};
    static const uint8_t of_r[] = {FRAME_RMSG, FRAME_RSUB, FRAME_RUNSUB,
                                   FRAME_VERB_COUNT};
    static const uint8_t of_l[] = {FRAME_LMSG, FRAME_LSUB, FRAME_LUNSUB,
                                   FRAME_VERB_COUNT};
    static const uint8_t of_a[] = {FRAME_ASUB, FRAME_AUNSUB, FRAME_VERB_COUNT};
    static const uint8_t none[] = {FRAME_VERB_COUNT};

    switch (upper(letter)) {
    case 'M':
        return of_m;
    case 'P':
        return of_p;
    case 'H':
        return of_h;
    case 'S':
        return of_s;
    case 'U':
        return of_u;
    case 'I':
        return of_i;
    case 'C':
        return of_c;
    case '+':
        return of_plus;
    case '-':
        return of_minus;
    case 'R':
        return of_r;
    case 'L':
        return of_l;
    case 'A':
        return of_a;
    default:
        return none;
    }
}

/* Behind the verb stands a blank, the end of the line, or nothing yet. */
bool frame_may_begin(const uint8_t *bytes, size_t size)
{
    if (size == 0)
        return true;
    for (const uint8_t *v = candidates(bytes[0]); *v != FRAME_VERB_COUNT; v++) {
        size_t known = verbs[*v].size < size ? verbs[*v].size : size;

        if (!spells((enum frame_verb) * v, bytes, known))
            continue;
        if (size == known || is_blank(bytes[known]) || bytes[known] == '\r' ||
            bytes[known] == '\n')
            return true;
    }
    return false;
}

/* FRAME_VERB_COUNT: none. */
static enum frame_verb find_verb(const uint8_t *line, size_t size)
{
    if (size == 0)
        return FRAME_VERB_COUNT;
    for (const uint8_t *v = candidates(line[0]); *v != FRAME_VERB_COUNT; v++) {
        size_t length = verbs[*v].size;

        if (size >= length && spells((enum frame_verb) * v, line, length) &&
            (size == length || is_blank(line[length])))
            return (enum frame_verb) * v;
    }
    return FRAME_VERB_COUNT;
}

static void cut_args(struct args *args, struct frame_text text)
{
    const char *at = text.at;
    const char *end = text.at + text.size;

    args->count = 0;
    for (;;) {
        const char *begin;

        while (at < end && is_blank((uint8_t)*at))
            at++;
        if (at == end)
            return;
        if (args->count == ARGS_MAX) {
            args->count = -1;
            return;
        }
        begin = at;
        while (at < end && !is_blank((uint8_t)*at))
            at++;
        args->at[args->count++] =
            (struct frame_text){.at = begin, .size = (uint32_t)(at - begin)};
    }
}

/* Digits only, and no more than a payload may have. */
static bool read_size(struct frame_text text, uint64_t *out)
{
    uint64_t value = 0;

    if (text.size == 0 || text.size > 10)
        return false;
    for (uint32_t i = 0; i < text.size; i++) {
        if (text.at[i] < '0' || text.at[i] > '9')
            return false;
        value = value * 10 + (uint64_t)(text.at[i] - '0');
    }
    *out = value;
    return value <= FRAME_PAYLOAD_BYTES_MAX;
}

/* The last argument, or the last two with headers. Takes them off the count. */
static bool take_sizes(struct frame *frame, struct args *args, bool has_headers)
{
    uint64_t headers = 0;

    frame->has_payload = true;
    if (args->count < 1 + has_headers ||
        !read_size(args->at[--args->count], &frame->payload_bytes))
        return false;
    if (has_headers && !read_size(args->at[--args->count], &headers))
        return false;
    frame->header_bytes = (uint32_t)headers;
    return headers <= frame->payload_bytes;
}

/* PUB subject [reply] size; HPUB subject [reply] headers total */
static bool read_pub(struct frame *frame, struct args *args)
{
    if (!take_sizes(frame, args, frame->verb == FRAME_HPUB))
        return false;
    if (args->count < 1 || args->count > 2)
        return false;
    frame->subject = args->at[0];
    if (args->count == 2)
        frame->reply = args->at[1];
    return true;
}

/* MSG subject sid [reply] size; HMSG subject sid [reply] headers total. Between brokers
 * HMSG has other arguments in front; its sizes stand where they always do. */
static bool read_msg(struct frame *frame, struct args *args)
{
    if (!take_sizes(frame, args, frame->verb == FRAME_HMSG))
        return false;
    if (args->count < 2 || args->count > 3)
        return frame->verb == FRAME_HMSG && args->count >= 1;
    frame->subject = args->at[0];
    frame->sid = args->at[1];
    if (args->count == 3)
        frame->reply = args->at[2];
    return true;
}

/* SUB subject [queue] sid */
static bool read_sub(struct frame *frame, const struct args *args)
{
    if (args->count < 2 || args->count > 3)
        return false;
    frame->subject = args->at[0];
    if (args->count == 3)
        frame->queue = args->at[1];
    frame->sid = args->at[args->count - 1];
    return true;
}

/* UNSUB sid [max] */
static bool read_unsub(struct frame *frame, const struct args *args)
{
    if (args->count < 1 || args->count > 2)
        return false;
    frame->sid = args->at[0];
    return true;
}

/* RMSG account subject [+|| reply queues…] size, LMSG the same without an account: any
 * number of queue groups, so only the last argument is looked at. */
static bool read_between_brokers(struct frame *frame)
{
    struct frame_text text = frame->args;
    uint32_t at;

    while (text.size > 0 && is_blank((uint8_t)text.at[text.size - 1]))
        text.size--;
    at = text.size;
    while (at > 0 && !is_blank((uint8_t)text.at[at - 1]))
        at--;
    frame->has_payload = true;
    return at > 0 && read_size((struct frame_text){text.at + at, text.size - at},
                               &frame->payload_bytes);
}

/* INFO and CONNECT carry one JSON object. */
static bool has_object(struct frame_text text)
{
    for (uint32_t i = 0; i < text.size; i++)
        if (!is_blank((uint8_t)text.at[i]))
            return text.at[i] == '{';
    return false;
}

bool frame_read(struct frame *frame, const uint8_t *line, size_t size)
{
    enum frame_verb verb = find_verb(line, size);
    struct args args;

    if (verb == FRAME_VERB_COUNT)
        return false;
    *frame = (struct frame){.verb = verb};
    frame->args.at = (const char *)line + verbs[verb].size;
    frame->args.size = (uint32_t)(size - verbs[verb].size);
    switch (verb) {
    case FRAME_INFO:
    case FRAME_CONNECT:
        return has_object(frame->args);
    case FRAME_RMSG:
    case FRAME_LMSG:
        return read_between_brokers(frame);
    case FRAME_PUB:
    case FRAME_HPUB:
        cut_args(&args, frame->args);
        return read_pub(frame, &args);
    case FRAME_MSG:
    case FRAME_HMSG:
        cut_args(&args, frame->args);
        return read_msg(frame, &args);
    case FRAME_SUB:
        cut_args(&args, frame->args);
        return read_sub(frame, &args);
    case FRAME_UNSUB:
        cut_args(&args, frame->args);
        return read_unsub(frame, &args);
    default:
        return true;
    }
}
