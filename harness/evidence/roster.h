/* roster: who has written evidence here, so that a writer whose files are gone is missed.
 *
 * FOLDER/writers, a line of text per event, each with its own checksum:
 *
 *   opened NAME CHECK            once the writer's first files are there
 *   closed NAME SEGMENTS CHECK   when it ended of its own accord
 *
 * Lines are appended in one write(2), which processes may do side by side. A writer that
 * was killed has no `closed`; one that is not listed (no room for its line, killed in
 * between) is read all the same. Private to this folder. */
#ifndef STORMDRILL_EVIDENCE_ROSTER_H
#define STORMDRILL_EVIDENCE_ROSTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proxy/base/error.h"

#define ROSTER_NAME "writers"

enum { ROSTER_WRITER_BYTES = 64 };

enum roster_word { ROSTER_OPENED, ROSTER_CLOSED };

/* Open it for roster_write: with `create` a new one (an error when there is no room),
 * else the one that the case has; where that is gone `*fd` is -1, and readers will say.
 */
int roster_open(int *fd, int folder_fd, bool create, struct error *err);

/* False when the line could not be written. */
bool roster_write(int fd, enum roster_word word, const char *writer, uint32_t segments);

struct roster_line {
    enum roster_word word;
    char writer[ROSTER_WRITER_BYTES];
    uint32_t segments;
};

/* One line, without its end, as it was written? */
bool roster_line_read(struct roster_line *out, const char *text, size_t size);

#endif
