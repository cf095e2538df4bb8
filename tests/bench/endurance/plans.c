/* plans: every fault there is, with parameters so short that a connection lives through
 * it in some milliseconds. A fault that joins faults.def and not this table is told. */
#include "tests/bench/endurance/plans.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

static const struct plan plans[] = {
    {""},
    {"latency base=2ms jitter=1ms"},
    {"latency base=1ms on=5ms off=5ms"},
    {"throttle rate=2MB/s"},
    {"throttle rate=20MB/s per=link"},
    {"slice size=64 variation=32 delay=100us"},
    {"stall"},
    {"stall on=3ms off=3ms"},
    {"blackhole"},
    {"blackhole direction=to_client after=1KiB"},
    {"rto_stall loss=5% rto=2ms max=8ms"},
    {"corrupt rate=0.001"},
    {"limit bytes=32 with=close"},
    {"limit bytes=4KiB with=rst"},
    {"limit bytes=32 with=fin direction=to_server"},
    {"refuse"},
    {"refuse with=fin probability=0.5"},
    {"refuse port=closed on=5ms off=5ms"},
    {"reset wait=2ms"},
    {"reset trigger=data probability=0.5"},
    {"half_open gone=server"},
    {"half_open gone=client after=1ms"},
    {"slow_accept delay=3ms"},
    {"slow_close delay=3ms"},
    {"slow_close delay=3ms rst=true"},
    {"close_after time=3ms"},
    {"close_after time=3ms with=rst"},
    {"idle_kill idle=5ms"},
    {"idle_kill idle=5ms how=silent"},
    {"idle_kill idle=2ms how=rst_on_data"},
    {"max_connections max=8"},
    {"max_connections max=40 over=wait"},
    {"unreachable probability=0.5"},
    {"latency base=1ms + slice size=512 + corrupt rate=0.01 + reset wait=10ms "
     "probability=0.3"},
};

const struct plan *plan_at(int index)
{
    return index < (int)(sizeof plans / sizeof plans[0]) ? &plans[index] : NULL;
}

static bool has_plan(const char *name)
{
    size_t size = strlen(name);

    for (int i = 0; plan_at(i) != NULL; i++) {
        const char *words = plan_at(i)->words;

        if (strncmp(words, name, size) == 0 && strchr(" ", words[size]) != NULL)
            return true;
    }
    return false;
}

const char *plan_missing(void)
{
    static const char *const faults[] = {
#define FAULT(name) #name,
#include "proxy/faults/faults.def"
#undef FAULT
    };

    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++)
        if (!has_plan(faults[i]))
            return faults[i];
    return NULL;
}
