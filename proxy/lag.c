/* lag: samples, and a report each second. */
#include "proxy/lag.h"

#include <assert.h>
#include <string.h>

#include "proxy/farewell.h"
#include "proxy/wire.h"

/* TICKS_PER_LOOK: ten thousand wires cost 2 ms to look at, so not at every tick. */
enum { SAMPLES_PER_REPORT = 50, SAMPLES_MAX = 5000, TICKS_PER_LOOK = 5 };

static const uint64_t INTERVAL_NS = 20ull * NS_PER_MS;

/* A check asks how often the plane was later than a tenth of what it asserts: steps of
 * about two are near enough to any tenth. */
static const struct {
    uint64_t ms;
    const char *name;
} limits[] = {{5, "over_5ms"},   {10, "over_10ms"},   {25, "over_25ms"},
              {50, "over_50ms"}, {100, "over_100ms"}, {250, "over_250ms"}};

enum { LIMITS = sizeof limits / sizeof limits[0] };
static_assert(LIMITS == sizeof((struct lag *)0)->over / sizeof(unsigned),
              "a count for each limit");

/* Counts only when there is something to say: the rule is written each second. */
static void report(struct lag *lag)
{
    struct proxy_event event = {.kind = PROXY_LAG, .a = lag->worst_ns, .b = lag->samples};
    json_t *detail = NULL;

    if (lag->over[0] > 0)
        detail = json_pack("{s:i}", "samples", (int)lag->samples);
    for (int i = 0; detail != NULL && i < LIMITS; i++)
        json_object_set_new(detail, limits[i].name, json_integer((int)lag->over[i]));
    engine_emit(lag->engine, &event, detail);
    lag->worst_ns = 0;
    lag->samples = 0;
    memset(lag->over, 0, sizeof lag->over);
}

static void sample(struct lag *lag, uint64_t late_ns)
{
    lag->samples++;
    histogram_add(&lag->engine->lag, late_ns);
    for (int i = 0; i < LIMITS; i++)
        lag->over[i] += late_ns > limits[i].ms * NS_PER_MS;
    if (late_ns > lag->worst_ns)
        lag->worst_ns = late_ns;
}

static void on_tick(struct deadline *own)
{
    struct lag *lag = (struct lag *)((char *)own - offsetof(struct lag, tick));
    uint64_t now_ns = clock_now(lag->engine->clock);

    /* A machine that slept for an hour need not be counted sample by sample. */
    for (int i = 0; i < SAMPLES_MAX && lag->due_ns <= now_ns; i++) {
        sample(lag, now_ns - lag->due_ns);
        lag->due_ns += INTERVAL_NS;
    }
    if (lag->due_ns <= now_ns)
        lag->due_ns = now_ns + INTERVAL_NS;
    if (lag->samples >= SAMPLES_PER_REPORT)
        report(lag);
    if (++lag->ticks % TICKS_PER_LOOK == 0)
        wires_check_deaf(lag->engine);
    farewells_check(lag->engine);
    /* Of what came due this tick itself does not count. */
    lag->engine->priority.due = lag->engine->deadlines.fired - ++lag->fired;
    priority_tick(&lag->engine->priority);
    deadline_set(&lag->engine->deadlines, &lag->tick, lag->due_ns);
}

int lag_start(struct lag *lag, struct engine *engine)
{
    *lag = (struct lag){.engine = engine};
    if (!deadline_init(&engine->deadlines, &lag->tick, on_tick))
        return E_NOMEM;
    lag->due_ns = clock_now(engine->clock) + INTERVAL_NS;
    deadline_set(&engine->deadlines, &lag->tick, lag->due_ns);
    return 0;
}

void lag_stop(struct lag *lag)
{
    deadline_release(&lag->engine->deadlines, &lag->tick);
}
