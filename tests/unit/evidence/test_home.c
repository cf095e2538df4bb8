/* Unit tests of what happens when there is no room: nothing is lost silently. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness/evidence/home.h"
#include "harness/evidence/side.h"
#include "harness/evidence/slots.h"
#include "tests/lib/evidence/room.h"
#include "tests/lib/memory/memory.h"

static struct writer *open_writer(struct evidence_home *home, const char *name)
{
    struct writer *writer = NULL;
    struct error err = {.code = 0};

    if (writer_open(&writer, home, name, 1, 0, &err) != 0)
        fail_msg("%s", err.text);
    return writer;
}

/* From now on no file may be larger: neither shm nor the folder has room. */
static void limit_files(rlim_t bytes)
{
    struct rlimit limit;

    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes > limit.rlim_max ? limit.rlim_max : bytes;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* Lines of a log that hold these words. */
static int count_lines(const char *path, const char *words)
{
    char line[2048];
    FILE *file = fopen(path, "re");
    int count = 0;

    assert_non_null(file);
    while (fgets(line, sizeof line, file) != NULL) {
        if (strstr(line, words) != NULL)
            count++;
    }
    fclose(file);
    return count;
}

static void test_home__counts_what_finds_no_room_and_says_so(void **state)
{
    struct room room;
    struct evidence_home *home;
    struct writer *writer;
    struct evidence *e;
    uint64_t kept, lost, appended = 0;

    (void)state;
    room_init(&room);
    home = room_home(&room, NULL);
    writer = open_writer(home, "c1.0");
    limit_files(32 << 10);
    /* What was there already: its first segment, and the home's reserve. */
    kept = slots_records(segment_slots(SEGMENT_FIRST_BYTES)) - 1 +
           RESERVE_FIRST * (slots_records(segment_slots(SEGMENT_SELF_BYTES)) - 1);
    for (; appended < kept + 5000; appended++)
        room_append(writer, appended);
    lost = writer_lost(writer);
    assert_int_equal(lost, 5000);
    /* It stands in evidence even now. */
    e = room_read(&room);
    assert_int_equal(evidence_damage(e).lost_records, lost);
    assert_int_equal(room_expect_numbers(e, 0), kept);
    evidence_close(e);
    limit_files(RLIM_INFINITY);
    do {
        lost = writer_lost(writer);
        room_append(writer, appended++);
        usleep(1000);
    } while (writer_lost(writer) != lost);
    for (int i = 0; i < 100; i++)
        room_append(writer, appended++);
    lost = writer_lost(writer);
    writer_close(writer);
    evidence_home_close(home);
    e = room_read(&room);
    assert_int_equal(evidence_damage(e).lost_records, lost);
    assert_int_equal(evidence_writer(e, 0)->records, appended - lost + 1);
    assert_int_equal(evidence_damage(e).holes, 0);
    assert_true(evidence_writer(e, 0)->complete);
    evidence_close(e);
    room_release(&room);
}

static void test_home__refuses_a_writer_for_whom_there_is_no_room(void **state)
{
    struct room room;
    struct evidence_home *home;
    struct writer *writer = NULL;
    struct error err;

    (void)state;
    room_init(&room);
    home = room_home(&room, NULL);
    limit_files(32 << 10);
    assert_int_equal(writer_open(&writer, home, "main", 0, 0, &err), E_NOSPACE);
    assert_non_null(strstr(err.text, room.folder));
    assert_non_null(strstr(err.hint, "/dev/shm"));
    limit_files(RLIM_INFINITY);
    evidence_home_close(home);
    room_release(&room);
}

static void test_home__counts_details_that_find_no_room(void **state)
{
    struct room room;
    struct evidence_home *home;
    struct writer *writer;
    struct evidence *e;

    (void)state;
    room_init(&room);
    home = room_home(&room, NULL);
    writer = open_writer(home, "c1.0");
    assert_int_equal(writer_string(writer, "kept"), 1);
    limit_files(SIDE_HEADER_BYTES + 16);
    assert_int_equal(writer_detail_text(writer, "lost"), 0);
    assert_int_equal(writer_string(writer, "lost"), 0);
    assert_int_equal(writer_lost(writer), 2);
    limit_files(RLIM_INFINITY);
    assert_int_equal(writer_string(writer, "kept"), 1);
    assert_int_equal(writer_string(writer, "kept too"), 2);
    writer_close(writer);
    evidence_home_close(home);
    e = room_read(&room);
    assert_int_equal(evidence_damage(e).lost_records, 2);
    assert_int_equal(evidence_damage(e).bad_segments, 0);
    assert_string_equal(evidence_string(e, 0, 1), "kept");
    assert_string_equal(evidence_string(e, 0, 2), "kept too");
    evidence_close(e);
    room_release(&room);
}

/* Without its folder the mover gets nothing home, as with a disk that stands still. */
static void remove_folder(const struct room *room)
{
    char path[200], aside[200];

    snprintf(path, sizeof path, "%s/writers", room->folder);
    snprintf(aside, sizeof aside, "%s/writers-aside", room->root);
    assert_int_equal(rename(path, aside), 0);

    snprintf(path, sizeof path, "%s/shm", room->folder);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(room->folder), 0);
}

