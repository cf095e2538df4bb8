/* live_file: the making, dropping and using again of segments.
 *
 * All well:  allocated in shm, mapped, touched -> used -> gone home -> zeroed, a spare.
 * No shm:    the same in the folder; those are never spares.
 * The bound: bytes in shm are counted for the process; what would pass the bound is not
 *            made. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "harness/evidence/home.h"

/* The kernel's work is asked for in pieces: where it does not preempt itself a writer
 * would wait for its core as long as one call lasts. */
enum { STEP_BYTES = 256 << 10 };

void home_warn_shm(struct evidence_home *home, const char *why)
{
    if (!atomic_exchange(&home->warned_shm, true))
        log_warn(home->log, "evidence",
                 "no room for evidence in shared memory (%s): it is written to %s, and "
                 "a busy disk may delay what is measured; make /dev/shm larger",
                 why, home->folder);
}

/* Never more than the bound, not even for a moment: an attempt that is taken back would
 * make a smaller one of another thread fail for nothing. */
bool home_hold(struct evidence_home *home, uint64_t bytes)
{
    uint64_t held = atomic_load(&home->held_bytes);

    do {
        if (held + bytes > home->held_bytes_max)
            return false;
    } while (!atomic_compare_exchange_weak(&home->held_bytes, &held, held + bytes));
    return true;
}

void home_unhold(struct evidence_home *home, uint64_t bytes)
{
    atomic_fetch_sub(&home->held_bytes, bytes);
}

/* posix_fallocate, so that a page that cannot be had is an error now and not a SIGBUS
 * later. In steps: a kernel without preemption would keep the writer from its core for
 * as long as one call lasts. Gives an errno. */
static int allocate_bytes(int fd, size_t bytes)
{
    for (size_t at = 0; at < bytes; at += STEP_BYTES) {
        size_t step = bytes - at < STEP_BYTES ? bytes - at : STEP_BYTES;
        int error = posix_fallocate(fd, (off_t)at, (off_t)step);

        if (error != 0)
            return error;
    }
    return 0;
}

/* Touch every page now, so that the writer need not wait for it. */
static void prefault_bytes(char *bytes, size_t size)
{
    for (size_t at = 0; at < size; at += STEP_BYTES)
        madvise(bytes + at, size - at < STEP_BYTES ? size - at : STEP_BYTES,
                MADV_POPULATE_WRITE);
}

static struct live_file *map_segment(struct evidence_home *home, const char *writer,
                                     size_t bytes, bool prefault, bool in_shm)
{
    int folder_fd = in_shm ? home->shm_fd : home->folder_fd;
    struct live_file *segment = calloc(1, sizeof *segment);
    void *mapping;
    int fd;

    if (segment == NULL)
        return NULL;
    *segment = (struct live_file){.bytes = bytes, .in_shm = in_shm};
    snprintf(segment->name, sizeof segment->name, "%s.live%u.seg", writer,
             atomic_fetch_add(&home->serial, 1));
    fd = openat(folder_fd, segment->name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC,
                in_shm ? 0600 : 0644);
    if (fd == -1)
        goto fail_free;
    errno = allocate_bytes(fd, bytes);
    if (errno != 0)
        goto fail_close;
    mapping = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (mapping == MAP_FAILED)
        goto fail_close;
    if (prefault)
        prefault_bytes(mapping, bytes);
    close(fd);
    segment->header = mapping;
    return segment;

fail_close:
    close(fd);
    unlinkat(folder_fd, segment->name, 0);
fail_free:
    free(segment);
    return NULL;
}

static struct live_file *map_in_shm(struct evidence_home *home, const char *writer,
                                    size_t bytes, bool prefault)
{
    struct live_file *segment;

    if (home->shm_fd == -1 || !home_hold(home, bytes))
        return NULL;
    segment = map_segment(home, writer, bytes, prefault, true);
    if (segment == NULL)
        home_unhold(home, bytes);
    return segment;
}

struct live_file *home_make_segment(struct evidence_home *home, const char *writer,
                                    size_t bytes, bool prefault, bool quick)
{
    struct live_file *segment;

    if (bytes > home->segment_bytes_max)
        bytes = home->segment_bytes_max;
    segment = map_in_shm(home, writer, bytes, prefault);
    if (segment != NULL || quick)
        return segment;
    /* The bound says that the disk does not keep up: writing there as well, through a
     * mapping, would only move the wait into the append. */
    if (atomic_load(&home->held_bytes) + bytes > home->held_bytes_max)
        return NULL;
    if (home->shm_fd != -1)
        home_warn_shm(home, strerror(errno));
    segment = map_segment(home, writer,
                          bytes > SEGMENT_FOLDER_BYTES ? bytes : SEGMENT_FOLDER_BYTES,
                          prefault, false);
    if (segment == NULL)
        segment = map_in_shm(home, writer, SEGMENT_FIRST_BYTES, prefault);
    if (segment == NULL)
        segment = map_segment(home, writer, SEGMENT_FIRST_BYTES, prefault, false);
    return segment;
}

