/* engine: set up and taken down with the plane; engine_emit stamps every event. */
#include "proxy/engine.h"

#include <assert.h>

int engine_init(struct engine *engine, const struct plane_options *options,
                struct error *err)
{
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
    engine->read_buffer = buffer_pool_take(&engine->buffers);
    if (engine->read_buffer == NULL)
        return error_set(err, E_NOMEM, "data plane");
    if (uv_loop_init(&engine->loop) != 0) {
        buffer_unref(engine->read_buffer);
        buffer_pool_release(&engine->buffers);
        return error_set(err, E_SYSTEM, "create the data plane's event loop");
    }
    engine->loop.data = engine;
    return 0;
}

void engine_release(struct engine *engine)
{
    int rc = uv_loop_close(&engine->loop);

    assert(rc == 0);
    (void)rc;
    assert(engine->memory_bytes == 0);
    pipe_pool_release(&engine->pipes);
    deadlines_release(&engine->deadlines);
    buffer_unref(engine->read_buffer);
    buffer_pool_release(&engine->buffers);
}

struct chunk *engine_take_read(struct engine *engine, uint32_t at, uint32_t size)
{
    struct buffer *next = NULL;
    struct chunk *chunk;

    if (size >= KEEP_BYTES)
        next = buffer_pool_take(&engine->buffers);
    if (next == NULL)
        return chunk_create(engine->read_buffer->bytes + at, size);
    chunk = chunk_view(engine->read_buffer, at, size);
    buffer_unref(chunk != NULL ? engine->read_buffer : next);
    if (chunk != NULL)
        engine->read_buffer = next;
    return chunk;
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
