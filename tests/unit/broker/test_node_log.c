/* test_node_log: what a broker prints reaches the file whole, and others in lines. */
#include "harness/broker/node_log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct world {
    uv_loop_t loop;
    struct node_log log;
    int write_end;
    char path[64];
    int lines;
    size_t longest;
    char all[8192];
};

static void on_line(void *arg, const char *line)
{
    struct world *w = arg;
    size_t used = strlen(w->all);

    w->lines++;
    if (strlen(line) > w->longest)
        w->longest = strlen(line);
    snprintf(w->all + used, sizeof w->all - used, "%s|", line);
}

static int setup(void **state)
{
    static struct world w;
    struct error err;
    int fd;

    w = (struct world){.path = "/tmp/stormdrill-log-XXXXXX"};
    fd = mkstemp(w.path);
    assert_true(fd != -1);
    close(fd);
    uv_loop_init(&w.loop);
    assert_int_equal(node_log_open(&w.log, w.path, on_line, &w, &err), 0);
    assert_int_equal(node_log_attach(&w.log, &w.loop, &w.write_end, &err), 0);
    *state = &w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;

    node_log_close(&w->log);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&w->loop), 0);
    unlink(w->path);
    return 0;
}

static void say(struct world *w, const char *text)
{
    assert_int_equal(write(w->write_end, text, strlen(text)), strlen(text));
}

static void end(struct world *w)
{
    close(w->write_end);
    node_log_finish(&w->log);
}

static void test_node_log__gives_lines_in_whatever_pieces_they_come(void **state)
{
    struct world *w = *state;

    say(w, "one\ntw");
    while (w->lines < 1)
        uv_run(&w->loop, UV_RUN_ONCE);
    say(w, "o\r\n\nthree");
    end(w);
    assert_string_equal(w->all, "one|two|three|");
}

static void test_node_log__cuts_lines_for_others_but_not_in_the_file(void **state)
{
    static char line[5000];
    struct world *w = *state;
    FILE *file;
    long size;

    memset(line, 'x', sizeof line - 2);
    line[sizeof line - 2] = '\n';
    say(w, line);
    say(w, "next\n");
    end(w);
    assert_int_equal(w->lines, 2);
    assert_int_equal(w->longest, NODE_LOG_LINE_BYTES - 1);
    file = fopen(w->path, "r");
    assert_non_null(file);
    fseek(file, 0, SEEK_END);
    size = ftell(file);
    fclose(file);
    assert_int_equal(size, sizeof line - 1 + 5);
}

static void test_node_log__makes_lines_printable(void **state)
{
    struct world *w = *state;

    say(w, "a\x01"
           "b\x1b[0m\xff\n");
    end(w);
    assert_string_equal(w->all, "a b [0m?|");
}

static void test_node_log__knows_the_line_that_explains_an_end(void **state)
{
    struct world *w = *state;
    struct error err;

    assert_string_equal(node_log_cause(&w->log), "");
    say(w, "[1] 2026/11/22 [INF] Starting\n");
    say(w, "[1] 2026/11/22 [FTL] no room\n[1] 2026/11/22 [INF] bye\n");
    end(w);
    assert_string_equal(node_log_cause(&w->log), "[1] 2026/11/22 [FTL] no room");

    /* The next process begins with nothing said. */
    assert_int_equal(node_log_attach(&w->log, &w->loop, &w->write_end, &err), 0);
    assert_string_equal(node_log_cause(&w->log), "");
    say(w, "panic: oh\ngoroutine 1\n");
    end(w);
    assert_string_equal(node_log_cause(&w->log), "panic: oh");
}

static void test_node_log__reads_what_a_dead_process_left(void **state)
{
    struct world *w = *state;

    say(w, "last words\n");
    /* The loop never ran: finish reads the pipe itself. */
    end(w);
    assert_string_equal(w->all, "last words|");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(test_node_log__gives_lines_in_whatever_pieces_they_come),
        TEST(test_node_log__cuts_lines_for_others_but_not_in_the_file),
        TEST(test_node_log__makes_lines_printable),
        TEST(test_node_log__knows_the_line_that_explains_an_end),
        TEST(test_node_log__reads_what_a_dead_process_left),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
