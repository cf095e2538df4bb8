/* test_stream: what a user says about a stream, and subjects to publish to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "harness/client/stream.h"
#include "proxy/base/clock.h"
#include "tests/lib/memory/memory.h"

static int read_text(struct stream_conf *out, const char *name, const char *text,
                     struct error *err)
{
    json_t *object = json_loads(text, 0, NULL);
    int rc = stream_read(out, name, object, err);

    json_decref(object);
    return rc;
}

static void expect_error(const char *name, const char *text, const char *words)
{
    struct stream_conf conf;
    struct error err = {0};

    assert_int_equal(read_text(&conf, name, text, &err), E_PARAM);
    if (strstr(err.text, words) == NULL)
        fail_msg("%s %s: '%s' does not say '%s'", name, text, err.text, words);
}

static void test_stream__every_option_is_read(void **state)
{
    const char *texts[STREAM_SUBJECTS_MAX];
    struct stream_conf conf;

    (void)state;
    assert_int_equal(read_text(&conf, "ORDERS",
                               "{\"subjects\": [\"a.>\", \"b\"], \"replicas\": 3, "
                               "\"storage\": \"memory\", \"retention\": \"workqueue\", "
                               "\"discard\": \"new\", \"max_age\": \"1m\", "
                               "\"max_bytes\": \"1MiB\", \"max_msgs\": 5, "
                               "\"duplicate_window\": \"1s\"}",
                               NULL),
                     0);
    assert_int_equal(conf.replicas, 3);
    assert_int_equal(conf.storage, STREAM_MEMORY);
    assert_int_equal(conf.retention, STREAM_WORKQUEUE);
    assert_int_equal(conf.discard, STREAM_DISCARD_NEW);
    assert_int_equal(conf.max_age_ns, 60ull * NS_PER_S);
    assert_int_equal(conf.max_bytes, 1 << 20);
    assert_int_equal(conf.max_msgs, 5);
    assert_int_equal(conf.duplicate_window_ns, NS_PER_S);
    assert_int_equal(stream_subjects(&conf, "ORDERS", texts), 2);
    assert_string_equal(texts[0], "a.>");
    assert_string_equal(texts[1], "b");
    stream_release(&conf);
}

static void test_stream__one_subject_or_none_is_fine(void **state)
{
    const char *texts[STREAM_SUBJECTS_MAX];
    struct stream_conf conf;

    (void)state;
    assert_int_equal(read_text(&conf, "S", "{\"subjects\": \"orders.>\"}", NULL), 0);
    assert_int_equal(stream_subjects(&conf, "S", texts), 1);
    assert_string_equal(texts[0], "orders.>");
    stream_release(&conf);
    assert_int_equal(stream_read(&conf, "S", NULL, NULL), 0);
    assert_int_equal(stream_subjects(&conf, "S", texts), 1);
    assert_string_equal(texts[0], "S");
    stream_release(&conf);
}

static void test_stream__every_mistake_is_named(void **state)
{
    (void)state;
    expect_error("", "{}", "needs a name");
    expect_error("a.b", "{}", "stream 'a.b'");
    expect_error("S", "{\"subject\": \"a\"}", "did you mean 'subjects'?");
    expect_error("S", "{\"subjects\": [\"a..b\"]}", "'a..b' is no subject");
    expect_error("S", "{\"subjects\": [5]}", "empty");
    expect_error("S", "{\"subjects\": {\"a\": 1}}", "a subject or a list");
    expect_error("S", "{\"subjects\": [\"a.>\", \"a.b\"]}", "overlap");
    expect_error("S", "{\"storage\": \"disk\"}", "storage");
    expect_error("S", "{\"replicas\": 6}", "replicas");
    expect_error("S", "{\"max_age\": 60}", "max_age");
}

static void expect_concrete(const char *pattern, const char *want)
{
    char subject[SUBJECT_BYTES];

    assert_int_equal(subject_concrete(subject, pattern, NULL), 0);
    assert_string_equal(subject, want);
}

static void test_stream__a_pattern_gives_a_subject_that_it_matches(void **state)
{
    char subject[SUBJECT_BYTES];
    char longest[SUBJECT_BYTES];

    (void)state;
    expect_concrete("orders.new", "orders.new");
    expect_concrete("orders.>", "orders.new");
    expect_concrete("*.eu.*", "x.eu.x");
    expect_concrete(">", "new");
    expect_concrete("a*b.c", "a*b.c");
    assert_int_equal(subject_concrete(subject, "a..b", NULL), E_PARAM);
    memset(longest, 'a', sizeof longest);
    memcpy(longest + SUBJECT_BYTES - 3, ".>", 3);
    assert_int_equal(subject_concrete(subject, longest, NULL), E_PARAM);
}

static void test_stream__subjects_are_tokens_between_single_dots(void **state)
{
    (void)state;
    assert_int_equal(subject_check("a.b.c", false, "it", NULL), 0);
    assert_int_equal(subject_check("a.*.>", true, "it", NULL), 0);
    assert_int_equal(subject_check("order.#", true, "it", NULL), 0);
    assert_int_equal(subject_check("a.*", false, "it", NULL), E_PARAM);
    assert_int_equal(subject_check(NULL, true, "it", NULL), E_PARAM);
    assert_int_equal(subject_check("", true, "it", NULL), E_PARAM);
    assert_int_equal(subject_check(".a", true, "it", NULL), E_PARAM);
    assert_int_equal(subject_check("a.", true, "it", NULL), E_PARAM);
    assert_int_equal(subject_check("a b", true, "it", NULL), E_PARAM);
    assert_int_equal(subject_check("a.>.b", true, "it", NULL), E_PARAM);
}

static void test_stream__each_allocation_may_fail(void **state)
{
    json_t *object =
        json_loads("{\"subjects\": [\"a.>\", \"b\"], \"max_age\": \"1s\"}", 0, NULL);
    struct stream_conf conf = {0};
    int rc;

    (void)state;
    for (unsigned n = 1;; n++) {
        memory_fail_at(n);
        rc = stream_read(&conf, "S", object, NULL);
        if (!memory_failed())
            break;
        assert_true(rc != 0);
    }
    memory_fail_at(0);
    assert_int_equal(rc, 0);
    stream_release(&conf);
    json_decref(object);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stream__every_option_is_read),
        cmocka_unit_test(test_stream__one_subject_or_none_is_fine),
        cmocka_unit_test(test_stream__every_mistake_is_named),
        cmocka_unit_test(test_stream__a_pattern_gives_a_subject_that_it_matches),
        cmocka_unit_test(test_stream__subjects_are_tokens_between_single_dots),
        cmocka_unit_test(test_stream__each_allocation_may_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
