/* side: the chain of side files of one writer.
 *
 * All well:    append -> the place; at 16 MiB the file goes home, the next one begins.
 * shm is full: the file is left (cut back to whole entries), the next one is made in
 *              the folder; when that fails too the entry is lost and the caller counts.
 */
#include "harness/evidence/side.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TABLE_FIRST = 64, SMALL_ENTRY_BYTES = 1024 };

static void file_name(const struct side *side, char *name, size_t size)
{
    snprintf(name, size, "%s.%04u.side", side->writer, side->number);
}

static bool create_file(struct side *side, bool in_shm)
{
    struct side_header header = {
        .number = side->number, .base = side->base, .pid = side->home->identity.pid};
    int folder_fd = in_shm ? side->home->shm_fd : side->home->folder_fd;
    char name[FILE_NAME_BYTES];

    if (folder_fd == -1 || (in_shm && !home_hold(side->home, sizeof header)))
        return false;
    file_name(side, name, sizeof name);
    snprintf(header.writer, sizeof header.writer, "%s", side->writer);
    side_header_seal(&header);
    side->fd = openat(folder_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC,
                      in_shm ? 0600 : 0644);
    if (side->fd != -1 && file_write_all(side->fd, &header, sizeof header)) {
        side->in_shm = in_shm;
        side->size = sizeof header;
        return true;
    }
    if (side->fd != -1) {
        close(side->fd);
        unlinkat(folder_fd, name, 0);
    }
    side->fd = -1;
    if (in_shm)
        home_unhold(side->home, sizeof header);
    return false;
}

static bool create_anywhere(struct side *side)
{
    if (create_file(side, true))
        return true;
    if (!create_file(side, false))
        return false;
    if (side->home->shm_fd != -1)
        home_warn_shm(side->home, "it is full");
    return true;
}

/* Close the file and send it home; the chain goes on behind it. Without memory it is
 * not sent: it stays in shm for evidence_collect. */
static void leave_file(struct side *side)
{
    struct live_file *file;

    if (side->fd == -1)
        return;
    close(side->fd);
    side->fd = -1;
    file = side->in_shm ? calloc(1, sizeof *file) : NULL;
    if (file != NULL) {
        *file = (struct live_file){
            .in_shm = true, .bytes = side->size, .used_bytes = side->size};
        file_name(side, file->name, sizeof file->name);
        file_name(side, file->home_name, sizeof file->home_name);
        home_send(side->home, file);
    }
    side->number++;
    side->base += side->size;
}

int side_open(struct side *side, struct evidence_home *home, const char *writer,
              struct error *err)
{
    char name[FILE_NAME_BYTES];

    *side = (struct side){.home = home, .fd = -1};
    snprintf(side->writer, sizeof side->writer, "%s", writer);
    side->key = side_writer_key(side->writer);
    file_name(side, name, sizeof name);
    if (faccessat(home->folder_fd, name, F_OK, 0) == 0 ||
        (home->shm_fd != -1 && faccessat(home->shm_fd, name, F_OK, 0) == 0))
        return error_set(err, E_EXISTS, "there is evidence of a writer '%s' already",
                         writer);
    if (!create_anywhere(side)) {
        error_from_errno(err, "create %s in %s", name, home->folder);
        error_hint(err, "make room there or in /dev/shm");
        return E_NOSPACE;
    }
    return 0;
}

void side_undo(struct side *side)
{
    char name[FILE_NAME_BYTES];

    assert(side->number == 0);
    assert(side->table == NULL);
    file_name(side, name, sizeof name);
    close(side->fd);
    unlinkat(side->in_shm ? side->home->shm_fd : side->home->folder_fd, name, 0);
    if (side->in_shm)
        home_unhold(side->home, side->size);
}

void side_close(struct side *side)
{
    leave_file(side);
    for (uint32_t i = 0; i < side->table_size; i++)
        free(side->table[i].text);
    free(side->table);
}

