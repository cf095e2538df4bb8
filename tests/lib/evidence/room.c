/* room: folders for tests of evidence. */
#include "tests/lib/evidence/room.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <dirent.h>
#include <ftw.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

void room_init(struct room *room)
{
    *room = (struct room){.mounted = false};
    snprintf(room->root, sizeof room->root, "/tmp/stormdrill-evidence-XXXXXX");
    assert_non_null(mkdtemp(room->root));
    snprintf(room->folder, sizeof room->folder, "%s/evidence", room->root);
    snprintf(room->small, sizeof room->small, "%s/small", room->root);
}

static int remove_entry(const char *path, const struct stat *st, int type,
                        struct FTW *where)
{
    (void)st, (void)type, (void)where;
    return remove(path);
}

static void remove_tree(const char *path)
{
    nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

void room_release(struct room *room)
{
    char shm[512];

    if (room_shm(room, shm, sizeof shm)[0] != '\0')
        remove_tree(shm);
    if (room->mounted)
        umount(room->small);
    remove_tree(room->root);
}

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "we");

    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

/* Mounts of this process's own, which vanish with it; who is not root becomes root of a
 * user namespace first. */
static void leave_namespace(void)
{
    uid_t uid = geteuid();
    gid_t gid = getegid();
    char map[32];

    if (unshare(CLONE_NEWNS | (uid == 0 ? 0 : CLONE_NEWUSER)) == -1)
        fail_msg("this test needs a mount namespace (root, or user namespaces)");
    if (uid != 0) {
        snprintf(map, sizeof map, "0 %u 1", (unsigned)uid);
        write_file("/proc/self/uid_map", map);
        write_file("/proc/self/setgroups", "deny");
        snprintf(map, sizeof map, "0 %u 1", (unsigned)gid);
        write_file("/proc/self/gid_map", map);
    }
    assert_int_equal(mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
}

void room_mount(struct room *room, uint64_t bytes)
{
    char options[64];

    leave_namespace();
    assert_int_equal(mkdir(room->small, 0755), 0);
    snprintf(options, sizeof options, "size=%llu", (unsigned long long)bytes);
    assert_int_equal(mount("tmpfs", room->small, "tmpfs", 0, options), 0);
    room->mounted = true;
}

struct evidence_home *room_home(struct room *room, const char *shm)
{
    struct evidence_home_options options = {.folder = room->folder, .shm = shm};
    struct evidence_home *home = NULL;
    struct error err = {.code = 0};

    if (evidence_home_create(&home, &options, &err) != 0)
        fail_msg("%s", err.text);
    return home;
}

struct evidence_home *room_home_again(struct room *room)
{
    struct evidence_home_options options = {.folder = room->folder};
    struct evidence_home *home = NULL;
    struct error err = {.code = 0};

    if (evidence_home_open(&home, &options, &err) != 0)
        fail_msg("%s", err.text);
    return home;
}

struct evidence *room_read(const struct room *room)
{
    struct evidence *evidence = NULL;
    struct error err = {.code = 0};

    if (evidence_open(&evidence, room->folder, &err) != 0)
        fail_msg("%s", err.text);
    return evidence;
}

const char *room_shm(const struct room *room, char *path, size_t size)
{
    char name[128];
    FILE *file;

    path[0] = '\0';
    snprintf(name, sizeof name, "%s/shm", room->folder);
    file = fopen(name, "re");
    if (file == NULL)
        return path;
    if (fgets(path, (int)size, file) != NULL)
        path[strcspn(path, "\n")] = '\0';
    fclose(file);
    return path;
}

int room_writer(const struct evidence *evidence, const char *name)
{
    for (int i = 0; i < evidence_writer_count(evidence); i++) {
        if (strcmp(evidence_writer(evidence, i)->name, name) == 0)
            return i;
    }
    return -1;
}

void room_append(struct writer *writer, uint64_t number)
{
    struct record record = {.kind = RECORD_attempted,
                            .time_ns = 1000 + number,
                            .message = {.client = 1, .number = number},
                            .a = ~number};

    writer_append(writer, &record);
}

uint64_t room_expect_numbers(const struct evidence *evidence, int writer)
{
    struct evidence_walk walk;
    const struct record *record;
    uint64_t count = 0;

    assert_true(writer >= 0);
    evidence_walk(&walk, evidence, writer);
    while ((record = evidence_walk_next(&walk)) != NULL) {
        if (record_kind(record) == RECORD_evidence_lost)
            continue;
        if (record->message.number != count || record->a != ~count)
            fail_msg("record %llu says %llu", (unsigned long long)count,
                     (unsigned long long)record->message.number);
        count++;
    }
    return count;
}

int room_count(const char *folder, const char *suffix)
{
    DIR *dir = opendir(folder);
    struct dirent *entry;
    int count = 0;

    if (dir == NULL)
        return 0;
    while ((entry = readdir(dir)) != NULL) {
        size_t size = strlen(entry->d_name), tail = strlen(suffix);

        if (size >= tail && strcmp(entry->d_name + size - tail, suffix) == 0)
            count++;
    }
    closedir(dir);
    return count;
}
