/* words: one way to say a time in all verdicts. */
#include "harness/checks/words.h"

#include <math.h>
#include <stdio.h>

#include "proxy/base/clock.h"

const char *ms_text(double ms, char *text, size_t size)
{
    /* What rounds up to the next unit is said in it: 999.7 ms are 1 s. */
    if (fabs(ms) >= 999500)
        snprintf(text, size, "%.0f s", ms / 1000);
    else if (fabs(ms) >= 999.5)
        snprintf(text, size, "%.3g s", ms / 1000);
    else if (fabs(ms) >= 0.01)
        snprintf(text, size, "%.3g ms", ms);
    else
        snprintf(text, size, "0 ms");
    return text;
}

const char *ns_text(uint64_t ns, char *text, size_t size)
{
    return ms_text((double)ns / NS_PER_MS, text, size);
}
