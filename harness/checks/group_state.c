/* group_state: from what a group was asked, and what was done to it, to a few words. */
#include "harness/checks/group_state.h"

#include <stdio.h>

#include "harness/checks/calm.h"
#include "harness/checks/disturbances.h"
#include "proxy/base/clock.h"

bool group_is_stuck(const struct evidence *evidence, const struct cast *cast,
                    const struct audience_group *group)
{
    uint64_t since_ns;

    if (group->stuck_ns <= group->held_ns)
        return false;
    since_ns = calm_since(evidence, cast, group, group->stuck_ns);
    return since_ns <= group->stuck_ns &&
           (since_ns == 0 || group->stuck_ns - since_ns >= calm_patience_ns(cast, group));
}

bool group_has_ended(const struct evidence *evidence, const struct cast *cast,
                     const struct audience_group *group, char *text, size_t size)
{
    uint64_t over_ns = run_over_ns(evidence);
    uint64_t last_ns = 0;
    bool killed = true;
    int m;

    for (m = 0; m < group->member_count; m++) {
        const struct cast_client *client = cast_client(cast, group->members[m]);

        if (client == NULL || client->exited_ns == 0 || client->exited_ns >= over_ns)
            return false;
        killed = killed && client->killed;
        if (client->exited_ns > last_ns)
            last_ns = client->exited_ns;
    }
    snprintf(text, size, "%.120s %s at %.3f s and %s", group->name,
             killed ? "was killed" : "ended",
             (double)(last_ns - evidence_start_ns(evidence)) / NS_PER_S,
             killed ? "not restarted" : "was not started again");
    return group->member_count > 0;
}

const char *group_state(const struct evidence *evidence, const struct cast *cast,
                        const struct audience_group *group, char *text, size_t size)
{
    if (group_is_stuck(evidence, cast, group))
        snprintf(text, size, "stuck");
    else if (group->gone_ns > group->held_ns)
        snprintf(text, size, "its stream is gone");
    else if (group->held_ns > 0 && group->held_ns > group->undrained_ns)
        snprintf(text, size, "caught up");
    else if (!group_has_ended(evidence, cast, group, text, size))
        snprintf(text, size, "%s",
                 group->undrained_ns > 0 || group->stuck_ns > 0 ? "not caught up"
                                                                : "not asked");
    return text;
}
