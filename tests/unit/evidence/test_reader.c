/* Unit tests of the reader: damage is counted and left out, nothing is believed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness/evidence/cast.h"
#include "harness/evidence/segment.h"
#include "harness/evidence/slots.h"
#include "tests/lib/evidence/room.h"
#include "tests/lib/memory/memory.h"

/* Evidence of writer "main" with `count` records, a string and a detail, at home. */
static void write_main(struct room *room, uint64_t count)
{
    struct evidence_home *home = room_home(room, NULL);
    struct record note = {.kind = RECORD_note, .time_ns = 999};
    struct writer *writer;

    assert_int_equal(writer_open(&writer, home, "main", 0, 0, NULL), 0);
    for (uint64_t i = 0; i < count; i++)
        room_append(writer, i);
    note.subject = writer_string(writer, "a subject");
    note.detail = writer_detail_text(writer, "a detail");
    writer_append(writer, &note);
    writer_close(writer);
    evidence_home_close(home);
    assert_int_equal(evidence_collect(room->folder, NULL), 0);
}

static int open_file(const struct room *room, const char *name, int flags)
{
    char path[300];
    int fd;

    snprintf(path, sizeof path, "%s/%s", room->folder, name);
    fd = open(path, flags | O_CLOEXEC, 0644);
    assert_true(fd >= 0);
    return fd;
}

static void overwrite(const struct room *room, const char *name, off_t at,
                      const void *bytes, size_t size)
{
    int fd = open_file(room, name, O_WRONLY | O_CREAT);

    assert_int_equal(pwrite(fd, bytes, size, at), (ssize_t)size);
    close(fd);
}

static void cut(const struct room *room, const char *name, off_t size)
{
    int fd = open_file(room, name, O_WRONLY);

    assert_int_equal(ftruncate(fd, size), 0);
    close(fd);
}

/* Where record n of a segment lies. */
static off_t record_at(uint64_t n)
{
    size_t slot = slots_for(n + 1) - 1;

    return (off_t)(EVIDENCE_HEADER_BYTES + slot * sizeof(struct record));
}

static void test_reader__skips_and_counts_holes(void **state)
{
    static const uint16_t zero;
    struct room room;
    struct evidence *e;
    struct evidence_walk walk;
    const struct record *r;
    uint64_t sum = 0;

    (void)state;
    room_init(&room);
    write_main(&room, 100);
    for (uint64_t n = 10; n < 13; n++)
        overwrite(&room, "main.0000.seg",
                  record_at(n) + (off_t)offsetof(struct record, kind), &zero, 2);
    e = room_read(&room);
    assert_int_equal(evidence_damage(e).holes, 3);
    assert_int_equal(evidence_damage(e).bad_segments, 1); /* its writer did not die */
    assert_int_equal(evidence_writer(e, 0)->records, 98);
    evidence_walk(&walk, e, 0);
    while ((r = evidence_walk_next(&walk)) != NULL) {
        assert_int_not_equal(record_kind(r), 0);
        sum += r->message.number;
    }
    assert_int_equal(sum, 99 * 100 / 2 - 10 - 11 - 12);
    evidence_close(e);
    room_release(&room);
}

static void test_reader__reads_what_a_cut_segment_still_holds(void **state)
{
    struct room room;
    struct evidence *e;

    (void)state;
    room_init(&room);
    write_main(&room, 100);
    cut(&room, "main.0000.seg", record_at(50) + 17);
    e = room_read(&room);
    assert_int_equal(room_expect_numbers(e, 0), 50);
    assert_int_equal(evidence_damage(e).bad_segments, 1);
    evidence_close(e);
    room_release(&room);
}

static void test_reader__tells_a_missing_segment(void **state)
{
    struct room room;
    struct evidence *e;
    char path[300];

    (void)state;
    room_init(&room);
    write_main(&room, 20000);
    snprintf(path, sizeof path, "%s/main.0001.seg", room.folder);
    assert_int_equal(unlink(path), 0);
    e = room_read(&room);
    assert_int_equal(evidence_damage(e).bad_segments, 1);
    assert_true(evidence_writer(e, 0)->records > 900);
    assert_true(evidence_writer(e, 0)->records < 20000);
    evidence_close(e);
    room_release(&room);
}

