/* What may lawfully have taken a message away: limits of streams and of deliveries. */
#include "harness/checks/removal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/lib/evidence/build.h"

static bool possible(struct evidence *e, const char *stream, char *text, size_t size)
{
    struct cast *cast;
    bool answer;

    assert_int_equal(cast_create(&cast, e, NULL), 0);
    answer = removal_is_possible(e, cast, stream, text, size);
    cast_destroy(cast);
    return answer;
}

static struct evidence *with_stream(const char *asked)
{
    struct evidence *e = evidence_create();

    add(e, (struct record){.kind = RECORD_stream_asked}, NULL, json(asked));
    return e;
}

static void test_removal__a_stream_without_limits_removes_nothing(void **state)
{
    struct evidence *e =
        with_stream("{\"name\": \"S\", \"conf\": {\"subjects\": \"s.>\", "
                    "\"max_msgs\": -1, \"retention\": \"limits\"}}");
    char text[200] = "";

    (void)state;
    assert_false(possible(e, "S", text, sizeof text));
    assert_false(possible(e, "", text, sizeof text));
    evidence_close(e);
}

static void test_removal__each_limit_is_named(void **state)
{
    static const struct {
        const char *conf, *text;
    } cases[] = {
        {"{\"max_msgs\": 100}", "stream S has max_msgs"},
        {"{\"max_bytes\": \"1MiB\"}", "stream S has max_bytes"},
        {"{\"max_age\": \"10s\"}", "stream S has max_age"},
        {"{\"retention\": \"interest\"}", "stream S has retention = \"interest\""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct evidence *e = evidence_create();
        char text[200] = "";

        add(e, (struct record){.kind = RECORD_stream_asked}, NULL,
            json_pack("{s:s, s:o}", "name", "S", "conf", json(cases[i].conf)));
        assert_true(possible(e, "S", text, sizeof text));
        assert_string_equal(text, cases[i].text);
        /* Another stream's limits are no excuse. */
        assert_false(possible(e, "OTHER", text, sizeof text));
        evidence_close(e);
    }
}

static void test_removal__a_consumer_with_max_deliver_gives_up(void **state)
{
    struct evidence *e = evidence_create();
    char text[200] = "";

    (void)state;
    add_client(e, 1, "w", "consumer", json("{\"stream\": \"S\", \"max_deliver\": 3}"));
    assert_true(possible(e, "S", text, sizeof text));
    assert_string_equal(text, "consumer w has max_deliver");
    assert_false(possible(e, "OTHER", text, sizeof text));
    evidence_close(e);
}

static void
test_removal__a_broker_that_ends_in_the_clearing_up_does_not_count(void **state)
{
    struct evidence *e = evidence_create();

    (void)state;
    add_run_end(e, 0);
    add(e, (struct record){.kind = RECORD_broker_exit, .a = 1}, NULL, NULL);
    assert_false(removal_broker_ended(e));
    evidence_close(e);

    e = evidence_create();
    add(e, (struct record){.kind = RECORD_broker_exit, .a = 1}, NULL, NULL);
    add_run_end(e, 0);
    assert_true(removal_broker_ended(e));
    evidence_close(e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_removal__a_stream_without_limits_removes_nothing),
        cmocka_unit_test(test_removal__each_limit_is_named),
        cmocka_unit_test(test_removal__a_consumer_with_max_deliver_gives_up),
        cmocka_unit_test(
            test_removal__a_broker_that_ends_in_the_clearing_up_does_not_count),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
