/* roster: write and read the lines of the list of writers. Nothing is believed that does
 * not match its checksum. */
#include "harness/evidence/roster.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "harness/evidence/files.h"
#include "harness/evidence/segment.h"
#include "harness/evidence/side_entry.h"

enum { LINE_BYTES_MAX = 160, CHECK_DIGITS = 16 };

static_assert((int)ROSTER_WRITER_BYTES == (int)EVIDENCE_NAME_BYTES, "names must fit");

int roster_open(int *fd, int folder_fd, bool create, struct error *err)
{
    *fd = openat(folder_fd, ROSTER_NAME,
                 O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW | (create ? O_CREAT : 0),
                 0644);
    if (*fd == -1 && (create || errno != ENOENT))
        return error_from_errno(err, "open the evidence's list of writers");
    return 0;
}

bool roster_write(int fd, enum roster_word word, const char *writer, uint32_t segments)
{
    char line[LINE_BYTES_MAX];
    int size;

    if (fd == -1)
        return false;
    if (word == ROSTER_OPENED)
        size = snprintf(line, sizeof line, "opened %s ", writer);
    else
        size = snprintf(line, sizeof line, "closed %s %" PRIu32 " ", writer, segments);
    size += snprintf(line + size, sizeof line - (size_t)size, "%016" PRIx64 "\n",
                     side_checksum(line, (size_t)size, SIDE_CHECKSUM_START));
    return file_write_all(fd, line, (size_t)size);
}

bool roster_line_read(struct roster_line *out, const char *text, size_t size)
{
    char line[LINE_BYTES_MAX], check[CHECK_DIGITS + 1];
    int fields;

    *out = (struct roster_line){.segments = 0};
    if (size <= CHECK_DIGITS || size >= sizeof line)
        return false;
    memcpy(line, text, size);
    line[size] = '\0';
    size -= CHECK_DIGITS;
    snprintf(check, sizeof check, "%016" PRIx64,
             side_checksum(line, size, SIDE_CHECKSUM_START));
    if (strcmp(check, line + size) != 0)
        return false;
    out->word = strncmp(line, "closed ", 7) == 0 ? ROSTER_CLOSED : ROSTER_OPENED;
    fields = sscanf(line + 7, "%63s %" SCNu32, out->writer, &out->segments);
    return fields >= 1 && writer_name_is_good(out->writer);
}
