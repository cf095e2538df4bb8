/* room: a temporary case folder for tests of evidence, and ways to fill a disk. */
#ifndef STORMDRILL_TESTS_ROOM_H
#define STORMDRILL_TESTS_ROOM_H

#include <stdbool.h>
#include <stdint.h>

#include "harness/evidence/evidence.h"
#include "harness/evidence/writer.h"

struct room {
    char root[64];   /* removed with all it holds by room_release */
    char folder[96]; /* the evidence folder; not made yet */
    char small[96];  /* where room_mount mounts */
    bool mounted;
};

void room_init(struct room *room);
void room_release(struct room *room);

/* A tmpfs of this size at room->small, in a mount namespace of the test's own. */
void room_mount(struct room *room, uint64_t bytes);

/* Create a home here, or open it again; a failure ends the test. `shm`: NULL, or where
 * live segments go. */
struct evidence_home *room_home(struct room *room, const char *shm);
struct evidence_home *room_home_again(struct room *room);

/* Read the folder; a failure ends the test. */
struct evidence *room_read(const struct room *room);

/* The path in FOLDER/shm, "" when there is none. */
const char *room_shm(const struct room *room, char *path, size_t size);

/* The writer called `name`; -1 when there is none. */
int room_writer(const struct evidence *evidence, const char *name);

/* Append a record that says `number`. */
void room_append(struct writer *writer, uint64_t number);

/* Are records 0, 1, 2, ... (first `count`) what this writer wrote? Numbers in order,
 * records of the kind evidence_lost left out. Gives how many there are. */
uint64_t room_expect_numbers(const struct evidence *evidence, int writer);

/* Files in a folder whose names end so. */
int room_count(const char *folder, const char *suffix);

#endif
