/* frame: each verb's arguments, and lines that are none. */
#include "proxy/nats/frame.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void expect_text(struct frame_text text, const char *wanted)
{
    assert_int_equal(text.size, strlen(wanted));
    if (text.size > 0)
        assert_memory_equal(text.at, wanted, text.size);
}

static struct frame read_line(const char *line)
{
    struct frame frame;

    if (!frame_read(&frame, (const uint8_t *)line, strlen(line)))
        fail_msg("refused: %s", line);
    return frame;
}

static void refuse(const char *line)
{
    struct frame frame;

    if (frame_read(&frame, (const uint8_t *)line, strlen(line)))
        fail_msg("taken: %s", line);
}

static void test_frame__reads_what_clients_publish(void **state)
{
    struct frame frame = read_line("PUB orders.new 128");

    (void)state;
    assert_int_equal(frame.verb, FRAME_PUB);
    assert_true(frame.has_payload);
    assert_int_equal(frame.payload_bytes, 128);
    assert_int_equal(frame.header_bytes, 0);
    expect_text(frame.subject, "orders.new");
    expect_text(frame.reply, "");
    frame = read_line("pub  orders.new\t_INBOX.x.1   0 ");
    expect_text(frame.subject, "orders.new");
    expect_text(frame.reply, "_INBOX.x.1");
    assert_true(frame.has_payload);
    assert_int_equal(frame.payload_bytes, 0);
    frame = read_line("HPUB js.a _INBOX.abc.0 31 34");
    assert_int_equal(frame.verb, FRAME_HPUB);
    expect_text(frame.reply, "_INBOX.abc.0");
    assert_int_equal(frame.header_bytes, 31);
    assert_int_equal(frame.payload_bytes, 34);
    frame = read_line("hpub js.a 12 12");
    expect_text(frame.subject, "js.a");
    assert_int_equal(frame.header_bytes, 12);
}

static void test_frame__reads_what_servers_deliver(void **state)
{
    /* Two blanks where there is no reply: so nats-server writes it. */
    struct frame frame = read_line("MSG _INBOX.x.1 1  23");

    (void)state;
    assert_int_equal(frame.verb, FRAME_MSG);
    expect_text(frame.subject, "_INBOX.x.1");
    expect_text(frame.sid, "1");
    expect_text(frame.reply, "");
    assert_int_equal(frame.payload_bytes, 23);
    frame = read_line("MSG orders.new 7 $JS.ACK.S.C.1.2.3.4.5 9");
    expect_text(frame.sid, "7");
    expect_text(frame.reply, "$JS.ACK.S.C.1.2.3.4.5");
    frame = read_line("HMSG orders.new 7 reply 12 20");
    expect_text(frame.reply, "reply");
    assert_int_equal(frame.header_bytes, 12);
    assert_int_equal(frame.payload_bytes, 20);
    frame = read_line("HMSG orders.new 7 12 20");
    expect_text(frame.reply, "");
}

static void test_frame__reads_subscriptions(void **state)
{
    struct frame frame = read_line("SUB feas.a  1");

    (void)state;
    assert_int_equal(frame.verb, FRAME_SUB);
    expect_text(frame.subject, "feas.a");
    expect_text(frame.queue, "");
    expect_text(frame.sid, "1");
    frame = read_line("SUB orders.> workers 12");
    expect_text(frame.queue, "workers");
    expect_text(frame.sid, "12");
    frame = read_line("UNSUB 12 100");
    assert_int_equal(frame.verb, FRAME_UNSUB);
    expect_text(frame.sid, "12");
    assert_false(frame.has_payload);
}

