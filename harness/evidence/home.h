/* home: what a process keeps for its writers. Private to this folder.
 *
 * Two threads stand behind the writers so that an append never waits for memory or a
 * disk: the stocker makes the next segment of a writer that has used half of the one it
 * writes; the mover brings full ones home. They are two because a disk can hold the
 * mover up for hundreds of milliseconds, and the stocker must not wait for it. Writers
 * hand over through stacks that are pushed with one compare-and-swap. */
#ifndef STORMDRILL_EVIDENCE_HOME_H
#define STORMDRILL_EVIDENCE_HOME_H

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>

#include "harness/evidence/files.h"
#include "harness/evidence/segment.h"

enum {
    /* A writer of ten records should cost little, one of ten million should seldom
     * turn a page: segments grow fourfold from the first to the last size. */
    SEGMENT_FIRST_BYTES = 64 << 10,
    SEGMENT_GROWTH = 4,
    /* What a writer makes itself when the stocker is late: quick to allocate. */
    SEGMENT_SELF_BYTES = 1 << 20,
};

/* A segment of this process, mapped for writing. */
struct live_segment {
    struct segment_header *header; /* the mapping */
    size_t bytes;
    bool in_shm;
    char name[FILE_NAME_BYTES];
};

enum order_state { ORDER_IDLE, ORDER_PENDING, ORDER_READY, ORDER_ABANDONED };

/* A writer's wish for its next segment. The stocker owns it while it is pending or
 * abandoned, the writer otherwise. */
struct order {
    struct order *next;
    _Atomic int state;
    struct live_segment *segment; /* when ready */
    size_t bytes;
    char writer[EVIDENCE_NAME_BYTES];
};

/* A file on its way home. */
struct freight {
    struct freight *next;
    void *mapping; /* NULL: none */
    size_t mapping_bytes;
    bool in_shm; /* else it only gets its name */
    size_t used_bytes;
    size_t held_bytes; /* given back when it is home */
    char name[FILE_NAME_BYTES];
    char home_name[FILE_NAME_BYTES];
};

struct evidence_home {
    int folder_fd;
    int shm_fd; /* -1: none */
    int alive_fd;
    char alive_name[FILE_NAME_BYTES];
    char folder[SHM_PATH_BYTES];
    struct identity identity;
    struct log *log;
    size_t segment_bytes_max;
    uint64_t held_bytes_max;
    _Atomic uint64_t held_bytes; /* in shm, by this process */
    _Atomic uint32_t serial;     /* makes names of live segments unique */
    _Atomic int writers;
    _Atomic bool warned_shm;
    _Atomic bool warned_folder;
    _Atomic bool stopping;
    _Atomic(struct order *) orders;
    _Atomic(struct freight *) freight;
    sem_t stocker_work;
    sem_t mover_work;
    pthread_t stocker;
    pthread_t mover;
};

/* Make a segment of about this size: in shm, else in the folder, else as small as it
 * gets; NULL when nothing has room or the bound is reached. `prefault`: touch every page
 * now. `quick`: only in shm, nothing that may wait for a disk. */
struct live_segment *home_make_segment(struct evidence_home *home, const char *writer,
                                       size_t bytes, bool prefault, bool quick);

/* Unmap and unlink a segment that was never used. */
void home_drop_segment(struct evidence_home *home, struct live_segment *segment);

/* Count bytes in shm; false when that would pass the bound. */
bool home_hold(struct evidence_home *home, uint64_t bytes);
void home_unhold(struct evidence_home *home, uint64_t bytes);

/* Hand over; wakes the thread. Takes. */
void home_order(struct evidence_home *home, struct order *order);
void home_send(struct evidence_home *home, struct freight *freight);

/* The folder has to serve in place of shm: say so, once. */
void home_warn_shm(struct evidence_home *home, const char *why);

/* The two threads, in mover.c and stocker.c; `arg` is the home. */
void *stocker_main(void *arg);
void *mover_main(void *arg);

/* Wait for work; with `seconds` not 0 at most that long. */
void home_wait(sem_t *work, int seconds);

#endif
