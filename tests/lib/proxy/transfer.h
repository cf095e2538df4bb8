/* transfer: a stream of known bytes from one socket to another, in threads of its own,
 * compared as it arrives. */
#ifndef STORMDRILL_TESTS_PROXY_TRANSFER_H
#define STORMDRILL_TESTS_PROXY_TRANSFER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct transfer {
    int from;
    int to;
    uint64_t bytes;
    atomic_uint_least64_t received;
    uint64_t wrong_at; /* UINT64_MAX: nothing wrong */
    uint8_t *pattern;
    bool ended; /* with FIN */
    pthread_t sender;
    pthread_t receiver;
};

/* Send and receive `bytes` bytes, then FIN. */
void transfer_start(struct transfer *t, int from, int to, uint64_t bytes);

/* Wait for both; everything must have arrived, right and in order, then the FIN. */
void transfer_finish(struct transfer *t);

/* Wait until so many bytes have arrived. */
void transfer_wait_for(const struct transfer *t, uint64_t bytes);

/* A sender alone: nobody reads at the other end. */
void transfer_start_sender(struct transfer *t, int from, int to, uint64_t bytes);
void transfer_finish_sender(struct transfer *t);

#endif
