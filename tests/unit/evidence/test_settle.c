/* Unit tests of settle: what was altered, moved or taken away is told, by file and byte.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/evidence/segment.h"
#include "harness/evidence/slots.h"
#include "tests/lib/evidence/room.h"

/* Evidence of "main" at home: `count` records, one string and two details of one size. */
static void write_main(struct room *room, uint64_t count)
{
    struct evidence_home *home = room_home(room, NULL);
    struct record note = {.kind = RECORD_note, .time_ns = 999};
    struct writer *writer;

    assert_int_equal(writer_open(&writer, home, "main", 0, 0, NULL), 0);
    for (uint64_t i = 0; i < count; i++)
        room_append(writer, i);
    note.subject = writer_string(writer, "a subject");
    note.detail = writer_detail_text(writer, "detail one");
    writer_append(writer, &note);
    note.detail = writer_detail_text(writer, "detail two");
    writer_append(writer, &note);
    writer_close(writer);
    evidence_home_close(home);
    assert_int_equal(evidence_collect(room->folder, NULL), 0);
}

static void path_of(const struct room *room, const char *name, char *path, size_t size)
{
    snprintf(path, size, "%s/%s", room->folder, name);
}

static off_t record_at(uint64_t n)
{
    return (off_t)(EVIDENCE_HEADER_BYTES +
                   (slots_for(n + 1) - 1) * sizeof(struct record));
}

static void read_at(const struct room *room, const char *name, off_t at, void *bytes,
                    size_t size)
{
    char path[300];
    int fd;

    path_of(room, name, path, sizeof path);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_int_equal(pread(fd, bytes, size, at), (ssize_t)size);
    close(fd);
}

static void write_at(const struct room *room, const char *name, off_t at,
                     const void *bytes, size_t size)
{
    char path[300];
    int fd;

    path_of(room, name, path, sizeof path);
    fd = open(path, O_WRONLY | O_CLOEXEC);
    assert_int_equal(pwrite(fd, bytes, size, at), (ssize_t)size);
    close(fd);
}

/* One file is damaged, and it is said so. */
static void expect_told(const struct room *room, const char *text)
{
    struct evidence *e = room_read(room);

    assert_int_equal(evidence_damage(e).bad_segments, 1);
    assert_string_equal(evidence_damage_text(e, 0), text);
    assert_null(evidence_damage_text(e, 1));
    evidence_close(e);
}

static void expect_whole(const struct room *room)
{
    struct evidence *e = room_read(room);

    if (evidence_damage_text(e, 0) != NULL)
        fail_msg("%s", evidence_damage_text(e, 0));
    evidence_close(e);
}

static void test_settle__tells_one_bit_of_a_record(void **state)
{
    struct room room;
    char byte;

    (void)state;
    room_init(&room);
    write_main(&room, 40);
    for (int bit = 0; bit < 512; bit++) {
        off_t at = record_at(20) + bit / 8;

        read_at(&room, "main.0000.seg", at, &byte, 1);
        byte ^= (char)(1 << bit % 8);
        write_at(&room, "main.0000.seg", at, &byte, 1);
        expect_told(&room,
                    "main.0000.seg: at byte 5504 the record is not what was written");
        byte ^= (char)(1 << bit % 8);
        write_at(&room, "main.0000.seg", at, &byte, 1);
    }
    expect_whole(&room);
    room_release(&room);
}

static void test_settle__tells_records_that_changed_places(void **state)
{
    struct room room;
    char one[64], other[64];

    (void)state;
    room_init(&room);
    write_main(&room, 40);
    read_at(&room, "main.0000.seg", record_at(3), one, 64);
    read_at(&room, "main.0000.seg", record_at(30), other, 64);
    write_at(&room, "main.0000.seg", record_at(3), other, 64);
    expect_told(&room, "main.0000.seg: at byte 4352 the record is not what was written");
    write_at(&room, "main.0000.seg", record_at(30), one, 64);
    expect_told(&room, "main.0000.seg: at byte 4352 the record is not what was written");
    room_release(&room);
}

/* A whole group of records with its checks, over another. */
static void test_settle__tells_a_group_over_another(void **state)
{
    enum { GROUP_BYTES = GROUP_SLOTS * sizeof(struct record) };
    struct room room;
    char group[GROUP_BYTES];

    (void)state;
    room_init(&room);
    write_main(&room, 40);
    read_at(&room, "main.0000.seg", EVIDENCE_HEADER_BYTES, group, sizeof group);
    write_at(&room, "main.0000.seg", EVIDENCE_HEADER_BYTES + GROUP_BYTES, group,
             sizeof group);
    expect_told(&room, "main.0000.seg: at byte 5184 the record is not what was written");
    room_release(&room);
}

static void test_settle__tells_a_detail_in_the_place_of_another(void **state)
{
    enum { STRING_BYTES = 32, DETAIL_BYTES = 40 };
    const off_t first = SIDE_HEADER_BYTES + STRING_BYTES;
    char detail[DETAIL_BYTES];
    struct room room;

    (void)state;
    room_init(&room);
    write_main(&room, 4);
    read_at(&room, "main.0000.side", first + DETAIL_BYTES, detail, sizeof detail);
    assert_non_null(memmem(detail, sizeof detail, "detail two", 10));
    write_at(&room, "main.0000.side", first, detail, sizeof detail);
    expect_told(&room, "main.0000.side: the entry at byte 160 is not what was written");
    room_release(&room);
}