static void restore_folder(const struct room *room, const char *shm)
{
    char path[200], aside[200];
    FILE *file;

    assert_int_equal(mkdir(room->folder, 0755), 0);
    snprintf(path, sizeof path, "%s/shm", room->folder);
    file = fopen(path, "we");
    assert_non_null(file);
    fprintf(file, "%s\n", shm);
    fclose(file);
    snprintf(path, sizeof path, "%s/writers", room->folder);
    snprintf(aside, sizeof aside, "%s/writers-aside", room->root);
    assert_int_equal(rename(aside, path), 0);
}

static void test_home__loses_records_rather_than_pass_its_bound(void **state)
{
    enum { BOUND = 2 << 20, COUNT = 100000 };
    struct room room;
    struct evidence_home_options options = {.folder = room.folder,
                                            .shm_bytes_max = BOUND};
    struct evidence_home *home = NULL;
    struct writer *writer;
    struct evidence *e;
    char shm[512];
    uint64_t lost;

    (void)state;
    room_init(&room);
    assert_int_equal(evidence_home_create(&home, &options, NULL), 0);
    writer = open_writer(home, "c1.0");
    room_shm(&room, shm, sizeof shm);
    remove_folder(&room);
    for (uint64_t i = 0; i < COUNT; i++) {
        room_append(writer, i);
        assert_true(atomic_load(&home->held_bytes) <= BOUND);
    }
    lost = writer_lost(writer);
    assert_in_range(lost, COUNT - BOUND / 64, COUNT / 2 + COUNT / 3);
    writer_close(writer);
    evidence_home_close(home);
    restore_folder(&room, shm);
    assert_int_equal(evidence_collect(room.folder, NULL), 0);
    e = room_read(&room);
    assert_true(evidence_writer(e, 0)->complete);
    assert_int_equal(evidence_damage(e).lost_records, lost);
    assert_int_equal(evidence_damage(e).bad_segments, 0);
    evidence_close(e);
    room_release(&room);
}

static void test_home__uses_the_folder_where_there_is_no_shm(void **state)
{
    static const char *const places[] = {"/proc/nowhere", "/no/such/place"};
    struct room room;
    struct evidence_home_options options = {.folder = room.folder};
    struct evidence_home *home = NULL;
    struct writer *writer;
    struct evidence *e;
    char path[128];
    struct stat st;

    (void)state;
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        room_init(&room);
        options.shm = places[i];
        snprintf(path, sizeof path, "%s/log", room.root);
        assert_int_equal(log_create(&options.log, LOG_ERROR_LEVEL, path, NULL), 0);
        assert_int_equal(evidence_home_create(&home, &options, NULL), 0);
        writer = open_writer(home, "c1.0");
        for (uint64_t n = 0; n < 7000; n++)
            room_append(writer, n);
        assert_int_equal(writer_lost(writer), 0);
        writer_close(writer);
        writer = open_writer(home, "c1.1");
        writer_close(writer);
        evidence_home_close(home);
        log_destroy(options.log);
        assert_int_equal(count_lines(path, "no room for evidence in shared memory"), 1);
        assert_int_equal(evidence_collect(room.folder, NULL), 0);
        assert_int_equal(room_count(room.folder, ".alive"), 0);
        e = room_read(&room);
        assert_int_equal(room_expect_numbers(e, room_writer(e, "c1.0")), 7000);
        assert_int_equal(evidence_damage(e).bad_segments, 0);
        evidence_close(e);
        /* What was not used was given back. */
        snprintf(path, sizeof path, "%s/c1.0.0000.seg", room.folder);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_size, EVIDENCE_HEADER_BYTES + slots_for(7000) * 64);
        room_release(&room);
    }
}

