/* short memory: each allocation that a call takes fails once (STYLE C18). The call is
 * then answered with 500 and words, or done all the same; what the book says afterwards
 * is true, and nothing leaks. */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/lib/control/server.h"
#include "tests/lib/memory/memory.h"

enum { ANSWER_BYTES = 256 << 10, TRIES_MAX = 4000 };

#define LINK "{\"name\":\"b\",\"upstream\":\"127.0.0.1:9\""
#define NEW_FAULT "{\"fault\":\"latency\",\"name\":\"x\",\"params\":{\"base\":\"20ms\"}}"
#define OLD_FAULT "{\"fault\":\"latency\",\"name\":\"f\",\"params\":{\"base\":\"10ms\"}}"

struct
try {
    const char *method, *path, *body;
    const char *undo; /* "METHOD path", whatever its answer */
};

struct outcome {
    unsigned status;
    char *body;
};

/* Without an allocation of the test's own: the whole answer, to the connection's end. */
static struct outcome ask(int fd, const char *request, char answer[ANSWER_BYTES])
{
    struct outcome outcome = {.status = 0};
    size_t size = 0;
    ssize_t got;

    assert_int_equal(send(fd, request, strlen(request), MSG_NOSIGNAL), strlen(request));
    while ((got = recv(fd, answer + size, ANSWER_BYTES - 1 - size, 0)) > 0)
        size += (size_t)got;
    answer[size] = '\0';
    outcome.body = strstr(answer, "\r\n\r\n");
    if (outcome.body != NULL && sscanf(answer, "HTTP/1.1 %u", &outcome.status) == 1)
        outcome.body += 4;
    return outcome;
}

static void write_request(const struct try *try, char *out, size_t size)
{
    const char *body = try->body != NULL ? try->body : "";

    snprintf(out, size,
             "%s %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
             "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
             try->method, try->path, strlen(body), body);
}

static void call_anyhow(struct server *s, const char *method, const char *path,
                        const char *body)
{
    struct heard heard = server_call(s, method, path, body);

    heard_release(&heard);
}

/* What the links "a" and its fault "f" are at the start, and after every call. */
static void set_up(struct server *s, const char *undo)
{
    char method[16], path[128];

    if (undo != NULL && sscanf(undo, "%15s %127s", method, path) == 2)
        call_anyhow(s, method, path, NULL);
    call_anyhow(s, "POST", "/v1/links", "{\"name\":\"a\",\"upstream\":\"127.0.0.1:9\"}");
    call_anyhow(s, "PATCH", "/v1/links/a",
                "{\"enabled\":true,\"upstream\":\"127.0.0.1:9\"}");
    call_anyhow(s, "POST", "/v1/links/a/faults", OLD_FAULT);
    call_anyhow(s, "PATCH", "/v1/links/a/faults/f", "{\"params\":{\"base\":\"10ms\"}}");
    call_anyhow(s, "POST", "/proxies/a/toxics",
                "{\"name\":\"t\",\"type\":\"latency\",\"attributes\":{\"latency\":5}}");
}

/* The fault, where it still is, has the one delay or the other, and no third thing. */
static void expect_true_book(struct server *s, const struct try *try)
{
    struct heard heard = server_call(s, "GET", "/v1/links/a/faults/f", NULL);

    if (heard.status != 404 && strstr(heard.body, "\"base\":\"10ms\"") == NULL &&
        strstr(heard.body, "\"base\":\"30ms\"") == NULL)
        fail_msg("after %s %s: %s", try->method, try->path, heard.body);
    heard_release(&heard);
    server_do(s, "GET", "/v1/state", NULL, 200);
}

static void live_through(struct server *s, const struct try *try)
{
    static char request[4096], answer[ANSWER_BYTES];
    bool failed = true;
    unsigned n = 1;

    write_request(try, request, sizeof request);
    for (; failed; n++) {
        struct outcome outcome;
        int fd;

        set_up(s, try->undo);
        fd = server_connect(s);
        memory_fail_at(n);
        outcome = ask(fd, request, answer);
        failed = memory_failed();
        memory_fail_at(0);
        close(fd);
        if (outcome.status != 500 && outcome.status / 100 != 2)
            fail_msg("%s %s, allocation %u: %u %s", try->method, try->path, n,
                     outcome.status, answer);
        if (outcome.status == 500 && strstr(outcome.body, "memory") == NULL)
            fail_msg("%s %s, allocation %u has no words: %s", try->method, try->path, n,
                     outcome.body);
        assert_true(failed || outcome.status != 500);
        expect_true_book(s, try);
        assert_in_range(n, 1, TRIES_MAX);
    }
    assert_true(n > 2);
}

