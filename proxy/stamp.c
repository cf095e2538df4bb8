/* stamp: SO_TIMESTAMPNS, and an offset between two clocks that is measured at each read.
 *
 * The offset is measured as wall - now, with the wall clock read first: a pause between
 * the two readings makes it too small, and an arrival (stamp - offset) too late. So the
 * largest measured is the best. A measured one above it is a better one, or the wall
 * clock was set forward: stamps from before may then be too small, and are not trusted.
 * One far below it: the wall clock was set back. */
#include "proxy/stamp.h"

#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "proxy/base/clock.h"

static const uint64_t AGE_NS_MAX = NS_PER_S;
static const uint64_t STEP_BACK_NS = NS_PER_MS;
static const uint64_t BETTER_NS_MAX = 2ull * NS_PER_US;

/* Differences of offsets are signed: the wall clock may be before the monotonic one. */
static void measure(struct stamps *stamps, uint64_t wall_ns, uint64_t now_ns)
{
    uint64_t offset_ns = wall_ns - now_ns;
    int64_t change_ns = (int64_t)(offset_ns - stamps->offset_ns);

    if (stamps->offset_ns == 0) {
        stamps->offset_ns = offset_ns;
    } else if (change_ns > 0) {
        /* A step this small costs no more than our own wake-up does. */
        if (change_ns > (int64_t)BETTER_NS_MAX)
            stamps->trusted_ns = wall_ns;
        stamps->offset_ns = offset_ns;
    } else if (change_ns < -(int64_t)STEP_BACK_NS) {
        stamps->offset_ns = offset_ns;
    }
}

uint64_t stamp_arrival_ns(struct stamps *stamps, uint64_t stamp_ns, uint64_t wall_ns,
                          uint64_t now_ns)
{
    uint64_t arrived_ns;

    measure(stamps, wall_ns, now_ns);
    if (stamp_ns == 0 || stamp_ns < stamps->trusted_ns || stamp_ns > wall_ns)
        return now_ns;
    arrived_ns = stamp_ns - stamps->offset_ns;
    if (arrived_ns > now_ns)
        return now_ns;
    return now_ns - arrived_ns > AGE_NS_MAX ? now_ns - AGE_NS_MAX : arrived_ns;
}

void stamp_enable(int fd)
{
    int on = 1;

    /* TCP gives the stamp of the last segment that a read took from. */
    setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on);
}

uint64_t stamp_of_message(struct msghdr *message)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c != NULL;
         c = CMSG_NXTHDR(message, c)) {
        struct timespec at;

        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_TIMESTAMPNS)
            continue;
        memcpy(&at, CMSG_DATA(c), sizeof at);
        return (uint64_t)at.tv_sec * NS_PER_S + (uint64_t)at.tv_nsec;
    }
    return 0;
}
