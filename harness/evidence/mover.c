/* mover: brings full segments and side files home.
 *
 * A file comes -> copied, renamed -> a large segment is zeroed and kept as a spare, all
 * else is unmapped and unlinked, its bytes given back to the bound. The folder is full:
 * it is tried again twice a second and once more at the end; what stays in shm is still
 * read there, and evidence_collect tries again. */
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "harness/evidence/home.h"

enum {
    RETRY_MS = 500,
    /* Copying is most of what evidence costs, and nobody waits for it as long as there
     * is room: on full cores it gets a tenth. */
    NICE_BY = 10,
};

/* Files in the order in which they came. */
static struct live_file *take_freight(struct evidence_home *home)
{
    struct live_file *stack = atomic_exchange(&home->freight, NULL);
    struct live_file *list = NULL;

    while (stack != NULL) {
        struct live_file *next = stack->next;

        stack->next = list;
        list = stack;
        stack = next;
    }
    return list;
}

static void warn_folder(struct evidence_home *home, const struct error *err)
{
    if (!atomic_exchange(&home->warned_folder, true))
        log_warn(home->log, "evidence",
                 "%s: it stays in shared memory until there is room in %s", err->text,
                 home->folder);
}

/* A segment that was made in the folder: give back what it did not use. */
static void settle_in_folder(struct evidence_home *home, const struct live_file *file)
{
    int fd = openat(home->folder_fd, file->name, O_RDWR | O_CLOEXEC);

    if (fd != -1) {
        if (ftruncate(fd, (off_t)file->used_bytes) == -1)
            log_debug(home->log, "evidence", "%s keeps its size", file->name);
        close(fd);
    }
    renameat(home->folder_fd, file->name, home->folder_fd, file->home_name);
}

/* What has gone home is of no more use where it was, but for its pages. */
static void discard(struct evidence_home *home, struct live_file *file)
{
    if (file->header != NULL) {
        if (!home_keep_spare(home, file))
            home_scrap(home, file);
        return;
    }
    unlinkat(home->shm_fd, file->name, 0);
    home_unhold(home, file->bytes);
    free(file);
}

/* True when it is home. */
static bool deliver(struct evidence_home *home, struct live_file *file)
{
    struct error err;

    if (!file->in_shm) {
        /* Its pages go to the disk in the kernel's own time. */
        settle_in_folder(home, file);
        home_forget(file);
        return true;
    }
    if (file_copy_home(home->shm_fd, file->name, file->header, file->used_bytes,
                       home->folder_fd, file->home_name, &err) != 0) {
        warn_folder(home, &err);
        return false;
    }
    discard(home, file);
    return true;
}

static struct live_file **last_link(struct live_file **list)
{
    while (*list != NULL)
        list = &(*list)->next;
    return list;
}

static void deliver_all(struct evidence_home *home, struct live_file **waiting)
{
    struct live_file **link = waiting;

    while (*link != NULL) {
        struct live_file *file = *link;
        struct live_file *next = file->next;

        if (deliver(home, file))
            *link = next;
        else
            link = &file->next;
    }
}

void home_deliver_rest(struct evidence_home *home)
{
    *last_link(&home->waiting) = take_freight(home);
    deliver_all(home, &home->waiting);
    while (home->waiting != NULL) {
        struct live_file *next = home->waiting->next;

        home_forget(home->waiting);
        home->waiting = next;
    }
}

void *mover_main(void *arg)
{
    struct evidence_home *home = arg;

    home_step_back(NICE_BY);
    while (!atomic_load(&home->stopping)) {
        home_wait(&home->mover_work, home->waiting == NULL ? 0 : RETRY_MS);
        *last_link(&home->waiting) = take_freight(home);
        deliver_all(home, &home->waiting);
    }
    return NULL;
}
