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
#include "harness/evidence/roster.h"
#include "harness/evidence/segment.h"

enum {
    /* A writer of ten records should cost little, one of ten million should seldom
     * turn a page: segments grow from the first to the last size. */
    SEGMENT_FIRST_BYTES = 64 << 10,
    SEGMENT_GROWTH = 16,
    /* What an order gets while there is no spare: making more would take so long that
     * the writer runs out meanwhile. */
    SEGMENT_PROMPT_BYTES = 4 << 20,
    /* Kept ready for writers for whom the stocker is late: while it waits for a core that
     * others use up, they last ten million records a second for 12 ms. A few are there
     * from the beginning, one where shm is small. When they are gone, what a writer makes
     * itself. */
    SEGMENT_SELF_BYTES = 1 << 20,
    RESERVE_FIRST = 4,
    RESERVE_MAX = 8,
    /* In the folder nothing can be made quickly, and what is not used costs nothing. */
    SEGMENT_FOLDER_BYTES = 1 << 20,
    /* Segments of full size, every page in place: the stocker makes the first few once a
     * writer is fast; those that have gone home are zeroed and join them, which costs a
     * fifth of making new ones. */
    STOCK_MIN = 4,
    SPARES_MAX = 12,
};

/* A file that this process made and that is not home yet: a segment, mapped, or a side
 * file, which is written by its descriptor. Made once, handed from thread to thread. */
struct live_file {
    struct live_file *next;
    struct segment_header *header; /* the mapping; NULL for a side file */
    size_t bytes;                  /* held in shm, mapped */
    size_t used_bytes;             /* what goes home */
    bool in_shm;                   /* else it only gets its name */
    char name[FILE_NAME_BYTES];
    char home_name[FILE_NAME_BYTES];
};

enum order_state { ORDER_IDLE, ORDER_PENDING, ORDER_READY, ORDER_ABANDONED };

/* A writer's wish for its next segment. The stocker owns it while it is pending or
 * abandoned, the writer otherwise. */
struct order {
    struct order *next;
    _Atomic int state;
    struct live_file *segment; /* when ready */
    size_t bytes;
    char writer[EVIDENCE_NAME_BYTES];
};

/* What has been ordered so far: nothing, segments behind a first one, more. */
enum demand { DEMAND_LOW, DEMAND_SOME, DEMAND_HIGH };

struct evidence_home {
    int folder_fd;
    int shm_fd; /* -1: none */
    int roster_fd;
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
    _Atomic bool warned_roster;
    _Atomic bool stopping;
    _Atomic(struct order *) orders;
    enum demand demand; /* the stocker's */
    _Atomic(struct live_file *) freight;
    struct live_file *waiting;          /* freight in the mover's hands */
    _Atomic(struct live_file *) scrap;  /* for the stocker to drop */
    _Atomic(struct live_file *) spares; /* only the stocker takes from it */
    _Atomic int spare_count;
    _Atomic(struct live_file *) reserve[RESERVE_MAX];
    sem_t stocker_work;
    sem_t mover_work;
    pthread_t stocker;
    pthread_t mover;
};

/* Make a segment of about this size: in shm, else in the folder, else as small as it
 * gets; NULL when nothing has room or the bound is reached. `prefault`: touch every page
 * now. `quick`: only in shm, nothing that may wait for a disk. */
struct live_file *home_make_segment(struct evidence_home *home, const char *writer,
                                    size_t bytes, bool prefault, bool quick);

/* Unmap and unlink a segment that is not used any more. */
void home_drop_segment(struct evidence_home *home, struct live_file *segment);

/* Have the stocker do it. The mover, which may be kept off the cores, must not unmap: it
 * would hold the lock of the address space, and up whoever maps or faults. Takes. */
void home_scrap(struct evidence_home *home, struct live_file *segment);
void home_drop_scrap(struct evidence_home *home);

/* Unmap and free, and leave the file where it is. */
void home_forget(struct live_file *file);

/* Keep a segment that has gone home for another use: its pages are there, which saves
 * the kernel their allocation. Takes; false when there are enough already. */
bool home_keep_spare(struct evidence_home *home, struct live_file *segment);

/* A spare, or NULL. Only for the stocker, and for closing. */
struct live_file *home_take_spare(struct evidence_home *home);

/* A small segment that is ready, or NULL; any thread. A writer's own mmap would wait for
 * the lock of the address space, which a thread without a core may hold. */
struct live_file *home_take_reserve(struct evidence_home *home);

/* Make one segment that the reserve or the stock of spares lacks; only the stocker. False
 * when nothing lacks or there is no room for it. */
bool home_stock_one(struct evidence_home *home);

/* Count bytes in shm; false when that would pass the bound. */
bool home_hold(struct evidence_home *home, uint64_t bytes);
void home_unhold(struct evidence_home *home, uint64_t bytes);

/* Hand over; wakes the thread. Takes. */
void home_order(struct evidence_home *home, struct order *order);
void home_send(struct evidence_home *home, struct live_file *file);

/* Write a line to the case's roster; where it has no room that is said, once. */
void home_tell_roster(struct evidence_home *home, enum roster_word word,
                      const char *writer, uint32_t segments);

/* The folder has to serve in place of shm: say so, once. */
void home_warn_shm(struct evidence_home *home, const char *why);

/* Called by a thread of ours: as a batch task it does not push a writer off its core when
 * it is woken, and it takes this much less of the cores than others. */
void home_step_back(int nice_by);

/* Bring home whatever was sent; only when the mover has ended. */
void home_deliver_rest(struct evidence_home *home);

/* The two threads, in mover.c and stocker.c; `arg` is the home. */
void *stocker_main(void *arg);
void *mover_main(void *arg);

/* Wait for work; with `ms` not 0 at most that long. */
void home_wait(sem_t *work, unsigned ms);

#endif
