/* home: create, open, close; the making of segments.
 *
 * All well:  folders -> mark of life -> two threads -> writers come and go -> close:
 *            the stocker ends first, then the mover, when everything is home.
 * No shm:    segments are made in the folder itself, with one warning.
 * No room:   home_make_segment gives NULL, the writer counts what it loses.
 * Disk full: what cannot go home stays in shm, where readers and evidence_collect
 *            find it. */
#include "harness/evidence/home.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum { STEP_BYTES = 256 << 10 };

static const uint64_t HELD_BYTES_MAX = (uint64_t)1 << 30;

void home_warn_shm(struct evidence_home *home, const char *why)
{
    if (!atomic_exchange(&home->warned_shm, true))
        log_warn(home->log, "evidence",
                 "no room for evidence in shared memory (%s): it is written to %s, and "
                 "a busy disk may delay what is measured; make /dev/shm larger",
                 why, home->folder);
}

bool home_hold(struct evidence_home *home, uint64_t bytes)
{
    if (atomic_fetch_add(&home->held_bytes, bytes) + bytes <= home->held_bytes_max)
        return true;
    home_unhold(home, bytes);
    return false;
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
    fd = openat(folder_fd, segment->name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
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
    atomic_fetch_add(&home->spare_count, 1);
    segment->next = atomic_load(&home->spares);
    while (!atomic_compare_exchange_weak(&home->spares, &segment->next, segment))
        ;
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

void home_order(struct evidence_home *home, struct order *order)
{
    order->next = atomic_load(&home->orders);
    while (!atomic_compare_exchange_weak(&home->orders, &order->next, order))
        ;
    sem_post(&home->stocker_work);
}

void home_send(struct evidence_home *home, struct live_file *file)
{
    file->next = atomic_load(&home->freight);
    while (!atomic_compare_exchange_weak(&home->freight, &file->next, file))
        ;
    sem_post(&home->mover_work);
}

void home_wait(sem_t *work, unsigned ms)
{
    uint64_t until_ns = clock_now(clock_real()) + (uint64_t)ms * NS_PER_MS;
    struct timespec until = {.tv_sec = (time_t)(until_ns / NS_PER_S),
                             .tv_nsec = (long)(until_ns % NS_PER_S)};

    if (ms == 0)
        sem_wait(work);
    else
        sem_clockwait(work, CLOCK_MONOTONIC, &until);
}

void home_step_back(int nice)
{
    struct sched_param param = {.sched_priority = 0};

    /* Both are wishes: what the system does not grant only costs smoothness. */
    (void)sched_setscheduler(0, SCHED_BATCH, &param);
    (void)setpriority(PRIO_PROCESS, (id_t)gettid(),
                      getpriority(PRIO_PROCESS, (id_t)gettid()) + nice);
}

static void learn_identity(struct identity *identity)
{
    FILE *file = fopen("/proc/sys/kernel/random/boot_id", "re");

    gethostname(identity->host, sizeof identity->host - 1);
    identity->pid = (uint64_t)getpid();
    if (file == NULL)
        return;
    if (fgets(identity->boot_id, sizeof identity->boot_id, file) != NULL)
        identity->boot_id[strcspn(identity->boot_id, "\n")] = '\0';
    fclose(file);
}

/* One segment shall not take more than a small part of a small shm (64 MiB in a
 * container), else a few busy writers would fill it. */
static void choose_segment_size(struct evidence_home *home)
{
    struct statvfs room;
    uint64_t share = EVIDENCE_SEGMENT_BYTES;

    if (home->shm_fd != -1 && fstatvfs(home->shm_fd, &room) == 0)
        share = (uint64_t)room.f_blocks * room.f_frsize / 64;
    if (share > home->held_bytes_max / 16)
        share = home->held_bytes_max / 16;
    home->segment_bytes_max = EVIDENCE_SEGMENT_BYTES;
    while (home->segment_bytes_max > SEGMENT_FIRST_BYTES &&
           home->segment_bytes_max > share)
        home->segment_bytes_max /= SEGMENT_GROWTH;
}

static int start_threads(struct evidence_home *home, struct error *err)
{
    sigset_t all, before;
    int rc = 0;

    /* Signals are for the threads that expect them. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    sem_init(&home->stocker_work, 0, 0);
    sem_init(&home->mover_work, 0, 0);
    if (pthread_create(&home->stocker, NULL, stocker_main, home) != 0) {
        rc = error_set(err, E_SYSTEM, "no thread for evidence could be started");
    } else if (pthread_create(&home->mover, NULL, mover_main, home) != 0) {
        rc = error_set(err, E_SYSTEM, "no thread for evidence could be started");
        atomic_store(&home->stopping, true);
        sem_post(&home->stocker_work);
        pthread_join(home->stocker, NULL);
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return rc;
}

static void release(struct evidence_home *home)
{
    int mark_fd = home->shm_fd != -1 ? home->shm_fd : home->folder_fd;

    if (home->alive_fd != -1) {
        unlinkat(mark_fd, home->alive_name, 0);
        close(home->alive_fd);
    }
    if (home->shm_fd != -1)
        close(home->shm_fd);
    if (home->folder_fd != -1)
        close(home->folder_fd);
    free(home);
}

/* What create and open have in common, once the folder and shm are there. */
static int start(struct evidence_home **out, struct evidence_home *home,
                 struct error *err)
{
    int mark_fd = home->shm_fd != -1 ? home->shm_fd : home->folder_fd;
    int rc;

    learn_identity(&home->identity);
    choose_segment_size(home);
    home->alive_fd = alive_mark(mark_fd, home->alive_name, sizeof home->alive_name);
    if (home->alive_fd == -1) {
        rc = error_from_errno(err, "mark the evidence in %s as being written",
                              home->folder);
        release(home);
        return rc;
    }
    rc = start_threads(home, err);
    if (rc != 0) {
        release(home);
        return rc;
    }
    *out = home;
    return 0;
}

static struct evidence_home *allocate(const struct evidence_home_options *options)
{
    struct evidence_home *home = calloc(1, sizeof *home);

    if (home == NULL)
        return NULL;
    home->log = options->log;
    home->folder_fd = -1;
    home->shm_fd = -1;
    home->alive_fd = -1;
    home->held_bytes_max =
        options->shm_bytes_max == 0 ? HELD_BYTES_MAX : options->shm_bytes_max;
    snprintf(home->folder, sizeof home->folder, "%s", options->folder);
    return home;
}

static int open_folder(struct evidence_home *home, struct error *err)
{
    home->folder_fd = open(home->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (home->folder_fd == -1)
        return error_from_errno(err, "open the evidence folder %s", home->folder);
    return 0;
}

int evidence_home_create(struct evidence_home **out,
                         const struct evidence_home_options *options, struct error *err)
{
    struct evidence_home *home = allocate(options);
    const char *root = options->shm == NULL ? "/dev/shm" : options->shm;
    char path[SHM_PATH_BYTES];
    struct error why = {.code = 0};
    int rc;

    if (home == NULL)
        return error_set(err, E_NOMEM, "evidence");
    if (mkdir(options->folder, 0755) == -1 && errno != EEXIST) {
        rc = error_from_errno(err, "create the evidence folder %s", options->folder);
        goto fail;
    }
    rc = open_folder(home, err);
    if (rc != 0)
        goto fail;
    if (faccessat(home->folder_fd, "shm", F_OK, 0) == 0) {
        rc = error_set(err, E_EXISTS, "%s holds evidence already", options->folder);
        error_hint(err, "choose another folder, or remove this one");
        goto fail;
    }
    if (shm_folder_create(home->folder_fd, root, path, sizeof path, &why) == 0)
        home->shm_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    /* The case's own folder must be writable; shm is only better. */
    if (faccessat(home->folder_fd, "shm", F_OK, 0) == -1) {
        rc = error_set(err, why.code, "%s", why.text);
        goto fail;
    }
    if (home->shm_fd == -1)
        home_warn_shm(home, why.text);
    return start(out, home, err);

fail:
    release(home);
    return rc;
}

int evidence_home_open(struct evidence_home **out,
                       const struct evidence_home_options *options, struct error *err)
{
    struct evidence_home *home = allocate(options);
    char path[SHM_PATH_BYTES];
    int rc;

    if (home == NULL)
        return error_set(err, E_NOMEM, "evidence");
    rc = open_folder(home, err);
    if (rc != 0)
        goto fail;
    if (faccessat(home->folder_fd, "shm", F_OK, 0) == -1) {
        rc = error_from_errno(err, "%s is no evidence folder", options->folder);
        goto fail;
    }
    home->shm_fd = shm_folder_open(home->folder_fd, path, sizeof path);
    if (home->shm_fd == -1)
        home_warn_shm(home, "there is no folder for it");
    return start(out, home, err);

fail:
    release(home);
    return rc;
}

void evidence_home_close(struct evidence_home *home)
{
    struct live_file *spare;

    if (home == NULL)
        return;
    assert(atomic_load(&home->writers) == 0);
    atomic_store(&home->stopping, true);
    sem_post(&home->stocker_work);
    pthread_join(home->stocker, NULL);
    sem_post(&home->mover_work);
    pthread_join(home->mover, NULL);
    while ((spare = home_take_spare(home)) != NULL)
        home_drop_segment(home, spare);
    sem_destroy(&home->stocker_work);
    sem_destroy(&home->mover_work);
    release(home);
}
