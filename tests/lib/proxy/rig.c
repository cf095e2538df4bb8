/* rig: builds stages the way a link does, but turns the clock by hand. */
#include "rig.h"

#include <stdlib.h>
#include <string.h>

#include "proxy/plane.h"

/* What one fault knows of one connection. */
struct rig_seat {
    struct fault event;
    void *memory; /* type->connection_size bytes */
};

struct rig_fault {
    const struct fault_type *type;
    void *conf;
    void *shared;
    struct fault_common common;
    struct stage *stages[DIRECTION_COUNT];
    struct rig_seat seats[RIG_CONNECTIONS_MAX];
    struct histogram delays;
    uint64_t touched;
};

struct rig_side {
    struct chain chain;
    uint64_t pushed_bytes;
    char *output;
    size_t output_size;
    size_t output_capacity;
};

struct rig {
    struct virtual_clock clock;
    struct deadlines deadlines;
    struct rig_side sides[DIRECTION_COUNT];
    bool both;
    struct rng rng;
    struct rig_fault faults[RIG_FAULTS_MAX];
    int fault_count;
    int connection;
    uint64_t opened_ns;
    struct histogram delay_errors;
};

static void append(struct rig_side *side, const void *bytes, size_t size)
{
    if (side->output_size + size + 1 > side->output_capacity) {
        side->output_capacity = (side->output_size + size + 1) * 2;
        side->output = realloc(side->output, side->output_capacity);
        assert_non_null(side->output);
    }
    memcpy(side->output + side->output_size, bytes, size);
    side->output_size += size;
    side->output[side->output_size] = '\0';
}

static void append_text(struct rig_side *side, const char *text)
{
    append(side, text, strlen(text));
}

static void on_deliver(void *arg, struct chunk *chunk)
{
    struct rig_side *side = arg;

    assert_non_null(chunk);
    if (chunk->end == CHUNK_FIN)
        append_text(side, "<FIN>");
    else if (chunk->end == CHUNK_RST)
        append_text(side, "<RST>");
    else if (chunk->end == CHUNK_CLOSE)
        append_text(side, "<CLOSE>");
    else
        append(side, chunk->data, chunk->size);
    chunk_destroy(chunk);
}

static void on_abandon(void *arg, enum side gone)
{
    append_text(arg, gone == SIDE_CLIENT ? "<GONE client>" : "<GONE server>");
}

static struct rig *create(bool both, const char *type, const char *words)
{
    struct rig *rig = calloc(1, sizeof *rig);

    assert_non_null(rig);
    virtual_clock_init(&rig->clock, NS_PER_S);
    rig->opened_ns = NS_PER_S;
    rig->both = both;
    deadlines_init(&rig->deadlines, &rig->clock.clock);
    for (int d = 0; d < DIRECTION_COUNT; d++) {
        struct rig_side *side = &rig->sides[d];

        chain_init(&side->chain, &rig->deadlines, on_deliver, side);
        side->chain.abandon = on_abandon;
        side->chain.delay_errors = &rig->delay_errors;
        append_text(side, "");
    }
    rng_init(&rig->rng, 7);
    if (type != NULL)
        rig_add(rig, type, words);
    return rig;
}

struct rig *rig_create(const char *type, const char *words)
{
    return create(false, type, words);
}

struct rig *rig_create_both(const char *type, const char *words)
{
    return create(true, type, words);
}

static void release_fault(struct rig_fault *fault)
{
    param_release(fault->type->params, fault->conf);
    free(fault->conf);
    free(fault->shared);
    for (int i = 0; i < RIG_CONNECTIONS_MAX; i++)
        free(fault->seats[i].memory);
}

void rig_destroy(struct rig *rig)
{
    for (int d = 0; d < DIRECTION_COUNT; d++) {
        struct rig_side *side = &rig->sides[d];

        chain_release(&side->chain);
        assert_int_equal(side->chain.held_bytes, 0);
        assert_int_equal(side->chain.held_count, 0);
        free(side->output);
    }
    assert_int_equal(rig->deadlines.reserved, 0);
    deadlines_release(&rig->deadlines);
    for (int i = 0; i < rig->fault_count; i++)
        release_fault(&rig->faults[i]);
    free(rig);
}

