/* collect: bring home what dead processes left.
 *
 * All well:     every file in shm is copied home and unlinked, the shm folder is removed;
 *               a killed writer's last segment is closed on the way (SEGMENT_LEFT,
 * _TORN). Still alive:  a process whose mark is locked goes on writing: its files stay,
 * the answer is E_BUSY. Taking a mapped file away would lose what comes next. Disk full:
 * what has no room stays in shm; the answer is the error. A copy:       somebody copied a
 * killed run's folder and asks for the copy: it gets its files, and the original's stay
 * where they are. Two at once:  the shm folder is locked while it is emptied, or while
 * evidence is opened; who comes second waits, or goes away (evidence_sweep). */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness/evidence/files.h"
#include "harness/evidence/segment.h"
#include "harness/evidence/slots.h"

enum { LIVE_MAX = 4096 };

struct collection {
    int folder_fd;
    int shm_fd; /* -1: none */
    bool copy;  /* what lies in shm is another folder's */
    long live[LIVE_MAX];
    int live_count;
    int rc;
    struct error *err;
};

typedef void file_fn(struct collection *c, int dir_fd, const char *name);

static void for_each_file(struct collection *c, int dir_fd, file_fn *on_file)
{
    DIR *dir = folder_list(dir_fd);
    struct dirent *entry;

    if (dir == NULL) {
        c->rc = error_from_errno(c->err, "list the evidence");
        return;
    }
    while ((entry = readdir(dir)) != NULL) {
        if (strlen(entry->d_name) < FILE_NAME_BYTES)
            on_file(c, dir_fd, entry->d_name);
    }
    closedir(dir);
}

static void find_alive(struct collection *c, int dir_fd, const char *name)
{
    long pid = alive_check(dir_fd, name, true);

    if (pid > 0 && c->live_count < LIVE_MAX)
        c->live[c->live_count++] = pid;
}

static bool is_alive(const struct collection *c, uint64_t pid)
{
    for (int i = 0; i < c->live_count; i++) {
        if ((uint64_t)c->live[i] == pid)
            return true;
    }
    return false;
}

/* Slots that were written to: what a killed writer had not used is not copied. Nothing
 * else is left behind, since a slot without its record is a trace of damage. */
static size_t used_slots(const struct record *first, size_t slots)
{
    static const struct record none;

    while (slots > 0 && memcmp(&first[slots - 1], &none, sizeof none) == 0)
        slots--;
    return slots;
}

/* The number of the last record's place. */
static size_t count_records(const struct record *first, size_t slots)
{
    while (slots > 0 && (slot_is_line(slots - 1) || record_kind(&first[slots - 1]) == 0))
        slots--;
    return slots_records(slots);
}

/* What is this file, whose, and how much of it counts? A file that cannot be read as
 * evidence goes home as it is, where it is counted as damage. */
struct look {
    enum segment_state state;
    struct segment_header header;
    size_t bytes;
    size_t records;
    bool is_whole; /* as large as it was made */
    bool is_torn;  /* its last record has no check */
};

static void count_used(struct look *look, const uint8_t *bytes)
{
    const struct record *first = (const void *)(bytes + EVIDENCE_HEADER_BYTES);
    size_t slots = used_slots(first, segment_slots(look->bytes));

    look->is_whole = look->bytes == look->header.segment_bytes;
    look->records = count_records(first, slots);
    look->is_torn =
        look->records > 0 && *slot_check(first, slots_for(look->records) - 1) == 0;
    look->bytes = EVIDENCE_HEADER_BYTES + slots * sizeof *first;
}

