/* door: who cannot be accepted now waits, and is accepted later. */
#include "proxy/control/door.h"

#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proxy/control/http.h"
#include "tests/lib/control/server.h"

#define REQUEST "GET /version HTTP/1.1\r\nHost: localhost\r\n\r\n"

enum { CALLERS = 3 };

/* A socket that is not connected yet: that needs no descriptor any more. */
static void call_from(int fd, const struct server *s)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(s->port)};

    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    world_send(fd, REQUEST);
}

static void expect_reply(int fd)
{
    struct heard heard;

    assert_true(server_receive(fd, &heard));
    assert_int_equal(heard.status, 200);
    heard_release(&heard);
}

/* From here on the process gets no descriptor. Gives the limit that was. */
static struct rlimit take_all_descriptors(void)
{
    struct rlimit before;
    struct rlimit tight;

    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    tight = before;
    tight.rlim_cur = (rlim_t)dup(STDERR_FILENO);
    close((int)tight.rlim_cur);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &tight), 0);
    return before;
}

/* In the file of the log, which both the server and we may read. */
static void wait_for_words(int fd, const char *words)
{
    char text[8192];

    for (int i = 0; i < WORLD_PATIENCE_S * 1000; i++) {
        ssize_t size = pread(fd, text, sizeof text - 1, 0);

        assert_true(size >= 0);
        text[size] = '\0';
        if (strstr(text, words) != NULL)
            return;
        poll(NULL, 0, 1);
    }
    fail_msg("the log never said '%s', but: %s", words, text);
}

static void test_door__answers_again_when_there_are_descriptors_again(void **state)
{
    char path[] = "/tmp/stormdrill-door-XXXXXX";
    int read_fd = mkstemp(path);
    struct log *log;
    struct error err;
    struct server *s;
    int callers[CALLERS];

    (void)state;
    assert_int_equal(log_create(&log, LOG_ERROR_LEVEL, path, &err), 0);
    s = server_start_with((struct api_options){.log = log});
    for (int i = 0; i < CALLERS; i++)
        callers[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    for (int round = 0; round < 2; round++) {
        struct rlimit before = take_all_descriptors();

        for (int i = 0; i < CALLERS; i++)
            call_from(callers[i], s);
        wait_for_words(read_fd, "cannot accept calls for now");
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
        for (int i = 0; i < CALLERS; i++) {
            expect_reply(callers[i]);
            close(callers[i]);
            callers[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        }
        server_do(s, "GET", "/version", NULL, 200);
        assert_int_equal(ftruncate(read_fd, 0), 0);
    }
    for (int i = 0; i < CALLERS; i++)
        close(callers[i]);
    server_stop(s);
    log_destroy(log);
    close(read_fd);
    unlink(path);
}

static void test_door__lets_in_one_more_when_one_of_too_many_leaves(void **state)
{
    struct server *s = server_start();
    int many[HTTP_CONNECTIONS_MAX];
    int one_more;

    (void)state;
    for (int i = 0; i < HTTP_CONNECTIONS_MAX; i++) {
        many[i] = server_connect(s);
        world_send(many[i], REQUEST);
        expect_reply(many[i]);
    }
    one_more = server_connect(s);
    world_send(one_more, REQUEST);
    /* The others are still served, and it is not. */
    for (int i = 0; i < 10; i++) {
        struct pollfd waiting = {.fd = one_more, .events = POLLIN};

        world_send(many[i], REQUEST);
        expect_reply(many[i]);
        assert_int_equal(poll(&waiting, 1, 0), 0);
    }
    close(many[0]);
    expect_reply(one_more);
    for (int i = 1; i < HTTP_CONNECTIONS_MAX; i++)
        close(many[i]);
    close(one_more);
    server_stop(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_door__answers_again_when_there_are_descriptors_again),
        cmocka_unit_test(test_door__lets_in_one_more_when_one_of_too_many_leaves),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
