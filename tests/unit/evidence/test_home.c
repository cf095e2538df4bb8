/* Unit tests of what happens when there is no room, when processes die, when several
 * write side by side: nothing is lost silently, nothing waits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/evidence/home.h"
#include "harness/evidence/side.h"
#include "proxy/base/rng.h"
#include "tests/lib/evidence/room.h"

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
    uint64_t lost, appended = 0;

    (void)state;
    room_init(&room);
    home = room_home(&room, NULL);
    writer = open_writer(home, "c1.0");
    limit_files(32 << 10);
    for (; appended < 5000; appended++)
        room_append(writer, appended);
    lost = writer_lost(writer);
    assert_int_equal(lost, 5000 - (segment_slots(SEGMENT_FIRST_BYTES) - 1));
    /* It stands in evidence even now. */
    e = room_read(&room);
    assert_int_equal(evidence_damage(e).lost_records, lost);
    assert_int_equal(room_expect_numbers(e, 0), 5000 - lost);
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

static void test_home__loses_records_rather_than_pass_its_bound(void **state)
{
    struct room room;
    struct evidence_home_options options = {.folder = room.folder,
                                            .shm_bytes_max = 400 << 10};
    struct evidence_home *home = NULL;
    struct writer *writer;
    struct evidence *e;
    char shm[512];

    (void)state;
    room_init(&room);
    assert_int_equal(evidence_home_create(&home, &options, NULL), 0);
    writer = open_writer(home, "c1.0");
    /* With its folder gone the mover is held up, as by a disk that stands still. */
    room_shm(&room, shm, sizeof shm);
    limit_files(300 << 10);
    for (uint64_t i = 0; i < 100000; i++)
        room_append(writer, i);
    assert_true(atomic_load(&home->held_bytes) <= 400 << 10);
    assert_true(writer_lost(writer) > 0);
    limit_files(RLIM_INFINITY);
    writer_close(writer);
    evidence_home_close(home);
    e = room_read(&room);
    assert_int_equal(evidence_writer(e, 0)->complete, true);
    assert_true(evidence_damage(e).lost_records > 0);
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
        assert_int_equal(st.st_size, EVIDENCE_HEADER_BYTES + 7000 * 64);
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
    if (!room_mount(&room, 1 << 20)) {
        room_release(&room);
        skip();
    }
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

/* What a child tells its parent. */
struct shared {
    _Atomic uint64_t finished;
    _Atomic uint32_t ready;
};

static struct shared *share(void)
{
    struct shared *shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE,
                                 MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    assert_true(shared != MAP_FAILED);
    return shared;
}

/* A client process: append for ever, each hundredth record with a new string and a
 * detail, and tell how many are done. */
static void write_for_ever(struct room *room, const char *name, struct shared *shared)
{
    struct evidence_home_options options = {.folder = room->folder};
    struct evidence_home *home = NULL;
    struct writer *writer = NULL;

    if (evidence_home_open(&home, &options, NULL) != 0 ||
        writer_open(&writer, home, name, 1, 0, NULL) != 0)
        _exit(1);
    for (uint64_t i = 0;; i++) {
        struct record record = {.kind = RECORD_attempted,
                                .time_ns = 1000 + i,
                                .message = {.client = 1, .number = i},
                                .a = ~i};

        if (i % 100 == 0) {
            char text[32];

            snprintf(text, sizeof text, "subject %d", (int)(i / 100));
            record.subject = writer_string(writer, text);
            record.detail = writer_detail_text(writer, "detail %d", (int)(i / 100));
        }
        writer_append(writer, &record);
        atomic_store(&shared->finished, i + 1);
    }
}

static void expect_side(const struct evidence *e)
{
    struct evidence_walk walk;
    const struct record *r;

    evidence_walk(&walk, e, 0);
    while ((r = evidence_walk_next(&walk)) != NULL) {
        json_t *detail;
        char text[32];

        if (r->message.number % 100 != 0)
            continue;
        snprintf(text, sizeof text, "subject %d", (int)(r->message.number / 100));
        assert_string_equal(evidence_string(e, 0, r->subject), text);
        snprintf(text, sizeof text, "detail %d", (int)(r->message.number / 100));
        detail = evidence_detail(e, 0, r->detail);
        assert_string_equal(json_string_value(json_object_get(detail, "text")), text);
        json_decref(detail);
    }
}

static void kill_once(uint64_t when)
{
    struct shared *shared = share();
    struct room room;
    struct evidence *e;
    uint64_t finished, found;
    int status;
    pid_t pid;

    room_init(&room);
    evidence_home_close(room_home(&room, NULL));
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        write_for_ever(&room, "c1.0", shared);
    while (atomic_load(&shared->finished) < when && waitpid(pid, &status, WNOHANG) == 0)
        ;
    kill(pid, SIGKILL);
    waitpid(pid, &status, 0);
    finished = atomic_load(&shared->finished);
    assert_true(finished >= when);
    e = room_read(&room);
    found = room_expect_numbers(e, 0);
    assert_in_range(found, finished, finished + 1);
    assert_int_equal(evidence_damage(e).open_writers, 1);
    assert_int_equal(evidence_damage(e).bad_segments, 0);
    assert_int_equal(evidence_damage(e).holes, 0);
    expect_side(e);
    evidence_close(e);
    assert_int_equal(evidence_collect(room.folder, NULL), 0);
    e = room_read(&room);
    assert_int_equal(room_expect_numbers(e, 0), found);
    assert_int_equal(evidence_damage(e).bad_segments, 0);
    expect_side(e);
    evidence_close(e);
    assert_int_equal(room_count(room.folder, ".live"), 0);
    munmap(shared, sizeof *shared);
    room_release(&room);
}

static void test_home__loses_nothing_to_a_kill_at_any_moment(void **state)
{
    enum { KILLS = 200 };
    struct rng rng;

    (void)state;
    rng_init(&rng, 1);
    for (int i = 0; i < KILLS; i++)
        kill_once(1 + rng_below(&rng, i % 10 == 0 ? 60000 : 4000));
}

static void test_home__is_shared_by_processes(void **state)
{
    enum { PROCESSES = 4, RECORDS = 20000 };
    struct room room;
    struct evidence_home *home;
    struct writer *writer;
    struct evidence *e;
    pid_t pids[PROCESSES];

    (void)state;
    room_init(&room);
    evidence_home_close(room_home(&room, NULL));
    for (int p = 0; p < PROCESSES; p++) {
        pids[p] = fork();
        if (pids[p] == 0) {
            char name[16];

            snprintf(name, sizeof name, "c%d.0", p + 1);
            home = room_home_again(&room);
            if (writer_open(&writer, home, name, (uint32_t)p + 1, 0, NULL) != 0)
                _exit(1);
            for (uint64_t i = 0; i < RECORDS; i++)
                room_append(writer, i);
            writer_close(writer);
            evidence_home_close(home);
            _exit(0);
        }
    }
    for (int p = 0; p < PROCESSES; p++) {
        int status;

        assert_int_equal(waitpid(pids[p], &status, 0), pids[p]);
        assert_int_equal(status, 0);
    }
    assert_int_equal(evidence_collect(room.folder, NULL), 0);
    e = room_read(&room);
    assert_int_equal(evidence_writer_count(e), PROCESSES);
    for (int p = 0; p < PROCESSES; p++) {
        assert_int_equal(evidence_writer(e, p)->pid, pids[p]);
        assert_int_equal(room_expect_numbers(e, p), RECORDS);
    }
    evidence_close(e);
    room_release(&room);
}

static void test_home__is_not_collected_from_under_a_living_process(void **state)
{
    struct shared *shared = share();
    struct room room;
    struct evidence *e;
    struct error err;
    char shm[512];
    int status;
    pid_t pid;

    (void)state;
    room_init(&room);
    evidence_home_close(room_home(&room, NULL));
    room_shm(&room, shm, sizeof shm);
    pid = fork();
    if (pid == 0)
        write_for_ever(&room, "c1.0", shared);
    while (atomic_load(&shared->finished) == 0)
        usleep(100);
    assert_int_equal(evidence_collect(room.folder, &err), E_BUSY);
    assert_non_null(strstr(err.text, room.folder));
    assert_true(room_count(shm, ".seg") > 0);
    kill(pid, SIGKILL);
    waitpid(pid, &status, 0);
    assert_int_equal(evidence_collect(room.folder, &err), 0);
    assert_int_equal(access(shm, F_OK), -1);
    e = room_read(&room);
    assert_true(room_expect_numbers(e, 0) >= atomic_load(&shared->finished));
    evidence_close(e);
    munmap(shared, sizeof *shared);
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
        cmocka_unit_test(test_home__loses_nothing_to_a_kill_at_any_moment),
        cmocka_unit_test(test_home__is_shared_by_processes),
        cmocka_unit_test(test_home__is_not_collected_from_under_a_living_process),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