static bool look_at_segment(struct look *look, int dir_fd, const char *name)
{
    int fd = openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    struct stat st;
    void *bytes;

    if (fd == -1)
        return false;
    if (fstat(fd, &st) == -1 || !S_ISREG(st.st_mode)) {
        close(fd);
        return false;
    }
    *look = (struct look){.state = SEGMENT_BAD, .bytes = (size_t)st.st_size};
    if (file_is_unborn(name, look->bytes))
        look->state = SEGMENT_UNUSED;
    bytes = st.st_size < EVIDENCE_HEADER_BYTES
                ? MAP_FAILED
                : mmap(NULL, look->bytes, PROT_READ, MAP_SHARED, fd, 0);
    close(fd);
    if (bytes == MAP_FAILED)
        return true;
    look->state = segment_header_check(&look->header, bytes, look->bytes);
    if (look->state == SEGMENT_GOOD) {
        size_t whole = look->bytes;

        count_used(look, bytes);
        munmap(bytes, whole);
    } else {
        munmap(bytes, look->bytes);
    }
    return true;
}

/* Close what its writer could not close any more: from now on it cannot become less
 * without being noticed. A file that was cut before stays open and is told from that. */
static int seal_copy(struct collection *c, const char *home_name, const struct look *look)
{
    struct segment_closing closing;
    int fd, rc = 0;

    if (!segment_closing_is_unwritten(&look->header.closing) || !look->is_whole)
        return 0;
    segment_closing_seal(&closing, look->records,
                         look->is_torn ? SEGMENT_TORN : SEGMENT_LEFT, 0);
    fd = openat(c->folder_fd, home_name, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd == -1 ||
        pwrite(fd, &closing, sizeof closing, offsetof(struct segment_header, closing)) !=
            (ssize_t)sizeof closing)
        rc = error_from_errno(c->err, "close the evidence file %s", home_name);
    if (fd != -1)
        close(fd);
    return rc;
}

/* `look`: at a segment that may have to be closed; NULL: nothing to close. */
static void bring(struct collection *c, const char *name, size_t bytes,
                  const char *home_name, const struct look *look)
{
    int rc =
        file_copy_home(c->shm_fd, name, NULL, bytes, c->folder_fd, home_name, c->err);

    if (rc == 0 && look != NULL)
        rc = seal_copy(c, home_name, look);
    /* It is gone: the mover of a process that just ended was quicker. */
    if (rc == 0 && !c->copy)
        unlinkat(c->shm_fd, name, 0);
    else if (rc != 0 && faccessat(c->shm_fd, name, F_OK, 0) == 0)
        c->rc = rc;
}

static void home_name_of(const struct segment_header *header, char *name, size_t size)
{
    snprintf(name, size, "%s.%04u.seg", header->writer, header->number);
}

static void collect_segment(struct collection *c, const char *name)
{
    char home_name[FILE_NAME_BYTES];
    struct look look;

    if (!look_at_segment(&look, c->shm_fd, name))
        return;
    if (look.state == SEGMENT_UNUSED) {
        /* Nobody's name is in it: wait until nobody can own it. */
        if (c->live_count == 0 && !c->copy)
            unlinkat(c->shm_fd, name, 0);
    } else if (look.state == SEGMENT_BAD) {
        bring(c, name, look.bytes, name, NULL);
    } else if (!is_alive(c, look.header.identity.pid)) {
        home_name_of(&look.header, home_name, sizeof home_name);
        bring(c, name, look.bytes, home_name, &look);
    }
}