/* Append to the file at hand; what did not fit is cut off again. */
static bool append_here(struct side *side, uint8_t *entry, size_t size)
{
    side_entry_seal(entry, side_entry_key(side->key, side->base + side->size));
    if (side->fd == -1 || side->size + size > SIDE_FILE_BYTES_MAX)
        return false;
    if (side->in_shm && !home_hold(side->home, size))
        return false;
    if (file_write_all(side->fd, entry, size)) {
        side->size += size;
        return true;
    }
    if (side->in_shm)
        home_unhold(side->home, size);
    /* A torn entry only hides what follows it, and nothing will. */
    if (ftruncate(side->fd, (off_t)side->size) == -1)
        return false;
    return false;
}

/* The place, or 0. A new file is begun where the one at hand takes no more. */
static uint32_t append(struct side *side, uint8_t *entry, size_t size)
{
    uint64_t place;

    if (!append_here(side, entry, size)) {
        bool was_in_shm = side->fd != -1 && side->in_shm;
        bool was_full = side->fd != -1 && side->size + size > SIDE_FILE_BYTES_MAX;

        leave_file(side);
        /* shm that just refused an entry would take an empty file, and refuse again. */
        if (!(was_in_shm && !was_full ? create_file(side, false) : create_anywhere(side)))
            return 0;
        if (!append_here(side, entry, size))
            return 0;
    }
    place = (side->base + side->size - size) / 8;
    return place <= UINT32_MAX ? (uint32_t)place : 0;
}

static uint32_t append_entry(struct side *side, enum side_entry_type type,
                             uint16_t number, const char *text, size_t size)
{
    size_t bytes = side_entry_bytes(size);
    uint64_t small[SMALL_ENTRY_BYTES / sizeof(uint64_t)];
    uint8_t *entry = bytes <= sizeof small ? (uint8_t *)small : malloc(bytes);
    uint32_t place;

    if (entry == NULL)
        return 0;
    side_entry_write(entry, type, number, text, size);
    place = append(side, entry, bytes);
    if (entry != (uint8_t *)small)
        free(entry);
    return place;
}

uint32_t side_detail(struct side *side, const char *text, size_t size)
{
    if (size > SIDE_TEXT_BYTES_MAX)
        return 0;
    return append_entry(side, SIDE_DETAIL, 0, text, size);
}

static struct side_string *find_slot(struct side_string *table, uint32_t table_size,
                                     uint64_t hash, const char *text)
{
    uint32_t at = (uint32_t)hash & (table_size - 1);

    while (table[at].number != 0 &&
           (table[at].hash != hash || strcmp(table[at].text, text) != 0))
        at = (at + 1) & (table_size - 1);
    return &table[at];
}

static bool grow_table(struct side *side)
{
    uint32_t wanted = side->table_size == 0 ? TABLE_FIRST : side->table_size * 2;
    struct side_string *bigger = calloc(wanted, sizeof *bigger);

    if (bigger == NULL)
        return false;
    for (uint32_t i = 0; i < side->table_size; i++) {
        struct side_string *old = &side->table[i];

        if (old->number != 0)
            *find_slot(bigger, wanted, old->hash, old->text) = *old;
    }
    free(side->table);
    side->table = bigger;
    side->table_size = wanted;
    return true;
}

uint32_t side_string(struct side *side, const char *text, bool *lost)
{
    size_t size = strlen(text);
    uint64_t hash = side_checksum(text, size, SIDE_CHECKSUM_START);
    struct side_string *slot;
    char *copy;

    *lost = false;
    /* Never more than half full, so that a search is short. */
    if (side->string_count * 2 >= side->table_size && !grow_table(side)) {
        *lost = true;
        return 0;
    }
    slot = find_slot(side->table, side->table_size, hash, text);
    if (slot->number != 0)
        return slot->number;
    if (side->string_count == SIDE_STRINGS_MAX)
        return 0;
    copy = size <= SIDE_TEXT_BYTES_MAX ? strdup(text) : NULL;
    if (copy == NULL ||
        append_entry(side, SIDE_STRING, (uint16_t)(side->string_count + 1), text, size) ==
            0) {
        free(copy);
        *lost = true;
        return 0;
    }
    side->string_count++;
    *slot =
        (struct side_string){.hash = hash, .number = side->string_count, .text = copy};
    return slot->number;
}
