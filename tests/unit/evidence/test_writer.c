/* Unit tests of the writer: what is appended is read back, wherever it lies. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness/evidence/cast.h"
#include "harness/evidence/segment.h"
#include "tests/lib/evidence/room.h"

static struct writer *open_writer(struct evidence_home *home, const char *name,
                                  uint32_t client)
{
    struct writer *writer = NULL;
    struct error err = {.code = 0};

    if (writer_open(&writer, home, name, client, 0, &err) != 0)
        fail_msg("%s", err.text);
    return writer;
}

static void test_writer__gives_back_every_field_of_a_record(void **state)
{
    struct room room;
    struct evidence_home *home;
    struct evidence *e;
    struct evidence_walk walk;
    const struct record *r;
    struct record record = {.time_ns = 5,
                            .message = {7, 2, 99},
                            .a = 1,
                            .b = 2,
                            .connection = 3,
                            .subject = 4,
                            .detail = 0,
                            .link = 6,
                            .stream = 7,
                            .consumer = 8,
                            .delivery = 9,
                            .flags = 10,
                            .kind = RECORD_received};
    struct writer *writer;

    (void)state;
    room_init(&room);
    home = room_home(&room, NULL);
    writer = open_writer(home, "c7.2.load", 7);
    writer_append(writer, &record);
    writer_close(writer);
    evidence_home_close(home);
    assert_int_equal(evidence_collect(room.folder, NULL), 0);
    e = room_read(&room);
    assert_int_equal(evidence_writer_count(e), 1);
    assert_string_equal(evidence_writer(e, 0)->name, "c7.2.load");
    assert_int_equal(evidence_writer(e, 0)->client, 7);
    assert_int_equal(evidence_writer(e, 0)->pid, getpid());
    assert_true(evidence_writer(e, 0)->complete);
    assert_int_equal(evidence_writer(e, 0)->records, 1);
    evidence_walk(&walk, e, 0);
    r = evidence_walk_next(&walk);
    assert_non_null(r);
    assert_memory_equal(r, &record, sizeof record);
    assert_null(evidence_walk_next(&walk));
    evidence_close(e);
    room_release(&room);
}

static void test_writer__keeps_strings_and_details(void **state)
{
    struct room room;
    struct evidence_home *home;
    struct evidence *e;
    struct record record = {.kind = RECORD_note};
    struct writer *writer;
    json_t *detail;

    (void)state;
    room_init(&room);
    home = room_home(&room, NULL);
    writer = open_writer(home, "main", 0);
    assert_int_equal(writer_string(writer, NULL), 0);
    assert_int_equal(writer_string(writer, ""), 0);
    assert_int_equal(writer_string(writer, "orders.new"), 1);
    assert_int_equal(writer_string(writer, "orders.old"), 2);
    assert_int_equal(writer_string(writer, "orders.new"), 1);
    record.subject = 2;
    record.detail = writer_detail_text(writer, "broker said \"%s\" \xff", "no");
    assert_int_not_equal(record.detail, 0);
    writer_append(writer, &record);
    writer_close(writer);
    evidence_home_close(home);
    e = room_read(&room);
    assert_string_equal(evidence_string(e, 0, 1), "orders.new");
    assert_string_equal(evidence_string(e, 0, 2), "orders.old");
    assert_string_equal(evidence_string(e, 0, 0), "");
    assert_string_equal(evidence_string(e, 0, 3), "");
    detail = evidence_detail(e, 0, record.detail);
    assert_string_equal(json_string_value(json_object_get(detail, "text")),
                        "broker said \"no\" ?");
    json_decref(detail);
    assert_null(evidence_detail(e, 0, 0));
    assert_null(evidence_detail(e, 0, record.detail + 1));
    assert_null(evidence_detail(e, 0, UINT32_MAX));
    evidence_close(e);
    room_release(&room);
}

static void test_writer__turns_pages_without_losing_a_record(void **state)
{
    enum { COUNT = 1000000 };
    struct room room;
    struct evidence_home *home;
    struct evidence *e;
    struct writer *writer;
    char shm[512];

    (void)state;
    room_init(&room);
    home = room_home(&room, NULL);
    room_shm(&room, shm, sizeof shm);
    assert_int_equal(access(shm, W_OK), 0);
    writer = open_writer(home, "c1.0.load", 1);
    for (uint64_t i = 0; i < COUNT; i++)
        room_append(writer, i);
    assert_int_equal(writer_lost(writer), 0);
    writer_close(writer);
    evidence_home_close(home);
    assert_int_equal(room_count(shm, ".seg"), 0);
    assert_int_equal(evidence_collect(room.folder, NULL), 0);
    assert_int_equal(access(shm, F_OK), -1);
    assert_int_equal(evidence_collect(room.folder, NULL), 0);
    e = room_read(&room);
    assert_int_equal(room_expect_numbers(e, 0), COUNT);
    assert_int_equal(evidence_writer(e, 0)->records, COUNT);
    assert_int_equal(evidence_damage(e).holes, 0);
    assert_int_equal(evidence_damage(e).bad_segments, 0);
    assert_int_equal(evidence_damage(e).open_writers, 0);
    assert_int_equal(evidence_start_ns(e), 1000);
    assert_int_equal(evidence_end_ns(e), 1000 + COUNT - 1);
    evidence_close(e);
    room_release(&room);
}

static void test_writer__costs_little_while_it_is_idle(void **state)
{
    enum { WRITERS = 200 };
    struct room room;
    struct evidence_home *home;
    struct evidence *e;
    struct writer *writers[WRITERS];
    char shm[512], path[700];
    FILE *pipe;
    long kib = 0;

    (void)state;
    room_init(&room);
    home = room_home(&room, NULL);
    for (int i = 0; i < WRITERS; i++) {
        char name[32];

        snprintf(name, sizeof name, "c%d.0", i + 1);
        writers[i] = open_writer(home, name, (uint32_t)i + 1);
        for (uint64_t n = 0; n < 10; n++)
            room_append(writers[i], n);
    }
    snprintf(path, sizeof path, "du -sk %s", room_shm(&room, shm, sizeof shm));
    pipe = popen(path, "re");
    assert_non_null(pipe);
    assert_int_equal(fscanf(pipe, "%ld", &kib), 1);
    pclose(pipe);
    assert_in_range(kib, 1, WRITERS * 100);
    for (int i = 0; i < WRITERS; i++)
        writer_close(writers[i]);
    evidence_home_close(home);
    e = room_read(&room);
    assert_int_equal(evidence_writer_count(e), WRITERS);
    for (int i = 0; i < WRITERS; i++)
        assert_int_equal(room_expect_numbers(e, i), 10);
    evidence_close(e);
    room_release(&room);
}

static void test_writer__stamps_time_and_client_where_they_are_missing(void **state)
{
    struct room room;
    struct evidence_home *home;
    struct evidence *e;
    struct evidence_walk walk;
    const struct record *r;
    struct record record = {.kind = RECORD_connected};
    struct writer *writer = NULL;
    uint64_t before = clock_now(clock_real());

    (void)state;
    room_init(&room);
    home = room_home(&room, NULL);
    assert_int_equal(writer_open(&writer, home, "c4.3", 4, 3, NULL), 0);
    writer_append(writer, &record);
    writer_close(writer);
    evidence_home_close(home);
    e = room_read(&room);
    evidence_walk(&walk, e, 0);
    r = evidence_walk_next(&walk);
    assert_int_equal(r->message.client, 4);
    assert_int_equal(r->message.incarnation, 3);
    assert_true(r->time_ns >= before);
    assert_true(r->time_ns <= clock_now(clock_real()));
    evidence_close(e);
    room_release(&room);
}

static void test_writer__caps_recurring_strings(void **state)
{
    struct room room;
    struct evidence_home *home;
    struct evidence *e;
    struct writer *writer;
    char text[32];

    (void)state;
    room_init(&room);
    home = room_home(&room, NULL);
    writer = open_writer(home, "main", 0);
    for (uint32_t i = 1; i <= 65535; i++) {
        snprintf(text, sizeof text, "subject.%u", i);
        assert_int_equal(writer_string(writer, text), i);
    }
    assert_int_equal(writer_string(writer, "one.too.many"), 0);
    assert_int_equal(writer_string(writer, "subject.40000"), 40000);
    assert_int_equal(writer_lost(writer), 0);
    room_append(writer, 0);
    writer_close(writer);
    evidence_home_close(home);
    e = room_read(&room);
    assert_string_equal(evidence_string(e, 0, 65535), "subject.65535");
    assert_string_equal(evidence_string(e, 0, 65536), "");
    evidence_close(e);
    room_release(&room);
}

static void test_writer__chains_side_files(void **state)
{
    enum { DETAILS = 40 };
    struct room room;
    struct evidence_home *home;
    struct evidence *e;
    struct writer *writer;
    uint32_t places[DETAILS];
    char *text = malloc(900001);

    (void)state;
    room_init(&room);
    home = room_home(&room, NULL);
    writer = open_writer(home, "main", 0);
    for (int i = 0; i < DETAILS; i++) {
        json_t *object;

        memset(text, 'a' + i % 26, 900000);
        text[900000] = '\0';
        object = json_pack("{s:s, s:i}", "text", text, "i", i);
        places[i] = writer_detail(writer, object);
        assert_int_not_equal(places[i], 0);
        json_decref(object);
    }
    assert_int_equal(writer_string(writer, "behind it all"), 1);
    room_append(writer, 0);
    writer_close(writer);
    evidence_home_close(home);
    assert_in_range(room_count(room.folder, ".side"), 2, 4);
    e = room_read(&room);
    assert_int_equal(evidence_damage(e).bad_segments, 0);
    for (int i = 0; i < DETAILS; i++) {
        json_t *object = evidence_detail(e, 0, places[i]);

        assert_int_equal(json_integer_value(json_object_get(object, "i")), i);
        json_decref(object);
    }
    assert_string_equal(evidence_string(e, 0, 1), "behind it all");
    evidence_close(e);
    free(text);
    room_release(&room);
}

static void test_writer__says_so_when_a_detail_is_too_large(void **state)
{
    struct room room;
    struct evidence_home *home;
    struct evidence *e;
    struct writer *writer;
    char *text = malloc(3 << 20);
    json_t *object;
    uint32_t place;

    (void)state;
    room_init(&room);
    home = room_home(&room, NULL);
    writer = open_writer(home, "main", 0);
    memset(text, 'x', 3 << 20);
    text[(3 << 20) - 1] = '\0';
    object = json_string(text);
    place = writer_detail(writer, object);
    json_decref(object);
    assert_int_equal(writer_lost(writer), 0);
    room_append(writer, 0);
    writer_close(writer);
    evidence_home_close(home);
    e = room_read(&room);
    object = evidence_detail(e, 0, place);
    assert_string_equal(json_string_value(json_object_get(object, "text")),
                        "3145729 bytes: too large for evidence");
    json_decref(object);
    evidence_close(e);
    free(text);
    room_release(&room);
}

static void test_writer__refuses_a_bad_name_and_a_name_twice(void **state)
{
    static const char *const bad[] = {"",
                                      ".hidden",
                                      "a/b",
                                      "C1",
                                      "x y",
                                      "0123456789012345678901234567890123456789"
                                      "0123456789012345678901234"};
    struct room room;
    struct evidence_home *home;
    struct writer *writer, *second = NULL;
    struct error err;

    (void)state;
    room_init(&room);
    home = room_home(&room, NULL);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(writer_open(&second, home, bad[i], 0, 0, &err), E_PARAM);
        assert_non_null(strstr(err.text, bad[i]));
    }
    writer = open_writer(home, "main", 0);
    assert_int_equal(writer_open(&second, home, "main", 0, 0, &err), E_EXISTS);
    assert_non_null(strstr(err.text, "'main'"));
    writer_close(writer);
    assert_int_equal(writer_open(&second, home, "main", 0, 0, &err), E_EXISTS);
    evidence_home_close(home);
    room_release(&room);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_writer__gives_back_every_field_of_a_record),
        cmocka_unit_test(test_writer__keeps_strings_and_details),
        cmocka_unit_test(test_writer__turns_pages_without_losing_a_record),
        cmocka_unit_test(test_writer__costs_little_while_it_is_idle),
        cmocka_unit_test(test_writer__stamps_time_and_client_where_they_are_missing),
        cmocka_unit_test(test_writer__caps_recurring_strings),
        cmocka_unit_test(test_writer__chains_side_files),
        cmocka_unit_test(test_writer__says_so_when_a_detail_is_too_large),
        cmocka_unit_test(test_writer__refuses_a_bad_name_and_a_name_twice),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
