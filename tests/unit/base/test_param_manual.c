/* test_param_manual: a table described for programs. (The text for people: test_param.)
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "proxy/base/param.h"
#include "tests/lib/memory/memory.h"

struct conf {
    uint64_t base_ns;
    char *label;
    int shape;
};

static const char *const shapes[] = {"round", "flat", NULL};

static const struct param params[] = {
    PARAM(conf, base_ns, DURATION, "base", "!", "1ms", "60s", "time"),
    PARAM(conf, label, TEXT, "label", "x", NULL, NULL, "name"),
    PARAM_CHOICE(conf, shape, "shape", "flat", shapes, "form"),
    PARAM_END,
};

static void test_param_manual__describes_a_table_for_programs(void **state)
{
    json_t *described = param_describe(params);
    json_t *wanted = json_loads(
        "[{\"name\": \"base\", \"takes\": \"duration\", \"summary\": \"time\","
        "  \"required\": true, \"min\": \"1ms\", \"max\": \"60s\"},"
        " {\"name\": \"label\", \"takes\": \"text\", \"summary\": \"name\","
        "  \"default\": \"x\"},"
        " {\"name\": \"shape\", \"takes\": \"one of round, flat\", \"summary\": \"form\","
        "  \"default\": \"flat\", \"choices\": [\"round\", \"flat\"]}]",
        0, NULL);

    (void)state;
    assert_non_null(wanted);
    assert_true(json_equal(described, wanted));
    json_decref(described);
    json_decref(wanted);
}

static void test_param_manual__describes_an_empty_table_as_an_empty_list(void **state)
{
    static const struct param none[] = {PARAM_END};
    json_t *described = param_describe(none);

    (void)state;
    assert_true(json_is_array(described));
    assert_int_equal(json_array_size(described), 0);
    json_decref(described);
}

static void test_param_manual__is_whole_or_nothing_when_memory_is_short(void **state)
{
    json_t *whole = param_describe(params);

    (void)state;
    for (unsigned n = 1;; n++) {
        json_t *described;

        memory_fail_at(n);
        described = param_describe(params);
        if (!memory_failed()) {
            memory_fail_at(0);
            assert_true(json_equal(described, whole));
            json_decref(described);
            break;
        }
        assert_null(described);
    }
    json_decref(whole);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_param_manual__describes_a_table_for_programs),
        cmocka_unit_test(test_param_manual__describes_an_empty_table_as_an_empty_list),
        cmocka_unit_test(test_param_manual__is_whole_or_nothing_when_memory_is_short),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
