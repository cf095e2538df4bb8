/* test_touches: every disturbance says what it counts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "harness/suite/touches.h"
#include "proxy/plane.h"

static const char *of(const char *name, uint16_t link)
{
    struct cast_fault fault = {.link = link};

    strncpy(fault.name, name, sizeof fault.name - 1);
    return touches_of(&fault);
}

static void test_touches__knows_processes_connections_and_chunks(void **state)
{
    (void)state;
    assert_string_equal(of("kill", 0), "processes");
    assert_string_equal(of("pause", 0), "processes");
    assert_string_equal(of("reset", 3), "connections");
    assert_string_equal(of("refuse", 3), "connections");
    assert_string_equal(of("latency", 3), "chunks");
    assert_string_equal(of("stall", 3), "directions and chunks");
    assert_string_equal(of("blackhole", 3), "chunks");
    assert_string_equal(of("max_connections", 3), "connections");
    assert_string_equal(of("slow_close", 3), "ends");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_touches__knows_processes_connections_and_chunks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