static void live_through_all(const struct try *tries)
{
    struct server *s = server_start();

    for (const struct try *t = tries; t->method != NULL; t++)
        live_through(s, t);
    server_stop(s);
}

static void test_short_memory__is_said_under_v1(void **state)
{
    static const struct try tries[] = {
        {"POST", "/v1/links", LINK ",\"faults\":[" NEW_FAULT "]}", "DELETE /v1/links/b"},
        {"PATCH", "/v1/links/a", "{\"enabled\":false}", NULL},
        {"POST", "/v1/links/a/faults", NEW_FAULT, "DELETE /v1/links/a/faults/x"},
        {"PATCH", "/v1/links/a/faults/f", "{\"params\":{\"base\":\"30ms\"}}", NULL},
        {"DELETE", "/v1/links/a/faults/f", NULL, NULL},
        {"DELETE", "/v1/links/a/faults", NULL, NULL},
        {"POST", "/v1/links/a/reset", NULL, NULL},
        {"DELETE", "/v1/links/a", NULL, NULL},
        {"POST", "/v1/state", "[" LINK "}]", "DELETE /v1/links/b"},
        {.method = NULL},
    };

    (void)state;
    live_through_all(tries);
}

static void test_short_memory__is_said_at_toxiproxys_paths(void **state)
{
    static const struct try tries[] = {
        {"POST", "/proxies", LINK "}", "DELETE /proxies/b"},
        {"POST", "/proxies/a", "{\"enabled\":false}", NULL},
        {"POST", "/proxies/a/toxics",
         "{\"type\":\"slicer\",\"name\":\"u\","
         "\"attributes\":{\"average_size\":9}}",
         "DELETE /proxies/a/toxics/u"},
        {"POST", "/proxies/a/toxics/t", "{\"attributes\":{\"latency\":7}}", NULL},
        {"DELETE", "/proxies/a/toxics/t", NULL, NULL},
        {"POST", "/reset", NULL, NULL},
        {"POST", "/populate", "[" LINK "}]", "DELETE /proxies/b"},
        {"DELETE", "/proxies/a", NULL, NULL},
        {.method = NULL},
    };

    (void)state;
    live_through_all(tries);
}

static void test_short_memory__gives_no_half_list(void **state)
{
    static const char *const paths[] = {"/v1/links",
                                        "/v1/links/a",
                                        "/v1/faults",
                                        "/v1/links/a/faults",
                                        "/v1/links/a/faults/f",
                                        "/v1/state",
                                        "/v1/api",
                                        "/metrics",
                                        "/proxies",
                                        "/proxies/a",
                                        "/proxies/a/toxics",
                                        "/version"};
    static char request[4096], answer[ANSWER_BYTES];
    struct server *s = server_start();

    (void)state;
    set_up(s, NULL);
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        struct try try = {.method = "GET", .path = paths[i]};
        bool failed = true;
        size_t whole;
        int fd = server_connect(s);

        write_request(&try, request, sizeof request);
        whole = strlen(ask(fd, request, answer).body);
        close(fd);
        for (unsigned n = 1; failed; n++) {
            struct outcome outcome;

            fd = server_connect(s);
            memory_fail_at(n);
            outcome = ask(fd, request, answer);
            failed = memory_failed();
            memory_fail_at(0);
            close(fd);
            /* Counters have as many digits as they have. */
            if (outcome.status == 200
                    ? strcmp(paths[i], "/metrics") != 0 && strlen(outcome.body) != whole
                    : outcome.status != 500 || strstr(outcome.body, "memory") == NULL)
                fail_msg("GET %s, allocation %u: %u %s", paths[i], n, outcome.status,
                         answer);
        }
    }
    server_stop(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_short_memory__is_said_under_v1),
        cmocka_unit_test(test_short_memory__is_said_at_toxiproxys_paths),
        cmocka_unit_test(test_short_memory__gives_no_half_list),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