static void read_conf(struct rig_fault *fault, const char *words)
{
    struct param_layer layers[2];
    json_t *params = NULL;
    struct error err;

    fault->conf = calloc(1, fault->type->conf_size + 1);
    fault->shared = calloc(1, fault->type->shared_size + 1);
    assert_non_null(fault->conf);
    assert_non_null(fault->shared);
    assert_int_equal(param_words(words, NULL, 0, &params, &err), 0);
    layers[0] = (struct param_layer){fault->type->params, fault->conf};
    layers[1] = (struct param_layer){fault_common_params(), &fault->common};
    if (param_read_layers(layers, 2, params, fault->type->name, &err) != 0)
        fail_msg("%s", err.text);
    json_decref(params);
    /* A test that believed otherwise would test nothing. */
    assert_true(fault->common.after.kind != PARAM_DURATION);
    assert_int_equal(fault->common.on_ns, 0);
}

static void make_seats(struct rig *rig, struct rig_fault *fault, const struct rng *rng)
{
    for (int i = 0; i < RIG_CONNECTIONS_MAX; i++) {
        struct rig_seat *seat = &fault->seats[i];

        seat->memory = calloc(1, fault->type->connection_size + 1);
        assert_non_null(seat->memory);
        seat->event = (struct fault){.type = fault->type,
                                     .conf = fault->conf,
                                     .shared = fault->shared,
                                     .connection = seat->memory,
                                     .opened_ns = rig->opened_ns,
                                     .clock = &rig->clock.clock,
                                     .ask_ns = FAULT_FOREVER};
        rng_child(&seat->event.rng, rng, "connection=%d", i);
    }
}

int rig_add_type(struct rig *rig, const struct fault_type *type, const char *words)
{
    int index = rig->fault_count++;
    struct rig_fault *fault = &rig->faults[index];
    struct stage_options options = {.type = type,
                                    .opened_ns = rig->opened_ns,
                                    .order = (uint64_t)index + 1,
                                    .touched = &fault->touched,
                                    .delays = &fault->delays};

    assert_true(index < RIG_FAULTS_MAX);
    fault->type = type;
    read_conf(fault, words);
    rng_child(&options.rng, &rig->rng, "fault=%s#%d", type->name, index);
    make_seats(rig, fault, &options.rng);
    options.conf = fault->conf;
    options.shared = fault->shared;
    options.connection = fault->seats[0].memory;
    if (fault->common.after.kind == PARAM_BYTES)
        options.after_bytes = fault->common.after.bytes;
    for (enum direction d = TO_SERVER; d < DIRECTION_COUNT; d++) {
        if (rig->both ? !fault_acts_on(type, &fault->common, d) : d != TO_SERVER)
            continue;
        if (d == TO_CLIENT)
            rng_child(&options.rng, &rig->rng, "back fault=%s#%d", type->name, index);
        options.direction = d;
        fault->stages[d] = chain_add(&rig->sides[d].chain, &options);
        assert_non_null(fault->stages[d]);
    }
    return index;
}

int rig_add(struct rig *rig, const char *type, const char *words)
{
    const struct fault_type *found = fault_type_find(type);

    assert_non_null(found);
    return rig_add_type(rig, found, words);
}

void rig_heal(struct rig *rig, int index)
{
    for (int d = 0; d < DIRECTION_COUNT; d++) {
        struct stage *stage = rig->faults[index].stages[d];

        rig->faults[index].stages[d] = NULL;
        if (stage != NULL)
            chain_remove(&rig->sides[d].chain, stage);
    }
}

void rig_change(struct rig *rig, int index, const char *words)
{
    struct rig_fault *fault = &rig->faults[index];
    struct param_layer layers[2] = {{fault->type->params, fault->conf},
                                    {fault_common_params(), &fault->common}};
    json_t *params = NULL;

    assert_int_equal(param_words(words, NULL, 0, &params, NULL), 0);
    assert_int_equal(param_change_layers(layers, 2, params, fault->type->name, NULL), 0);
    json_decref(params);
    for (int d = 0; d < DIRECTION_COUNT; d++)
        if (fault->stages[d] != NULL)
            chain_change(&rig->sides[d].chain, fault->stages[d]);
}

static void push(struct rig *rig, enum direction to, struct chunk *chunk)
{
    struct rig_side *side = &rig->sides[to];

    assert_non_null(chunk);
    chunk->arrived_ns = clock_now(&rig->clock.clock);
    chunk->offset = side->pushed_bytes;
    side->pushed_bytes += chunk->size;
    chain_push(&side->chain, chunk);
}

