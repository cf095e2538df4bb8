/* poller: what is wanted is told, what was closed is not, and libuv's loop goes on. */
#include "proxy/poller.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/lib/proxy/world.h"

/* Two connected sockets, a watch on the first. */
struct pair {
    struct watch watch; /* first */
    struct bench *bench;
    int fds[2];
    unsigned told; /* events, all together */
    int times;
    bool closed;
    struct pair *victim; /* closed when this one is told */
};

struct bench {
    uv_loop_t loop;
    uv_timer_t timer;
    struct poller poller;
    struct pair pairs[3];
    int timer_fired;
};

static void on_closed(struct watch *watch)
{
    struct pair *pair = (struct pair *)watch;

    pair->closed = true;
    close(pair->fds[0]);
    close(pair->fds[1]);
    /* Freed memory, as an owner's would be: the poller must not look at it again. */
    memset(watch, 0x5a, sizeof *watch);
}

static void close_pair(struct pair *pair)
{
    watch_close(&pair->bench->poller, &pair->watch, on_closed);
}

static void on_ready(struct watch *watch, unsigned events)
{
    struct pair *pair = (struct pair *)watch;

    pair->told |= events;
    pair->times++;
    if (pair->victim != NULL && watch_is_open(&pair->victim->watch))
        close_pair(pair->victim);
    close_pair(pair);
}

static struct bench *bench_create(int pairs)
{
    struct bench *b = calloc(1, sizeof *b);
    struct error err;

    assert_non_null(b);
    assert_int_equal(uv_loop_init(&b->loop), 0);
    assert_int_equal(poller_init(&b->poller, &b->loop, &err), 0);
    for (int i = 0; i < pairs; i++) {
        struct pair *pair = &b->pairs[i];

        pair->bench = b;
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair->fds), 0);
        watch_open(&b->poller, &pair->watch, pair->fds[0], on_ready);
    }
    return b;
}

static void bench_destroy(struct bench *b)
{
    assert_int_equal(b->poller.open, 0);
    poller_release(&b->poller);
    assert_int_equal(uv_loop_close(&b->loop), 0);
    free(b);
}

static void test_poller__tells_what_is_wanted(void **state)
{
    struct bench *b = bench_create(3);

    (void)state;
    watch_set(&b->poller, &b->pairs[0].watch, POLLER_READ);
    watch_set(&b->poller, &b->pairs[1].watch, POLLER_WRITE);
    watch_set(&b->poller, &b->pairs[2].watch, POLLER_HANGUP);
    assert_int_equal(write(b->pairs[0].fds[1], "x", 1), 1);
    shutdown(b->pairs[2].fds[1], SHUT_WR);
    poller_run(&b->poller);
    assert_int_equal(b->pairs[0].told, POLLER_READ);
    assert_int_equal(b->pairs[1].told, POLLER_WRITE);
    assert_true(b->pairs[2].told & POLLER_HANGUP);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(b->pairs[i].times, 1);
        assert_true(b->pairs[i].closed);
    }
    bench_destroy(b);
}

/* Only the last wish of a turn counts. */
static void test_poller__forgets_a_wish_that_was_taken_back(void **state)
{
    struct bench *b = bench_create(2);

    (void)state;
    assert_int_equal(write(b->pairs[0].fds[1], "x", 1), 1);
    watch_set(&b->poller, &b->pairs[0].watch, POLLER_READ);
    watch_set(&b->poller, &b->pairs[0].watch, 0);
    watch_set(&b->poller, &b->pairs[1].watch, POLLER_WRITE);
    b->pairs[1].victim = &b->pairs[0];
    poller_run(&b->poller);
    assert_int_equal(b->pairs[0].times, 0);
    assert_true(b->pairs[0].closed);
    bench_destroy(b);
}

/* Both are ready in one batch; whoever is told first closes the other. */
static void test_poller__does_not_tell_what_was_closed_in_the_same_turn(void **state)
{
    struct bench *b = bench_create(2);

    (void)state;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(write(b->pairs[i].fds[1], "x", 1), 1);
        watch_set(&b->poller, &b->pairs[i].watch, POLLER_READ);
        b->pairs[i].victim = &b->pairs[1 - i];
    }
    poller_run(&b->poller);
    assert_int_equal(b->pairs[0].times + b->pairs[1].times, 1);
    assert_true(b->pairs[0].closed);
    assert_true(b->pairs[1].closed);
    bench_destroy(b);
}

/* An error or hang-up comes unasked and is told as what is wanted. */
static void test_poller__tells_of_a_peer_that_is_gone(void **state)
{
    struct bench *b = bench_create(1);

    (void)state;
    close(b->pairs[0].fds[1]);
    b->pairs[0].fds[1] = dup(b->pairs[0].fds[0]);
    watch_set(&b->poller, &b->pairs[0].watch, POLLER_WRITE);
    poller_run(&b->poller);
    assert_true(b->pairs[0].told & POLLER_WRITE);
    bench_destroy(b);
}

static void on_nothing_closed(struct watch *watch)
{
    struct pair *pair = (struct pair *)watch;

    pair->closed = true;
}

/* A watch on nothing is a way to be called at the end of the turn. */
static void test_poller__lets_go_later_never_at_once(void **state)
{
    struct bench *b = bench_create(0);
    struct pair *pair = &b->pairs[0];

    (void)state;
    watch_open(&b->poller, &pair->watch, -1, on_ready);
    watch_close(&b->poller, &pair->watch, on_nothing_closed);
    assert_false(pair->closed);
    assert_false(watch_is_open(&pair->watch));
    poller_run(&b->poller);
    assert_true(pair->closed);
    bench_destroy(b);
}

static void on_timer(uv_timer_t *timer)
{
    struct bench *b = timer->data;

    b->timer_fired++;
    uv_close((uv_handle_t *)timer, NULL);
    close_pair(&b->pairs[0]);
}

static void test_poller__turns_libuvs_loop_while_a_socket_is_silent(void **state)
{
    struct bench *b = bench_create(1);

    (void)state;
    watch_set(&b->poller, &b->pairs[0].watch, POLLER_READ);
    uv_timer_init(&b->loop, &b->timer);
    b->timer.data = b;
    uv_timer_start(&b->timer, on_timer, 1, 0);
    poller_run(&b->poller);
    assert_int_equal(b->timer_fired, 1);
    assert_int_equal(b->pairs[0].times, 0);
    bench_destroy(b);
}

static void test_poller__leaves_no_descriptor_behind(void **state)
{
    int before = world_open_fds();

    test_poller__tells_what_is_wanted(state);
    assert_int_equal(world_open_fds(), before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_poller__tells_what_is_wanted),
        cmocka_unit_test(test_poller__forgets_a_wish_that_was_taken_back),
        cmocka_unit_test(test_poller__does_not_tell_what_was_closed_in_the_same_turn),
        cmocka_unit_test(test_poller__tells_of_a_peer_that_is_gone),
        cmocka_unit_test(test_poller__lets_go_later_never_at_once),
        cmocka_unit_test(test_poller__turns_libuvs_loop_while_a_socket_is_silent),
        cmocka_unit_test(test_poller__leaves_no_descriptor_behind),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