/* Client 1 and the harness; the client's end is `status`, its one segment is lost. */
static uint64_t damage_of_lost_chain(int status)
{
    struct record left = {.kind = RECORD_client_exit, .time_ns = 9, .a = 1};
    struct evidence_home *home;
    struct writer *main, *load;
    struct room room;
    struct evidence *e;
    char path[300];
    uint64_t bad;

    room_init(&room);
    home = room_home(&room, NULL);
    assert_int_equal(writer_open(&main, home, "main", 0, 0, NULL), 0);
    assert_int_equal(writer_open(&load, home, "c1.0.load", 1, 0, NULL), 0);
    room_append(load, 0);
    left.b = (uint64_t)status;
    writer_append(main, &left);
    writer_close(load);
    writer_close(main);
    evidence_home_close(home);
    assert_int_equal(evidence_collect(room.folder, NULL), 0);
    snprintf(path, sizeof path, "%s/c1.0.load.0000.seg", room.folder);
    assert_int_equal(unlink(path), 0);
    e = room_read(&room);
    bad = evidence_damage(e).bad_segments;
    evidence_close(e);
    room_release(&room);
    return bad;
}

static void test_reader__tells_a_chain_that_lacks_its_end(void **state)
{
    (void)state;
    assert_int_equal(damage_of_lost_chain(0), 1);
    assert_int_equal(damage_of_lost_chain(9), 1);
}

static void test_reader__tells_a_broken_closing(void **state)
{
    static const uint64_t nonsense = 77;
    struct room room;
    struct evidence *e;

    (void)state;
    room_init(&room);
    write_main(&room, 10);
    overwrite(&room, "main.0000.seg",
              (off_t)offsetof(struct segment_header, closing.checksum), &nonsense, 8);
    e = room_read(&room);
    assert_int_equal(evidence_damage(e).bad_segments, 1);
    evidence_close(e);
    room_release(&room);
}

static void test_reader__survives_a_cut_side_file(void **state)
{
    struct room room;
    struct evidence *e;
    struct evidence_walk walk;
    const struct record *r, *last = NULL;

    (void)state;
    room_init(&room);
    write_main(&room, 10);
    cut(&room, "main.0000.side", SIDE_HEADER_BYTES + 20);
    e = room_read(&room);
    assert_int_equal(evidence_damage(e).bad_segments, 1);
    evidence_walk(&walk, e, 0);
    while ((r = evidence_walk_next(&walk)) != NULL)
        last = r;
    assert_int_equal(record_kind(last), RECORD_note);
    assert_string_equal(evidence_string(e, 0, last->subject), "");
    assert_null(evidence_detail(e, 0, last->detail));
    evidence_close(e);
    room_release(&room);
}

static void test_reader__does_without_a_side_file(void **state)
{
    struct room room;
    struct evidence *e;
    char path[300];

    (void)state;
    room_init(&room);
    write_main(&room, 10);
    snprintf(path, sizeof path, "%s/main.0000.side", room.folder);
    assert_int_equal(unlink(path), 0);
    e = room_read(&room);
    assert_int_equal(evidence_damage(e).bad_segments, 1);
    assert_int_equal(evidence_writer(e, 0)->records, 11);
    evidence_close(e);
    room_release(&room);
}

static void test_reader__leaves_foreign_and_damaged_files_out(void **state)
{
    static const char junk[] = "this is no evidence";
    char header[EVIDENCE_HEADER_BYTES] = SEGMENT_MAGIC;
    struct room room;
    struct evidence *e;
    char path[300];

    (void)state;
    room_init(&room);
    write_main(&room, 10);
    overwrite(&room, "notes.txt", 0, junk, sizeof junk);
    overwrite(&room, "junk.0000.seg", 0, junk, sizeof junk);
    overwrite(&room, "junk.0000.side", 0, junk, sizeof junk);
    overwrite(&room, "magic.0000.seg", 0, header, sizeof header);
    overwrite(&room, "empty.0000.seg", 0, "", 0);
    snprintf(path, sizeof path, "%s/folder.seg", room.folder);
    assert_int_equal(mkdir(path, 0755), 0);
    snprintf(path, sizeof path, "%s/fifo.seg", room.folder);
    assert_int_equal(mkfifo(path, 0644), 0);
    snprintf(path, sizeof path, "%s/link.seg", room.folder);
    assert_int_equal(symlink("/etc/passwd", path), 0);
    e = room_read(&room);
    assert_int_equal(evidence_writer_count(e), 1);
    assert_int_equal(evidence_writer(e, 0)->records, 11);
    assert_int_equal(evidence_damage(e).bad_segments, 6);
    evidence_close(e);
    room_release(&room);
}

