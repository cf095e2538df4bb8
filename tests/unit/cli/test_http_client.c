/* test_http_client: what it sends, what it takes for an answer, and how long it waits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "harness/cli/http_client.h"
#include "proxy/base/clock.h"
#include "tests/lib/cli/canned.h"

static int get(const char *address, struct http_client_answer *answer, struct error *err)
{
    struct http_client_request request = {
        .address = address, .method = "GET", .path = "/v1/links"};

    return http_client_call(&request, answer, err);
}

/* One call to a server that says `text` and closes. */
static int ask(const char *text, struct http_client_answer *answer, struct error *err)
{
    struct canned server = {.holds = false};
    int rc;

    canned_start(&server, text);
    rc = get(server.address, answer, err);
    canned_end(&server);
    return rc;
}

/* ---- the sentences ---- */

static void test_http_client__sends_a_request_that_says_everything(void **state)
{
    struct canned server = {.holds = false};
    struct http_client_answer answer;
    struct http_client_request request = {
        .method = "POST", .path = "/v1/links", .body = "{\"a\":1}", .token = "secret"};
    struct error err;
    char wanted[512];

    (void)state;
    canned_start(&server, "HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\n{}");
    request.address = server.address;
    assert_int_equal(http_client_call(&request, &answer, &err), 0);
    canned_end(&server);
    assert_int_equal(answer.status, 201);
    assert_string_equal(answer.body, "{}");
    snprintf(wanted, sizeof wanted,
             "POST /v1/links HTTP/1.0\r\nHost: %s\r\nUser-Agent: stormdrill/%s\r\n"
             "Authorization: Bearer secret\r\nContent-Type: application/json\r\n"
             "Content-Length: 7\r\n\r\n{\"a\":1}",
             server.address, STORMDRILL_VERSION);
    assert_string_equal(server.request, wanted);
    http_client_release(&answer);
}

static void test_http_client__does_not_wait_for_the_end_when_it_knows_the_length(void **s)
{
    struct canned server = {.holds = true};
    struct http_client_answer answer;
    struct error err;

    (void)s;
    canned_start(&server, "HTTP/1.1 200 OK\r\ncontent-length:  4\r\n\r\nbody");
    assert_int_equal(get(server.address, &answer, &err), 0);
    assert_int_equal(answer.size, 4);
    assert_string_equal(answer.body, "body");
    http_client_release(&answer);
    canned_end(&server);
}

static void test_http_client__reads_to_the_end_when_no_length_is_given(void **state)
{
    struct http_client_answer answer;
    struct error err;

    (void)state;
    assert_int_equal(ask("HTTP/1.0 200 OK\r\n\r\nall of it", &answer, &err), 0);
    assert_string_equal(answer.body, "all of it");
    http_client_release(&answer);
    assert_int_equal(ask("HTTP/1.1 204 No Content\r\n\r\n", &answer, &err), 0);
    assert_int_equal(answer.status, 204);
    assert_int_equal(answer.size, 0);
    http_client_release(&answer);
}

static void test_http_client__says_that_nobody_is_there(void **state)
{
    struct canned server = {.holds = false};
    struct http_client_answer answer;
    struct error err;
    char wanted[ERROR_TEXT_BYTES];

    (void)state;
    canned_start(&server, "");
    canned_end(&server);
    assert_int_equal(get(server.address, &answer, &err), E_ENVIRONMENT);
    snprintf(wanted, sizeof wanted, "no proxy answers at %s: Connection refused",
             server.address);
    assert_string_equal(err.text, wanted);
    assert_string_equal(err.hint, "start one with: stormdrill proxy     or say where it "
                                  "is: --api ADDR");
    assert_int_equal(get("unix:/nowhere/at/all", &answer, &err), E_ENVIRONMENT);
    assert_string_equal(err.text, "no proxy answers at unix:/nowhere/at/all: No such "
                                  "file or directory");
}

static void test_http_client__refuses_what_is_no_address(void **state)
{
    struct http_client_answer answer;
    struct error err;

    (void)state;
    assert_int_equal(get("8474", &answer, &err), E_USAGE);
    assert_string_equal(err.text, "API address '8474': that is no host and port");
    assert_int_equal(get("", &answer, &err), E_USAGE);
    assert_string_equal(err.text, "the API's address is empty");
}

