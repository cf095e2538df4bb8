/* reader: open the evidence of a case.
 *
 * All well:  the shm folder's files are mapped, then the folder's; each segment goes to
 *            its writer, by the name in its header; duplicates (a copy and its original)
 *            are told apart by number; chains are sorted, strings read, records counted.
 * Damage:    what cannot be read is counted and left out; nothing in a file is believed
 *            before it was checked against the file's real size.
 * A process may be moving files meanwhile: shm is read before the folder, so a file is
 * seen in one place or in both. */
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness/evidence/files.h"
#include "harness/evidence/segment.h"
#include "harness/evidence/side_entry.h"
#include "harness/evidence/store.h"

static struct source *source_named(struct evidence *evidence, const char *name)
{
    struct source *source;

    for (int i = 0; i < evidence->source_count; i++) {
        if (strcmp(evidence->sources[i]->info.name, name) == 0)
            return evidence->sources[i];
    }
    source = source_add(evidence);
    if (source == NULL)
        evidence->no_memory = true;
    else
        snprintf(source->info.name, sizeof source->info.name, "%s", name);
    return source;
}

/* Where the number is there already, the fuller one stays: a copy cut short by a power
 * failure must not hide its original. True when `segment` was taken. */
static bool add_segment(struct evidence *evidence, struct source *source,
                        const struct source_segment *segment)
{
    for (int i = 0; i < source->segment_count; i++) {
        struct source_segment *old = &source->segments[i];
        struct source_segment worse = *segment;

        if (old->number != segment->number)
            continue;
        if (segment->records > old->records) {
            worse = *old;
            *old = *segment;
        }
        if (worse.map_bytes != 0)
            munmap(worse.memory, worse.map_bytes);
        return true;
    }
    if (!array_reserve(&source->segments, &source->segment_capacity,
                       source->segment_count, sizeof *source->segments)) {
        evidence->no_memory = true;
        return false;
    }
    source->segments[source->segment_count++] = *segment;
    return true;
}

static void learn_writer(struct source *source, const struct segment_header *header)
{
    source->info.client = header->client;
    source->info.incarnation = header->incarnation;
    source->info.pid = (int)header->identity.pid;
    memcpy(source->info.host, header->identity.host, sizeof source->info.host);
}

/* How many slots hold records: up to the last that was written. */
static uint64_t used_slots(const struct record *first, size_t slots)
{
    while (slots > 0 && record_kind(&first[slots - 1]) == 0)
        slots--;
    return slots;
}

/* Take a segment in memory. False: damaged, and the memory is still the caller's. */
static bool take_segment(struct evidence *evidence, void *bytes, size_t size, bool mapped)
{
    struct segment_header header;
    struct source_segment segment = {0};
    struct source *source;

    switch (segment_header_check(&header, bytes, size)) {
    case SEGMENT_BAD:
        return false;
    case SEGMENT_UNUSED:
        if (mapped)
            munmap(bytes, size);
        return true;
    case SEGMENT_GOOD:
        break;
    }
    source = source_named(evidence, header.writer);
    if (source == NULL)
        return false;
    learn_writer(source, &header);
    segment.at = (const struct record *)((const char *)bytes + EVIDENCE_HEADER_BYTES);
    segment.records = used_slots(segment.at, segment_slots(size));
    segment.end = segment.at + segment.records;
    segment.memory = mapped ? bytes : NULL;
    segment.map_bytes = mapped ? size : 0;
    segment.number = header.number;
    if (segment_closing_is_good(&header.closing)) {
        segment.final = header.closing.final == 1;
        segment.cut = header.closing.records > segment.records;
        segment.closed = true;
    } else {
        segment.cut = !segment_closing_is_unwritten(&header.closing);
    }
    return add_segment(evidence, source, &segment);
}

static bool take_side(struct evidence *evidence, void *bytes, size_t size, bool mapped)
{
    struct side_header header;
    struct source *source;

    if (!side_header_check(&header, bytes, size))
        return false;
    source = source_named(evidence, header.writer);
    if (source == NULL)
        return false;
    for (int i = 0; i < source->side_count; i++) {
        if (source->sides[i].number != header.number)
            continue;
        if (source->sides[i].size >= size)
            return !mapped || munmap(bytes, size) == 0;
        if (source->sides[i].memory != NULL)
            munmap(source->sides[i].memory, source->sides[i].size);
        source->sides[i] = source->sides[--source->side_count];
        break;
    }
    if (!array_reserve(&source->sides, &source->side_capacity, source->side_count,
                       sizeof *source->sides)) {
        evidence->no_memory = true;
        return false;
    }
    source->sides[source->side_count++] =
        (struct source_side){.bytes = bytes,
                             .size = size,
                             .memory = mapped ? bytes : NULL,
                             .base = header.base,
                             .number = header.number};
    return true;
}

