/* test_api_call: what a proxy's answer means: a value, a caller's mistake, or a matter of
 * the environment. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "harness/cli/api_call.h"
#include "tests/lib/cli/canned.h"

/* One call to a server that answers with this status and body. */
static int call(const char *status, const char *body, json_t **out, struct error *err)
{
    struct canned server = {.holds = false};
    struct api_place place = {.token = "s3cret"};
    json_t *asked = json_pack("{s:s}", "fault", "stall");
    char answer[1024];
    int rc;

    snprintf(answer, sizeof answer, "HTTP/1.1 %s\r\nContent-Length: %zu\r\n\r\n%s",
             status, strlen(body), body);
    canned_start(&server, answer);
    place.address = server.address;
    rc = api_call(&place, "POST", "/v1/links/a/faults", asked, out, err);
    canned_end(&server);
    assert_non_null(strstr(server.request, "POST /v1/links/a/faults HTTP/1.0\r\n"));
    assert_non_null(strstr(server.request, "Authorization: Bearer s3cret\r\n"));
    assert_non_null(strstr(server.request, "\r\n\r\n{\"fault\":\"stall\"}"));
    json_decref(asked);
    return rc;
}

static void expect_error(const char *status, const char *body, int code,
                         const char *words)
{
    struct error err;
    json_t *out = NULL;

    assert_int_equal(call(status, body, &out, &err), code);
    assert_int_equal(err.code, code);
    assert_null(out);
    if (strstr(err.text, words) == NULL)
        fail_msg("'%s' is not in: %s", words, err.text);
}

static void test_api_call__gives_the_value(void **state)
{
    struct error err;
    json_t *out = NULL;

    (void)state;
    assert_int_equal(call("201 Created", "{\"id\":3}", &out, &err), 0);
    assert_int_equal(json_integer_value(json_object_get(out, "id")), 3);
    json_decref(out);
    assert_int_equal(call("204 No Content", "", &out, &err), 0);
    assert_null(out);
}

static void test_api_call__passes_the_proxys_own_words_on(void **state)
{
    static const char refused[] =
        "{\"error\":{\"code\":\"bad_parameter\",\"message\":\"base is wrong\","
        "\"hint\":\"it takes: a duration\"}}";
    struct error err;
    json_t *out = NULL;

    (void)state;
    assert_int_equal(call("400 Bad Request", refused, &out, &err), E_USAGE);
    assert_string_equal(err.text, "base is wrong");
    assert_string_equal(err.hint, "it takes: a duration");
    expect_error("404 Not Found", "{\"error\":{\"message\":\"no link\"}}", E_USAGE,
                 "no link");
    expect_error("409 Conflict", "{\"error\":{\"message\":\"taken\"}}", E_USAGE, "taken");
}

static void test_api_call__leaves_to_the_environment_what_no_caller_can_mend(void **state)
{
    (void)state;
    expect_error("401 Unauthorized", "{\"error\":{\"message\":\"x\"}}", E_ENVIRONMENT,
                 "wants its token");
    expect_error("403 Forbidden", "{\"error\":{\"message\":\"not you\"}}", E_ENVIRONMENT,
                 "not you");
    expect_error("500 Internal Server Error", "{\"error\":{\"message\":\"broken\"}}",
                 E_ENVIRONMENT, "broken");
}

static void test_api_call__knows_a_toxiproxy_from_a_proxy_of_ours(void **state)
{
    (void)state;
    expect_error("404 Not Found", "404 page not found\n", E_ENVIRONMENT,
                 "is no stormdrill proxy");
    expect_error("400 Bad Request", "{\"error\":\"in Go\",\"status\":400}", E_ENVIRONMENT,
                 "is no stormdrill proxy");
    expect_error("200 OK", "<html>", E_FORMAT, "is no JSON");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_api_call__gives_the_value),
        cmocka_unit_test(test_api_call__passes_the_proxys_own_words_on),
        cmocka_unit_test(
            test_api_call__leaves_to_the_environment_what_no_caller_can_mend),
        cmocka_unit_test(test_api_call__knows_a_toxiproxy_from_a_proxy_of_ours),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