static void test_http_client__finds_a_proxy_by_name_and_by_path(void **state)
{
    struct canned server = {.holds = false};
    struct http_client_answer answer;
    struct error err;
    char address[ADDRESS_BYTES];

    (void)state;
    canned_start(&server, "HTTP/1.1 200 OK\r\n\r\nby name");
    snprintf(address, sizeof address, "localhost%s", strrchr(server.address, ':'));
    assert_int_equal(get(address, &answer, &err), 0);
    assert_string_equal(answer.body, "by name");
    http_client_release(&answer);
    canned_end(&server);

    memset(&server, 0, sizeof server);
    snprintf(address, sizeof address, "unix:/tmp/test_http_client.%d", (int)getpid());
    canned_start_at(&server, address, "HTTP/1.1 200 OK\r\n\r\nby path");
    assert_int_equal(get(address, &answer, &err), 0);
    assert_string_equal(answer.body, "by path");
    assert_non_null(strstr(server.request, "Host: localhost\r\n"));
    http_client_release(&answer);
    canned_end(&server);
    unlink(address + strlen("unix:"));
}

static void test_http_client__does_not_take_half_an_answer(void **state)
{
    struct http_client_answer answer;
    struct error err;

    (void)state;
    assert_int_equal(
        ask("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", &answer, &err),
        E_FORMAT);
    assert_non_null(strstr(err.text, "broke off after 4 of 10 bytes of its answer"));
    assert_int_equal(ask("", &answer, &err), E_ENVIRONMENT);
    assert_non_null(strstr(err.text, "closed the connection without an answer"));
    assert_int_equal(ask("HTTP/1.1 200 OK\r\nContent-", &answer, &err), E_FORMAT);
}

static void test_http_client__knows_when_it_talks_to_something_else(void **state)
{
    struct http_client_answer answer;
    struct error err;

    (void)state;
    assert_int_equal(ask("INFO {\"server_id\":\"N\"}\r\n\r\n", &answer, &err), E_FORMAT);
    assert_non_null(strstr(err.text, "does not speak HTTP"));
    assert_int_equal(ask("HTTP/2 200\r\n\r\n", &answer, &err), E_FORMAT);
    assert_int_equal(ask("HTTP/1.1 abc\r\n\r\n", &answer, &err), E_FORMAT);
}

static void test_http_client__gives_up_on_a_server_that_says_nothing(void **state)
{
    struct canned server = {.holds = true};
    struct http_client_answer answer;
    struct http_client_request request = {
        .method = "GET", .path = "/", .timeout_ns = 50 * NS_PER_MS};
    struct error err;

    (void)state;
    canned_start(&server, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n1234");
    request.address = server.address;
    assert_int_equal(http_client_call(&request, &answer, &err), E_ENVIRONMENT);
    assert_non_null(strstr(err.text, "does not answer in time"));
    canned_end(&server);
}

static void test_http_client__bounds_what_it_takes(void **state)
{
    struct canned server = {.repeats = HTTP_CLIENT_ANSWER_BYTES_MAX + (1u << 20)};
    struct http_client_answer answer;
    struct error err;

    (void)state;
    canned_start(&server, "HTTP/1.1 200 OK\r\n\r\n");
    assert_int_equal(get(server.address, &answer, &err), E_LIMIT);
    assert_non_null(strstr(err.text, "answers with more than 16 MiB"));
    canned_end(&server);

    /* A head without an end is no HTTP, long before that. */
    memset(&server, 0, sizeof server);
    server.repeats = 1u << 20;
    canned_start(&server, "HTTP/1.1 200 OK\r\nX: ");
    assert_int_equal(get(server.address, &answer, &err), E_FORMAT);
    canned_end(&server);
}

static void test_http_client__escapes_the_parts_of_a_path(void **state)
{
    char path[HTTP_CLIENT_PATH_BYTES] = "/v1/links";
    char longest[HTTP_CLIENT_PATH_BYTES];

    (void)state;
    assert_true(http_client_append(path, "a/b c?\xc3\xa9#1"));
    assert_true(http_client_append(path, "faults"));
    assert_string_equal(path, "/v1/links/a%2Fb%20c%3F%C3%A9%231/faults");
    memset(longest, 'x', sizeof longest);
    longest[sizeof longest - 1] = '\0';
    assert_false(http_client_append(path, longest));
    assert_string_equal(path, "/v1/links/a%2Fb%20c%3F%C3%A9%231/faults");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_http_client__sends_a_request_that_says_everything),
        cmocka_unit_test(
            test_http_client__does_not_wait_for_the_end_when_it_knows_the_length),
        cmocka_unit_test(test_http_client__reads_to_the_end_when_no_length_is_given),
        cmocka_unit_test(test_http_client__says_that_nobody_is_there),
        cmocka_unit_test(test_http_client__refuses_what_is_no_address),
        cmocka_unit_test(test_http_client__finds_a_proxy_by_name_and_by_path),
        cmocka_unit_test(test_http_client__does_not_take_half_an_answer),
        cmocka_unit_test(test_http_client__knows_when_it_talks_to_something_else),
        cmocka_unit_test(test_http_client__gives_up_on_a_server_that_says_nothing),
        cmocka_unit_test(test_http_client__bounds_what_it_takes),
        cmocka_unit_test(test_http_client__escapes_the_parts_of_a_path),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
