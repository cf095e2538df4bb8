/* build: evidence made by hand, in the words of a story.
 *
 *   struct evidence *e = evidence_create();
 *   add_client(e, 1, "orders", "publisher", NULL);
 *   add_client(e, 2, "worker", "consumer", NULL);
 *   add_phase(e, "storm");
 *   at_ms(e, 100);
 *   add_attempted(e, 1, 0);             message 0 of client 1
 *   add_acknowledged(e, 1, 0, 17);      stored as 17
 *   add_received(e, 2, 1, 0, 17);       client 2 got client 1's message 0
 *
 * Every record comes a microsecond after the one before, unless at_ms or at_ns says
 * when the next one is. Numbers of messages count from 0, of all else from 1. What is
 * not named in a call is zero; whoever needs more uses evidence_add. Incarnations are 0
 * unless a function ends in _again, which is told. `json("{...}")` makes details. */
#ifndef STORMDRILL_TESTS_BUILD_H
#define STORMDRILL_TESTS_BUILD_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "harness/evidence/evidence.h"
#include "proxy/base/clock.h"

/* Where at_ms counts from: CLOCK_MONOTONIC is never 0 either. */
enum { BUILD_ORIGIN_NS = NS_PER_S };

/* The next record's time. */
void at_ns(struct evidence *e, uint64_t time_ns); /* absolute */
void at_ms(struct evidence *e, uint64_t ms);      /* since BUILD_ORIGIN_NS */

/* Takes the detail (NULL: none), so that json_pack can stand in the call. */
void add(struct evidence *e, struct record record, const char *subject, json_t *detail);
void add_seen_by(struct evidence *e, uint32_t client, struct record record,
                 const char *subject, json_t *detail);
json_t *json(const char *text); /* stops the test when it is no JSON */

/* the case */
void add_run_begin(struct evidence *e, const char *scenario, const char *case_name);
void add_run_end(struct evidence *e, int code);
void add_phase(struct evidence *e, const char *name);
void add_note(struct evidence *e, const char *text);
void add_expectation(struct evidence *e, bool held, const char *text);
void add_caught_up(struct evidence *e, uint32_t client, unsigned flags);
void add_drained(struct evidence *e, uint32_t client, bool in_time);
void add_deadline(struct evidence *e, const char *text);

/* the weather */
void add_fault_begin(struct evidence *e, uint64_t number, uint16_t link, const char *name,
                     const char *on);
void add_fault_heal(struct evidence *e, uint64_t number, uint16_t link, uint64_t touched);
void add_action(struct evidence *e, const char *action, const char *on, uint16_t link,
                uint64_t touched);

/* links; `link` belongs to `client` (0: none) and leads to `node` */
void add_link(struct evidence *e, uint16_t link, const char *name, uint32_t client,
              uint32_t node);
void add_accept(struct evidence *e, uint16_t link, uint32_t connection, uint64_t time_ns,
                unsigned flags);
void add_close(struct evidence *e, uint16_t link, uint32_t connection, uint64_t time_ns,
               unsigned flags);
void add_refused(struct evidence *e, uint16_t link, uint32_t connection, uint64_t time_ns,
                 unsigned flags);
void add_dialed(struct evidence *e, uint16_t link, uint32_t connection, uint64_t time_ns,
                int error_number);
void add_first_byte(struct evidence *e, uint16_t link, uint32_t connection,
                    uint64_t time_ns);
void add_lag(struct evidence *e, uint64_t worst_ns, uint64_t samples);

/* brokers */
void add_broker_start(struct evidence *e, uint32_t node, const char *name);
void add_broker_ready(struct evidence *e, uint32_t node);
void add_broker_signal(struct evidence *e, uint32_t node, int signal);
void add_broker_exit(struct evidence *e, uint32_t node, int status);

/* client processes; `conf` is taken, NULL: {} */
void add_client(struct evidence *e, uint32_t client, const char *name,
                const char *workload, json_t *conf);
void add_client_again(struct evidence *e, uint32_t client, uint32_t incarnation,
                      const char *name, const char *workload, json_t *conf);
void add_client_signal(struct evidence *e, uint32_t client, int signal);
void add_client_exit(struct evidence *e, uint32_t client, int status);

/* what a client saw of its connection */
void add_connected(struct evidence *e, uint32_t client);
void add_disconnected(struct evidence *e, uint32_t client);
void add_reconnected(struct evidence *e, uint32_t client);
void add_closed(struct evidence *e, uint32_t client, const char *text);
void add_connect_failed(struct evidence *e, uint32_t client, int status);
void add_error(struct evidence *e, uint32_t client, int status, const char *text);
void add_watchdog(struct evidence *e, uint32_t client, const char *call);
void add_subscribed(struct evidence *e, uint32_t client, const char *subject);
void add_flushed(struct evidence *e, uint32_t client);
void add_load_end(struct evidence *e, uint32_t client, uint64_t attempted);

/* a publisher's messages */
void add_attempted(struct evidence *e, uint32_t client, uint64_t number);
void add_attempted_on(struct evidence *e, uint32_t client, uint64_t number,
                      const char *subject);
void add_attempted_again(struct evidence *e, uint32_t client, uint32_t incarnation,
                         uint64_t number);
void add_accepted(struct evidence *e, uint32_t client, uint64_t number);
void add_acknowledged(struct evidence *e, uint32_t client, uint64_t number,
                      uint64_t sequence);
void add_acknowledged_again(struct evidence *e, uint32_t client, uint32_t incarnation,
                            uint64_t number, uint64_t sequence);
void add_publish_failed(struct evidence *e, uint32_t client, uint64_t number,
                        unsigned flags);
void add_resent(struct evidence *e, uint32_t client, uint64_t number, uint64_t times);

/* a consumer's or subscriber's: `by` saw message `number` of `client` */
void add_received(struct evidence *e, uint32_t by, uint32_t client, uint64_t number,
                  uint64_t sequence);
void add_delivered(struct evidence *e, uint32_t by, uint32_t client, uint64_t number,
                   uint64_t sequence, uint16_t delivery);
void add_processed(struct evidence *e, uint32_t by, uint32_t client, uint64_t number,
                   uint64_t sequence);
void add_acked(struct evidence *e, uint32_t by, uint32_t client, uint64_t number,
               uint64_t sequence);
void add_unexpected(struct evidence *e, uint32_t by, uint64_t bytes);
void add_dropped(struct evidence *e, uint32_t by, uint64_t so_far);
void add_fence_sent(struct evidence *e, uint32_t client, uint64_t fence);
void add_fence_seen(struct evidence *e, uint32_t by, uint32_t client, uint64_t fence);
void add_pending(struct evidence *e, uint32_t client, uint64_t pending,
                 uint64_t ack_pending);

/* the writer of a client that could not keep everything (0: main) */
void add_evidence_lost(struct evidence *e, uint32_t client, uint64_t records);

#endif
