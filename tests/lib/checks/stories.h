/* stories: publishers and consumers made by hand, in as few words as a test has. */
#ifndef STORMDRILL_TESTS_CHECKS_STORIES_H
#define STORMDRILL_TESTS_CHECKS_STORIES_H

#include "harness/evidence/evidence.h"

enum { PRODUCER = 1, WORKER = 2, AUDITOR = 3 };

/* A JetStream publisher and a durable consumer of the stream ORDERS. */
struct evidence *stream_story(void);

/* A core publisher on orders.new and a subscriber of orders.>. */
struct evidence *core_story(void);

/* One node n1, one built-in consumer "worker" that is connected to it over its link. */
struct evidence *connected_story(uint32_t client, uint32_t node, uint16_t link);

/* The run ends, and well. */
void end_at(struct evidence *e, uint64_t ms);

/* Messages [from, to) of PRODUCER: attempted and acknowledged, or accepted. */
void publish(struct evidence *e, uint64_t from, uint64_t to);
void publish_core(struct evidence *e, uint64_t from, uint64_t to);

/* received, processed, acked; by WORKER where nobody is named */
void consume_by(struct evidence *e, uint32_t by, uint64_t from, uint64_t to);
void consume(struct evidence *e, uint64_t from, uint64_t to);

/* received and processed by a subscriber, WORKER */
void hear(struct evidence *e, uint64_t from, uint64_t to);

/* PRODUCER has drained, then WORKER has caught up. */
void drain(struct evidence *e);

#endif
