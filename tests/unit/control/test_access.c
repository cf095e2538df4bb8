/* access: who may call. */
#include "proxy/control/access.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_access__knows_loopback_hosts(void **state)
{
    static const char *const yes[] = {"localhost",   "LOCALHOST:8474", "127.0.0.1",
                                      "127.0.0.1:1", "127.8.9.10:80",  "[::1]",
                                      "[::1]:8474"};
    static const char *const no[] = {
        "",        "evil.com", "localhost.evil.com:1", "128.0.0.1", "127.0.0.1.x",
        "[::2]:1", "0.0.0.0",  "192.168.0.1:80",       "127.1"};

    (void)state;
    assert_true(access_is_loopback_host(NULL));
    for (size_t i = 0; i < sizeof yes / sizeof yes[0]; i++)
        if (!access_is_loopback_host(yes[i]))
            fail_msg("%s", yes[i]);
    for (size_t i = 0; i < sizeof no / sizeof no[0]; i++)
        if (access_is_loopback_host(no[i]))
            fail_msg("%s", no[i]);
}

static void test_access__takes_only_the_whole_token(void **state)
{
    (void)state;
    assert_true(access_has_token("Bearer s3cret", "s3cret"));
    assert_true(access_has_token("bearer s3cret", "s3cret"));
    assert_false(access_has_token(NULL, "s3cret"));
    assert_false(access_has_token("", "s3cret"));
    assert_false(access_has_token("Bearer ", "s3cret"));
    assert_false(access_has_token("Bearer s3cre", "s3cret"));
    assert_false(access_has_token("Bearer s3cretX", "s3cret"));
    assert_false(access_has_token("Bearer S3cret", "s3cret"));
    assert_false(access_has_token("Basic s3cret", "s3cret"));
}

static void test_access__knows_browsers_by_one_spelling(void **state)
{
    (void)state;
    assert_true(access_is_browser("Mozilla/5.0 (X11)"));
    assert_false(access_is_browser("mozilla/5.0"));
    assert_false(access_is_browser("curl Mozilla/5.0"));
    assert_false(access_is_browser("Mozilla"));
    assert_false(access_is_browser(NULL));
}

static void test_access__knows_json_with_parameters(void **state)
{
    (void)state;
    assert_true(access_is_json("application/json"));
    assert_true(access_is_json("Application/JSON; charset=utf-8"));
    assert_true(access_is_json("application/json ;charset=utf-8"));
    assert_false(access_is_json("application/jsonp"));
    assert_false(access_is_json("text/plain"));
    assert_false(access_is_json(NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_access__knows_loopback_hosts),
        cmocka_unit_test(test_access__takes_only_the_whole_token),
        cmocka_unit_test(test_access__knows_browsers_by_one_spelling),
        cmocka_unit_test(test_access__knows_json_with_parameters),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
