/* mover: brings full segments and side files home.
 *
 * Freight comes -> unmapped -> copied, renamed, original unlinked -> its bytes are given
 * back to the bound. The folder is full: it is tried again every second and once more at
 * the end; what stays in shm is still read there, and evidence_collect tries again. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "harness/evidence/home.h"

enum { RETRY_S = 1 };

static struct freight *take_freight(struct evidence_home *home)
{
    struct freight *stack = atomic_exchange(&home->freight, NULL);
    struct freight *list = NULL;

    while (stack != NULL) {
        struct freight *next = stack->next;

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
                 "%s: it stays in shared memory until there is "
                 "room in %s",
                 err->text, home->folder);
}

/* A segment that was made in the folder: give back what it did not use. */
static void settle_in_folder(struct evidence_home *home, const struct freight *freight)
{
    int fd = openat(home->folder_fd, freight->name, O_RDWR | O_CLOEXEC);

    if (fd != -1) {
        if (ftruncate(fd, (off_t)freight->used_bytes) == -1)
            log_debug(home->log, "evidence", "%s keeps its size", freight->name);
        close(fd);
    }
    renameat(home->folder_fd, freight->name, home->folder_fd, freight->home_name);
}

/* True when it is home. */
static bool deliver(struct evidence_home *home, struct freight *freight)
{
    struct error err;

    if (freight->mapping != NULL)
        munmap(freight->mapping, freight->mapping_bytes);
    freight->mapping = NULL;
    if (!freight->in_shm) {
        settle_in_folder(home, freight);
    } else if (file_bring_home(home->shm_fd, freight->name, freight->used_bytes,
                               home->folder_fd, freight->home_name, &err) != 0) {
        warn_folder(home, &err);
        return false;
    }
    home_unhold(home, freight->held_bytes);
    free(freight);
    return true;
}

static struct freight **last_link(struct freight **list)
{
    while (*list != NULL)
        list = &(*list)->next;
    return list;
}

static void deliver_all(struct evidence_home *home, struct freight **waiting)
{
    for (struct freight **link = waiting; *link != NULL;) {
        struct freight *freight = *link;
        struct freight *next = freight->next;

        if (deliver(home, freight))
            *link = next;
        else
            link = &freight->next;
    }
}

void *mover_main(void *arg)
{
    struct evidence_home *home = arg;
    struct freight *waiting = NULL;
    bool last = false;

    while (!last) {
        home_wait(&home->mover_work, waiting == NULL ? 0 : RETRY_S);
        /* Asked before the freight is taken: what came before the end is delivered. */
        last = atomic_load(&home->stopping);
        *last_link(&waiting) = take_freight(home);
        deliver_all(home, &waiting);
    }
    while (waiting != NULL) {
        struct freight *next = waiting->next;

        free(waiting);
        waiting = next;
    }
    return NULL;
}
