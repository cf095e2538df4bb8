/* Unit tests of what a new run does with what dead ones left in shm. Each has an shm of
 * its own, so that what other tests leave in /dev/shm does not matter. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "harness/evidence/sweep.h"
#include "tests/lib/evidence/room.h"

enum { RECORDS = 400 }; /* they fit the first segment, which stays in shm */

/* A run in a process of its own, with RECORDS records appended. */
struct run {
    struct room room;
    char shm[512];
    pid_t pid;
    int go; /* a byte here and it ends as it should */
};

static void make_shm(char *root, size_t size)
{
    snprintf(root, size, "/tmp/stormdrill-sweep-XXXXXX");
    assert_non_null(mkdtemp(root));
}

static int remove_entry(const char *path, const struct stat *st, int type,
                        struct FTW *where)
{
    (void)st, (void)type, (void)where;
    return remove(path);
}

static void remove_tree(const char *path)
{
    nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

_Noreturn static void live(struct room *room, const char *root, int ready, int go)
{
    struct evidence_home *home = room_home(room, root);
    struct writer *writer = NULL;
    char byte = 0;

    if (writer_open(&writer, home, "main", 1, 0, NULL) != 0)
        _exit(1);
    for (uint64_t i = 0; i < RECORDS; i++)
        room_append(writer, i);
    if (write(ready, &byte, 1) != 1 || read(go, &byte, 1) != 1)
        _exit(2);
    for (uint64_t i = RECORDS; i < 2 * RECORDS; i++)
        room_append(writer, i);
    writer_close(writer);
    evidence_home_close(home);
    _exit(0);
}

static void start(struct run *run, const char *root)
{
    int ready[2], go[2];
    char byte;

    room_init(&run->room);
    assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
    assert_int_equal(pipe2(go, O_CLOEXEC), 0);
    run->pid = fork();
    assert_true(run->pid >= 0);
    if (run->pid == 0)
        prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (run->pid == 0)
        live(&run->room, root, ready[1], go[0]);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    close(ready[1]);
    close(go[0]);
    run->go = go[1];
    room_shm(&run->room, run->shm, sizeof run->shm);
    assert_int_equal(strncmp(run->shm, root, strlen(root)), 0);
}

static void end(struct run *run, bool politely)
{
    char byte = 0;
    int status;

    if (politely)
        assert_int_equal(write(run->go, &byte, 1), 1);
    else
        kill(run->pid, SIGKILL);
    assert_int_equal(waitpid(run->pid, &status, 0), run->pid);
    assert_true(politely ? status == 0 : WIFSIGNALED(status));
    close(run->go);
}

/* Nothing has changed in this folder for so long. */
static void make_old(const char *path, time_t seconds)
{
    struct timespec times[2] = {{.tv_sec = time(NULL) - seconds},
                                {.tv_sec = time(NULL) - seconds}};

    assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

static void start_killed(struct run *run, const char *root, time_t seconds)
{
    start(run, root);
    end(run, false);
    make_old(run->shm, seconds);
}

static bool is_there(const char *path)
{
    return access(path, F_OK) == 0;
}

static void expect_records(const struct run *run, uint64_t count)
{
    struct evidence *e = room_read(&run->room);

    assert_int_equal(room_expect_numbers(e, room_writer(e, "main")), count);
    assert_int_equal(evidence_damage(e).bad_segments, 0);
    evidence_close(e);
}

static void test_sweep__brings_a_killed_runs_evidence_home(void **state)
{
    struct run run;
    char root[64];

    (void)state;
    make_shm(root, sizeof root);
    start_killed(&run, root, SWEEP_QUIET_S + 10);
    evidence_sweep(root);
    assert_false(is_there(run.shm));
    assert_true(room_count(run.room.folder, ".seg") > 0);
    expect_records(&run, RECORDS);
    room_release(&run.room);
    remove_tree(root);
}

static void test_sweep__leaves_a_young_one_to_who_wants_it(void **state)
{
    struct run run;
    char root[64];

    (void)state;
    make_shm(root, sizeof root);
    start_killed(&run, root, SWEEP_QUIET_S - 60);
    evidence_sweep(root);
    assert_true(is_there(run.shm));
    assert_int_equal(room_count(run.room.folder, ".seg"), 0);
    expect_records(&run, RECORDS);
    room_release(&run.room);
    remove_tree(root);
}

static void test_sweep__removes_what_a_vanished_run_left(void **state)
{
    struct run run;
    char root[64];

    (void)state;
    make_shm(root, sizeof root);
    start_killed(&run, root, SWEEP_QUIET_S + 10);
    remove_tree(run.room.folder);
    /* It may have been moved: that is waited for. */
    evidence_sweep(root);
    assert_true(room_count(run.shm, ".seg") > 0);
    make_old(run.shm, SWEEP_GONE_S + 10);
    evidence_sweep(root);
    assert_false(is_there(run.shm));
    room_release(&run.room);
    remove_tree(root);
}

static void test_sweep__knows_a_folder_that_another_run_took_over(void **state)
{
    struct run run;
    char root[64], later[512];

    (void)state;
    make_shm(root, sizeof root);
    start_killed(&run, root, SWEEP_GONE_S + 10);
    remove_tree(run.room.folder);
    evidence_home_close(room_home(&run.room, "/nowhere"));
    snprintf(later, sizeof later, "%s/shm", run.room.folder);
    assert_true(is_there(later));
    evidence_sweep(root);
    assert_false(is_there(run.shm));
    assert_int_equal(room_count(run.room.folder, ".seg"), 0);
    room_release(&run.room);
    remove_tree(root);
}

static void test_sweep__does_not_touch_a_living_run(void **state)
{
    struct run with, without;
    char root[64];
    int files;

    (void)state;
    make_shm(root, sizeof root);
    start(&with, root);
    start(&without, root);
    remove_tree(without.room.folder);
    make_old(with.shm, 10 * SWEEP_GONE_S);
    make_old(without.shm, 10 * SWEEP_GONE_S);
    files = room_count(without.shm, "");
    evidence_sweep(root);
    assert_int_equal(room_count(with.room.folder, ".seg"), 0);
    assert_int_equal(room_count(without.shm, ""), files);
    end(&without, false);
    end(&with, true);
    expect_records(&with, 2 * RECORDS);
    room_release(&with.room);
    room_release(&without.room);
    remove_tree(root);
}

static void test_sweep__waits_for_nobody_who_reads(void **state)
{
    struct run run;
    char root[64];
    int fd;

    (void)state;
    make_shm(root, sizeof root);
    start_killed(&run, root, SWEEP_QUIET_S + 10);
    fd = open(run.shm, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(flock(fd, LOCK_SH), 0);
    evidence_sweep(root);
    assert_true(room_count(run.shm, ".seg") > 0);
    close(fd);
    evidence_sweep(root);
    assert_false(is_there(run.shm));
    room_release(&run.room);
    remove_tree(root);
}

static void put_file(const char *folder, const char *name, const char *text)
{
    char path[600];
    FILE *file;

    snprintf(path, sizeof path, "%s/%s", folder, name);
    file = fopen(path, "we");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

/* A folder with one file in it, as old as can be. */
static void put_folder(char *path, size_t size, const char *root, const char *name,
                       mode_t mode, const char *file, const char *text)
{
    snprintf(path, size, "%s/%s", root, name);
    assert_int_equal(mkdir(path, mode), 0);
    put_file(path, file, text);
    make_old(path, 10 * SWEEP_GONE_S);
}

static void test_sweep__does_not_touch_what_is_not_ours(void **state)
{
    char root[64], name[64], odd[512], open_to_all[512], foreign[512], elsewhere[512];
    char target[512], link_path[512];

    (void)state;
    make_shm(root, sizeof root);
    put_folder(odd, sizeof odd, root, "stormdrill-x-1", 0700, "a.seg", "x");
    snprintf(name, sizeof name, "stormdrill-%u-1", (unsigned)geteuid());
    put_folder(open_to_all, sizeof open_to_all, root, name, 0755, "a.seg", "x");
    snprintf(name, sizeof name, "stormdrill-%u-2", (unsigned)geteuid());
    put_folder(foreign, sizeof foreign, root, name, 0700, "letter.txt", "x");
    snprintf(name, sizeof name, "stormdrill-%u-3", (unsigned)geteuid());
    put_folder(elsewhere, sizeof elsewhere, root, name, 0700, "home",
               "/nowhere/evidence\nanother-host\n");
    put_folder(target, sizeof target, root, "target", 0700, "home", "/nowhere\n");
    snprintf(link_path, sizeof link_path, "%s/stormdrill-%u-4", root,
             (unsigned)geteuid());
    assert_int_equal(symlink(target, link_path), 0);
    snprintf(name, sizeof name, "stormdrill-%u-5", (unsigned)geteuid());
    put_file(root, name, "a file");
    evidence_sweep(root);
    assert_int_equal(room_count(odd, ".seg"), 1);
    assert_int_equal(room_count(open_to_all, ".seg"), 1);
    assert_int_equal(room_count(foreign, ".txt"), 1);
    assert_int_equal(room_count(elsewhere, "home"), 1);
    assert_int_equal(room_count(target, "home"), 1);
    assert_int_equal(room_count(root, name), 1);
    assert_true(is_there(link_path));
    remove_tree(root);
}

static void test_sweep__keeps_a_strangers_file_in_a_folder_of_ours(void **state)
{
    struct run run;
    char root[64];

    (void)state;
    make_shm(root, sizeof root);
    start_killed(&run, root, 0);
    remove_tree(run.room.folder);
    put_file(run.shm, "letter.txt", "x");
    make_old(run.shm, SWEEP_GONE_S + 10);
    evidence_sweep(root);
    assert_int_equal(room_count(run.shm, ".seg"), 0);
    assert_int_equal(room_count(run.shm, ".txt"), 1);
    room_release(&run.room);
    remove_tree(root);
}

static void test_sweep__may_be_done_by_several_processes_at_once(void **state)
{
    enum { RUNS = 8, SWEEPERS = 4 };
    struct run runs[RUNS];
    pid_t sweepers[SWEEPERS];
    char root[64];

    (void)state;
    make_shm(root, sizeof root);
    for (int i = 0; i < RUNS; i++)
        start_killed(&runs[i], root, SWEEP_GONE_S + 10);
    remove_tree(runs[0].room.folder);
    for (int i = 0; i < SWEEPERS; i++) {
        sweepers[i] = fork();
        if (sweepers[i] == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            while (room_count(root, "") > 2) /* . and .. */
                evidence_sweep(root);
            _exit(0);
        }
    }
    for (int i = 0; i < SWEEPERS; i++) {
        int status;

        assert_int_equal(waitpid(sweepers[i], &status, 0), sweepers[i]);
        assert_int_equal(status, 0);
    }
    for (int i = 1; i < RUNS; i++)
        expect_records(&runs[i], RECORDS);
    for (int i = 0; i < RUNS; i++)
        room_release(&runs[i].room);
    remove_tree(root);
}

static void test_sweep__happens_when_a_run_begins(void **state)
{
    struct room room;
    struct run run;
    char root[64];

    (void)state;
    make_shm(root, sizeof root);
    start_killed(&run, root, SWEEP_QUIET_S + 10);
    room_init(&room);
    evidence_home_close(room_home(&room, root));
    assert_false(is_there(run.shm));
    expect_records(&run, RECORDS);
    room_release(&run.room);
    room_release(&room);
    remove_tree(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sweep__brings_a_killed_runs_evidence_home),
        cmocka_unit_test(test_sweep__leaves_a_young_one_to_who_wants_it),
        cmocka_unit_test(test_sweep__removes_what_a_vanished_run_left),
        cmocka_unit_test(test_sweep__knows_a_folder_that_another_run_took_over),
        cmocka_unit_test(test_sweep__does_not_touch_a_living_run),
        cmocka_unit_test(test_sweep__waits_for_nobody_who_reads),
        cmocka_unit_test(test_sweep__does_not_touch_what_is_not_ours),
        cmocka_unit_test(test_sweep__keeps_a_strangers_file_in_a_folder_of_ours),
        cmocka_unit_test(test_sweep__may_be_done_by_several_processes_at_once),
        cmocka_unit_test(test_sweep__happens_when_a_run_begins),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