/* In steps: one large munmap would hold up every page fault of the process. */
static void unmap(struct live_file *segment)
{
    for (size_t left = segment->bytes; left > 0;) {
        size_t step = left < STEP_BYTES ? left : STEP_BYTES;

        left -= step;
        munmap((char *)segment->header + left, step);
    }
}

void home_forget(struct live_file *file)
{
    if (file->header != NULL)
        unmap(file);
    free(file);
}

void home_drop_segment(struct evidence_home *home, struct live_file *segment)
{
    unmap(segment);
    unlinkat(segment->in_shm ? home->shm_fd : home->folder_fd, segment->name, 0);
    if (segment->in_shm)
        home_unhold(home, segment->bytes);
    free(segment);
}

void home_scrap(struct evidence_home *home, struct live_file *segment)
{
    segment->next = atomic_load(&home->scrap);
    while (!atomic_compare_exchange_weak(&home->scrap, &segment->next, segment))
        ;
    sem_post(&home->stocker_work);
}

void home_drop_scrap(struct evidence_home *home)
{
    struct live_file *segment = atomic_exchange(&home->scrap, NULL);

    while (segment != NULL) {
        struct live_file *next = segment->next;

        home_drop_segment(home, segment);
        segment = next;
    }
}

static void push_spare(struct evidence_home *home, struct live_file *segment)
{
    atomic_fetch_add(&home->spare_count, 1);
    segment->next = atomic_load(&home->spares);
    while (!atomic_compare_exchange_weak(&home->spares, &segment->next, segment))
        ;
}

bool home_keep_spare(struct evidence_home *home, struct live_file *segment)
{
    if (!segment->in_shm || segment->bytes != home->segment_bytes_max ||
        atomic_load(&home->spare_count) >= SPARES_MAX || atomic_load(&home->stopping))
        return false;
    /* The header first: from then on it is nobody's, whoever looks at the file. */
    memset(segment->header, 0, EVIDENCE_HEADER_BYTES);
    atomic_thread_fence(memory_order_release);
    memset((char *)segment->header + EVIDENCE_HEADER_BYTES, 0,
           segment->bytes - EVIDENCE_HEADER_BYTES);
    push_spare(home, segment);
    return true;
}

struct live_file *home_take_spare(struct evidence_home *home)
{
    struct live_file *spare = atomic_load(&home->spares);

    /* Nobody else takes, so the head's successor cannot change under us. */
    while (spare != NULL &&
           !atomic_compare_exchange_weak(&home->spares, &spare, spare->next))
        ;
    if (spare != NULL)
        atomic_fetch_sub(&home->spare_count, 1);
    return spare;
}

struct live_file *home_take_reserve(struct evidence_home *home)
{
    for (int i = 0; i < RESERVE_MAX; i++) {
        struct live_file *segment = atomic_exchange(&home->reserve[i], NULL);

        if (segment != NULL) {
            sem_post(&home->stocker_work);
            return segment;
        }
    }
    return NULL;
}

/* Where the reserve has a hole, or RESERVE_MAX. */
static int find_hole(struct evidence_home *home)
{
    bool small_shm = home->segment_bytes_max < EVIDENCE_SEGMENT_BYTES;
    int first = small_shm ? 1 : RESERVE_FIRST;
    int wanted = home->demand == DEMAND_LOW ? first : RESERVE_MAX;

    for (int i = 0; i < wanted; i++) {
        if (atomic_load(&home->reserve[i]) == NULL)
            return i;
    }
    return RESERVE_MAX;
}

/* Every process has the first of the reserve, so where shm is small that is too. */
static size_t reserve_bytes(const struct evidence_home *home)
{
    size_t bytes = home->segment_bytes_max / (home->demand == DEMAND_LOW ? 16 : 1);

    if (bytes > SEGMENT_SELF_BYTES)
        bytes = SEGMENT_SELF_BYTES;
    return bytes < SEGMENT_FIRST_BYTES ? SEGMENT_FIRST_BYTES : bytes;
}

bool home_stock_one(struct evidence_home *home)
{
    int hole = find_hole(home);
    size_t bytes = hole < RESERVE_MAX ? reserve_bytes(home) : home->segment_bytes_max;
    struct live_file *segment;
    char name[32];

    if (hole == RESERVE_MAX &&
        (home->demand != DEMAND_HIGH || atomic_load(&home->spare_count) >= STOCK_MIN))
        return false;
    /* A stock is for what comes; where the bound is near, room is for what is here. */
    if (atomic_load(&home->held_bytes) + bytes > home->held_bytes_max / 2)
        return false;
    /* Nobody's yet: the process's number keeps names apart in a shared folder. */
    snprintf(name, sizeof name, "p%ld", (long)getpid());
    segment = map_in_shm(home, name, bytes, true);
    if (segment == NULL)
        return false;
    if (hole < RESERVE_MAX)
        atomic_store(&home->reserve[hole], segment);
    else
        push_spare(home, segment);
    return true;
}