/* Leave this much room in a tmpfs. */
static void fill(const char *folder, uint64_t bytes)
{
    char path[200];
    int fd;

    snprintf(path, sizeof path, "%s/ballast", folder);
    fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(posix_fallocate(fd, 0, (off_t)bytes), 0);
    close(fd);
}

static void test_home__goes_on_in_the_folder_when_shm_is_full(void **state)
{
    struct room room;
    struct evidence_home_options options = {.folder = room.folder, .shm = room.small};
    struct evidence_home *home = NULL;
    struct writer *writer;
    struct evidence *e;
    char path[128];
    uint64_t appended = 0, lost;

    (void)state;
    room_init(&room);
    room_mount(&room, 1 << 20);
    snprintf(path, sizeof path, "%s/log", room.root);
    assert_int_equal(log_create(&options.log, LOG_ERROR_LEVEL, path, NULL), 0);
    assert_int_equal(evidence_home_create(&home, &options, NULL), 0);
    fill(room.small, (1 << 20) - (96 << 10));
    writer = open_writer(home, "c1.0");
    while (room_count(room.folder, ".seg") == 0 && appended < 10000000)
        room_append(writer, appended++);
    assert_true(room_count(room.folder, ".seg") > 0);
    for (int i = 0; i < 1000; i++)
        room_append(writer, appended++);
    for (int i = 0; i < 20; i++)
        assert_true(writer_string(writer, path + i) > 0);
    lost = writer_lost(writer);
    writer_close(writer);
    evidence_home_close(home);
    log_destroy(options.log);
    assert_int_equal(count_lines(path, "no room for evidence in shared memory"), 1);
    snprintf(path, sizeof path, "%s/ballast", room.small);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(evidence_collect(room.folder, NULL), 0);
    e = room_read(&room);
    assert_int_equal(evidence_damage(e).lost_records, lost);
    assert_int_equal(evidence_damage(e).bad_segments, 0);
    assert_int_equal(evidence_writer(e, 0)->records, appended - lost + (lost > 0));
    evidence_close(e);
    room_release(&room);
}

static void test_home__leaves_in_shm_what_has_no_room_at_home(void **state)
{
    struct room room;
    struct evidence_home *home;
    struct writer *writer;
    struct evidence *e;
    struct error err;
    char shm[512];

    (void)state;
    room_init(&room);
    home = room_home(&room, NULL);
    writer = open_writer(home, "c1.0");
    for (uint64_t i = 0; i < 900; i++)
        room_append(writer, i);
    limit_files(16 << 10);
    writer_close(writer);
    evidence_home_close(home);
    room_shm(&room, shm, sizeof shm);
    assert_int_equal(room_count(shm, ".seg"), 1);
    e = room_read(&room);
    assert_int_equal(room_expect_numbers(e, 0), 900);
    evidence_close(e);
    assert_int_not_equal(evidence_collect(room.folder, &err), 0);
    assert_non_null(strstr(err.text, "c1.0.0000.seg"));
    assert_int_equal(room_count(shm, ".seg"), 1);
    limit_files(RLIM_INFINITY);
    assert_int_equal(evidence_collect(room.folder, &err), 0);
    assert_int_equal(access(shm, F_OK), -1);
    assert_int_equal(room_count(room.folder, ".tmp"), 0);
    e = room_read(&room);
    assert_int_equal(room_expect_numbers(e, 0), 900);
    assert_true(evidence_writer(e, 0)->complete);
    evidence_close(e);
    room_release(&room);
}

