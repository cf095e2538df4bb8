/* lanes: chains built as a link builds them, with one fault and one clock for all. */
#include "lanes.h"

#include <stdlib.h>
#include <string.h>

#include "proxy/plane.h"

static const uint64_t start_ns = NS_PER_S;

struct lane {
    struct chain chain;
    struct stage *stage;
    struct lanes *owner;
    uint64_t pushed_bytes;
    uint8_t *output;
    size_t output_size, output_capacity;
    struct lane_piece *pieces;
    size_t piece_count, piece_capacity;
    enum chunk_end end;
    bool unwritten; /* delivered, and the chain has not come to rest since */
};

struct lanes {
    struct virtual_clock clock;
    struct deadlines deadlines;
    const struct fault_type *type;
    void *conf;
    void *shared;
    struct fault_common common;
    uint64_t touched;
    uint64_t wakes;
    int connections;
    void *memory[LANES_MAX];
    struct lane lanes[LANES_MAX][DIRECTION_COUNT];
};

/* Room for one more of `size` bytes each. */
static void *grow(void *array, size_t count, size_t more, size_t *capacity, size_t size)
{
    if (count + more <= *capacity)
        return array;
    *capacity = (count + more) * 2 + 256;
    array = realloc(array, *capacity * size);
    assert_non_null(array);
    return array;
}

static void on_deliver(void *arg, struct chunk *chunk)
{
    struct lane *lane = arg;

    assert_non_null(chunk);
    /* Behind an end only a harder one may come: the CLOSE of a fault behind a FIN. */
    if (lane->end != CHUNK_DATA)
        assert_true(lane->end == CHUNK_FIN && chunk->end > CHUNK_FIN);
    lane->pieces = grow(lane->pieces, lane->piece_count, 1, &lane->piece_capacity,
                        sizeof *lane->pieces);
    lane->pieces[lane->piece_count++] = (struct lane_piece){
        .at_ns = lanes_now_ns(lane->owner), .size = chunk->size, .end = chunk->end};
    lane->end = chunk->end;
    lane->unwritten = true;
    if (chunk->size > 0) {
        lane->output =
            grow(lane->output, lane->output_size, chunk->size, &lane->output_capacity, 1);
        memcpy(lane->output + lane->output_size, chunk->data, chunk->size);
        lane->output_size += chunk->size;
    }
    chunk_destroy(chunk);
}

/* Where a flow writes what has gathered. */
static void on_rest(void *arg)
{
    struct lane *lane = arg;

    lane->unwritten = false;
}

/* Whoever moves chunks of another chain must let that one come to rest, too. */
static void check_written(const struct lanes *l)
{
    for (int i = 0; i < l->connections; i++)
        for (int d = 0; d < DIRECTION_COUNT; d++)
            assert_false(l->lanes[i][d].unwritten);
}

static void read_conf(struct lanes *l, const char *words)
{
    struct param_layer layers[2];
    json_t *params = NULL;
    struct error err;

    l->conf = calloc(1, l->type->conf_size + 1);
    l->shared = calloc(1, l->type->shared_size + 1);
    assert_non_null(l->conf);
    assert_non_null(l->shared);
    layers[0] = (struct param_layer){l->type->params, l->conf};
    layers[1] = (struct param_layer){fault_common_params(), &l->common};
    assert_int_equal(param_words(words, NULL, 0, &params, &err), 0);
    if (param_read_layers(layers, 2, params, l->type->name, &err) != 0 ||
        fault_check_conf(l->type, l->conf, &l->common, &err) != 0)
        fail_msg("%s", err.text);
    json_decref(params);
}

static void make_lane(struct lanes *l, int connection, enum direction to,
                      const struct rng *root)
{
    struct lane *lane = &l->lanes[connection][to];
    struct stage_options options = {.type = l->type,
                                    .conf = l->conf,
                                    .shared = l->shared,
                                    .direction = to,
                                    .connection = l->memory[connection],
                                    .opened_ns = start_ns,
                                    .order = 1,
                                    .touched = &l->touched};

    lane->owner = l;
    chain_init(&lane->chain, &l->deadlines, on_deliver, lane);
    lane->chain.rest = on_rest;
    if (!fault_acts_on(l->type, &l->common, to))
        return;
    if (l->common.after.kind == PARAM_BYTES)
        options.after_bytes = l->common.after.bytes;
    rng_child(&options.rng, root, "connection=%d direction=%d", connection, to);
    lane->stage = chain_add(&lane->chain, &options);
    assert_non_null(lane->stage);
}

struct lanes *lanes_create_seeded(const char *type, const char *words, int connections,
                                  uint64_t seed)
{
    struct lanes *l = calloc(1, sizeof *l);
    struct rng root;

    assert_non_null(l);
    assert_true(connections <= LANES_MAX);
    virtual_clock_init(&l->clock, start_ns);
    deadlines_init(&l->deadlines, &l->clock.clock);
    l->type = fault_type_find(type);
    assert_non_null(l->type);
    read_conf(l, words);
    rng_init(&root, seed);
    l->connections = connections;
    for (int i = 0; i < connections; i++) {
        l->memory[i] = calloc(1, l->type->connection_size + 1);
        assert_non_null(l->memory[i]);
        for (enum direction d = TO_SERVER; d < DIRECTION_COUNT; d++)
            make_lane(l, i, d, &root);
    }
    return l;
}

struct lanes *lanes_create(const char *type, const char *words, int connections)
{
    return lanes_create_seeded(type, words, connections, 7);
}

