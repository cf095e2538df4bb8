/* rig: builds stages the way a link does, but turns the clock by hand. */
#include "rig.h"

#include <stdlib.h>
#include <string.h>

#include "proxy/plane.h"

struct rig_fault {
    const struct fault_type *type;
    void *conf;
    struct fault_common common;
    struct stage *stage;
    struct fault event;
    uint64_t touched;
};

struct rig {
    struct virtual_clock clock;
    struct deadlines deadlines;
    struct chain chain;
    struct rng rng;
    struct rig_fault faults[RIG_FAULTS_MAX];
    int fault_count;
    uint64_t pushed_bytes;
    char *output;
    size_t output_size;
    size_t output_capacity;
};

static void append(struct rig *rig, const void *bytes, size_t size)
{
    if (rig->output_size + size + 1 > rig->output_capacity) {
        rig->output_capacity = (rig->output_size + size + 1) * 2;
        rig->output = realloc(rig->output, rig->output_capacity);
        assert_non_null(rig->output);
    }
    memcpy(rig->output + rig->output_size, bytes, size);
    rig->output_size += size;
    rig->output[rig->output_size] = '\0';
}

static void on_deliver(void *arg, struct chunk *chunk)
{
    struct rig *rig = arg;

    assert_non_null(chunk);
    if (chunk->end == CHUNK_FIN)
        append(rig, "<FIN>", 5);
    else if (chunk->end == CHUNK_RST)
        append(rig, "<RST>", 5);
    else
        append(rig, chunk->data, chunk->size);
    chunk_destroy(chunk);
}

struct rig *rig_create(const char *type, const char *words)
{
    struct rig *rig = calloc(1, sizeof *rig);

    assert_non_null(rig);
    virtual_clock_init(&rig->clock, NS_PER_S);
    deadlines_init(&rig->deadlines, &rig->clock.clock);
    chain_init(&rig->chain, &rig->deadlines, on_deliver, rig);
    rng_init(&rig->rng, 7);
    append(rig, "", 0);
    if (type != NULL)
        rig_add(rig, type, words);
    return rig;
}

void rig_destroy(struct rig *rig)
{
    chain_release(&rig->chain);
    assert_int_equal(rig->chain.held_bytes, 0);
    assert_int_equal(rig->chain.held_count, 0);
    assert_int_equal(rig->deadlines.reserved, 0);
    deadlines_release(&rig->deadlines);
    for (int i = 0; i < rig->fault_count; i++) {
        param_release(rig->faults[i].type->params, rig->faults[i].conf);
        free(rig->faults[i].conf);
    }
    free(rig->output);
    free(rig);
}

int rig_add_type(struct rig *rig, const struct fault_type *type, const char *words)
{
    int index = rig->fault_count++;
    struct rig_fault *fault = &rig->faults[index];
    struct param_layer layers[2];
    struct stage_options options = {
        .type = type, .order = (uint64_t)index + 1, .touched = &fault->touched};
    json_t *params = NULL;
    struct error err;

    assert_true(index < RIG_FAULTS_MAX);
    fault->type = type;
    fault->conf = calloc(1, type->conf_size + 1);
    assert_non_null(fault->conf);
    assert_int_equal(param_words(words, NULL, 0, &params, &err), 0);
    layers[0] = (struct param_layer){type->params, fault->conf};
    layers[1] = (struct param_layer){fault_common_params(), &fault->common};
    if (param_read_layers(layers, 2, params, type->name, &err) != 0)
        fail_msg("%s", err.text);
    json_decref(params);
    options.conf = fault->conf;
    rng_child(&options.rng, &rig->rng, "fault=%s#%d", type->name, index);
    fault->event = (struct fault){.type = type,
                                  .conf = fault->conf,
                                  .rng = options.rng,
                                  .clock = &rig->clock.clock};
    fault->stage = chain_add(&rig->chain, &options);
    assert_non_null(fault->stage);
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
    struct stage *stage = rig->faults[index].stage;

    rig->faults[index].stage = NULL;
    chain_remove(&rig->chain, stage);
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
    chain_change(&rig->chain, fault->stage);
}

void rig_push_bytes(struct rig *rig, const void *bytes, size_t size)
{
    struct chunk *chunk = chunk_create(bytes, (uint32_t)size);

    assert_non_null(chunk);
    chunk->arrived_ns = clock_now(&rig->clock.clock);
    chunk->offset = rig->pushed_bytes;
    rig->pushed_bytes += size;
    chain_push(&rig->chain, chunk);
}

void rig_push(struct rig *rig, const char *text)
{
    rig_push_bytes(rig, text, strlen(text));
}

void rig_push_end(struct rig *rig, enum chunk_end how)
{
    struct chunk *chunk = chunk_create_end(how);

    assert_non_null(chunk);
    chunk->arrived_ns = clock_now(&rig->clock.clock);
    chunk->offset = rig->pushed_bytes;
    chain_push(&rig->chain, chunk);
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

const char *rig_output(const struct rig *rig)
{
    return rig->output;
}

size_t rig_output_size(const struct rig *rig)
{
    return rig->output_size;
}

const struct chain *rig_chain(const struct rig *rig)
{
    return &rig->chain;
}

uint64_t rig_touched(const struct rig *rig, int index)
{
    return rig->faults[index].touched;
}

enum fault_answer rig_accept(struct rig *rig, int index)
{
    struct rig_fault *fault = &rig->faults[index];

    return fault->type->on_accept(&fault->event);
}

enum fault_answer rig_open_connection(struct rig *rig, int index)
{
    struct rig_fault *fault = &rig->faults[index];

    return fault->type->on_open(&fault->event);
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
