/* status: what the case and a built-in client share while the client lives.
 *
 * The environment of `stormdrill client WORKLOAD`:
 *   NATS_URL                urls of its links, comma-separated; for a connector one such
 *                           list per connection, separated by ';'
 *   STORMDRILL_CLIENT       its name             STORMDRILL_SEED   its own seed
 *   STORMDRILL_CLIENT_NUMBER, STORMDRILL_INCARNATION
 *   STORMDRILL_CONF         the user's table, as JSON
 *   STORMDRILL_EVIDENCE     CASE/evidence
 *   STORMDRILL_STATUS_FD    this page (a memfd, mapped shared)
 *   STORMDRILL_CONTROL_FD   a stream socket: one JSON object per line, both ways
 *
 * Orders from the case: {"id": n, "op": …}; each is answered once by {"id": n, "rc": 0}
 * or {"id": n, "rc": code, "text": …}, when it is done; other members as named:
 *   stop              end the load and drain; answered when everything is settled
 *   fence {number}    publisher: send fence `number` on its connection, and flush
 *   exit              leave, politely (also SIGTERM)
 * and for `stormdrill client admin` (connected to the nodes directly):
 *   servers {urls}              connect to these from now on ("": no node is up)
 *   add_stream {name, …}        and the table of stream.h
 *   add_consumer {stream, …}    and the table of durable.h
 *   stream_info {stream}        answers messages, bytes, first_seq, last_seq, consumers
 *   consumer_info {stream, consumer}  answers num_pending, num_ack_pending, delivered,
 *                               num_redelivered, ack_floor, ack_wait_ns
 *   fence {subject, client, number}   a fence in the name of a client that is gone
 *   ping                        is JetStream answering?
 * Unasked: {"event": "ready"}; {"event": "failed", "text": …} before it exits. */
#ifndef STORMDRILL_CLIENT_STATUS_H
#define STORMDRILL_CLIENT_STATUS_H

#include <stdatomic.h>
#include <stdint.h>

enum { STATUS_FENCE_CLIENTS_MAX = 1024, STATUS_MAGIC = 0x31534453 };

/* Written by the client, read by the case; every field on its own, no order between. */
struct client_status {
    _Atomic uint32_t magic;
    _Atomic uint32_t connected; /* connections that are up now */
    _Atomic uint32_t closed;    /* connections closed for good */
    _Atomic uint32_t ready;
    _Atomic uint64_t attempted;
    _Atomic uint64_t accepted;
    _Atomic uint64_t acknowledged;
    _Atomic uint64_t failed;
    _Atomic uint64_t in_flight; /* published, answer outstanding */
    _Atomic uint64_t received;  /* every delivery */
    _Atomic uint64_t distinct;  /* different messages */
    _Atomic uint64_t processed;
    _Atomic uint64_t acked;
    _Atomic uint64_t in_hand; /* arrived, and not done with */
    _Atomic uint64_t reconnects;
    _Atomic uint64_t losses;      /* connections lost, as the library told */
    _Atomic uint64_t progress_ns; /* CLOCK_MONOTONIC of the last of any of these */
    _Atomic uint64_t
        fences_seen[STATUS_FENCE_CLIENTS_MAX]; /* by client number: highest */
};

#endif
