/* param_optional: absent can be told from zero, and everything else is as without. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proxy/base/param.h"

struct conf {
    struct param_value from;
    struct param_value shape;
};

static const struct param params[] = {
    PARAM_UNION(conf, from, PARAM_DURATION | PARAM_OPTIONAL, "from", NULL, "0", "60s",
                NULL, "where it begins"),
    PARAM_UNION(conf, shape, PARAM_NUMBER | PARAM_OPTIONAL, "shape", NULL, "1.5", NULL,
                NULL, "how it looks"),
    PARAM_END,
};

static int read_words(struct conf *conf, const char *words, struct error *err)
{
    json_t *object = NULL;
    int rc;

    assert_int_equal(param_words(words, NULL, 0, &object, NULL), 0);
    rc = param_read(params, conf, object, "ramp", err);
    json_decref(object);
    return rc;
}

static void test_param_optional__absent_is_not_zero(void **state)
{
    struct conf conf;
    struct error err;

    (void)state;
    assert_int_equal(read_words(&conf, "", &err), 0);
    assert_int_equal(conf.from.kind, 0);
    assert_int_equal(conf.shape.kind, 0);
    assert_int_equal(read_words(&conf, "from=0 shape=2.5", &err), 0);
    assert_int_equal(conf.from.kind, PARAM_DURATION);
    assert_int_equal(conf.from.ns, 0);
    assert_int_equal(conf.shape.kind, PARAM_NUMBER);
    assert_true(conf.shape.number == 2.5);
}

static void test_param_optional__writes_only_what_was_given(void **state)
{
    struct conf conf;
    struct error err;
    json_t *written;

    (void)state;
    assert_int_equal(read_words(&conf, "from=0", &err), 0);
    written = param_write(params, &conf);
    assert_int_equal(json_object_size(written), 1);
    assert_string_equal(json_string_value(json_object_get(written, "from")), "0");
    json_decref(written);
}

/* As of a parameter of this kind alone. */
static void test_param_optional__refuses_in_the_words_of_its_kind(void **state)
{
    struct conf conf;
    struct error err;

    (void)state;
    assert_int_equal(read_words(&conf, "from=soon", &err), E_PARAM);
    assert_string_equal(err.text,
                        "ramp: from takes a duration such as \"250ms\", not \"soon\"");
    assert_int_equal(read_words(&conf, "from=61s", &err), E_PARAM);
    assert_string_equal(err.text, "ramp: from must be between 0 and 60s, not 61s");
    assert_int_equal(read_words(&conf, "from=20", &err), E_PARAM);
    assert_non_null(strstr(err.text, "from"));
    assert_int_equal(read_words(&conf, "shape=1", &err), E_PARAM);
    assert_string_equal(err.text, "ramp: shape must be at least 1.5, not 1");
}

static void test_param_optional__is_no_kind_in_the_manual(void **state)
{
    char *manual = param_manual(params);

    (void)state;
    assert_non_null(strstr(manual, "from  duration, 0 to 60s"));
    assert_non_null(strstr(manual, "shape  number, "));
    free(manual);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_param_optional__absent_is_not_zero),
        cmocka_unit_test(test_param_optional__writes_only_what_was_given),
        cmocka_unit_test(test_param_optional__refuses_in_the_words_of_its_kind),
        cmocka_unit_test(test_param_optional__is_no_kind_in_the_manual),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