static void collect_side(struct collection *c, const char *name)
{
    int fd = openat(c->shm_fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    uint8_t bytes[SIDE_HEADER_BYTES];
    struct side_header header;
    struct stat st;
    bool alive;

    if (fd == -1)
        return;
    alive = pread(fd, bytes, sizeof bytes, 0) == (ssize_t)sizeof bytes &&
            side_header_check(&header, bytes, sizeof bytes) && is_alive(c, header.pid);
    if (!alive && fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
        bring(c, name, (size_t)st.st_size, name, NULL);
    close(fd);
}

static void collect_from_shm(struct collection *c, int dir_fd, const char *name)
{
    (void)dir_fd;
    if (name_has_suffix(name, ".seg"))
        collect_segment(c, name);
    else if (name_has_suffix(name, ".side"))
        collect_side(c, name);
}

/* Segments that were made in the folder itself get their names, spares and unfinished
 * copies go. */
static void tidy_folder(struct collection *c, int dir_fd, const char *name)
{
    const char *suffix = strrchr(name, '.');
    char home_name[FILE_NAME_BYTES];
    struct look look;

    if (name[0] == '.' && suffix != NULL && strcmp(suffix, ".tmp") == 0) {
        if (c->live_count == 0)
            unlinkat(dir_fd, name, 0);
        return;
    }
    if (!name_has_suffix(name, ".seg") || strstr(name, ".live") == NULL ||
        !look_at_segment(&look, dir_fd, name))
        return;
    if (look.state == SEGMENT_UNUSED && c->live_count == 0)
        unlinkat(dir_fd, name, 0);
    if (look.state != SEGMENT_GOOD || is_alive(c, look.header.identity.pid))
        return;
    home_name_of(&look.header, home_name, sizeof home_name);
    if (faccessat(dir_fd, home_name, F_OK, 0) == -1)
        renameat(dir_fd, name, dir_fd, home_name);
}

static void remove_shm_folder(struct collection *c, const char *path)
{
    if (c->live_count > 0 || c->rc != 0 || c->copy)
        return;
    unlinkat(c->shm_fd, SHM_HOME_NAME, 0);
    if (rmdir(path) == -1 && errno != ENOENT) {
        c->rc = error_from_errno(c->err, "remove %s", path);
        error_hint(c->err, "look into it, and remove what is not evidence");
    }
}

/* Is the folder for which this shm folder was made another one, and still there? */
static bool is_copy(int folder_fd, int shm_fd, const char *path)
{
    char home[SHM_PATH_BYTES];
    struct stat here, there;
    bool other;
    int fd;

    if (!shm_home_read(shm_fd, home, sizeof home))
        return false;
    fd = open(home, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd == -1)
        return false;
    other = fstat(folder_fd, &here) == 0 && fstat(fd, &there) == 0 &&
            (here.st_ino != there.st_ino || here.st_dev != there.st_dev) &&
            folder_names_shm(fd, strrchr(path, '/') + 1);
    close(fd);
    return other;
}

static void empty_shm(struct collection *c, const char *path)
{
    c->copy = is_copy(c->folder_fd, c->shm_fd, path);
    for_each_file(c, c->shm_fd, find_alive);
    for_each_file(c, c->folder_fd, find_alive);
    for_each_file(c, c->shm_fd, collect_from_shm);
}

static int collect(struct collection *c, const char *folder, bool wait)
{
    char path[SHM_PATH_BYTES];

    c->shm_fd = shm_folder_open(c->folder_fd, path, sizeof path);
    if (c->shm_fd != -1 && flock(c->shm_fd, LOCK_EX | (wait ? 0 : LOCK_NB)) == -1)
        return error_set(c->err, E_BUSY, "somebody reads the evidence of %s", folder);
    if (c->shm_fd != -1)
        empty_shm(c, path);
    else
        for_each_file(c, c->folder_fd, find_alive);
    for_each_file(c, c->folder_fd, tidy_folder);
    if (c->shm_fd != -1)
        remove_shm_folder(c, path);
    if (c->rc == 0 && c->live_count > 0) {
        c->rc = error_set(c->err, E_BUSY, "process %ld still writes evidence to %s",
                          c->live[0], folder);
        error_hint(c->err, "wait until the run has ended, or end it");
    }
    return c->rc;
}

int collect_home(const char *folder, bool wait, struct error *err)
{
    struct collection *c = calloc(1, sizeof *c);
    int rc;

    if (c == NULL)
        return error_set(err, E_NOMEM, "collecting evidence");
    c->err = err;
    c->shm_fd = -1;
    c->folder_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (c->folder_fd == -1)
        rc = error_from_errno(err, "open the evidence folder %s", folder);
    else
        rc = collect(c, folder, wait);
    if (c->shm_fd != -1)
        close(c->shm_fd);
    if (c->folder_fd != -1)
        close(c->folder_fd);
    free(c);
    return rc;
}

int evidence_collect(const char *folder, struct error *err)
{
    return collect_home(folder, true, err);
}
