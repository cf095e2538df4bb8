/* turns: a fault begins after its time, rests, and comes back.
 *
 *   came -> (`after`, where no bytes count it) -> on -> rests -> on -> ... -> rests
 *
 * One deadline for each fault that needs it. Each turn: tell the observer, then act on
 * every live connection, then on the port, as when a fault comes or is healed; but seats
 * and draws stay. Turns are counted from the time at which the one before was due, so
 * that late ones do not add up. */
#include "proxy/turns.h"

#include "proxy/link_faults.h"

static void on_turn(struct deadline *own);

uint64_t turns_later(uint64_t now_ns, uint64_t ns)
{
    return ns < UINT64_MAX - now_ns ? now_ns + ns : UINT64_MAX;
}

/* On connections it counts for itself, where it acts on bytes: seats.c. */
static uint64_t after_ns(const struct link_fault *fault)
{
    const struct param_value *after = &fault->common.after;

    if (fault_has_bytes(fault->type) || after->kind != PARAM_DURATION)
        return 0;
    return after->ns;
}

static bool alternates(const struct link_fault *fault)
{
    return fault->common.on_ns > 0;
}

bool turns_acts(const struct link_fault *fault)
{
    return fault->begun && !fault->resting;
}

bool turns_has_rests(const struct link_fault *fault)
{
    return alternates(fault) || after_ns(fault) > 0;
}

/* The next turn is due `ns` from `from_ns`. */
static void turn_in(struct link_fault *fault, uint64_t from_ns, uint64_t ns)
{
    fault->turn_ns = turns_later(from_ns, ns);
    deadline_set(&fault->link->engine->deadlines, &fault->turn, fault->turn_ns);
}

/* On, for the first time; rests follow when it alternates. */
static void begin(struct link_fault *fault, uint64_t now_ns)
{
    fault->begun = true;
    fault->resting = false;
    fault->turns = 1;
    if (alternates(fault))
        turn_in(fault, now_ns, fault->common.on_ns);
    else
        deadline_clear(&fault->link->engine->deadlines, &fault->turn);
}

static void start(struct link_fault *fault)
{
    uint64_t now_ns = clock_now(fault->link->engine->clock);

    if (after_ns(fault) == 0)
        begin(fault, now_ns);
    else
        turn_in(fault, now_ns, after_ns(fault));
}

bool turns_start(struct link_fault *fault)
{
    if (!deadline_init(&fault->link->engine->deadlines, &fault->turn, on_turn))
        return false;
    start(fault);
    return true;
}

bool turns_is_same_after(const struct fault_common *a, const struct fault_common *b)
{
    return a->after.kind == b->after.kind &&
           (a->after.kind == 0 || a->after.bytes == b->after.bytes);
}

static bool is_same_rhythm(const struct fault_common *a, const struct fault_common *b)
{
    return a->on_ns == b->on_ns && a->off_ns == b->off_ns && a->times == b->times;
}

/* What has begun stays begun. */
void turns_change(struct link_fault *fault, const struct fault_common *before)
{
    if (!fault->begun) {
        if (!turns_is_same_after(before, &fault->common))
            start(fault);
    } else if (!is_same_rhythm(before, &fault->common)) {
        begin(fault, clock_now(fault->link->engine->clock));
    }
}

void turns_stop(struct link_fault *fault)
{
    deadline_release(&fault->link->engine->deadlines, &fault->turn);
}

/* Over to the other state, from the time at which that was due. After the last time it
 * rests for good. */
static void turn_over(struct link_fault *fault)
{
    const struct fault_common *common = &fault->common;
    bool is_last = common->times > 0 && fault->turns >= common->times;

    fault->resting = !fault->resting;
    fault->turns += !fault->resting;
    if (fault->resting && is_last)
        return;
    turn_in(fault, fault->turn_ns, fault->resting ? common->off_ns : common->on_ns);
}

static void on_turn(struct deadline *own)
{
    struct link_fault *fault =
        (struct link_fault *)((char *)own - offsetof(struct link_fault, turn));

    if (fault->begun)
        turn_over(fault);
    else
        begin(fault, fault->turn_ns);
    link_fault_turned(fault);
}
