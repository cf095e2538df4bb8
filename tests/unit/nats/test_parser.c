/* parser: any split of any stream says the same; what is not NATS is noticed at once. */
#include "proxy/nats/parser.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proxy/base/rng.h"
#include "tests/lib/memory/memory.h"
#include "tests/lib/nats/digest.h"

enum { STREAM_BYTES_MAX = 1 << 16, RANDOM_STREAMS = 400, SPLITS_EACH = 25 };

struct stream {
    uint8_t bytes[STREAM_BYTES_MAX];
    size_t size;
    uint64_t frames;
};

static size_t cut_random(void *arg)
{
    struct rng *rng = arg;

    /* Mostly tiny pieces, some that hold many frames. */
    return 1 + rng_below(rng, rng_below(rng, 4) == 0 ? 3000 : 12);
}

static size_t cut_one(void *arg)
{
    (void)arg;
    return 1;
}

static void expect_same(struct digest a, struct digest b)
{
    assert_true(a.hash == b.hash);
    assert_int_equal(a.lines, b.lines);
    assert_int_equal(a.ends, b.ends);
    assert_int_equal(a.partial, b.partial);
    assert_int_equal(a.body_left, b.body_left);
    assert_true(a.lost_at == b.lost_at);
}

static void add(struct stream *stream, const void *bytes, size_t size)
{
    assert_true(stream->size + size <= sizeof stream->bytes);
    memcpy(stream->bytes + stream->size, bytes, size);
    stream->size += size;
}

static void add_text(struct stream *stream, const char *text)
{
    add(stream, text, strlen(text));
}

/* Payloads are made of what a parser could take for something: line ends and verbs. */
static void add_payload(struct stream *stream, struct rng *rng, size_t size)
{
    static const char tempting[] = "\r\nPING\r\nMSG a 1 5\r\n+OK\r\n\0\xff";

    for (size_t i = 0; i < size; i++)
        add(stream, &tempting[rng_below(rng, sizeof tempting)], 1);
    add_text(stream, "\r\n");
}

static void add_frame(struct stream *stream, struct rng *rng)
{
    static const char *const plain[] = {
        "PING\r\n",
        "PONG\r\n",
        "+OK\r\n",
        "ping \r\n",
        "SUB feas.a  1\r\n",
        "UNSUB 1 5\r\n",
        "-ERR 'No'\r\n",
        "SUB a.> q 99\r\n",
        "INFO {\"port\":4222} \r\n",
        "A+ ACC\r\n",
        "RS+ $G a.b q 1\r\n",
        "CONNECT {\"lang\":\"C\"}\r\n",
        "LS- orders.>\r\n",
        "PING\n",
    };
    static const char *const loaded[] = {
        "PUB a.b %zu\r\n",     "pub a.b\t_INBOX.1   %zu\r\n",   "MSG a.b 1  %zu\r\n",
        "MSG a.b 1 r %zu\r\n", "RMSG $G a.b + r q1 q2 %zu\r\n", "LMSG a.b %zu \r\n",
    };
    size_t size = rng_below(rng, rng_below(rng, 5) == 0 ? 900 : 40);
    char line[128];

    stream->frames++;
    switch (rng_below(rng, 3)) {
    case 0:
        add_text(stream, plain[rng_below(rng, sizeof plain / sizeof plain[0])]);
        return;
    case 1:
        snprintf(line, sizeof line, loaded[rng_below(rng, 6)], size);
        break;
    default:
        snprintf(line, sizeof line, "%s a.b %s%zu %zu\r\n",
                 rng_below(rng, 2) ? "HPUB" : "HMSG", rng_below(rng, 2) ? "7 " : "7 r ",
                 size / 2, size);
        if (line[1] == 'P')
            snprintf(line, sizeof line, "HPUB a.b %zu %zu\r\n", size / 2, size);
    }
    add_text(stream, line);
    add_payload(stream, rng, size);
}

static void test_parser__says_the_same_however_a_stream_is_cut(void **state)
{
    struct stream *stream = malloc(sizeof *stream);
    struct rng rng;

    (void)state;
    assert_non_null(stream);
    rng_init(&rng, 20261122);
    for (int i = 0; i < RANDOM_STREAMS; i++) {
        struct digest whole;

        stream->size = 0;
        stream->frames = 0;
        for (uint64_t frames = 1 + rng_below(&rng, 40); frames > 0; frames--)
            add_frame(stream, &rng);
        whole = digest_read(stream->bytes, stream->size, NULL, NULL);
        assert_true(whole.lost_at == UINT64_MAX);
        assert_int_equal(whole.lines, stream->frames);
        assert_int_equal(whole.ends, stream->frames);
        assert_int_equal(whole.partial + whole.body_left, 0);
        expect_same(whole, digest_read(stream->bytes, stream->size, cut_one, NULL));
        for (int k = 0; k < SPLITS_EACH; k++)
            expect_same(whole,
                        digest_read(stream->bytes, stream->size, cut_random, &rng));
        /* Its beginning alone, too: what is open then must be said alike. */
        stream->size = rng_below(&rng, stream->size);
        whole = digest_read(stream->bytes, stream->size, NULL, NULL);
        expect_same(whole, digest_read(stream->bytes, stream->size, cut_random, &rng));
    }
    free(stream);
}

/* A byte that is not what it should be: where the stream is lost must not depend on the
 * cuts. */
