/* stories: see stories.h. */
#include "tests/lib/checks/stories.h"

#include "tests/lib/evidence/build.h"

struct evidence *stream_story(void)
{
    struct evidence *e = evidence_create();

    add_run_begin(e, "by hand", "");
    add_client(e, PRODUCER, "producer", "publisher",
               json("{\"stream\":\"ORDERS\",\"wait_for_ack\":\"2s\"}"));
    add_client(e, WORKER, "worker", "consumer",
               json("{\"stream\":\"ORDERS\",\"durable\":\"worker\"}"));
    return e;
}

struct evidence *core_story(void)
{
    struct evidence *e = evidence_create();

    add_run_begin(e, "by hand", "");
    add_client(e, PRODUCER, "producer", "publisher",
               json("{\"subject\":\"orders.new\"}"));
    add_client(e, WORKER, "worker", "subscriber", json("{\"subject\":\"orders.>\"}"));
    return e;
}

struct evidence *connected_story(uint32_t client, uint32_t node, uint16_t link)
{
    struct evidence *e = evidence_create();

    at_ms(e, 1);
    add_run_begin(e, "by hand", "");
    add_broker_start(e, node, "n1");
    add_broker_ready(e, node);
    add_client(e, client, "worker", "consumer", NULL);
    add_link(e, link, "worker->n1", client, node);
    at_ms(e, 10);
    add_connected(e, client);
    return e;
}

void end_at(struct evidence *e, uint64_t ms)
{
    at_ms(e, ms);
    add_run_end(e, 0);
}

void publish(struct evidence *e, uint64_t from, uint64_t to)
{
    for (uint64_t i = from; i < to; i++) {
        add_attempted(e, PRODUCER, i);
        add_acknowledged(e, PRODUCER, i, i + 1);
    }
}

void publish_core(struct evidence *e, uint64_t from, uint64_t to)
{
    for (uint64_t i = from; i < to; i++) {
        add_attempted(e, PRODUCER, i);
        add_accepted(e, PRODUCER, i);
    }
}

void consume_by(struct evidence *e, uint32_t by, uint64_t from, uint64_t to)
{
    for (uint64_t i = from; i < to; i++) {
        add_received(e, by, PRODUCER, i, i + 1);
        add_processed(e, by, PRODUCER, i, i + 1);
        add_acked(e, by, PRODUCER, i, i + 1);
    }
}

void consume(struct evidence *e, uint64_t from, uint64_t to)
{
    consume_by(e, WORKER, from, to);
}

void hear(struct evidence *e, uint64_t from, uint64_t to)
{
    for (uint64_t i = from; i < to; i++) {
        add_received(e, WORKER, PRODUCER, i, 0);
        add_processed(e, WORKER, PRODUCER, i, 0);
    }
}

void drain(struct evidence *e)
{
    add_drained(e, PRODUCER, true);
    add_caught_up(e, WORKER, EVIDENCE_HELD);
}
