/* subject: the process that is watched: a data plane with some links, and nothing else,
 * so that its memory and its descriptors are the proxy's alone.
 *
 * It is a child that takes one order a line and answers each with one line. */
#ifndef STORMDRILL_BENCH_SUBJECT_H
#define STORMDRILL_BENCH_SUBJECT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "tests/bench/common/child.h"

enum { SUBJECT_LINKS = 4 };

struct subject {
    pid_t pid;
    int orders;
    uint16_t ports[SUBJECT_LINKS];
};

struct subject_state {
    unsigned open; /* connections, on all links */
    uint64_t accepted;
    uint64_t held_bytes;
    uint64_t heap_bytes; /* that malloc has given out; 0: a sanitizer hides it */
    double pss_kb;
    struct child_fds fds;
};

/* Start it. Before any thread and before anything is opened: it forks, and keeps what is
 * there. -1: go on. Else an exit code: we are the subject, and all is over (so that a
 * leak checker looks at it), or there is none. */
int subject_start(struct subject *subject);

/* Open one link for each upstream port; sets subject->ports. */
bool subject_open(struct subject *subject, const uint16_t upstreams[SUBJECT_LINKS]);

/* Add to all links the faults of a plan; heal all there are. */
bool subject_disturb(struct subject *subject, const char *words);
bool subject_heal(struct subject *subject);

/* Give back to the kernel what malloc keeps for later, so that memory says what is used.
 */
bool subject_trim(struct subject *subject);

bool subject_look(struct subject *subject, struct subject_state *state);

/* End it. true: it stopped its plane and ended with 0. */
bool subject_stop(struct subject *subject);

#endif
