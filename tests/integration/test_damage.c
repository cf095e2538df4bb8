/* test_damage: evidence that cannot lie. A small storm is run once; then its evidence is
 * damaged in two thousand ways, one at a time, and judged again. The verdict is the same
 * as before, where the damage hit nothing that counts, or inconclusive; it is never
 * another one. STORMDRILL_DAMAGES sets how many, STORMDRILL_SEED which. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness/evidence/segment.h"
#include "harness/suite/spec.h"
#include "proxy/base/rng.h"

enum { DAMAGES = 2000, FILES_MAX = 64, PATH_BYTES = 512, RANGE_BYTES_MAX = 300 };

/* One case where messages are lost, one where none is, though its worker is killed: its
 * writers never closed. */
static const char scenario[] =
    "scenario \"a small storm\" {\n"
    "  cluster = { nodes = 1, jetstream = true },\n"
    "  cases   = { lost = { confirmed = false }, fine = { confirmed = true } },\n"
    "  checks  = { check.at_least_once() },\n"
    "  run = function(t)\n"
    "    local producer, worker\n"
    "    local patient = { wait = \"50ms\", attempts = 600 }\n"
    "    if t.case.confirmed then\n"
    "      local orders = t.cluster:stream(\"ORDERS\", { subjects = \"orders.>\" })\n"
    "      worker = orders:consumer { durable = \"worker\", ack_wait = \"1s\",\n"
    "                                 reconnect = patient }\n"
    "      producer = orders:publisher { subject = \"orders.new\", rate = \"200/s\",\n"
    "                                    wait_for_ack = \"2s\", reconnect = patient }\n"
    "    else\n"
    "      worker = t.cluster:subscriber { subject = \"orders.>\", reconnect = patient "
    "}\n"
    "      producer = t.cluster:publisher { subject = \"orders.new\", rate = \"500/s\",\n"
    "                                       reconnect = patient }\n"
    "    end\n"
    "    producer.link:latency { base = \"50ms\" }\n"
    "    sleep \"500ms\"\n"
    "    t.cluster.nodes[1]:kill()\n"
    "    if t.case.confirmed then worker:kill() end\n"
    "    sleep \"200ms\"\n"
    "    t.cluster.nodes[1]:start()\n"
    "    if t.case.confirmed then worker:restart() end\n"
    "    producer:await_connected \"10s\"\n"
    "    sleep \"500ms\"\n"
    "    producer:stop()\n"
    "    worker:await_caught_up \"20s\"\n"
    "  end,\n"
    "}\n";

struct file {
    char name[160];
    uint8_t *bytes;
    size_t size;
};

struct world {
    char root[64];
    char folder[PATH_BYTES]; /* of the case at hand */
    char before[32];         /* its outcome, undamaged */
    struct file files[FILES_MAX];
    int file_count;
    struct rng rng;
};

static void path_of(const struct world *w, const char *name, char *path)
{
    snprintf(path, PATH_BYTES, "%.250s/evidence/%.150s", w->folder, name);
}

static void write_file(const char *path, const void *bytes, size_t size)
{
    FILE *file = fopen(path, "we");

    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

static bool is_evidence(const char *name)
{
    return name_has_suffix(name, ".seg") || name_has_suffix(name, ".side");
}

static void load_file(struct world *w, const char *name)
{
    struct file *file = &w->files[w->file_count++];
    char path[PATH_BYTES];
    struct stat st;
    FILE *from;

    assert_true(w->file_count <= FILES_MAX);
    snprintf(file->name, sizeof file->name, "%.150s", name);
    path_of(w, name, path);
    from = fopen(path, "re");
    assert_non_null(from);
    assert_int_equal(fstat(fileno(from), &st), 0);
    file->size = (size_t)st.st_size;
    file->bytes = malloc(file->size);
    assert_non_null(file->bytes);
    assert_int_equal(fread(file->bytes, 1, file->size, from), file->size);
    fclose(from);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct file *)a)->name, ((const struct file *)b)->name);
}

static void load_files(struct world *w)
{
    char path[PATH_BYTES];
    struct dirent *entry;
    DIR *dir;

    path_of(w, ".", path);
    dir = opendir(path);
    assert_non_null(dir);
    while ((entry = readdir(dir)) != NULL) {
        if (is_evidence(entry->d_name))
            load_file(w, entry->d_name);
    }
    closedir(dir);
    /* The same damages for the same seed, whatever the folder's order. */
    qsort(w->files, (size_t)w->file_count, sizeof w->files[0], by_name);
}

