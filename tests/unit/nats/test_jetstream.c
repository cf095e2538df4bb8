/* jetstream: deliveries, answers and stored messages, as 2.9.10 and later spell them. */
#include "proxy/nats/jetstream.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static struct frame_text text(const char *bytes)
{
    return (struct frame_text){bytes, (uint32_t)strlen(bytes)};
}

static void expect_text(struct frame_text got, const char *wanted)
{
    assert_int_equal(got.size, strlen(wanted));
    if (got.size > 0)
        assert_memory_equal(got.at, wanted, got.size);
}

static void test_jetstream__reads_a_delivery(void **state)
{
    struct delivery d;

    (void)state;
    assert_true(
        delivery_read(&d, text("$JS.ACK.ORDERS.worker.2.17.9.1700000000000000000.42")));
    expect_text(d.stream, "ORDERS");
    expect_text(d.consumer, "worker");
    expect_text(d.domain, "");
    assert_int_equal(d.delivered, 2);
    assert_int_equal(d.stream_sequence, 17);
    assert_int_equal(d.consumer_sequence, 9);
    assert_true(d.time_ns == 1700000000000000000);
    assert_int_equal(d.pending, 42);
}

static void test_jetstream__reads_a_delivery_with_domain_and_account(void **state)
{
    struct delivery d;

    (void)state;
    assert_true(delivery_read(&d, text("$JS.ACK.hub.ACC.ORDERS.worker.1.2.3.4.5")));
    expect_text(d.domain, "hub");
    expect_text(d.stream, "ORDERS");
    assert_int_equal(d.pending, 5);
    assert_true(delivery_read(&d, text("$JS.ACK._.ACC.ORDERS.worker.1.2.3.4.5.rnd")));
    expect_text(d.domain, "");
    expect_text(d.consumer, "worker");
    assert_int_equal(d.stream_sequence, 2);
}

static void test_jetstream__refuses_what_is_no_delivery(void **state)
{
    static const char *const subjects[] = {
        "",
        "_INBOX.x.1",
        "$JS.ACK.",
        "$JS.ACK.S.C.1.2.3.4",
        "$JS.ACK.S.C.1.2.3.4.5.6",
        "$JS.ACK.S.C.x.2.3.4.5",
        "$JS.ACK.S.C.1.-2.3.4.5",
        "$JS.ACK..C.1.2.3.4.5",
        "$JS.ACK.S.C.1.99999999999999999999.3.4.5",
        "$JS.ACK.a.b.c.d.e.f.g.h.i.j.k.l.m",
        "$JS.ACK.S.C.1.2.3.4.",
    };
    struct delivery d;

    (void)state;
    for (size_t i = 0; i < sizeof subjects / sizeof subjects[0]; i++)
        if (delivery_read(&d, text(subjects[i])))
            fail_msg("taken: %s", subjects[i]);
}

static enum ack_kind kind(const char *payload)
{
    return ack_kind_read(payload, strlen(payload));
}

static void test_jetstream__tells_answers_apart(void **state)
{
    (void)state;
    assert_int_equal(kind(""), ACK_ACK);
    assert_int_equal(kind("+ACK"), ACK_ACK);
    assert_int_equal(kind("-NAK"), ACK_NAK);
    assert_int_equal(kind("-NAK {\"delay\":5}"), ACK_NAK);
    assert_int_equal(kind("+WPI"), ACK_PROGRESS);
    assert_int_equal(kind("+NXT 5"), ACK_NEXT);
    assert_int_equal(kind("+TERM"), ACK_TERM);
    assert_int_equal(kind("+AC"), ACK_UNKNOWN);
    assert_int_equal(kind("hello"), ACK_UNKNOWN);
}

static bool read_ack(struct pub_ack *ack, const char *payload)
{
    return pub_ack_read(ack, payload, strlen(payload));
}

static void test_jetstream__reads_what_a_publisher_hears(void **state)
{
    struct pub_ack ack;

    (void)state;
    assert_true(read_ack(&ack, "{\"stream\":\"S\", \"seq\":1}"));
    assert_string_equal(ack.stream, "S");
    assert_int_equal(ack.sequence, 1);
    assert_false(ack.is_duplicate);
    assert_true(read_ack(&ack, "{\"stream\":\"S\", \"seq\":1,\"duplicate\": true}"));
    assert_true(ack.is_duplicate);
    assert_true(read_ack(&ack,
                         "{\"error\":{\"code\":503,\"err_code\":10077,"
                         "\"description\":\"no space\"},\"stream\":\"S\",\"seq\":0}"));
    assert_true(ack.is_error);
    assert_int_equal(ack.error_code, 10077);
    assert_false(read_ack(&ack, "hello"));
    assert_false(read_ack(&ack, "{"));
    assert_false(read_ack(&ack, "{\"stream\":\"S\"}"));
    assert_false(read_ack(&ack, "{\"stream\":\"S\",\"seq\":-1}"));
    assert_false(read_ack(&ack, "{\"stream\":7,\"seq\":1}"));
    assert_false(read_ack(&ack, "[]"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_jetstream__reads_a_delivery),
        cmocka_unit_test(test_jetstream__reads_a_delivery_with_domain_and_account),
        cmocka_unit_test(test_jetstream__refuses_what_is_no_delivery),
        cmocka_unit_test(test_jetstream__tells_answers_apart),
        cmocka_unit_test(test_jetstream__reads_what_a_publisher_hears),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