static void take_file(struct evidence *evidence, int dir_fd, const char *name)
{
    bool is_side = name_has_suffix(name, ".side");
    int fd = openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    struct stat st;
    void *bytes = MAP_FAILED;
    bool good;

    if (fd == -1)
        return;
    if (fstat(fd, &st) == -1)
        st = (struct stat){.st_mode = 0};
    if (S_ISREG(st.st_mode) && st.st_size > 0)
        bytes = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
    close(fd);
    if (S_ISREG(st.st_mode) && file_is_unborn(name, (size_t)st.st_size))
        return;
    if (bytes == MAP_FAILED) {
        evidence->damage.bad_segments++;
        return;
    }
    good = is_side ? take_side(evidence, bytes, (size_t)st.st_size, true)
                   : take_segment(evidence, bytes, (size_t)st.st_size, true);
    if (!good) {
        evidence->damage.bad_segments++;
        munmap(bytes, (size_t)st.st_size);
    }
}

static bool take_files(struct evidence *evidence, int dir_fd)
{
    int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd == -1 ? NULL : fdopendir(fd);
    struct dirent *entry;

    if (dir == NULL) {
        if (fd != -1)
            close(fd);
        return false;
    }
    while ((entry = readdir(dir)) != NULL) {
        if (name_has_suffix(entry->d_name, ".seg") ||
            name_has_suffix(entry->d_name, ".side"))
            take_file(evidence, dir_fd, entry->d_name);
    }
    closedir(dir);
    return true;
}

static int by_number(const void *a, const void *b)
{
    const struct source_segment *left = a, *right = b;

    return left->number < right->number ? -1 : left->number > right->number;
}

static int by_side_number(const void *a, const void *b)
{
    const struct source_side *left = a, *right = b;

    return left->number < right->number ? -1 : left->number > right->number;
}

/* Strings up to the first broken entry: behind a torn one no boundary is known. The last
 * entry of a killed writer may be torn: no record names it, so that is no damage. */
static void read_strings(struct evidence *evidence, struct source *source)
{
    for (int i = 0; i < source->side_count; i++) {
        bool may_be_torn = i == source->side_count - 1 && !source->info.complete;
        const struct source_side *side = &source->sides[i];
        uint64_t offset = SIDE_HEADER_BYTES;
        struct side_entry entry;

        while (side_entry_read(&entry, side->bytes, side->size, offset)) {
            if (entry.type == SIDE_STRING &&
                !source_set_string(source, entry.number, entry.text)) {
                evidence->no_memory = true;
                return;
            }
            offset += side_entry_bytes(entry.size);
        }
        if (offset < side->size && !may_be_torn)
            evidence->damage.bad_segments++;
    }
}

/* Gaps in a chain are files that somebody lost: they count as damaged ones. */
static void check_chain(struct evidence *evidence, struct source *source)
{
    uint32_t expected = 0;
    uint64_t base = 0;

    for (int i = 0; i < source->segment_count; i++) {
        if (source->segments[i].number != expected)
            evidence->damage.bad_segments += source->segments[i].number - expected;
        expected = source->segments[i].number + 1;
        if (source->segments[i].cut)
            evidence->damage.bad_segments++;
    }
    for (int i = 0; i < source->side_count; i++) {
        if (source->sides[i].base != base)
            evidence->damage.bad_segments++;
        base = source->sides[i].base + source->sides[i].size;
    }
    if (source->side_count == 0)
        evidence->damage.bad_segments++;
}

static void settle_source(struct evidence *evidence, struct source *source)
{
    struct source_segment *segments = source->segments;

    if (source->segment_count > 0)
        qsort(segments, (size_t)source->segment_count, sizeof *segments, by_number);
    if (source->side_count > 0)
        qsort(source->sides, (size_t)source->side_count, sizeof *source->sides,
              by_side_number);
    source->info.complete =
        source->segment_count > 0 && segments[source->segment_count - 1].final;
    if (!source->info.complete)
        evidence->damage.open_writers++;
    check_chain(evidence, source);
    read_strings(evidence, source);
    for (int i = 0; i < source->segment_count; i++) {
        uint64_t holes = evidence->damage.holes;

        source_survey(evidence, source, &segments[i]);
        /* Who dies in the middle leaves a hole, and no closing. */
        if (segments[i].closed && evidence->damage.holes > holes)
            evidence->damage.bad_segments++;
    }
}

static int by_name(const void *a, const void *b)
{
    const struct evidence_writer_info *left = &(*(const struct source *const *)a)->info;
    const struct evidence_writer_info *right = &(*(const struct source *const *)b)->info;

    if (left->client != right->client)
        return left->client < right->client ? -1 : 1;
    if (left->incarnation != right->incarnation)
        return left->incarnation < right->incarnation ? -1 : 1;
    return strcmp(left->name, right->name);
}