static void test_parser__is_lost_at_the_same_byte_however_it_is_cut(void **state)
{
    struct stream *stream = malloc(sizeof *stream);
    struct rng rng;
    int lost = 0;

    (void)state;
    assert_non_null(stream);
    rng_init(&rng, 7);
    for (int i = 0; i < RANDOM_STREAMS; i++) {
        struct digest whole;

        stream->size = 0;
        for (int k = 0; k < 12; k++)
            add_frame(stream, &rng);
        stream->bytes[rng_below(&rng, stream->size)] = (uint8_t)rng_next(&rng);
        whole = digest_read(stream->bytes, stream->size, NULL, NULL);
        lost += whole.lost_at != UINT64_MAX;
        for (int k = 0; k < SPLITS_EACH; k++) {
            struct digest cut =
                digest_read(stream->bytes, stream->size, cut_random, &rng);

            assert_int_equal(whole.lines, cut.lines);
            assert_int_equal(whole.ends, cut.ends);
            assert_true(whole.hash == cut.hash);
            assert_true((whole.lost_at == UINT64_MAX) == (cut.lost_at == UINT64_MAX));
        }
    }
    assert_true(lost > RANDOM_STREAMS / 20);
    free(stream);
}

static void expect_lost(const char *bytes, size_t size, uint64_t at)
{
    struct digest digest = digest_read((const uint8_t *)bytes, size, NULL, NULL);
    struct digest one = digest_read((const uint8_t *)bytes, size, cut_one, NULL);

    assert_true(digest.lost_at == at);
    assert_true(one.lost_at == at);
}

static void test_parser__notices_what_is_not_nats_by_its_first_bytes(void **state)
{
    (void)state;
    expect_lost("\x16\x03\x01\x02\x00\x01", 6, 0);
    expect_lost("GET / HTTP/1.1\r\n", 16, 0);
    expect_lost("\x10\x0e\x00\x04MQTT", 8, 0);
    expect_lost("POST", 4, 0);
    expect_lost("SSH-2.0", 7, 0);
    expect_lost("PING\r\nPONG\r\nGET", 15, 12);
    /* A payload that is longer than was said. */
    expect_lost("PUB a 2\r\nabcPING\r\n", 18, 11);
    expect_lost("PUB a 2\r\nab\rPING\r\n", 18, 12);
}

/* Garbage that begins like a verb and never ends must not be collected for ever. */
static void test_parser__gives_up_on_a_line_without_end(void **state)
{
    struct frame_parser parser;
    enum frame_step step = FRAME_PARTIAL;
    uint8_t block[4096];
    size_t used;

    (void)state;
    memset(block, 'x', sizeof block);
    frame_parser_init(&parser);
    assert_int_equal(frame_parser_step(&parser, (const uint8_t *)"SUB ", 4, &used),
                     FRAME_PARTIAL);
    for (int i = 0; i <= FRAME_LINE_BYTES_MAX / 4096 && step == FRAME_PARTIAL; i++)
        step = frame_parser_step(&parser, block, sizeof block, &used);
    assert_int_equal(step, FRAME_LOST);
    assert_null(parser.line);
    assert_true(parser.lost_at == 0);
    frame_parser_release(&parser);
    frame_parser_init(&parser);
    frame_parser_step(&parser, (const uint8_t *)"INFO {", 6, &used);
    for (int i = 0; i < FRAME_LINE_BYTES_MAX / 4096 * 4; i++)
        assert_int_equal(frame_parser_step(&parser, block, sizeof block, &used),
                         FRAME_PARTIAL);
    frame_parser_release(&parser);
}

static void test_parser__copies_no_line_that_lies_in_one_piece(void **state)
{
    static const uint8_t bytes[] = "PUB orders.new 3\r\nabc\r\nPI";
    struct frame_parser parser;
    size_t used;

    (void)state;
    frame_parser_init(&parser);
    assert_int_equal(frame_parser_step(&parser, bytes, 25, &used), FRAME_LINE);
    assert_int_equal(used, 18);
    assert_ptr_equal(parser.frame.subject.at, (const char *)bytes + 4);
    assert_null(parser.line);
    assert_int_equal(frame_parser_step(&parser, bytes + 18, 7, &used), FRAME_END);
    assert_int_equal(used, 5);
    assert_null(parser.line);
    assert_int_equal(frame_parser_step(&parser, bytes + 23, 2, &used), FRAME_PARTIAL);
    assert_int_equal(parser.line_bytes, 2);
    frame_parser_release(&parser);
}

static void
test_parser__says_when_memory_is_short_and_goes_on_when_it_is_not(void **state)
{
    struct frame_parser parser;
    size_t used = 9;

    (void)state;
    frame_parser_init(&parser);
    memory_fail_at(1);
    assert_int_equal(frame_parser_step(&parser, (const uint8_t *)"PI", 2, &used),
                     FRAME_NO_MEMORY);
    assert_true(memory_failed());
    memory_fail_at(0);
    assert_int_equal(used, 0);
    assert_int_equal(frame_parser_step(&parser, (const uint8_t *)"PI", 2, &used),
                     FRAME_PARTIAL);
    assert_int_equal(frame_parser_step(&parser, (const uint8_t *)"NG\r\n", 4, &used),
                     FRAME_LINE);
    assert_int_equal(parser.frame.verb, FRAME_PING);
    frame_parser_release(&parser);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parser__says_the_same_however_a_stream_is_cut),
        cmocka_unit_test(test_parser__is_lost_at_the_same_byte_however_it_is_cut),
        cmocka_unit_test(test_parser__notices_what_is_not_nats_by_its_first_bytes),
        cmocka_unit_test(test_parser__gives_up_on_a_line_without_end),
        cmocka_unit_test(test_parser__copies_no_line_that_lies_in_one_piece),
        cmocka_unit_test(
            test_parser__says_when_memory_is_short_and_goes_on_when_it_is_not),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