static void free_files(struct world *w)
{
    for (int i = 0; i < w->file_count; i++)
        free(w->files[i].bytes);
    w->file_count = 0;
}

/* ---- damages ---- */

static size_t below(struct world *w, size_t bound)
{
    return (size_t)rng_below(&w->rng, bound);
}

static void damage_range(struct world *w, struct file *f, int how)
{
    size_t at = below(w, f->size);
    size_t size = 1 + below(w, RANGE_BYTES_MAX);

    for (size_t i = at; i < f->size && i < at + size; i++)
        f->bytes[i] = how == 0 ? 0 : how == 1 ? 0xff : (uint8_t)below(w, 256);
}

/* Two slots of a segment, or two pieces of a side file. */
static bool damage_slots(struct world *w, struct file *f, bool swap)
{
    size_t begin =
        name_has_suffix(f->name, ".seg") ? EVIDENCE_HEADER_BYTES : SIDE_HEADER_BYTES;
    size_t unit = begin == EVIDENCE_HEADER_BYTES ? sizeof(struct record) : 8;
    size_t count = f->size > begin ? (f->size - begin) / unit : 0;
    uint8_t *a, *b, kept[sizeof(struct record)];

    if (count < 2)
        return false;
    a = f->bytes + begin + below(w, count) * unit;
    b = f->bytes + begin + below(w, count) * unit;
    memcpy(kept, a, unit);
    memmove(a, b, unit);
    if (swap)
        memcpy(b, kept, unit);
    return true;
}

static const char *damage(struct world *w, struct file *f)
{
    switch (below(w, 7)) {
    case 0:
        f->bytes[below(w, f->size)] ^= (uint8_t)(1u << below(w, 8));
        return "a flipped bit";
    case 1:
        damage_range(w, f, 0);
        return "zeros";
    case 2:
        damage_range(w, f, 1);
        return "ones";
    case 3:
        damage_range(w, f, 2);
        return "noise";
    case 4:
        f->size = below(w, f->size);
        return "a cut";
    case 5:
        return damage_slots(w, f, true) ? "a swap" : "nothing";
    default:
        return damage_slots(w, f, false) ? "a copy" : "nothing";
    }
}

/* ---- judging ---- */

static json_t *judge(const struct world *w)
{
    struct error err = {.code = 0};
    json_t *result = NULL;

    if (case_judge(w->folder, NULL, &result, &err) != 0)
        fail_msg("%s", err.text);
    return result;
}

static const char *outcome_of(const json_t *result)
{
    return json_string_value(json_object_get(result, "outcome"));
}

static const char *why_of(const json_t *result)
{
    return json_string_value(json_object_get(result, "why"));
}

/* Bytes that nobody reads: what is left of the header's page, the padding of entries. */
static bool hits_a_record(const struct file *before, const struct file *after)
{
    size_t size = before->size < after->size ? before->size : after->size;

    if (!name_has_suffix(before->name, ".seg") || size < EVIDENCE_HEADER_BYTES)
        return before->size != after->size;
    return before->size != after->size || memcmp(before->bytes + EVIDENCE_HEADER_BYTES,
                                                 after->bytes + EVIDENCE_HEADER_BYTES,
                                                 size - EVIDENCE_HEADER_BYTES) != 0;
}

/* True when the verdict stayed the same. */
static bool damage_once(struct world *w, int number)
{
    const struct file *before = &w->files[below(w, (size_t)w->file_count)];
    struct file after = *before;
    char path[PATH_BYTES];
    const char *what;
    json_t *result;
    bool same, hit;

    after.bytes = malloc(before->size);
    assert_non_null(after.bytes);
    memcpy(after.bytes, before->bytes, before->size);
    what = damage(w, &after);
    path_of(w, before->name, path);
    write_file(path, after.bytes, after.size);
    result = judge(w);
    same = strcmp(outcome_of(result), w->before) == 0;
    hit = hits_a_record(before, &after);
    if (!same && strcmp(outcome_of(result), "inconclusive") != 0)
        fail_msg("damage %d (%s in %s): %s, not %s: %s", number, what, before->name,
                 outcome_of(result), w->before, why_of(result));
    if (same && hit)
        fail_msg("damage %d (%s in %s) was not noticed", number, what, before->name);
    if (!same && strstr(why_of(result), before->name) == NULL &&
        strstr(why_of(result), "missing") == NULL)
        fail_msg("damage %d (%s in %s) is called: %s", number, what, before->name,
                 why_of(result));
    json_decref(result);
    write_file(path, before->bytes, before->size);
    free(after.bytes);
    return same;
}

