/* Orders to a client's process: each is answered exactly once, whatever the process says
 * or does not say. The other end of the socket is played by the test. */
#include "harness/client/crew.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

struct desk { /* a client without a process, and our end of its socket */
    uv_loop_t loop;
    struct context context;
    struct crew crew;
    struct client *client;
    int fd;
    int answers;
    int rc;
    char text[ERROR_TEXT_BYTES];
    bool again; /* the answer gives rise to another order */
};

static int open_desk(void **state)
{
    struct desk *desk = calloc(1, sizeof *desk);
    int pair[2];

    uv_loop_init(&desk->loop);
    desk->context.loop = &desk->loop;
    desk->crew.context = &desk->context;
    desk->client = client_new(&desk->crew, "worker");
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    assert_int_equal(channel_open(desk->client, pair[0], NULL), 0);
    desk->fd = pair[1];
    *state = desk;
    return 0;
}

static int close_desk(void **state)
{
    struct desk *desk = *state;

    channel_close(desk->client);
    client_free(desk->client);
    uv_run(&desk->loop, UV_RUN_DEFAULT);
    assert_int_equal(desk->crew.handles, 0);
    assert_int_equal(uv_loop_close(&desk->loop), 0);
    if (desk->fd != -1)
        close(desk->fd);
    free(desk);
    return 0;
}

static void on_answered(void *arg, int rc, const struct error *err, const json_t *answer)
{
    struct desk *desk = arg;
    const char *text = json_string_value(json_object_get(answer, "word"));

    desk->answers++;
    desk->rc = rc;
    snprintf(desk->text, sizeof desk->text, "%s",
             err != NULL ? err->text : (text != NULL ? text : ""));
    if (desk->again) {
        desk->again = false;
        client_order(desk->client, "once more", NULL, NS_PER_S, on_answered, desk);
    }
}

static void order(struct desk *desk, uint64_t within_ms)
{
    client_order(desk->client, "stop", NULL, within_ms * NS_PER_MS, on_answered, desk);
}

static void say(struct desk *desk, const char *text)
{
    assert_int_equal(write(desk->fd, text, strlen(text)), (ssize_t)strlen(text));
}

static void run_until_answers(struct desk *desk, int wanted)
{
    while (desk->answers < wanted)
        uv_run(&desk->loop, UV_RUN_ONCE);
}

static void test_crew_orders__an_answer_reaches_its_order_once(void **state)
{
    struct desk *desk = *state;

    order(desk, 60000);
    say(desk, "{\"id\": 1, \"rc\": 0, \"word\": \"done\"}\n{\"id\": 1, \"rc\": 0}\n");
    run_until_answers(desk, 1);
    uv_run(&desk->loop, UV_RUN_NOWAIT);
    assert_int_equal(desk->answers, 1);
    assert_int_equal(desk->rc, 0);
    assert_string_equal(desk->text, "done");
}

static void test_crew_orders__are_lines_with_an_id_and_an_op(void **state)
{
    struct desk *desk = *state;
    char line[256] = "";
    json_t *object;

    order(desk, 60000);
    uv_run(&desk->loop, UV_RUN_NOWAIT);
    assert_true(read(desk->fd, line, sizeof line - 1) > 0);
    object = json_loads(line, 0, NULL);
    assert_int_equal(json_integer_value(json_object_get(object, "id")), 1);
    assert_string_equal(json_string_value(json_object_get(object, "op")), "stop");
    json_decref(object);
}

static void test_crew_orders__a_refusal_brings_its_code_and_words(void **state)
{
    struct desk *desk = *state;

    order(desk, 60000);
    say(desk, "{\"id\": 1, \"rc\": -11, \"text\": \"the broker is silent\"}\n");
    run_until_answers(desk, 1);
    assert_int_equal(desk->rc, E_TIMEOUT);
    assert_string_equal(desk->text, "the broker is silent");
}

static void test_crew_orders__a_silent_client_is_a_time_out(void **state)
{
    struct desk *desk = *state;

    order(desk, 1);
    run_until_answers(desk, 1);
    assert_int_equal(desk->rc, E_TIMEOUT);
    assert_non_null(strstr(desk->text, "'worker' did not answer 'stop' in time"));
}

static void test_crew_orders__a_client_that_ends_answers_all_that_is_open(void **state)
{
    struct desk *desk = *state;

    order(desk, 60000);
    order(desk, 60000);
    desk->again = true; /* an order that is given by an answer is answered too */
    close(desk->fd);
    desk->fd = -1;
    run_until_answers(desk, 3);
    assert_int_equal(desk->rc, E_CLOSED);
}

static void test_crew_orders__garbage_is_survived(void **state)
{
    struct desk *desk = *state;

    order(desk, 60000);
    say(desk, "\n\n[]\nnull\n{\"id\": \"x\"}\n{\"id\": 99, \"rc\": 0}\n{]\n\xff\xfe\n");
    say(desk, "{\"event\": 7}\n{\"event\": \"nothing we know\"}\n{\"id\": 1, ");
    uv_run(&desk->loop, UV_RUN_NOWAIT);
    assert_int_equal(desk->answers, 0);
    say(desk, "\"rc\": 0}\n");
    run_until_answers(desk, 1);
    assert_int_equal(desk->rc, 0);
}

static void test_crew_orders__a_line_without_end_closes_the_channel(void **state)
{
    struct desk *desk = *state;
    char block[65536];

    memset(block, 'x', sizeof block);
    order(desk, 60000);
    while (desk->answers == 0) {
        /* Beyond its bound the channel closes, and writing fails. */
        if (send(desk->fd, block, sizeof block, MSG_DONTWAIT | MSG_NOSIGNAL) == -1)
            uv_run(&desk->loop, UV_RUN_ONCE);
        uv_run(&desk->loop, UV_RUN_NOWAIT);
    }
    assert_int_equal(desk->rc, E_CLOSED);
    assert_null(desk->client->channel);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_desk, close_desk)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_crew_orders__an_answer_reaches_its_order_once),
        TEST(test_crew_orders__are_lines_with_an_id_and_an_op),
        TEST(test_crew_orders__a_refusal_brings_its_code_and_words),
        TEST(test_crew_orders__a_silent_client_is_a_time_out),
        TEST(test_crew_orders__a_client_that_ends_answers_all_that_is_open),
        TEST(test_crew_orders__garbage_is_survived),
        TEST(test_crew_orders__a_line_without_end_closes_the_channel),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
