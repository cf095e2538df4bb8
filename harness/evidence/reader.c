/* reader: open the evidence of a case.
 *
 * All well:  the shm folder's files are mapped, then the folder's; each segment goes to
 *            its writer, by the name in its header; duplicates (a copy and its original)
 *            are told apart by number; then all is checked and counted (settle.c).
 * Damage:    what cannot be read is counted and left out; nothing in a file is believed
 *            before it was checked against the file's real size.
 * A process may be moving files meanwhile: shm is read before the folder, so a file is
 * seen in one place or in both. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness/evidence/files.h"
#include "harness/evidence/roster.h"
#include "harness/evidence/segment.h"
#include "harness/evidence/side_entry.h"
#include "harness/evidence/slots.h"
#include "harness/evidence/store.h"

enum { ROSTER_BYTES_MAX = 64 << 20 };

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
    if (source != NULL)
        source->key = side_writer_key(name);
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

/* Slots up to the last record that was written. */
static uint64_t used_slots(const struct record *first, size_t slots)
{
    while (slots > 0 && record_kind(&first[slots - 1]) == 0)
        slots--;
    return slots;
}

/* What the closing says, and whether the file is as large as it must be without one. */
static void learn_end(struct source_segment *segment, const struct segment_header *header,
                      size_t size)
{
    segment->closing = header->closing;
    segment->closed = segment_closing_is_good(&header->closing);
    segment->closing_is_bad =
        !segment->closed && !segment_closing_is_unwritten(&header->closing);
    segment->cut = !segment->closed && size != header->segment_bytes;
}

/* Take a segment in memory. False: damaged, and the memory is still the caller's. */
static bool take_segment(struct evidence *evidence, const char *name, void *bytes,
                         size_t size, bool mapped)
{
    struct segment_header header;
    struct source_segment segment = {0};
    struct source *source;
    size_t used;

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
    segment.slots = segment_slots(size);
    used = used_slots(segment.at, segment.slots);
    segment.end = segment.at + used;
    segment.records = slots_records(used);
    segment.memory = mapped ? bytes : NULL;
    segment.map_bytes = mapped ? size : 0;
    segment.number = header.number;
    snprintf(segment.name, sizeof segment.name, "%s", name);
    learn_end(&segment, &header, size);
    return add_segment(evidence, source, &segment);
}

static bool take_side(struct evidence *evidence, const char *name, void *bytes,
                      size_t size, bool mapped)
{
    struct side_header header;
    struct source_side *side;
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
    side = &source->sides[source->side_count++];
    *side = (struct source_side){.bytes = bytes,
                                 .size = size,
                                 .memory = mapped ? bytes : NULL,
                                 .base = header.base,
                                 .number = header.number};
    snprintf(side->name, sizeof side->name, "%s", name);
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
        evidence_add_damage(evidence, NULL, "%s: it is empty or cannot be read", name);
        return;
    }
    good = is_side ? take_side(evidence, name, bytes, (size_t)st.st_size, true)
                   : take_segment(evidence, name, bytes, (size_t)st.st_size, true);
    if (!good) {
        evidence_add_damage(evidence, NULL, "%s: its header (%u bytes) is not good", name,
                            is_side ? SIDE_HEADER_BYTES : EVIDENCE_HEADER_BYTES);
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

static void take_roster(struct evidence *evidence, int folder_fd)
{
    int fd =
        openat(folder_fd, ROSTER_NAME, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    struct stat st;

    if (fd == -1)
        return;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size < ROSTER_BYTES_MAX) {
        evidence->roster = calloc(1, (size_t)st.st_size + 1);
        if (evidence->roster == NULL)
            evidence->no_memory = true;
        else
            evidence->roster_size =
                file_read_all(fd, evidence->roster, (size_t)st.st_size);
    }
    close(fd);
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
    if (rc == 0)
        take_roster(evidence, folder_fd);
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
    if (!evidence_settle(evidence) || evidence->no_memory)
        return refuse(evidence, folder, err);
    evidence_check_roster(evidence);
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
    if (!take_segment(evidence, "memory.seg", (void *)(uintptr_t)segment, segment_size,
                      false))
        evidence_add_damage(evidence, NULL, "the segment's header is not good");
    if (!take_side(evidence, "memory.side", (void *)(uintptr_t)side, side_size, false))
        evidence_add_damage(evidence, NULL, "the side file's header is not good");
    if (!evidence_settle(evidence) || evidence->no_memory)
        return refuse(evidence, "memory", err);
    *out = evidence;
    return 0;
}
