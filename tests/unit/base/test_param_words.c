/* test_param_words: from a command line's words to one JSON object. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proxy/base/param.h"
#include "tests/lib/memory/memory.h"

static const char *text_of(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

static void test_param_words__a_name_and_its_pairs(void **state)
{
    json_t *object = NULL;
    char name[16];

    (void)state;
    assert_int_equal(param_words(" latency  base=100ms\tjitter=10ms\n", name, sizeof name,
                                 &object, NULL),
                     0);
    assert_string_equal(name, "latency");
    assert_int_equal(json_object_size(object), 2);
    assert_string_equal(text_of(object, "base"), "100ms");
    assert_string_equal(text_of(object, "jitter"), "10ms");
    json_decref(object);
}

static void test_param_words__the_name_may_be_missing(void **state)
{
    json_t *object = NULL;
    char name[16] = "before";

    (void)state;
    assert_int_equal(param_words("base=1s", name, sizeof name, &object, NULL), 0);
    assert_string_equal(name, "");
    json_decref(object);
    assert_int_equal(param_words("", name, sizeof name, &object, NULL), 0);
    assert_int_equal(json_object_size(object), 0);
    json_decref(object);
    assert_int_equal(param_words(" \t\n", NULL, 0, &object, NULL), 0);
    json_decref(object);
}

static void test_param_words__quotes_keep_blanks_and_equal_signs(void **state)
{
    json_t *object = NULL;

    (void)state;
    assert_int_equal(param_words("a=\"x y\" b=1=2 \"c=d e\"=\"f\" e=\"\\\"q\\\\\" g=",
                                 NULL, 0, &object, NULL),
                     0);
    assert_string_equal(text_of(object, "a"), "x y");
    assert_string_equal(text_of(object, "b"), "1=2");
    assert_string_equal(text_of(object, "c=d e"), "f");
    assert_string_equal(text_of(object, "e"), "\"q\\");
    assert_string_equal(text_of(object, "g"), "");
    json_decref(object);
}

static void refuse(const char *words, int code, const char *text)
{
    json_t *object = (json_t *)"not touched";
    char name[8];
    struct error err;

    assert_int_equal(param_words(words, name, sizeof name, &object, &err), code);
    assert_string_equal(err.text, text);
    assert_null(object);
}

static void test_param_words__bad_words_are_named(void **state)
{
    (void)state;
    refuse("latency 100ms", E_PARAM,
           "'100ms' has no name: write name=value, as in base=100ms");
    refuse("base=1s latency", E_PARAM,
           "'latency' has no name: write name=value, as in base=100ms");
    refuse("latency =5", E_PARAM, "'=5' has no name in front of the '='");
    refuse("x base=1s base=2s", E_PARAM, "'base' is given twice");
    refuse("x base=\"1s", E_PARAM, "a quote is opened and never closed");
    refuse("x base=\xFF\xFE", E_PARAM, "the option 'base' is not valid UTF-8");
    refuse("x \xFF=1", E_PARAM, "the option '?' is not valid UTF-8");
    refuse("namethatistoolong", E_PARAM, "'namethatistoolong' is too long for a name");
}

static void test_param_words__a_command_line_has_an_end(void **state)
{
    static char endless[70000];

    (void)state;
    memset(endless, 'x', sizeof endless - 1);
    refuse(endless, E_LIMIT, "options of more than 65536 bytes");
}

static void test_param_words__no_memory_leaves_nothing(void **state)
{
    (void)state;
    for (unsigned n = 1;; n++) {
        json_t *object = NULL;
        char name[16];
        int rc;

        assert_in_range(n, 1, 100);
        memory_fail_at(n);
        rc = param_words("latency base=1s to=2s", name, sizeof name, &object, NULL);
        if (!memory_failed()) {
            assert_int_equal(rc, 0);
            json_decref(object);
            break;
        }
        assert_int_equal(rc, E_NOMEM);
        assert_null(object);
    }
    memory_fail_at(0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_param_words__a_name_and_its_pairs),
        cmocka_unit_test(test_param_words__the_name_may_be_missing),
        cmocka_unit_test(test_param_words__quotes_keep_blanks_and_equal_signs),
        cmocka_unit_test(test_param_words__bad_words_are_named),
        cmocka_unit_test(test_param_words__a_command_line_has_an_end),
        cmocka_unit_test(test_param_words__no_memory_leaves_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
