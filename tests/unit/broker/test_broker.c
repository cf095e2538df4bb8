/* test_broker: finding a nats-server, and asking it what it can do. */
#include "harness/broker/broker.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/lib/broker/broker_rig.h"

static void test_broker__is_found_with_its_version(void **state)
{
    struct broker broker;
    struct error err;

    (void)state;
    assert_int_equal(broker_find(&broker, NULL, &err), 0);
    assert_int_equal(broker.path[0], '/');
    assert_int_equal(broker.version[0], '2');
    assert_non_null(strchr(broker.version, '.'));
}

static void test_broker__is_found_by_name_and_by_environment(void **state)
{
    struct broker broker;
    struct error err;

    (void)state;
    assert_int_equal(broker_find(&broker, "nats-server", &err), 0);
    assert_int_equal(broker.path[0], '/');
    setenv("STORMDRILL_BROKER", "/no/such/broker", 1);
    assert_int_equal(broker_find(&broker, NULL, &err), E_ENVIRONMENT);
    assert_string_equal(err.text,
                        "no nats-server at /no/such/broker: No such file or directory");
    assert_non_null(strstr(err.hint, "--broker PATH"));
    /* What is asked for goes before the environment. */
    assert_int_equal(broker_find(&broker, "nats-server", &err), 0);
    unsetenv("STORMDRILL_BROKER");
}

static void test_broker__that_is_nowhere_is_an_error_with_ways_out(void **state)
{
    char *path = strdup(getenv("PATH"));
    struct broker broker;
    struct error err;
    int rc;

    (void)state;
    setenv("PATH", "/nowhere", 1);
    rc = broker_find(&broker, NULL, &err);
    setenv("PATH", path, 1);
    free(path);
    /* /usr/sbin is looked at even so; there it is on Debian. */
    if (access("/usr/sbin/nats-server", X_OK) == 0) {
        assert_int_equal(rc, 0);
        assert_string_equal(broker.path, "/usr/sbin/nats-server");
        return;
    }
    assert_int_equal(rc, E_ENVIRONMENT);
    assert_non_null(strstr(err.hint, "apt install nats-server"));
}

static void test_broker__must_be_a_nats_server(void **state)
{
    struct broker broker;
    struct error err;

    (void)state;
    assert_int_equal(broker_find(&broker, "/bin/echo", &err), E_ENVIRONMENT);
    assert_non_null(strstr(err.text, "/bin/echo is no nats-server: it answers --version "
                                     "with \"echo"));
    assert_int_equal(broker_find(&broker, "/bin/true", &err), E_ENVIRONMENT);
    assert_int_equal(broker_find(&broker, "/usr", &err), E_ENVIRONMENT);
    assert_string_equal(err.text,
                        "no nats-server at /usr: it is no file that can be run");
}

static void test_broker__that_does_not_come_back_is_given_up(void **state)
{
    char path[] = "/tmp/stormdrill-slow-XXXXXX";
    int fd = mkstemp(path);
    static const char script[] = "#!/bin/sh\nsetsid sleep 1000\n";
    struct broker broker;
    struct error err;

    (void)state;
    assert_int_equal(write(fd, script, sizeof script - 1), (int)sizeof script - 1);
    fchmod(fd, 0700);
    close(fd);
    assert_int_equal(broker_find(&broker, path, &err), E_ENVIRONMENT);
    unlink(path);
    assert_non_null(strstr(err.text, "does not come back within 5 s"));
}

static void test_broker__accepts_configuration_or_says_why_not(void **state)
{
    struct broker broker;
    struct error err;

    (void)state;
    assert_int_equal(broker_find(&broker, NULL, &err), 0);
    assert_int_equal(broker_accepts(&broker, "max_payload: 1024\n", &err), 1);
    assert_int_equal(broker_accepts(&broker, "frobnicate: 1\n", &err), 0);
    assert_non_null(strstr(err.text, "unknown field \"frobnicate\""));
    assert_non_null(strstr(err.text, broker.version));
    snprintf(broker.path, sizeof broker.path, "/no/such/nats-server");
    assert_true(broker_accepts(&broker, "max_payload: 1024\n", &err) < 0);
    assert_non_null(strstr(err.text, "/no/such/nats-server"));
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_broker__is_found_with_its_version),
        cmocka_unit_test(test_broker__is_found_by_name_and_by_environment),
        cmocka_unit_test(test_broker__that_is_nowhere_is_an_error_with_ways_out),
        cmocka_unit_test(test_broker__must_be_a_nats_server),
        cmocka_unit_test(test_broker__that_does_not_come_back_is_given_up),
        cmocka_unit_test(test_broker__accepts_configuration_or_says_why_not),
    };
    int code;

    if (broker_rig_role(argc, argv, &code))
        return code;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