static void test_reader__refuses_a_header_with_one_bit_flipped(void **state)
{
    struct room room;
    struct evidence *e = NULL;
    struct error err;
    char header[EVIDENCE_HEADER_BYTES];
    int fd;

    (void)state;
    room_init(&room);
    write_main(&room, 10);
    fd = open_file(&room, "main.0000.seg", O_RDWR);
    for (size_t bit = 64; bit < offsetof(struct segment_header, closing) * 8; bit += 5) {
        assert_int_equal(pread(fd, header, sizeof header, 0), sizeof header);
        header[bit / 8] ^= (char)(1 << bit % 8);
        assert_int_equal(pwrite(fd, header, sizeof header, 0), sizeof header);
        assert_int_equal(evidence_open(&e, room.folder, &err), E_FORMAT);
        header[bit / 8] ^= (char)(1 << bit % 8);
        assert_int_equal(pwrite(fd, header, sizeof header, 0), sizeof header);
    }
    close(fd);
    e = room_read(&room);
    assert_int_equal(evidence_damage(e).bad_segments, 0);
    evidence_close(e);
    room_release(&room);
}

static void test_reader__says_what_is_missing(void **state)
{
    struct room room;
    struct evidence *e = NULL;
    struct error err;

    (void)state;
    room_init(&room);
    assert_int_not_equal(evidence_open(&e, room.folder, &err), 0);
    assert_non_null(strstr(err.text, room.folder));
    assert_int_equal(mkdir(room.folder, 0755), 0);
    assert_int_equal(evidence_open(&e, room.folder, &err), E_NOT_FOUND);
    assert_non_null(strstr(err.text, room.folder));
    assert_int_not_equal(evidence_collect("/no/such/folder", &err), 0);
    room_release(&room);
}

/* A run folder comes from anywhere: its file `shm` must not lead us astray. */
static void test_reader__never_follows_shm_to_a_place_that_is_not_ours(void **state)
{
    static const char *const places[] = {"other", "stormdrill-0-other",
                                         "stormdrill-99999-abc", "../other"};
    struct room room;
    struct evidence *e;
    char path[300], target[200];

    (void)state;
    room_init(&room);
    write_main(&room, 10);
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        struct evidence_damage damage;

        snprintf(target, sizeof target, "%s/%s", room.root, places[i]);
        /* Not 0700: not made by us. */
        assert_int_equal(mkdir(target, 0755), 0);
        snprintf(path, sizeof path, "%s/precious.seg", target);
        close(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0644));
        overwrite(&room, "shm", 0, target, strlen(target));
        cut(&room, "shm", (off_t)strlen(target));
        e = room_read(&room);
        damage = evidence_damage(e);
        assert_int_equal(damage.bad_segments, 0);
        evidence_close(e);
        assert_int_equal(evidence_collect(room.folder, NULL), 0);
        assert_int_equal(access(path, F_OK), 0);
        assert_int_equal(unlink(path), 0);
        assert_int_equal(rmdir(target), 0);
    }
    cut(&room, "shm", 0);
    room_release(&room);
}

static void test_reader__takes_the_fuller_of_two_copies(void **state)
{
    struct room room;
    struct evidence *e;
    char from[300], to[300], command[700];

    (void)state;
    room_init(&room);
    write_main(&room, 100);
    snprintf(from, sizeof from, "%s/main.0000.seg", room.folder);
    snprintf(to, sizeof to, "%s/copy.seg", room.folder);
    snprintf(command, sizeof command, "cp %s %s", from, to);
    assert_int_equal(system(command), 0);
    cut(&room, "copy.seg", record_at(20));
    e = room_read(&room);
    assert_int_equal(evidence_writer(e, 0)->records, 101);
    assert_int_equal(evidence_damage(e).bad_segments, 0);
    evidence_close(e);
    room_release(&room);
}

