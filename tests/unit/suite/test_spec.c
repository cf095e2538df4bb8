/* test_spec: what the suite tells a case arrives as it was meant, or is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "harness/suite/spec.h"
#include "tests/lib/memory/memory.h"

static json_t *written(void)
{
    json_t *set = json_pack("{s:s}", "down", "2s");
    struct case_spec spec = {
        .scenario_file = (char *)"scenarios/x.lua",
        .scenario = (char *)"x",
        .case_name = (char *)"trap",
        .folder = (char *)"/tmp/run/cases/x-trap",
        .broker_path = (char *)"/usr/sbin/nats-server",
        .broker_version = (char *)"2.9.10",
        .started = (char *)"2026-11-22T09:53:12Z",
        .set = set,
        .seed = 48151623,
        .repeat = 3,
        .timeout_ns = 60000000000,
    };
    json_t *object = case_spec_write(&spec);

    json_decref(set);
    return object;
}

static void test_spec__is_read_as_it_was_written(void **state)
{
    json_t *object = written();
    struct case_spec spec;
    struct error err;

    (void)state;
    assert_int_equal(case_spec_read(&spec, object, &err), 0);
    json_decref(object);
    assert_string_equal(spec.scenario_file, "scenarios/x.lua");
    assert_string_equal(spec.scenario, "x");
    assert_string_equal(spec.case_name, "trap");
    assert_string_equal(spec.folder, "/tmp/run/cases/x-trap");
    assert_string_equal(spec.broker_path, "/usr/sbin/nats-server");
    assert_string_equal(spec.broker_version, "2.9.10");
    assert_string_equal(spec.started, "2026-11-22T09:53:12Z");
    assert_string_equal(json_string_value(json_object_get(spec.set, "down")), "2s");
    assert_int_equal(spec.seed, 48151623);
    assert_int_equal(spec.repeat, 3);
    assert_true(spec.timeout_ns == 60000000000);
    case_spec_release(&spec);
    assert_null(spec.folder);
}

static void test_spec__names_the_member_that_is_missing_or_wrong(void **state)
{
    static const char *const members[] = {"file",    "scenario", "case",  "folder",
                                          "started", "seed",     "repeat"};

    (void)state;
    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
        json_t *object = written();
        struct case_spec spec;
        struct error err;

        json_object_set_new(object, members[i], json_true());
        assert_int_equal(case_spec_read(&spec, object, &err), E_FORMAT);
        assert_non_null(strstr(err.text, members[i]));
        assert_null(spec.scenario_file);
        json_object_del(object, members[i]);
        assert_int_equal(case_spec_read(&spec, object, &err), E_FORMAT);
        json_decref(object);
    }
}

static void test_spec__refuses_what_is_no_object_and_negative_numbers(void **state)
{
    json_t *array = json_array();
    json_t *object = written();
    struct case_spec spec;
    struct error err;

    (void)state;
    assert_int_equal(case_spec_read(&spec, array, &err), E_FORMAT);
    assert_int_equal(case_spec_read(&spec, NULL, &err), E_FORMAT);
    json_object_set_new(object, "seed", json_integer(-1));
    assert_int_equal(case_spec_read(&spec, object, &err), E_FORMAT);
    json_decref(object);
    json_decref(array);
}

static void test_spec__survives_every_failing_allocation(void **state)
{
    json_t *object = written();

    (void)state;
    for (unsigned n = 1;; n++) {
        struct case_spec spec;
        struct error err;
        int rc;

        memory_fail_at(n);
        rc = case_spec_read(&spec, object, &err);
        if (!memory_failed()) {
            assert_int_equal(rc, 0);
            case_spec_release(&spec);
            break;
        }
        assert_int_equal(rc, E_NOMEM);
        assert_null(spec.scenario_file);
    }
    memory_fail_at(0);
    json_decref(object);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_spec__is_read_as_it_was_written),
        cmocka_unit_test(test_spec__names_the_member_that_is_missing_or_wrong),
        cmocka_unit_test(test_spec__survives_every_failing_allocation),
        cmocka_unit_test(test_spec__refuses_what_is_no_object_and_negative_numbers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
