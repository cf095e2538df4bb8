/* test_log: what reaches stderr, what reaches the file, and that a line stays a line.
 *
 * stderr is caught by putting a temporary file in its place for the time of a call. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "proxy/base/log.h"
#include "tests/lib/memory/memory.h"

struct rig {
    char folder[64];
    char path[128];
    char said[8192]; /* on stderr */
    int caught_fd;
    int stderr_fd;
};

static int set_up(void **state)
{
    struct rig *rig = calloc(1, sizeof *rig);

    unsetenv("JOURNAL_STREAM");
    snprintf(rig->folder, sizeof rig->folder, "/tmp/stormdrill-log-XXXXXX");
    assert_non_null(mkdtemp(rig->folder));
    snprintf(rig->path, sizeof rig->path, "%s/log.ndjson", rig->folder);
    *state = rig;
    return 0;
}

static int tear_down(void **state)
{
    struct rig *rig = *state;

    unlink(rig->path);
    rmdir(rig->folder);
    free(rig);
    return 0;
}

static void catch_stderr(struct rig *rig)
{
    FILE *file = tmpfile();

    assert_non_null(file);
    rig->caught_fd = dup(fileno(file));
    fclose(file);
    rig->stderr_fd = dup(STDERR_FILENO);
    dup2(rig->caught_fd, STDERR_FILENO);
}

static const char *release_stderr(struct rig *rig)
{
    ssize_t size;

    dup2(rig->stderr_fd, STDERR_FILENO);
    close(rig->stderr_fd);
    size = pread(rig->caught_fd, rig->said, sizeof rig->said - 1, 0);
    rig->said[size < 0 ? 0 : size] = '\0';
    close(rig->caught_fd);
    return rig->said;
}

/* Line `index` of the NDJSON file; NULL behind the last. */
static json_t *line_of_file(const struct rig *rig, int index)
{
    FILE *file = fopen(rig->path, "r");
    json_t *json = NULL;
    char line[8192];

    assert_non_null(file);
    for (int i = 0; fgets(line, sizeof line, file) != NULL; i++)
        if (i == index)
            json = json_loads(line, 0, NULL);
    fclose(file);
    return json;
}

static void assert_field(const json_t *line, const char *name, const char *value)
{
    assert_string_equal(json_string_value(json_object_get(line, name)), value);
}

static void test_log__nobody_is_handed_nothing_happens(void **state)
{
    struct rig *rig = *state;

    catch_stderr(rig);
    log_error(NULL, "proxy", "unheard %d", 1);
    assert_string_equal(release_stderr(rig), "");
    log_destroy(NULL);
}

static void test_log__a_person_sees_their_level_and_the_file_gets_all(void **state)
{
    struct rig *rig = *state;
    const char *said;
    struct log *log;
    json_t *line;

    assert_int_equal(log_create(&log, LOG_WARN_LEVEL, rig->path, NULL), 0);
    catch_stderr(rig);
    log_debug(log, "broker", "port %d", 4222);
    log_warn(log, "broker", "slow start");
    said = release_stderr(rig);
    log_destroy(log);
    assert_null(strstr(said, "4222"));
    assert_non_null(strstr(said, " warn  broker: slow start\n"));
    line = line_of_file(rig, 0);
    assert_field(line, "level", "debug");
    assert_field(line, "area", "broker");
    assert_field(line, "message", "port 4222");
    assert_int_equal(json_string_length(json_object_get(line, "time")),
                     strlen("2026-01-02T03:04:05.678Z"));
    json_decref(line);
    line = line_of_file(rig, 1);
    assert_field(line, "level", "warn");
    json_decref(line);
    assert_null(line_of_file(rig, 2));
}

static void test_log__a_message_cannot_start_a_line_or_move_the_cursor(void **state)
{
    struct rig *rig = *state;
    struct log *log;
    json_t *line;

    assert_int_equal(log_create(&log, LOG_INFO_LEVEL, rig->path, NULL), 0);
    catch_stderr(rig);
    log_info(log, "client", "%s", "one\n\033[2Jtwo\r\x7F");
    assert_non_null(strstr(release_stderr(rig), "client: one  [2Jtwo  \n"));
    log_destroy(log);
    line = line_of_file(rig, 0);
    assert_field(line, "message", "one  [2Jtwo  ");
    json_decref(line);
}

