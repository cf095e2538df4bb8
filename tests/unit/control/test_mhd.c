/* mhd: the HTTP library is loaded by name, when it is wanted. */
#include "proxy/control/mhd.h"

#include <stdio.h>
#include <string.h>

#include "tests/lib/control/server.h"

/* Is libmicrohttpd, or what it brings along, mapped into this process? */
static bool is_mapped(const char *name)
{
    FILE *maps = fopen("/proc/self/maps", "re");
    char line[1024];
    bool found = false;

    assert_non_null(maps);
    while (fgets(line, sizeof line, maps) != NULL)
        found = found || strstr(line, name) != NULL;
    fclose(maps);
    return found;
}

/* The first of all: whoever starts no API has neither the library nor GnuTLS. */
static void test_mhd__comes_with_the_first_api_and_not_before(void **state)
{
    (void)state;
    assert_false(is_mapped("/libmicrohttpd.so"));
    assert_false(is_mapped("/libgnutls.so"));
    server_stop(server_start());
    assert_true(is_mapped("/libmicrohttpd.so"));
}

static void test_mhd__finds_every_function_each_time(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        struct mhd mhd = {.run = NULL};
        struct error err;

        assert_int_equal(mhd_load(&mhd, NULL, &err), 0);
#define X(name) assert_non_null(mhd.name);
        MHD_FUNCTIONS(X)
#undef X
    }
}

static void test_mhd__that_is_not_installed_is_named_with_its_package(void **state)
{
    struct mhd mhd;
    struct error err;

    (void)state;
    assert_int_equal(mhd_load(&mhd, "libmicrohttpd.so.4711", &err), E_ENVIRONMENT);
    assert_int_equal(err.code, E_ENVIRONMENT);
    assert_int_equal(error_exit_code(err.code), 4);
    assert_non_null(strstr(err.text, "the HTTP API needs libmicrohttpd.so.4711"));
    assert_non_null(strstr(err.text, "No such file"));
    assert_non_null(strstr(err.hint, "apt-get install libmicrohttpd"));
}

static void test_mhd__without_a_function_is_refused_by_its_name(void **state)
{
    struct mhd mhd;
    struct error err;

    (void)state;
    assert_int_equal(mhd_load(&mhd, "libc.so.6", &err), E_ENVIRONMENT);
    assert_non_null(strstr(err.text, "libc.so.6"));
    assert_non_null(strstr(err.text, "MHD_"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mhd__comes_with_the_first_api_and_not_before),
        cmocka_unit_test(test_mhd__finds_every_function_each_time),
        cmocka_unit_test(test_mhd__that_is_not_installed_is_named_with_its_package),
        cmocka_unit_test(test_mhd__without_a_function_is_refused_by_its_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