static void rename_in(const struct room *room, const char *from, const char *to)
{
    char old[300], new[300];

    path_of(room, from, old, sizeof old);
    path_of(room, to, new, sizeof new);
    assert_int_equal(rename(old, new), 0);
}

static void test_settle__misses_a_writer_of_whom_nothing_is_there(void **state)
{
    struct evidence_home *home;
    struct writer *main, *load;
    struct room room;

    (void)state;
    room_init(&room);
    home = room_home(&room, NULL);
    assert_int_equal(writer_open(&main, home, "main", 0, 0, NULL), 0);
    assert_int_equal(writer_open(&load, home, "c1.0.load", 1, 0, NULL), 0);
    room_append(main, 0);
    room_append(load, 0);
    writer_close(load);
    writer_close(main);
    evidence_home_close(home);
    assert_int_equal(evidence_collect(room.folder, NULL), 0);
    expect_whole(&room);
    rename_in(&room, "c1.0.load.0000.seg", "a");
    rename_in(&room, "c1.0.load.0000.side", "b");
    expect_told(&room, "nothing that 'c1.0.load' saw is there any more: "
                       "c1.0.load.0000.seg is missing");
    rename_in(&room, "b", "c1.0.load.0000.side");
    rename_in(&room, "a", "c1.0.load.0000.seg");
    rename_in(&room, "writers", "c");
    expect_told(&room, "the list of writers (writers) is missing");
    rename_in(&room, "c", "writers");
    write_at(&room, "writers", 9, "z", 1);
    expect_told(&room, "writers: line 1 is not what was written");
    room_release(&room);
}

/* A process that appends `count` records, says that it has, and waits to be killed. */
static void write_and_be_killed(struct room *room, uint64_t count)
{
    int said[2], status;
    char byte = 0;
    pid_t pid;

    evidence_home_close(room_home(room, NULL));
    assert_int_equal(pipe(said), 0);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        struct evidence_home *home = room_home_again(room);
        struct writer *writer;

        if (writer_open(&writer, home, "c1.0.load", 1, 0, NULL) != 0)
            _exit(1);
        for (uint64_t i = 0; i < count; i++)
            room_append(writer, i);
        if (write(said[1], &byte, 1) == 1)
            pause();
        _exit(1);
    }
    close(said[1]);
    assert_int_equal(read(said[0], &byte, 1), 1);
    close(said[0]);
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
}

/* Its last segment was closed by who brought it home: from then on it is like others. */
static void test_settle__tells_what_a_killed_writer_lost_afterwards(void **state)
{
    static const char zeros[64];
    struct room room;
    char path[300];

    (void)state;
    room_init(&room);
    write_and_be_killed(&room, 35);
    expect_whole(&room);
    assert_int_equal(evidence_collect(room.folder, NULL), 0);
    expect_whole(&room);
    write_at(&room, "c1.0.load.0000.seg", record_at(34), zeros, sizeof zeros);
    expect_told(&room, "c1.0.load.0000.seg: it does not hold as many records as were "
                       "written");
    path_of(&room, "c1.0.load.0000.seg", path, sizeof path);
    /* At the end of a group: no check is left without its record. */
    assert_int_equal(truncate(path, record_at(29) + 64), 0);
    expect_told(&room, "c1.0.load.0000.seg: it does not hold as many records as were "
                       "written");
    room_release(&room);
}

/* The live segment of the killed writer. */
static void find_live(const char *shm, char *name, size_t size)
{
    DIR *dir = opendir(shm);
    struct dirent *entry;

    assert_non_null(dir);
    name[0] = '\0';
    while ((entry = readdir(dir)) != NULL) {
        if (strncmp(entry->d_name, "c1.0.load.live", 14) == 0)
            snprintf(name, size, "%s", entry->d_name);
    }
    closedir(dir);
    assert_string_not_equal(name, "");
}

/* And before that, in /dev/shm, its size and its checks tell. */
static void test_settle__tells_what_a_killed_writer_lost_in_shm(void **state)
{
    static const char zeros[64];
    struct room room;
    char shm[512], path[800], name[256], told[400];
    int fd;

    (void)state;
    room_init(&room);
    write_and_be_killed(&room, 35);
    room_shm(&room, shm, sizeof shm);
    find_live(shm, name, sizeof name);
    snprintf(path, sizeof path, "%s/%s", shm, name);
    fd = open(path, O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, zeros, sizeof zeros, record_at(34)), sizeof zeros);
    snprintf(told, sizeof told, "%s: at byte 6464 there is no record any more", name);
    expect_told(&room, told);
    assert_int_equal(ftruncate(fd, record_at(29) + 64), 0);
    snprintf(told, sizeof told, "%s: its end is cut off", name);
    expect_told(&room, told);
    close(fd);
    assert_int_equal(evidence_collect(room.folder, NULL), 0);
    expect_told(&room, "c1.0.load.0000.seg: its end is cut off");
    room_release(&room);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_settle__tells_one_bit_of_a_record),
        cmocka_unit_test(test_settle__tells_records_that_changed_places),
        cmocka_unit_test(test_settle__tells_a_group_over_another),
        cmocka_unit_test(test_settle__tells_a_detail_in_the_place_of_another),
        cmocka_unit_test(test_settle__misses_a_writer_of_whom_nothing_is_there),
        cmocka_unit_test(test_settle__tells_what_a_killed_writer_lost_afterwards),
        cmocka_unit_test(test_settle__tells_what_a_killed_writer_lost_in_shm),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