void rig_push_bytes_to(struct rig *rig, enum direction to, const void *bytes, size_t size)
{
    push(rig, to, chunk_create(bytes, (uint32_t)size));
}

void rig_push_to(struct rig *rig, enum direction to, const char *text)
{
    rig_push_bytes_to(rig, to, text, strlen(text));
}

void rig_push_end_to(struct rig *rig, enum direction to, enum chunk_end how)
{
    push(rig, to, chunk_create_end(how));
}

void rig_push_bytes(struct rig *rig, const void *bytes, size_t size)
{
    rig_push_bytes_to(rig, TO_SERVER, bytes, size);
}

void rig_push(struct rig *rig, const char *text)
{
    rig_push_to(rig, TO_SERVER, text);
}

void rig_push_end(struct rig *rig, enum chunk_end how)
{
    rig_push_end_to(rig, TO_SERVER, how);
}

void rig_advance_us(struct rig *rig, uint64_t us)
{
    virtual_clock_advance(&rig->clock, us * NS_PER_US);
    deadlines_run(&rig->deadlines);
}

void rig_advance_ms(struct rig *rig, uint64_t ms)
{
    rig_advance_us(rig, ms * 1000);
}

const char *rig_output_to(const struct rig *rig, enum direction to)
{
    return rig->sides[to].output;
}

size_t rig_output_size_to(const struct rig *rig, enum direction to)
{
    return rig->sides[to].output_size;
}

const char *rig_output(const struct rig *rig)
{
    return rig_output_to(rig, TO_SERVER);
}

size_t rig_output_size(const struct rig *rig)
{
    return rig_output_size_to(rig, TO_SERVER);
}

const struct chain *rig_chain_to(const struct rig *rig, enum direction to)
{
    return &rig->sides[to].chain;
}

const struct chain *rig_chain(const struct rig *rig)
{
    return rig_chain_to(rig, TO_SERVER);
}

uint64_t rig_now_ns(const struct rig *rig)
{
    return clock_now(&rig->clock.clock);
}

uint64_t rig_touched(const struct rig *rig, int index)
{
    return rig->faults[index].touched;
}

const struct histogram *rig_delays(const struct rig *rig, int index)
{
    return &rig->faults[index].delays;
}

const struct histogram *rig_delay_errors(const struct rig *rig)
{
    return &rig->delay_errors;
}

/* Connection events */

static struct fault *event_of(struct rig *rig, int index)
{
    return &rig->faults[index].seats[rig->connection].event;
}

void rig_use_connection(struct rig *rig, int number)
{
    assert_in_range(number, 0, RIG_CONNECTIONS_MAX - 1);
    rig->connection = number;
    if (number == 0)
        return;
    for (int i = 0; i < rig->fault_count; i++)
        if (rig->faults[i].seats[number].event.opened_ns == rig->opened_ns)
            event_of(rig, i)->opened_ns = rig_now_ns(rig);
}

enum fault_answer rig_accept(struct rig *rig, int index)
{
    struct fault *event = event_of(rig, index);

    event->ask_ns = FAULT_FOREVER;
    return event->type->on_accept(event);
}

enum fault_answer rig_dial(struct rig *rig, int index)
{
    struct fault *event = event_of(rig, index);

    return event->type->on_dial(event);
}

enum fault_answer rig_open_connection(struct rig *rig, int index)
{
    struct fault *event = event_of(rig, index);

    return event->type->on_open(event);
}

void rig_close_connection(struct rig *rig, int index)
{
    struct fault *event = event_of(rig, index);

    event->type->on_close(event);
}

uint64_t rig_asked_in_ns(const struct rig *rig, int index)
{
    uint64_t ask_ns = rig->faults[index].seats[rig->connection].event.ask_ns;

    if (ask_ns == FAULT_FOREVER)
        return FAULT_FOREVER;
    return ask_ns > rig_now_ns(rig) ? ask_ns - rig_now_ns(rig) : 0;
}

int rig_check(const char *type, const char *words, struct error *err)
{
    json_t *params = NULL;
    int rc;

    assert_int_equal(param_words(words, NULL, 0, &params, NULL), 0);
    rc = fault_check(type, params, err);
    json_decref(params);
    return rc;
}
