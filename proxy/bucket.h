/* bucket: how many bytes a rate allows by now.
 *
 * A bucket fills at `rate` and is emptied by what is sent. It holds `burst` and one step
 * (1 ms of the rate and one byte): so over any time T no more than rate * T + burst +
 * one step leaves. It counts from one moment on and in whole bytes, so no fraction is
 * ever lost, however often it is asked.
 *
 * A late wake is not the sender's fault: what the rate allowed meanwhile (25 ms of it at
 * most) is not lost, but paid out in portions, three steps in one step's time, so that
 * the average holds and no burst shows.
 * Pure arithmetic: the owner says what time it is. Thread: belongs to its owner. */
#ifndef STORMDRILL_PROXY_BUCKET_H
#define STORMDRILL_PROXY_BUCKET_H

#include <stdbool.h>
#include <stdint.h>

enum { BUCKET_STEP_NS = 1000000, BUCKET_LATE_NS_MAX = 25 * BUCKET_STEP_NS };

/* All zero: not in use yet. */
struct bucket {
    double rate;      /* bytes per second; 0: nothing passes */
    uint64_t burst;   /* bytes */
    uint64_t base_ns; /* from here on it counts */
    double base;      /* what was in it then */
    uint64_t spent;   /* since then */
    double content;   /* when it was asked last, minus what was spent since */
    double late;      /* bytes owed for late wakes */
    uint64_t late_until_ns;
    uint64_t step_ns; /* since when portions of `late` count */
    uint64_t in_step; /* bytes sent in this step */
    bool in_use;
};

/* From now on this rate and this burst. What the old rate has earned stays, as far as the
 * new bounds allow; a bucket that was not in use begins with `burst` in it. Does nothing
 * when both are as before. */
void bucket_set(struct bucket *b, double rate, uint64_t burst, uint64_t now_ns);

/* How many bytes may be sent now. */
uint64_t bucket_allows(struct bucket *b, uint64_t now_ns);

/* They were sent: no more than were allowed. */
void bucket_spend(struct bucket *b, uint64_t bytes);

/* Somebody waited until `due_ns` and could look only now. */
void bucket_note_late(struct bucket *b, uint64_t due_ns, uint64_t now_ns);

/* When will so many bytes be allowed (a step's worth, if that is less)? UINT64_MAX:
 * never.
 */
uint64_t bucket_when(const struct bucket *b, uint64_t bytes);

#endif