/* All files of the writer to whom the file belongs are moved away. */
static void lose_writer(struct world *w, const char *name)
{
    size_t size = strlen(name) - strlen(".0000.side");
    char path[PATH_BYTES], aside[PATH_BYTES + 8];
    json_t *result;

    for (int i = 0; i < w->file_count; i++) {
        path_of(w, w->files[i].name, path);
        snprintf(aside, sizeof aside, "%s.aside", path);
        if (strncmp(w->files[i].name, name, size + 1) == 0)
            assert_int_equal(rename(path, aside), 0);
    }
    result = judge(w);
    assert_string_equal(outcome_of(result), "inconclusive");
    if (memmem(why_of(result), strlen(why_of(result)), name, size) == NULL)
        fail_msg("without %s: %s", name, why_of(result));
    json_decref(result);
    for (int i = 0; i < w->file_count; i++) {
        path_of(w, w->files[i].name, path);
        snprintf(aside, sizeof aside, "%s.aside", path);
        if (strncmp(w->files[i].name, name, size + 1) == 0)
            assert_int_equal(rename(aside, path), 0);
    }
}

/* ---- the run ---- */

static void run_storm(struct world *w)
{
    char path[PATH_BYTES], command[3 * PATH_BYTES];

    snprintf(w->root, sizeof w->root, "/tmp/stormdrill-damage-XXXXXX");
    assert_non_null(mkdtemp(w->root));
    snprintf(path, sizeof path, "%s/storm.lua", w->root);
    write_file(path, scenario, sizeof scenario - 1);
    snprintf(command, sizeof command, "%s run %s --out %s/out >%s/said 2>&1",
             STORMDRILL_BINARY, path, w->root, w->root);
    /* One of its cases fails, which is its purpose. */
    if (WEXITSTATUS(system(command)) != 1) {
        snprintf(command, sizeof command, "cat %s/said >&2", w->root);
        fail_msg("%s (%d)", path, system(command));
    }
}

static void enter_case(struct world *w, const char *name, const char *outcome)
{
    json_t *result;

    snprintf(w->folder, sizeof w->folder, "%s/out/cases/%s", w->root, name);
    result = judge(w);
    assert_string_equal(outcome_of(result), outcome);
    snprintf(w->before, sizeof w->before, "%s", outcome);
    json_decref(result);
    load_files(w);
    assert_true(w->file_count >= 6);
}

static uint64_t number_from(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);

    return text != NULL ? strtoull(text, NULL, 10) : otherwise;
}

static void test_damage__never_turns_into_another_verdict(void **state)
{
    static const char *const cases[][2] = {{"a-small-storm-lost", "failed"},
                                           {"a-small-storm-fine", "passed"}};
    struct world *w = calloc(1, sizeof *w);
    int damages = (int)number_from("STORMDRILL_DAMAGES", DAMAGES);
    char command[PATH_BYTES];

    (void)state;
    assert_non_null(w);
    rng_init(&w->rng, number_from("STORMDRILL_SEED", 48151623));
    run_storm(w);
    for (int c = 0; c < 2; c++) {
        int same = 0;

        enter_case(w, cases[c][0], cases[c][1]);
        for (int i = 0; i < damages / 2; i++)
            same += damage_once(w, i);
        for (int i = 0; i < w->file_count; i++) {
            if (strstr(w->files[i].name, ".0000.side") != NULL)
                lose_writer(w, w->files[i].name);
        }
        printf("%s: %d damages, %d hit nothing that counts, no other verdict\n",
               cases[c][0], damages / 2, same);
        free_files(w);
    }
    snprintf(command, sizeof command, "rm -rf %s", w->root);
    assert_int_equal(system(command), 0);
    free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_damage__never_turns_into_another_verdict),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
