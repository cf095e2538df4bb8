/* side: a writer's strings and details, and where they go. Private to this folder.
 *
 * Entries are appended by write(2) to a file in shm, before the record that names them,
 * so that a killed process has said it or never named it. A file that has grown to 16
 * MiB goes home like a full segment and the next one begins. */
#ifndef STORMDRILL_EVIDENCE_SIDE_H
#define STORMDRILL_EVIDENCE_SIDE_H

#include "harness/evidence/home.h"
#include "harness/evidence/side_entry.h"

enum { SIDE_FILE_BYTES_MAX = 16 << 20, SIDE_STRINGS_MAX = 65535 };

struct side_string {
    uint64_t hash;
    uint32_t number; /* 0: free */
    char *text;
};

struct side {
    struct evidence_home *home;
    char writer[EVIDENCE_NAME_BYTES];
    uint64_t key; /* the writer's */
    int fd;       /* -1: no file could be made */
    bool in_shm;
    uint32_t number;           /* of the file in the chain */
    uint64_t base;             /* of this file in the whole chain */
    uint64_t size;             /* of this file */
    struct side_string *table; /* open addressing, a power of two */
    uint32_t table_size;
    uint32_t string_count;
};

/* Make the first file; E_EXISTS when this writer has written already. */
int side_open(struct side *side, struct evidence_home *home, const char *writer,
              struct error *err);
void side_close(struct side *side);

/* Take side_open back: no file is left. */
void side_undo(struct side *side);

/* The string's number; 0 when the table is full or, then `*lost` is set, when it could
 * not be kept. */
uint32_t side_string(struct side *side, const char *text, bool *lost);

/* The place of a detail; 0 when it could not be kept. */
uint32_t side_detail(struct side *side, const char *text, size_t size);

#endif