static void test_home__is_created_once(void **state)
{
    struct room room;
    struct evidence_home_options options = {.folder = room.folder};
    struct evidence_home *home, *second = NULL;
    struct error err;

    (void)state;
    room_init(&room);
    home = room_home(&room, NULL);
    assert_int_equal(evidence_home_create(&second, &options, &err), E_EXISTS);
    assert_non_null(strstr(err.text, room.folder));
    evidence_home_close(home);
    options.folder = "/no/such/folder/evidence";
    assert_int_not_equal(evidence_home_create(&second, &options, &err), 0);
    assert_non_null(strstr(err.text, options.folder));
    options.folder = room.root;
    assert_int_not_equal(evidence_home_open(&second, &options, &err), 0);
    assert_non_null(strstr(err.text, "no evidence folder"));
    room_release(&room);
}

static void *append_many(void *arg)
{
    for (uint64_t i = 0; i < 300000; i++)
        room_append(arg, i);
    writer_close(arg);
    return NULL;
}

static void test_home__is_shared_by_threads(void **state)
{
    enum { THREADS = 4 };
    struct room room;
    struct evidence_home *home;
    struct evidence *e;
    pthread_t threads[THREADS];

    (void)state;
    room_init(&room);
    home = room_home(&room, NULL);
    for (int i = 0; i < THREADS; i++) {
        char name[32];

        snprintf(name, sizeof name, "c1.0.t%d", i);
        assert_int_equal(
            pthread_create(&threads[i], NULL, append_many, open_writer(home, name)), 0);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    evidence_home_close(home);
    assert_int_equal(evidence_collect(room.folder, NULL), 0);
    e = room_read(&room);
    assert_int_equal(evidence_writer_count(e), THREADS);
    assert_int_equal(evidence_damage(e).lost_records, 0);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(room_expect_numbers(e, i), 300000);
    evidence_close(e);
    room_release(&room);
}

static void test_home__leaves_nothing_behind_when_memory_is_short(void **state)
{
    struct room room;
    struct evidence_home *home;
    struct writer *writer = NULL;
    struct error err;
    uint64_t held;
    unsigned n;

    (void)state;
    room_init(&room);
    home = room_home(&room, NULL);
    held = atomic_load(&home->held_bytes);
    for (n = 1;; n++) {
        char name[16];
        bool failed;
        int rc;

        snprintf(name, sizeof name, "c1.%u", n);
        memory_fail_at(n);
        rc = writer_open(&writer, home, name, 1, n, &err);
        failed = memory_failed();
        memory_fail_at(0);
        if (!failed)
            break;
        /* What could not be made in shm may have been made in the folder. */
        if (rc == 0) {
            writer_close(writer);
            continue;
        }
        assert_int_equal(rc, E_NOMEM);
        assert_int_equal(room_count(room.folder, ".side"), 0);
        assert_int_equal(atomic_load(&home->held_bytes), held);
    }
    assert_true(n > 2);
    writer_close(writer);
    evidence_home_close(home);
    room_release(&room);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_home__counts_what_finds_no_room_and_says_so),
        cmocka_unit_test(test_home__refuses_a_writer_for_whom_there_is_no_room),
        cmocka_unit_test(test_home__counts_details_that_find_no_room),
        cmocka_unit_test(test_home__loses_records_rather_than_pass_its_bound),
        cmocka_unit_test(test_home__uses_the_folder_where_there_is_no_shm),
        cmocka_unit_test(test_home__goes_on_in_the_folder_when_shm_is_full),
        cmocka_unit_test(test_home__leaves_in_shm_what_has_no_room_at_home),
        cmocka_unit_test(test_home__is_created_once),
        cmocka_unit_test(test_home__is_shared_by_threads),
        cmocka_unit_test(test_home__leaves_nothing_behind_when_memory_is_short),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
