/* Unit tests of processes that die while they write: whatever they had appended is read
 * where it lies, and again when it has been brought home. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proxy/base/rng.h"
#include "tests/lib/evidence/room.h"

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

static void test_collect__finds_all_that_a_killed_writer_wrote(void **state)
{
    enum { KILLS = 200 };
    struct rng rng;

    (void)state;
    rng_init(&rng, 1);
    for (int i = 0; i < KILLS; i++)
        kill_once(1 + rng_below(&rng, i % 10 == 0 ? 60000 : 4000));
}

static void test_collect__brings_several_processes_together(void **state)
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

static void test_collect__takes_nothing_from_under_a_living_process(void **state)
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

/* A run of one killed process whose evidence lies in shm still. */
static uint64_t make_killed(struct room *room)
{
    struct shared *shared = share();
    uint64_t finished;
    int status;
    pid_t pid;

    room_init(room);
    evidence_home_close(room_home(room, NULL));
    pid = fork();
    if (pid == 0)
        write_for_ever(room, "c1.0", shared);
    while (atomic_load(&shared->finished) < 2000)
        usleep(100);
    kill(pid, SIGKILL);
    waitpid(pid, &status, 0);
    finished = atomic_load(&shared->finished);
    munmap(shared, sizeof *shared);
    return finished;
}

static void expect_at_least(const struct room *room, uint64_t count)
{
    struct evidence *e = room_read(room);

    assert_true(room_expect_numbers(e, 0) >= count);
    assert_int_equal(evidence_damage(e).bad_segments, 0);
    expect_side(e);
    evidence_close(e);
}

static void test_collect__finds_what_belongs_to_a_folder_that_was_moved(void **state)
{
    struct room room, other;
    char shm[512];
    uint64_t count;

    (void)state;
    count = make_killed(&room);
    room_shm(&room, shm, sizeof shm);
    room_init(&other);
    assert_int_equal(rename(room.folder, other.folder), 0);
    expect_at_least(&other, count);
    assert_int_equal(evidence_collect(other.folder, NULL), 0);
    assert_int_equal(access(shm, F_OK), -1);
    expect_at_least(&other, count);
    room_release(&room);
    room_release(&other);
}

static void test_collect__gives_a_copy_its_files_and_leaves_the_originals(void **state)
{
    struct room room, copy;
    char shm[512], from[512], to[512];
    uint64_t count;

    (void)state;
    count = make_killed(&room);
    room_shm(&room, shm, sizeof shm);
    room_init(&copy);
    /* No more than the file that names the shm folder was copied. */
    assert_int_equal(mkdir(copy.folder, 0755), 0);
    snprintf(from, sizeof from, "%s/shm", room.folder);
    snprintf(to, sizeof to, "%s/shm", copy.folder);
    assert_int_equal(link(from, to), 0);
    assert_int_equal(evidence_collect(copy.folder, NULL), 0);
    assert_true(room_count(shm, ".side") > 0);
    expect_at_least(&room, count);
    assert_int_equal(evidence_collect(room.folder, NULL), 0);
    assert_int_equal(access(shm, F_OK), -1);
    expect_at_least(&room, count);
    room_release(&room);
    room_release(&copy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_collect__finds_all_that_a_killed_writer_wrote),
        cmocka_unit_test(test_collect__brings_several_processes_together),
        cmocka_unit_test(test_collect__takes_nothing_from_under_a_living_process),
        cmocka_unit_test(test_collect__finds_what_belongs_to_a_folder_that_was_moved),
        cmocka_unit_test(test_collect__gives_a_copy_its_files_and_leaves_the_originals),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
