/* home: create, open, close.
 *
 * All well:  folders -> mark of life -> two threads -> writers come and go -> close:
 *            the stocker ends first, then the mover, when everything is home.
 * No shm:    segments are made in the folder itself, with one warning.
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
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "harness/evidence/sweep.h"

static const uint64_t HELD_BYTES_MAX = (uint64_t)1 << 30;

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

void home_step_back(int nice_by)
{
    struct sched_param param = {.sched_priority = 0};

    /* A wish: where the system does not grant it only smoothness is lost. On Linux both
     * calls mean the calling thread. */
    (void)sched_setscheduler(0, SCHED_BATCH, &param);
    if (nice_by != 0 && nice(nice_by) == -1)
        return;
}

void home_tell_roster(struct evidence_home *home, enum roster_word word,
                      const char *writer, uint32_t segments)
{
    if (!roster_write(home->roster_fd, word, writer, segments) &&
        !atomic_exchange(&home->warned_roster, true))
        log_warn(home->log, "evidence",
                 "no room for '%s' in the list of writers in %s: should its files get "
                 "lost, nobody will miss them",
                 writer, home->folder);
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

    sem_destroy(&home->stocker_work);
    sem_destroy(&home->mover_work);
    if (home->alive_fd != -1) {
        unlinkat(mark_fd, home->alive_name, 0);
        close(home->alive_fd);
    }
    if (home->shm_fd != -1)
        close(home->shm_fd);
    if (home->roster_fd != -1)
        close(home->roster_fd);
    if (home->folder_fd != -1)
        close(home->folder_fd);
    free(home);
}

static void drop_stock(struct evidence_home *home)
{
    struct live_file *segment;

    home_drop_scrap(home);
    while ((segment = home_take_spare(home)) != NULL)
        home_drop_segment(home, segment);
    while ((segment = home_take_reserve(home)) != NULL)
        home_drop_segment(home, segment);
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
    /* Now, since a writer may be fast from its first record on. */
    while (home_stock_one(home))
        ;
    rc = start_threads(home, err);
    if (rc != 0) {
        drop_stock(home);
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
    sem_init(&home->stocker_work, 0, 0);
    sem_init(&home->mover_work, 0, 0);
    home->log = options->log;
    home->folder_fd = -1;
    home->roster_fd = -1;
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
    rc = roster_open(&home->roster_fd, home->folder_fd, true, err);
    if (rc != 0)
        goto fail;
    evidence_sweep(root);
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
    rc = roster_open(&home->roster_fd, home->folder_fd, false, err);
    if (rc != 0)
        goto fail;
    home->shm_fd = shm_folder_open(home->folder_fd, path, sizeof path);
    /* An empty path: whoever created the home has warned already. */
    if (home->shm_fd == -1 && path[0] != '\0')
        home_warn_shm(home, "there is no folder for it");
    return start(out, home, err);

fail:
    release(home);
    return rc;
}

void evidence_home_close(struct evidence_home *home)
{
    if (home == NULL)
        return;
    assert(atomic_load(&home->writers) == 0);
    atomic_store(&home->stopping, true);
    sem_post(&home->stocker_work);
    pthread_join(home->stocker, NULL);
    sem_post(&home->mover_work);
    pthread_join(home->mover, NULL);
    home_deliver_rest(home);
    drop_stock(home);
    release(home);
}