/* Did this incarnation of a client end of its own accord, with nothing to complain of? */
static bool has_left_well(const struct evidence *evidence, const struct source *main,
                          uint32_t client, uint32_t incarnation)
{
    struct evidence_walk walk = {.evidence = evidence};
    const struct record *r;

    while (evidence->sources[walk.writer] != main)
        walk.writer++;
    while ((r = evidence_walk_next(&walk)) != NULL)
        if (record_kind(r) == RECORD_client_exit && r->a == client &&
            r->message.incarnation == incarnation)
            return r->b == 0;
    return false;
}

/* Who closed everything behind itself has closed its evidence too: a chain of such a one
 * that does not end lacks its end. ("main" is the last that a case closes.) */
static void check_endings(struct evidence *evidence)
{
    const struct source *main = NULL;

    for (int i = 0; i < evidence->source_count && main == NULL; i++)
        if (strcmp(evidence->sources[i]->info.name, "main") == 0)
            main = evidence->sources[i];
    for (int i = 0; i < evidence->source_count && main != NULL; i++) {
        const struct evidence_writer_info *who = &evidence->sources[i]->info;
        uint32_t client = who->client;
        uint32_t incarnation = who->incarnation;

        /* Without any segment only the name tells whose it was. */
        if (evidence->sources[i]->segment_count == 0)
            sscanf(who->name, "c%" SCNu32 ".%" SCNu32 ".", &client, &incarnation);
        if (!who->complete &&
            (client == 0 ? main->info.complete
                         : has_left_well(evidence, main, client, incarnation)))
            evidence->damage.bad_segments++;
    }
}

/* An order that does not depend on the folder's: the harness first, since it is the
 * cause of what clients see at the same nanosecond. */
static bool settle(struct evidence *evidence)
{
    bool any_segment = false;

    if (evidence->source_count > 0)
        qsort(evidence->sources, (size_t)evidence->source_count, sizeof(struct source *),
              by_name);
    for (int i = 0; i < evidence->source_count; i++) {
        settle_source(evidence, evidence->sources[i]);
        any_segment = any_segment || evidence->sources[i]->segment_count > 0;
    }
    check_endings(evidence);
    return any_segment;
}

static struct evidence *create_empty(void)
{
    struct evidence *evidence = calloc(1, sizeof *evidence);

    if (evidence != NULL)
        evidence->start_ns = UINT64_MAX;
    return evidence;
}

/* Why there is nothing to give, in the user's words. */
static int refuse(struct evidence *evidence, const char *folder, struct error *err)
{
    int rc;

    if (evidence->no_memory)
        rc = error_set(err, E_NOMEM, "evidence in %s", folder);
    else if (evidence->damage.bad_segments > 0)
        rc =
            error_set(err, E_FORMAT, "nothing of the evidence in %s can be read", folder);
    else
        rc = error_set(err, E_NOT_FOUND, "there is no evidence in %s", folder);
    evidence_close(evidence);
    return rc;
}

static int take_folders(struct evidence *evidence, const char *folder, struct error *err)
{
    int folder_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    char path[SHM_PATH_BYTES];
    int shm_fd, rc = 0;

    if (folder_fd == -1)
        return error_from_errno(err, "open the evidence folder %s", folder);
    shm_fd = shm_folder_open(folder_fd, path, sizeof path);
    /* Until all is mapped nobody may empty it. */
    if (shm_fd != -1)
        flock(shm_fd, LOCK_SH);
    if (shm_fd != -1 && !take_files(evidence, shm_fd))
        rc = error_from_errno(err, "list the evidence in %s", path);
    if (rc == 0 && !take_files(evidence, folder_fd))
        rc = error_from_errno(err, "list the evidence in %s", folder);
    if (shm_fd != -1)
        close(shm_fd);
    close(folder_fd);
    return rc;
}

int evidence_open(struct evidence **out, const char *folder, struct error *err)
{
    struct evidence *evidence = create_empty();
    int rc;

    if (evidence == NULL)
        return error_set(err, E_NOMEM, "evidence in %s", folder);
    rc = take_folders(evidence, folder, err);
    if (rc != 0) {
        evidence_close(evidence);
        return rc;
    }
    if (!settle(evidence) || evidence->no_memory)
        return refuse(evidence, folder, err);
    *out = evidence;
    return 0;
}

int evidence_open_bytes(struct evidence **out, const void *segment, size_t segment_size,
                        const void *side, size_t side_size, struct error *err)
{
    struct evidence *evidence = create_empty();

    if (evidence == NULL)
        return error_set(err, E_NOMEM, "evidence");
    /* Borrowed bytes are only read; the one path for both kinds of memory writes none. */
    if (!take_segment(evidence, (void *)(uintptr_t)segment, segment_size, false))
        evidence->damage.bad_segments++;
    if (!take_side(evidence, (void *)(uintptr_t)side, side_size, false))
        evidence->damage.bad_segments++;
    if (!settle(evidence) || evidence->no_memory)
        return refuse(evidence, "memory", err);
    *out = evidence;
    return 0;
}
