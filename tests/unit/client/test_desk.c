/* test_desk: orders come in by line and are answered once, whatever arrives. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "harness/client/desk.h"

struct room {
    struct desk *desk;
    int fds[2]; /* ours, the desk's */
    FILE *answers;
};

static void room_open(struct room *room)
{
    desk_block_signals();
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, room->fds), 0);
    assert_int_equal(desk_open(&room->desk, room->fds[1], clock_real(), NULL, NULL), 0);
    room->answers = fdopen(dup(room->fds[0]), "r");
    assert_non_null(room->answers);
}

static void room_close(struct room *room)
{
    desk_close(room->desk);
    fclose(room->answers);
    close(room->fds[0]);
    close(room->fds[1]);
}

static void say(struct room *room, const char *text)
{
    assert_int_equal(write(room->fds[0], text, strlen(text)), (ssize_t)strlen(text));
}

static struct errand *take(struct room *room)
{
    struct errand *errand =
        desk_take(room->desk, clock_now(clock_real()) + 20ull * NS_PER_S);

    assert_non_null(errand);
    return errand;
}

static void expect_answer(struct room *room, const char *want)
{
    char line[512];

    assert_non_null(fgets(line, sizeof line, room->answers));
    line[strcspn(line, "\n")] = '\0';
    assert_string_equal(line, want);
}

static void test_desk__an_order_is_taken_and_answered_by_its_id(void **state)
{
    struct room room;
    struct errand *errand;

    (void)state;
    room_open(&room);
    assert_false(desk_has_order(room.desk));
    say(&room, "{\"id\": 7, \"op\": \"fence\", \"number\": 3}\n");
    errand = take(&room);
    assert_int_equal(errand->kind, ERRAND_FENCE);
    assert_int_equal(json_integer_value(json_object_get(errand->body, "number")), 3);
    assert_false(desk_wants_stop(room.desk));
    desk_answer(room.desk, errand, 0, NULL, NULL);
    expect_answer(&room, "{\"id\":7,\"rc\":0}");
    room_close(&room);
}

static void test_desk__lines_may_come_in_pieces_and_many_at_once(void **state)
{
    struct room room;
    struct errand *errand;

    (void)state;
    room_open(&room);
    say(&room, "{\"id\": 1, \"op\"");
    say(&room, ": \"a\"}\n{\"id\": 2, \"op\": \"b\"}\n{\"id\"");
    errand = take(&room);
    assert_string_equal(errand->op, "a");
    desk_answer(room.desk, errand, E_PARAM, "no", NULL);
    expect_answer(&room, "{\"id\":1,\"rc\":-5,\"text\":\"no\"}");
    errand = take(&room);
    assert_string_equal(errand->op, "b");
    desk_answer(room.desk, errand, 0, NULL, NULL);
    expect_answer(&room, "{\"id\":2,\"rc\":0}");
    say(&room, ": 3, \"op\": \"c\"}\n");
    errand = take(&room);
    assert_int_equal(errand->id, 3);
    desk_answer(room.desk, errand, 0, NULL, NULL);
    room_close(&room);
}

static void test_desk__stop_is_known_before_it_is_taken(void **state)
{
    struct room room;

    (void)state;
    room_open(&room);
    say(&room, "{\"id\": 1, \"op\": \"stop\"}\n");
    assert_true(desk_wait_until(room.desk, clock_now(clock_real()) + 20ull * NS_PER_S));
    assert_true(desk_wants_stop(room.desk));
    assert_false(desk_wants_exit(room.desk));
    desk_answer(room.desk, take(&room), 0, NULL, NULL);
    room_close(&room);
}

static void test_desk__what_is_no_order_is_refused_and_the_next_one_works(void **state)
{
    struct room room;
    struct errand *errand;

    (void)state;
    room_open(&room);
    say(&room, "hello\n[1,2]\n{\"id\": 4}\n{\"id\": 5, \"op\": \"x\"}\n");
    errand = take(&room);
    assert_int_equal(errand->id, 5);
    desk_answer(room.desk, errand, 0, NULL, NULL);
    expect_answer(&room, "{\"id\":4,\"rc\":-15,\"text\":\"an order needs an 'op'\"}");
    expect_answer(&room, "{\"id\":5,\"rc\":0}");
    room_close(&room);
}

static void test_desk__the_end_of_the_socket_is_an_order_to_exit(void **state)
{
    struct room room;
    struct errand *errand;

    (void)state;
    room_open(&room);
    shutdown(room.fds[0], SHUT_WR);
    errand = take(&room);
    assert_int_equal(errand->kind, ERRAND_EXIT);
    assert_true(desk_wants_exit(room.desk));
    desk_answer(room.desk, errand, 0, NULL, NULL); /* nobody is answered */
    room_close(&room);
}

static void test_desk__orders_left_over_are_answered_at_the_end(void **state)
{
    struct room room;
    struct desk *desk;

    (void)state;
    room_open(&room);
    desk = room.desk;
    say(&room, "{\"id\": 9, \"op\": \"stop\"}\n");
    assert_true(desk_wait_until(desk, clock_now(clock_real()) + 20ull * NS_PER_S));
    desk_close(desk);
    room.desk = NULL;
    expect_answer(&room, "{\"id\":9,\"rc\":-13,\"text\":\"the client is leaving\"}");
    room_close(&room);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_desk__an_order_is_taken_and_answered_by_its_id),
        cmocka_unit_test(test_desk__lines_may_come_in_pieces_and_many_at_once),
        cmocka_unit_test(test_desk__stop_is_known_before_it_is_taken),
        cmocka_unit_test(test_desk__what_is_no_order_is_refused_and_the_next_one_works),
        cmocka_unit_test(test_desk__the_end_of_the_socket_is_an_order_to_exit),
        cmocka_unit_test(test_desk__orders_left_over_are_answered_at_the_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