static void test_log__bytes_that_are_no_utf8_do_not_lose_the_line(void **state)
{
    struct rig *rig = *state;
    struct log *log;
    json_t *line;

    assert_int_equal(log_create(&log, LOG_ERROR_LEVEL, rig->path, NULL), 0);
    log_info(log, "broker", "name \xFF\xC3 end");
    log_destroy(log);
    line = line_of_file(rig, 0);
    assert_field(line, "message", "name ?? end");
    json_decref(line);
}

static void test_log__the_journal_gets_priorities_and_no_time(void **state)
{
    struct rig *rig = *state;
    struct log *log;

    setenv("JOURNAL_STREAM", "9:12345", 1);
    assert_int_equal(log_create(&log, LOG_DEBUG_LEVEL, NULL, NULL), 0);
    unsetenv("JOURNAL_STREAM");
    catch_stderr(rig);
    log_error(log, "proxy", "a");
    log_warn(log, "proxy", "b");
    log_info(log, "proxy", "c");
    log_debug(log, "proxy", "d");
    assert_string_equal(release_stderr(rig),
                        "<3>proxy: a\n<4>proxy: b\n<6>proxy: c\n<7>proxy: d\n");
    log_destroy(log);
}

static void test_log__a_long_message_is_cut_and_still_a_line(void **state)
{
    struct rig *rig = *state;
    char endless[10000];
    struct log *log;
    json_t *line;

    memset(endless, 'x', sizeof endless - 1);
    endless[sizeof endless - 1] = '\0';
    assert_int_equal(log_create(&log, LOG_ERROR_LEVEL, rig->path, NULL), 0);
    catch_stderr(rig);
    log_error(log, "client", "%s", endless);
    assert_non_null(strstr(release_stderr(rig), "xxx\n"));
    log_destroy(log);
    line = line_of_file(rig, 0);
    assert_in_range(json_string_length(json_object_get(line, "message")), 4000, 4096);
    json_decref(line);
}

static void test_log__appends_to_what_is_there(void **state)
{
    struct rig *rig = *state;
    json_t *line;

    for (int i = 0; i < 2; i++) {
        struct log *log;

        assert_int_equal(log_create(&log, LOG_ERROR_LEVEL, rig->path, NULL), 0);
        log_info(log, "suite", "start %d", i);
        log_destroy(log);
    }
    line = line_of_file(rig, 1);
    assert_field(line, "message", "start 1");
    json_decref(line);
}

static void test_log__a_file_that_cannot_be_opened_is_an_error_with_its_path(void **state)
{
    struct error err;
    struct log *log = NULL;

    (void)state;
    assert_int_equal(log_create(&log, LOG_INFO_LEVEL, "/nonexistent/x.ndjson", &err),
                     E_SYSTEM);
    assert_string_equal(err.text,
                        "open the log /nonexistent/x.ndjson: No such file or directory");
    assert_null(log);
}

static void test_log__no_memory_is_an_error_or_a_lost_line_and_no_crash(void **state)
{
    struct rig *rig = *state;
    struct log *log = NULL;

    memory_fail_at(1);
    assert_int_equal(log_create(&log, LOG_INFO_LEVEL, NULL, NULL), E_NOMEM);
    memory_fail_at(0);
    assert_int_equal(log_create(&log, LOG_ERROR_LEVEL, rig->path, NULL), 0);
    for (unsigned n = 1;; n++) {
        assert_in_range(n, 1, 100);
        memory_fail_at(n);
        log_info(log, "suite", "attempt");
        if (!memory_failed())
            break;
    }
    memory_fail_at(0);
    log_destroy(log);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_log__nobody_is_handed_nothing_happens),
        TEST(test_log__a_person_sees_their_level_and_the_file_gets_all),
        TEST(test_log__a_message_cannot_start_a_line_or_move_the_cursor),
        TEST(test_log__bytes_that_are_no_utf8_do_not_lose_the_line),
        TEST(test_log__the_journal_gets_priorities_and_no_time),
        TEST(test_log__a_long_message_is_cut_and_still_a_line),
        TEST(test_log__appends_to_what_is_there),
        TEST(test_log__a_file_that_cannot_be_opened_is_an_error_with_its_path),
        TEST(test_log__no_memory_is_an_error_or_a_lost_line_and_no_crash),
    };
#undef TEST

    return cmocka_run_group_tests(tests, NULL, NULL);
}