static void test_frame__reads_the_rest(void **state)
{
    struct frame frame = read_line("INFO {\"a\":1} ");

    (void)state;
    assert_int_equal(frame.verb, FRAME_INFO);
    expect_text(frame.args, " {\"a\":1} ");
    assert_int_equal(read_line("CONNECT {}").verb, FRAME_CONNECT);
    assert_int_equal(read_line("ping").verb, FRAME_PING);
    assert_int_equal(read_line("PONG ").verb, FRAME_PONG);
    assert_int_equal(read_line("+OK").verb, FRAME_OK);
    frame = read_line("-ERR 'Stale Connection'");
    assert_int_equal(frame.verb, FRAME_ERR);
    expect_text(frame.args, " 'Stale Connection'");
}

static void test_frame__keeps_in_step_between_brokers(void **state)
{
    struct frame frame = read_line("RMSG $G orders.new 5");

    (void)state;
    assert_int_equal(frame.verb, FRAME_RMSG);
    assert_int_equal(frame.payload_bytes, 5);
    frame = read_line("RMSG $G orders.new + reply q1 q2 q3 17 ");
    assert_int_equal(frame.payload_bytes, 17);
    frame = read_line("LMSG orders.new | q1 3");
    assert_int_equal(frame.payload_bytes, 3);
    frame = read_line("HMSG $G orders.new + reply q1 q2 q3 12 17");
    assert_int_equal(frame.header_bytes, 12);
    assert_int_equal(frame.payload_bytes, 17);
    assert_int_equal(read_line("RS+ $G orders.> workers 1").verb, FRAME_RSUB);
    assert_int_equal(read_line("RS- $G orders.>").verb, FRAME_RUNSUB);
    assert_int_equal(read_line("LS+ orders.>").verb, FRAME_LSUB);
    assert_int_equal(read_line("A- ACC").verb, FRAME_AUNSUB);
}

static void test_frame__refuses_what_is_no_line_of_nats(void **state)
{
    static const char *const lines[] = {
        "",
        " PUB a 1",
        "GET / HTTP/1.1",
        "PUBa 1",
        "PUB",
        "PUB a",
        "PUB 1",
        "PUB a b c 1",
        "PUB a -1",
        "PUB a 0x10",
        "PUB a 1073741825",
        "PUB a 99999999999999999999",
        "HPUB a 5",
        "HPUB a 6 5",
        "MSG a 1",
        "MSG a 1 r s 5",
        "HMSG 5 6",
        "SUB a",
        "SUB a q 1 2",
        "UNSUB",
        "INFO",
        "INFO []",
        "CONNECT true",
        "RMSG $G orders.new x",
        "PINGPONG",
        "+OKAY",
        "\x16\x03\x01\x02",
    };

    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
        refuse(lines[i]);
    assert_int_equal(read_line("PUB a 1073741824").payload_bytes,
                     FRAME_PAYLOAD_BYTES_MAX);
}

static void test_frame__knows_the_beginning_of_every_verb(void **state)
{
    (void)state;
    for (enum frame_verb verb = 0; verb < FRAME_VERB_COUNT; verb++) {
        const char *name = frame_verb_name(verb);

        for (size_t n = 0; n <= strlen(name); n++)
            assert_true(frame_may_begin((const uint8_t *)name, n));
    }
    assert_true(frame_may_begin((const uint8_t *)"pub orders", 10));
    assert_false(frame_may_begin((const uint8_t *)"PO5", 3));
    assert_false(frame_may_begin((const uint8_t *)"PUBLISH", 7));
    assert_false(frame_may_begin((const uint8_t *)"GET /", 5));
    assert_false(frame_may_begin((const uint8_t *)"\x10\x12", 2));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_frame__reads_what_clients_publish),
        cmocka_unit_test(test_frame__reads_what_servers_deliver),
        cmocka_unit_test(test_frame__reads_subscriptions),
        cmocka_unit_test(test_frame__reads_the_rest),
        cmocka_unit_test(test_frame__keeps_in_step_between_brokers),
        cmocka_unit_test(test_frame__refuses_what_is_no_line_of_nats),
        cmocka_unit_test(test_frame__knows_the_beginning_of_every_verb),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
