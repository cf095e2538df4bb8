/* engine: set up and taken down with the plane; engine_emit stamps every event. */
#include "proxy/engine.h"

#include <assert.h>

#include "proxy/farewell.h"

static void release_buffers(struct engine *engine)
{
    for (int i = 0; i < READ_BUFFERS; i++)
        buffer_unref(engine->read_buffers[i]);
    buffer_pool_release(&engine->buffers);
}

int engine_init(struct engine *engine, const struct plane_options *options,
                struct error *err)
{
    int rc;

    *engine = (struct engine){.clock = clock_real(),
                              .log = options->log,
                              .observer = options->observer,
                              .memory_bytes_max = options->memory_bytes_max};
    if (engine->memory_bytes_max == 0)
        engine->memory_bytes_max = 1ull << 30;
    rng_init(&engine->rng, options->seed);
    pipe_pool_init(&engine->pipes);
    deadlines_init(&engine->deadlines, engine->clock);
    buffer_pool_init(&engine->buffers, READ_BYTES, BUFFERS_IDLE_MAX);
    if (engine_read_into(engine, 0) == NULL)
        return error_set(err, E_NOMEM, "data plane");
    rc = uv_loop_init(&engine->loop);
    if (rc != 0) {
        release_buffers(engine);
        return error_set(err, E_SYSTEM, "create the data plane's event loop: %s",
                         uv_strerror(rc));
    }
    rc = poller_init(&engine->poller, &engine->loop, err);
    if (rc != 0) {
        uv_loop_close(&engine->loop);
        release_buffers(engine);
        return rc;
    }
    engine->loop.data = engine;
    return 0;
}

void engine_run(struct engine *engine)
{
    poller_run(&engine->poller);
}

void engine_release(struct engine *engine)
{
    int rc = uv_loop_close(&engine->loop);

    assert(rc == 0);
    (void)rc;
    poller_release(&engine->poller);
    assert(engine->memory_bytes == 0);
    farewells_release(engine);
    pipe_pool_release(&engine->pipes);
    deadlines_release(&engine->deadlines);
    release_buffers(engine);
}

uint8_t *engine_read_into(struct engine *engine, int index)
{
    struct buffer **own = &engine->read_buffers[index];

    if (*own == NULL)
        *own = buffer_pool_take(&engine->buffers);
    return *own != NULL ? (*own)->bytes : NULL;
}

struct chunk *engine_take_read(struct engine *engine, int index, uint32_t at,
                               uint32_t size)
{
    struct buffer **own = &engine->read_buffers[index];
    struct chunk *chunk;

    if (size < KEEP_BYTES)
        return chunk_create((*own)->bytes + at, size);
    chunk = chunk_view(*own, at, size);
    if (chunk == NULL)
        return NULL;
    /* The next read takes the one that was let go last: it is in the cache. */
    buffer_unref(*own);
    *own = NULL;
    return chunk;
}

bool engine_take_reads(struct engine *engine, size_t at, size_t size,
                       struct chunk_queue *out)
{
    chunk_queue_init(out, 0);
    while (at < size) {
        size_t room = READ_BYTES - at % READ_BYTES;
        size_t part = size - at < room ? size - at : room;
        struct chunk *chunk = engine_take_read(
            engine, (int)(at / READ_BYTES), (uint32_t)(at % READ_BYTES), (uint32_t)part);

        if (chunk == NULL) {
            chunk_queue_release(out);
            return false;
        }
        chunk_queue_push(out, chunk);
        at += part;
    }
    return true;
}

/* The time is taken here and nowhere else, so that events of one thread never go back
 * in time. */
void engine_emit(struct engine *engine, const struct proxy_event *event, json_t *detail)
{
    struct proxy_event stamped = *event;

    if (engine->observer.on_event != NULL) {
        stamped.time_ns = clock_now(engine->clock);
        stamped.detail = detail;
        engine->observer.on_event(engine->observer.arg, &stamped);
    }
    json_decref(detail);
}
