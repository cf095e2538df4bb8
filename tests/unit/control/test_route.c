/* route: paths against patterns. */
#include "proxy/control/route.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/lib/memory/memory.h"

static void handle(struct call *call)
{
    (void)call;
}

static const struct route routes[] = {
    {"GET", "/a", ROUTE_TOXIPROXY, handle},
    {"POST", "/a", ROUTE_TOXIPROXY, handle},
    {"GET", "/a/{one}", ROUTE_TOXIPROXY, handle},
    {"GET", "/a/{one}/b/{two}", ROUTE_TOXIPROXY, handle},
    {"*", "/any", ROUTE_TOXIPROXY, handle},
    {.pattern = NULL},
};
static const struct route *const tables[] = {routes, NULL};

static void release(struct call *call)
{
    for (int i = 0; i < call->part_count; i++)
        free(call->parts[i].value);
}

static unsigned find(const char *method, const char *path, int *at, char *parts)
{
    struct call call = {.method = (char *)method, .path = (char *)path};
    unsigned status = route_find(&call, tables);

    *at = call.route != NULL ? (int)(call.route - routes) : -1;
    parts[0] = '\0';
    for (int i = 0; i < call.part_count; i++)
        snprintf(parts + strlen(parts), 128 - strlen(parts), "%s=%s;", call.parts[i].name,
                 call.parts[i].value);
    release(&call);
    return status;
}

static void test_route__finds_method_and_path_with_their_parts(void **state)
{
    static const struct {
        const char *method, *path;
        unsigned status;
        int at;
        const char *parts;
    } cases[] = {
        {"GET", "/a", 0, 0, ""},
        {"POST", "/a", 0, 1, ""},
        {"PUT", "/a", 405, -1, ""},
        {"GET", "/a/", 404, -1, ""},
        {"GET", "/a/x", 0, 2, "one=x;"},
        {"DELETE", "/a/x", 405, -1, ""},
        {"GET", "/a/x/b/y", 0, 3, "one=x;two=y;"},
        {"GET", "/a/%2F%20%c3%a4/b/%25", 0, 3, "one=/ \xc3\xa4;two=%;"},
        {"GET", "/a//b/y", 404, -1, ""},
        {"GET", "/a/x/b", 404, -1, ""},
        {"GET", "/a/x/b/y/", 404, -1, ""},
        {"GET", "", 404, -1, ""},
        {"BREW", "/any", 0, 4, ""},
        {"GET", "/a/%", 400, 2, ""},
        {"GET", "/a/%4", 400, 2, ""},
        {"GET", "/a/%4g", 400, 2, ""},
        {"GET", "/a/%00", 400, 2, ""},
        {"GET", "/a/%c3", 400, 2, ""},
    };
    char parts[128];
    int at;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        if (find(cases[i].method, cases[i].path, &at, parts) != cases[i].status ||
            at != cases[i].at || strcmp(parts, cases[i].parts) != 0)
            fail_msg("%s %s: route %d, parts %s", cases[i].method, cases[i].path, at,
                     parts);
}

static void test_route__short_of_memory_is_500(void **state)
{
    char parts[128];
    int at;

    (void)state;
    memory_fail_at(1);
    assert_int_equal(find("GET", "/a/x/b/y", &at, parts), 500);
    memory_fail_at(2);
    assert_int_equal(find("GET", "/a/x/b/y", &at, parts), 500);
    memory_fail_at(0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_route__finds_method_and_path_with_their_parts),
        cmocka_unit_test(test_route__short_of_memory_is_500),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