void lanes_destroy(struct lanes *l)
{
    for (int i = 0; i < l->connections; i++) {
        for (int d = 0; d < DIRECTION_COUNT; d++) {
            struct lane *lane = &l->lanes[i][d];

            chain_release(&lane->chain);
            assert_int_equal(lane->chain.held_bytes, 0);
            assert_int_equal(lane->chain.held_count, 0);
            free(lane->output);
            free(lane->pieces);
        }
        free(l->memory[i]);
    }
    assert_int_equal(l->deadlines.reserved, 0);
    deadlines_release(&l->deadlines);
    param_release(l->type->params, l->conf);
    free(l->conf);
    free(l->shared);
    free(l);
}

void lanes_push_chunk(struct lanes *l, int connection, enum direction to,
                      struct chunk *chunk)
{
    struct lane *lane = &l->lanes[connection][to];

    assert_non_null(chunk);
    chunk->arrived_ns = clock_now(&l->clock.clock);
    chunk->offset = lane->pushed_bytes;
    lane->pushed_bytes += chunk->size;
    chain_push(&lane->chain, chunk);
    assert_false(lane->unwritten);
}

void lanes_push(struct lanes *l, int connection, enum direction to, const void *bytes,
                size_t size)
{
    lanes_push_chunk(l, connection, to, chunk_create(bytes, (uint32_t)size));
}

void lanes_push_end(struct lanes *l, int connection, enum direction to,
                    enum chunk_end how)
{
    lanes_push_chunk(l, connection, to, chunk_create_end(how));
}

uint8_t lanes_pattern(uint64_t place)
{
    return (uint8_t)(place * 31 + place / 251);
}

void lanes_push_pattern(struct lanes *l, int connection, enum direction to, size_t size)
{
    struct lane *lane = &l->lanes[connection][to];
    uint8_t *bytes = malloc(size);

    assert_non_null(bytes);
    for (size_t i = 0; i < size; i++)
        bytes[i] = lanes_pattern(lane->pushed_bytes + i);
    lanes_push(l, connection, to, bytes, size);
    free(bytes);
}

void lanes_advance_late_us(struct lanes *l, uint64_t us, uint64_t late_us)
{
    uint64_t until_ns = l->clock.ns + us * NS_PER_US;

    while (deadlines_next_ns(&l->deadlines) <= until_ns) {
        uint64_t next_ns = deadlines_next_ns(&l->deadlines) + late_us * NS_PER_US;

        if (next_ns > l->clock.ns)
            l->clock.ns = next_ns;
        l->wakes++;
        deadlines_run(&l->deadlines);
    }
    if (until_ns > l->clock.ns)
        l->clock.ns = until_ns;
    check_written(l);
}

void lanes_advance_us(struct lanes *l, uint64_t us)
{
    lanes_advance_late_us(l, us, 0);
}

uint64_t lanes_now_ns(const struct lanes *l)
{
    return l->clock.ns - start_ns;
}

void lanes_change(struct lanes *l, const char *words)
{
    struct param_layer layers[2] = {{l->type->params, l->conf},
                                    {fault_common_params(), &l->common}};
    json_t *params = NULL;

    assert_int_equal(param_words(words, NULL, 0, &params, NULL), 0);
    assert_int_equal(param_change_layers(layers, 2, params, l->type->name, NULL), 0);
    json_decref(params);
    for (int i = 0; i < l->connections; i++)
        for (int d = 0; d < DIRECTION_COUNT; d++)
            if (l->lanes[i][d].stage != NULL)
                chain_change(&l->lanes[i][d].chain, l->lanes[i][d].stage);
    check_written(l);
}

void lanes_heal(struct lanes *l)
{
    for (int i = 0; i < l->connections; i++) {
        for (int d = 0; d < DIRECTION_COUNT; d++) {
            struct lane *lane = &l->lanes[i][d];

            if (lane->stage != NULL)
                chain_remove(&lane->chain, lane->stage);
            lane->stage = NULL;
        }
    }
    check_written(l);
}

void lanes_close(struct lanes *l, int connection)
{
    for (int d = 0; d < DIRECTION_COUNT; d++) {
        chain_release(&l->lanes[connection][d].chain);
        l->lanes[connection][d].stage = NULL;
    }
}

const uint8_t *lanes_output(const struct lanes *l, int connection, enum direction to,
                            size_t *size)
{
    *size = l->lanes[connection][to].output_size;
    return l->lanes[connection][to].output;
}

const struct lane_piece *lanes_pieces(const struct lanes *l, int connection,
                                      enum direction to, size_t *count)
{
    *count = l->lanes[connection][to].piece_count;
    return l->lanes[connection][to].pieces;
}

size_t lanes_size(const struct lanes *l, int connection, enum direction to)
{
    return l->lanes[connection][to].output_size;
}

enum chunk_end lanes_end(const struct lanes *l, int connection, enum direction to)
{
    return l->lanes[connection][to].end;
}

uint64_t lanes_time_of(const struct lanes *l, int connection, enum direction to,
                       uint64_t place)
{
    const struct lane *lane = &l->lanes[connection][to];
    uint64_t at = 0;

    for (size_t i = 0; i < lane->piece_count; i++) {
        at += lane->pieces[i].size;
        if (place < at)
            return lane->pieces[i].at_ns;
    }
    fail_msg("byte %llu has not come out", (unsigned long long)place);
    return 0;
}

size_t lanes_held(const struct lanes *l, int connection, enum direction to)
{
    return l->lanes[connection][to].chain.held_bytes;
}

uint64_t lanes_touched(const struct lanes *l)
{
    return l->touched;
}

uint64_t lanes_wakes(const struct lanes *l)
{
    return l->wakes;
}
