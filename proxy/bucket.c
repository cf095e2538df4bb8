/* bucket: earned minus spent, both counted from one base.
 *
 * earned = base + rate * (now - base_ns), in bytes with a fraction. Whenever it holds
 * more than it may, it is based anew at its bound; else nothing is ever rounded. */
#include "proxy/bucket.h"

#include <assert.h>
#include <math.h>

#include "proxy/base/clock.h"

/* More than three steps in one step's time would be seen as a burst. */
enum { PORTION_STEPS = 3 };

/* 99.99999999 bytes are 100: what doubles miss of a sum, and what the rate earns in a
 * fiftieth of a nanosecond. It is counted, not given away. */
static double rounding_of(const struct bucket *b)
{
    return b->rate * 2e-11 + (double)b->spent * 1e-15;
}

/* Far above it doubles begin to lose what differences must keep. */
static const uint64_t spent_max = 1ull << 32;

static double bytes_in(double rate, uint64_t ns)
{
    return rate * ((double)ns / NS_PER_S);
}

/* A step's worth and a byte: the slowest rates must fill it too, and who looks once a
 * step must find the fraction that the step before left. */
static double step_bytes(const struct bucket *b)
{
    return bytes_in(b->rate, BUCKET_STEP_NS) + 1.0;
}

static double depth_of(const struct bucket *b)
{
    return (double)b->burst + step_bytes(b);
}

/* What is in it, before any bound. */
static double content_of(const struct bucket *b, uint64_t now_ns)
{
    uint64_t passed_ns = now_ns > b->base_ns ? now_ns - b->base_ns : 0;

    return b->base + bytes_in(b->rate, passed_ns) - (double)b->spent;
}

static void set_base(struct bucket *b, double content, uint64_t now_ns)
{
    b->base_ns = now_ns;
    b->base = content;
    b->spent = 0;
}

/* Over the bound it does not fill. What is owed for late wakes is forgotten when nobody
 * fetches it. */
static double settle(struct bucket *b, uint64_t now_ns)
{
    double content = content_of(b, now_ns);
    double bound;

    if (now_ns > b->late_until_ns)
        b->late = 0.0;
    bound = depth_of(b) + b->late;
    if (content > bound)
        content = bound;
    else if (b->spent < spent_max)
        return content;
    set_base(b, content, now_ns);
    return content;
}

void bucket_set(struct bucket *b, double rate, uint64_t burst, uint64_t now_ns)
{
    double content = (double)burst;

    if (b->in_use && b->rate == rate && b->burst == burst)
        return;
    if (b->in_use)
        content = settle(b, now_ns);
    b->rate = rate;
    b->burst = burst;
    b->late = 0;
    b->in_use = true;
    set_base(b, content < depth_of(b) ? content : depth_of(b), now_ns);
}

uint64_t bucket_allows(struct bucket *b, uint64_t now_ns)
{
    double content;
    double portion;

    assert(b->in_use);
    if (b->rate <= 0.0)
        return 0;
    content = settle(b, now_ns);
    b->content = content;
    if (now_ns - b->step_ns >= BUCKET_STEP_NS) {
        b->step_ns = now_ns;
        b->in_step = 0;
    }
    portion = (double)b->burst + PORTION_STEPS * step_bytes(b) - (double)b->in_step;
    content = fmin(content, portion);
    return content > 0.0 ? (uint64_t)(content + rounding_of(b)) : 0;
}

/* What was owed and has been sent is owed no longer. */
void bucket_spend(struct bucket *b, uint64_t bytes)
{
    b->spent += bytes;
    b->in_step += bytes;
    b->content -= (double)bytes;
    b->late = fmax(0.0, fmin(b->late, b->content));
}

void bucket_note_late(struct bucket *b, uint64_t due_ns, uint64_t now_ns)
{
    uint64_t late_ns = now_ns > due_ns ? now_ns - due_ns : 0;
    double most = bytes_in(b->rate, BUCKET_LATE_NS_MAX);

    if (late_ns > BUCKET_LATE_NS_MAX)
        late_ns = BUCKET_LATE_NS_MAX;
    b->late = fmin(most, b->late + bytes_in(b->rate, late_ns));
    b->late_until_ns = now_ns + 2 * BUCKET_LATE_NS_MAX;
}

uint64_t bucket_when(const struct bucket *b, uint64_t bytes)
{
    double step = fmax(1.0, floor(bytes_in(b->rate, BUCKET_STEP_NS)));
    double wanted = fmin((double)bytes, step) + (double)b->spent - b->base;

    if (b->rate <= 0.0)
        return UINT64_MAX;
    if (wanted <= 0.0)
        return b->base_ns;
    /* Doubles miss a whole number by a hair: that must not add a nanosecond each time. */
    return b->base_ns + (uint64_t)ceil(wanted / b->rate * NS_PER_S - 0.01);
}
