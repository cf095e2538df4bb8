/* jetstream: tokens and small JSON objects. */
#include "proxy/nats/jetstream.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

enum {
    ACK_TOKENS_OLD = 9,  /* $JS ACK stream consumer delivered sseq cseq time pending */
    ACK_TOKENS_NEW = 11, /* … with domain and account hash behind ACK */
    ACK_TOKENS_MAX = 12, /* … and a random token at the end */
};

static bool is_text(struct frame_text text, const char *wanted)
{
    return text.size == strlen(wanted) && memcmp(text.at, wanted, text.size) == 0;
}

/* How many tokens; more than there is room for is ACK_TOKENS_MAX + 1. */
static int cut(struct frame_text subject, struct frame_text *tokens)
{
    const char *at = subject.at;
    const char *end = subject.at + subject.size;
    int count = 0;

    for (;;) {
        const char *dot = at < end ? memchr(at, '.', (size_t)(end - at)) : NULL;
        const char *stop = dot != NULL ? dot : end;

        if (count == ACK_TOKENS_MAX)
            return count + 1;
        tokens[count++] = (struct frame_text){at, (uint32_t)(stop - at)};
        if (dot == NULL)
            return count;
        at = dot + 1;
    }
}

static bool read_number(struct frame_text text, uint64_t *out)
{
    uint64_t value = 0;

    if (text.size == 0 || text.size > 20)
        return false;
    for (uint32_t i = 0; i < text.size; i++) {
        uint64_t digit = (uint64_t)(text.at[i] - '0');

        if (text.at[i] < '0' || text.at[i] > '9' || value > (UINT64_MAX - digit) / 10)
            return false;
        value = value * 10 + digit;
    }
    *out = value;
    return true;
}

bool delivery_read(struct delivery *delivery, struct frame_text subject)
{
    struct frame_text tokens[ACK_TOKENS_MAX];
    const struct frame_text *at = tokens + 2;
    uint64_t time_ns;
    int count;

    /* Most replies are inboxes: told apart by one comparison. */
    if (subject.size < 8 || memcmp(subject.at, "$JS.ACK.", 8) != 0)
        return false;
    count = cut(subject, tokens);
    *delivery = (struct delivery){.delivered = 0};
    if (count >= ACK_TOKENS_NEW && count <= ACK_TOKENS_MAX) {
        if (!is_text(at[0], "_"))
            delivery->domain = at[0];
        at += 2;
    } else if (count != ACK_TOKENS_OLD) {
        return false;
    }
    delivery->stream = at[0];
    delivery->consumer = at[1];
    if (!read_number(at[2], &delivery->delivered) ||
        !read_number(at[3], &delivery->stream_sequence) ||
        !read_number(at[4], &delivery->consumer_sequence) ||
        !read_number(at[5], &time_ns) || !read_number(at[6], &delivery->pending))
        return false;
    delivery->time_ns = (int64_t)time_ns;
    return delivery->stream.size > 0 && delivery->consumer.size > 0;
}

/* nats-server looks at the beginning: "-NAK {"delay":…}", "+NXT 5". */
enum ack_kind ack_kind_read(const void *payload, size_t size)
{
    static const struct {
        const char *text;
        enum ack_kind kind;
    } kinds[] = {
        {"+ACK", ACK_ACK},  {"-NAK", ACK_NAK},   {"+WPI", ACK_PROGRESS},
        {"+NXT", ACK_NEXT}, {"+TERM", ACK_TERM},
    };

    if (size == 0)
        return ACK_ACK;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        size_t length = strlen(kinds[i].text);

        if (size >= length && memcmp(payload, kinds[i].text, length) == 0)
            return kinds[i].kind;
    }
    return ACK_UNKNOWN;
}

static void read_error(struct pub_ack *ack, const json_t *error)
{
    const json_t *code = json_object_get(error, "err_code");

    ack->is_error = true;
    if (!json_is_integer(code))
        code = json_object_get(error, "code");
    ack->error_code = json_integer_value(code);
}

bool pub_ack_read(struct pub_ack *ack, const void *payload, size_t size)
{
    json_t *object;
    const json_t *stream;
    const json_t *sequence;
    const json_t *error;
    bool is_ack;

    *ack = (struct pub_ack){.sequence = 0};
    /* Requests have other answers: what does not begin like JSON is not parsed. */
    if (size < 2 || ((const char *)payload)[0] != '{')
        return false;
    object = json_loadb(payload, size, 0, NULL);
    stream = json_object_get(object, "stream");
    sequence = json_object_get(object, "seq");
    error = json_object_get(object, "error");
    is_ack = json_is_string(stream) && json_is_integer(sequence) &&
             json_integer_value(sequence) >= 0;
    if (json_is_object(error)) {
        read_error(ack, error);
        is_ack = true;
    } else if (is_ack) {
        ack->sequence = (uint64_t)json_integer_value(sequence);
        ack->is_duplicate = json_is_true(json_object_get(object, "duplicate"));
    }
    if (is_ack && json_is_string(stream))
        snprintf(ack->stream, sizeof ack->stream, "%s", json_string_value(stream));
    json_decref(object);
    return is_ack;
}