static void test_reader__gives_up_whole_when_memory_is_short(void **state)
{
    struct room room;
    struct evidence *e = NULL;
    struct cast *cast = NULL;
    struct error err;
    unsigned n;

    (void)state;
    room_init(&room);
    write_main(&room, 20000);
    for (n = 1;; n++) {
        int rc;

        memory_fail_at(n);
        rc = evidence_open(&e, room.folder, &err);
        if (!memory_failed()) {
            memory_fail_at(0);
            assert_int_equal(rc, 0);
            break;
        }
        assert_int_equal(rc, E_NOMEM);
    }
    assert_true(n > 3);
    for (n = 1;; n++) {
        int rc;

        memory_fail_at(n);
        rc = cast_create(&cast, e, &err);
        if (!memory_failed()) {
            memory_fail_at(0);
            assert_int_equal(rc, 0);
            break;
        }
        assert_int_equal(rc, E_NOMEM);
    }
    assert_true(n > 3);
    cast_destroy(cast);
    evidence_close(e);
    room_release(&room);
}

/* As another machine would have written it; process 1 lives here too. */
static void say_other_host(const struct room *room, const char *name)
{
    struct segment_header header;
    int fd = open_file(room, name, O_RDONLY);

    assert_int_equal(pread(fd, &header, sizeof header, 0), (ssize_t)sizeof header);
    close(fd);
    snprintf(header.identity.host, sizeof header.identity.host, "elsewhere");
    snprintf(header.identity.boot_id, sizeof header.identity.boot_id, "another-boot");
    header.identity.pid = 1;
    segment_header_seal(&header, clock_real());
    overwrite(room, name, 0, &header, offsetof(struct segment_header, closing));
}

static void test_reader__reads_a_folder_that_came_from_another_host(void **state)
{
    static const char shm[] = "/dev/shm/stormdrill-4711-00000000deadbeef\n";
    enum { RECORDS = 5000 }; /* more than one segment */
    struct room room, other;
    struct evidence *e;
    struct evidence_walk walk;
    const struct record *record, *note = NULL;
    json_t *detail;

    (void)state;
    room_init(&room);
    room_init(&other);
    write_main(&room, RECORDS);
    assert_int_equal(room_count(room.folder, ".seg"), 2);
    say_other_host(&room, "main.0000.seg");
    say_other_host(&room, "main.0001.seg");
    cut(&room, "shm", 0);
    overwrite(&room, "shm", 0, shm, sizeof shm - 1);
    assert_int_equal(rename(room.folder, other.folder), 0);
    assert_int_equal(evidence_collect(other.folder, NULL), 0);
    e = room_read(&other);
    assert_string_equal(evidence_writer(e, 0)->host, "elsewhere");
    assert_int_equal(evidence_writer(e, 0)->pid, 1);
    assert_true(evidence_writer(e, 0)->complete);
    assert_int_equal(evidence_writer(e, 0)->records, RECORDS + 1);
    assert_int_equal(evidence_damage(e).bad_segments, 0);
    evidence_walk(&walk, e, 0);
    while ((record = evidence_walk_next(&walk)) != NULL) {
        if (record_kind(record) == RECORD_note)
            note = record;
    }
    assert_non_null(note);
    assert_string_equal(evidence_string(e, 0, note->subject), "a subject");
    detail = evidence_detail(e, 0, note->detail);
    assert_string_equal(json_string_value(json_object_get(detail, "text")), "a detail");
    json_decref(detail);
    evidence_close(e);
    room_release(&other);
    room_release(&room);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reader__skips_and_counts_holes),
        cmocka_unit_test(test_reader__reads_what_a_cut_segment_still_holds),
        cmocka_unit_test(test_reader__tells_a_missing_segment),
        cmocka_unit_test(test_reader__tells_a_chain_that_lacks_its_end),
        cmocka_unit_test(test_reader__tells_a_broken_closing),
        cmocka_unit_test(test_reader__survives_a_cut_side_file),
        cmocka_unit_test(test_reader__does_without_a_side_file),
        cmocka_unit_test(test_reader__leaves_foreign_and_damaged_files_out),
        cmocka_unit_test(test_reader__refuses_a_header_with_one_bit_flipped),
        cmocka_unit_test(test_reader__says_what_is_missing),
        cmocka_unit_test(test_reader__never_follows_shm_to_a_place_that_is_not_ours),
        cmocka_unit_test(test_reader__takes_the_fuller_of_two_copies),
        cmocka_unit_test(test_reader__reads_a_folder_that_came_from_another_host),
        cmocka_unit_test(test_reader__gives_up_whole_when_memory_is_short),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
