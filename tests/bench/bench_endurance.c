/* bench_endurance: one hour compressed. Connections come and go through every fault in
 * turn, and memory and descriptors of the proxy stay flat.
 *
 *   bench_endurance [--connections N] [--rounds N] [--fault NAME]
 *                                    default 200000 connections in 5 rounds, all faults
 *
 * A round takes each plan once: add the fault to all links -> a share of the connections,
 * of six kinds -> heal -> wait until no connection is left on either side -> look at the
 * process. The first round is the warm-up: pools and tables reach their size. Flat means,
 * of what malloc has given out: it does not grow in every round by a byte for each
 * connection of a plan, and in all by no more than HEAP_GROWTH_MAX, for what grows once.
 * Memory grows by no more than PSS_GROWTH_MAX_KB, and the descriptors are as many as at
 * the start (those of the pool of pipes: no more than it may have). Exit code 1: not
 * flat, or a connection was left; 2: it could not be measured. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "proxy/base/clock.h"
#include "tests/bench/common/child.h"
#include "tests/bench/common/net.h"
#include "tests/bench/endurance/crowd.h"
#include "tests/bench/endurance/plans.h"
#include "tests/bench/endurance/subject.h"

enum {
    PLANS_MAX = 128,
    ROUNDS_MAX = 1000,
    DRAIN_MS = 10000,
    LEAK_SLACK_BYTES = 4096,
    HEAP_GROWTH_MAX = 512 * 1024,
    PSS_GROWTH_MAX_KB = 1024,
    POOL_FDS_MAX = 2 * 32, /* pipes come and go, but the pool has no more */
    EXIT_BROKEN = 2
};

struct row { /* of the table: one plan over all rounds */
    struct crowd_tally tally;
    double seconds;
    long heap_growth; /* after the warm-up, of all rounds */
    int fd_growth;
    unsigned left; /* connections that did not end */
};

struct run {
    struct subject subject;
    struct origin origins[SUBJECT_LINKS];
    struct row rows[PLANS_MAX];
    const char *only;
    uint64_t connections;
    int rounds;
    int plans;        /* that are wanted */
    long heap_steady; /* the least that the heap grew by in a round after the warm-up */
};

static bool is_wanted(const struct run *run, const struct plan *plan)
{
    return run->only == NULL || strncmp(plan->words, run->only, strlen(run->only)) == 0;
}

/* No connection is left on our links, nor at their origins. */
static bool drain(struct run *run, struct subject_state *state)
{
    const struct timespec step = {.tv_nsec = 2 * NS_PER_MS};

    for (int ms = 0;; ms += 2) {
        int open = 0;

        if (!subject_look(&run->subject, state))
            return false;
        for (int i = 0; i < SUBJECT_LINKS; i++)
            open += atomic_load(&run->origins[i].open);
        if ((state->open == 0 && open == 0) || ms >= DRAIN_MS) {
            state->open += (unsigned)open;
            return true;
        }
        nanosleep(&step, NULL);
    }
}

static bool live_through(struct run *run, int index, bool warm_up)
{
    struct row *row = &run->rows[index];
    uint64_t count = run->connections / (uint64_t)(run->plans * run->rounds) + 1;
    uint64_t begin_ns = clock_now(clock_real());
    struct subject_state before, after;

    if (!drain(run, &before) || !subject_disturb(&run->subject, plan_at(index)->words))
        return false;
    crowd_run(&row->tally, run->subject.ports, SUBJECT_LINKS, count);
    if (!subject_heal(&run->subject) || !drain(run, &after))
        return false;
    row->seconds += (double)(clock_now(clock_real()) - begin_ns) / NS_PER_S;
    row->left += after.open;
    if (!warm_up) {
        row->heap_growth += (long)after.heap_bytes - (long)before.heap_bytes;
        row->fd_growth += after.fds.others - before.fds.others;
    }
    return true;
}

static void print_rows(const struct run *run)
{
    printf("%-46s %8s %6s %6s %6s %6s %8s %7s %4s %5s\n", "fault", "conns", "ans %",
           "end %", "ref %", "sil %", "conns/s", "heap B", "fds", "left");
    for (int i = 0; plan_at(i) != NULL; i++) {
        const struct row *row = &run->rows[i];
        double all = (double)row->tally.connections / 100;

        if (row->tally.connections == 0)
            continue;
        printf("%-46.46s %8llu %6.1f %6.1f %6.1f %6.1f %8.0f %7ld %4d %5u\n",
               plan_at(i)->words[0] != '\0' ? plan_at(i)->words : "(none)",
               (unsigned long long)row->tally.connections,
               (double)row->tally.answered / all, (double)row->tally.ended / all,
               (double)row->tally.refused / all, (double)row->tally.silent / all,
               (double)row->tally.connections / row->seconds, row->heap_growth,
               row->fd_growth, row->left);
    }
}

static void print_state(const char *when, const struct subject_state *state)
{
    printf(
        "%-16s %9llu connections, heap %7llu B, memory %6.0f KB, %d descriptors and %d "
        "of pipes\n",
        when, (unsigned long long)state->accepted, (unsigned long long)state->heap_bytes,
        state->pss_kb, state->fds.others, state->fds.pipes);
    fflush(stdout);
}

/* One byte for each connection of one plan in a round: the least that malloc gives out is
 * many times that, so a leak that only one fault has is above it. */
static long leak_bytes(const struct run *run)
{
    return LEAK_SLACK_BYTES +
           (long)(run->connections / (uint64_t)(run->plans * run->rounds));
}

static bool judge(const struct run *run, const struct subject_state *start,
                  const struct subject_state *from, const struct subject_state *to)
{
    bool good = true;

    for (int i = 0; plan_at(i) != NULL; i++) {
        const struct row *row = &run->rows[i];

        if (row->tally.connections == 0)
            continue;
        if (row->left > 0)
            printf("%u connections were left after '%s'\n", row->left, plan_at(i)->words);
        good = good && row->left == 0;
    }
    if (run->heap_steady > leak_bytes(run)) {
        printf("the heap grew by %ld B or more in every round: a leak\n",
               run->heap_steady);
        good = false;
    }
    if ((long)to->heap_bytes - (long)from->heap_bytes > HEAP_GROWTH_MAX) {
        printf("the heap grew by %ld B\n", (long)to->heap_bytes - (long)from->heap_bytes);
        good = false;
    }
    if (to->heap_bytes == 0)
        printf("a sanitizer keeps the memory: not judged\n");
    else if (to->pss_kb - from->pss_kb > PSS_GROWTH_MAX_KB) {
        printf("memory grew by %.0f KB\n", to->pss_kb - from->pss_kb);
        good = false;
    }
    if (to->fds.others != start->fds.others ||
        to->fds.pipes > start->fds.pipes + POOL_FDS_MAX) {
        printf("descriptors went from %d to %d, those of pipes from %d to %d\n",
               start->fds.others, to->fds.others, start->fds.pipes, to->fds.pipes);
        good = false;
    }
    return good;
}

/* What grows once, a pool or a table, does not grow in every round: the least counts. */
static void note_round(struct run *run, int round, uint64_t before, uint64_t after)
{
    long growth = (long)after - (long)before;

    if (round == 1 || (round > 1 && growth < run->heap_steady))
        run->heap_steady = growth;
}

static int live(struct run *run)
{
    uint64_t begin_ns = clock_now(clock_real());
    struct subject_state start, warm, before, now;
    bool good;

    if (!subject_look(&run->subject, &start))
        return EXIT_BROKEN;
    warm = before = now = start;
    print_state("at the start", &start);

    for (int round = 0; round < run->rounds; round++) {
        char when[32];

        for (int i = 0; plan_at(i) != NULL; i++)
            if (is_wanted(run, plan_at(i)) && !live_through(run, i, round == 0)) {
                fprintf(stderr, "bench_endurance: at '%s'\n", plan_at(i)->words);
                return EXIT_BROKEN;
            }
        if (!subject_trim(&run->subject) || !subject_look(&run->subject, &now))
            return EXIT_BROKEN;
        note_round(run, round, before.heap_bytes, now.heap_bytes);
        before = now;
        if (round == 0)
            warm = now;
        snprintf(when, sizeof when, round == 0 ? "after warm-up" : "after round %d",
                 round + 1);
        print_state(when, &now);
    }
    print_rows(run);
    good = judge(run, &start, &warm, &now);
    printf("%s after %.0f s\n", good ? "flat" : "NOT FLAT",
           (double)(clock_now(clock_real()) - begin_ns) / NS_PER_S);
    return good ? 0 : 1;
}

static int read_options(struct run *run, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        char *end = "";

        if (i + 1 < argc && strcmp(argv[i], "--connections") == 0)
            run->connections = strtoull(argv[++i], &end, 10);
        else if (i + 1 < argc && strcmp(argv[i], "--rounds") == 0)
            run->rounds = (int)strtol(argv[++i], &end, 10);
        else if (i + 1 < argc && strcmp(argv[i], "--fault") == 0)
            run->only = argv[++i];
        else
            end = "?";
        if (*end != '\0' || run->rounds < 2 || run->rounds > ROUNDS_MAX ||
            run->connections == 0) {
            fprintf(stderr,
                    "bench_endurance: %s\nusage: bench_endurance [--connections "
                    "N] [--rounds 2..%d] [--fault NAME]\n",
                    argv[i], ROUNDS_MAX);
            return EXIT_BROKEN;
        }
    }
    for (int i = 0; plan_at(i) != NULL; i++)
        run->plans += is_wanted(run, plan_at(i));
    if (run->plans == 0)
        fprintf(stderr, "bench_endurance: no plan for '%s'\n", run->only);
    return run->plans > 0 ? 0 : EXIT_BROKEN;
}

int main(int argc, char **argv)
{
    static struct run run = {.connections = 200000, .rounds = 5};
    uint16_t ports[SUBJECT_LINKS];
    int code = read_options(&run, argc, argv);

    if (code != 0)
        return code;
    if (plan_missing() != NULL) {
        fprintf(stderr, "bench_endurance: the fault '%s' has no plan in plans.c\n",
                plan_missing());
        return EXIT_BROKEN;
    }
    raise_fd_limit();
    net_own_namespace(); /* so many connections shall not use up others' ports */
    code = subject_start(&run.subject);
    if (code != -1)
        return code;
    for (int i = 0; i < SUBJECT_LINKS; i++) {
        if (origin_start(&run.origins[i], crowd_echo, NULL) != 0) {
            fprintf(stderr, "bench_endurance: no origin: %s\n", strerror(errno));
            return EXIT_BROKEN;
        }
        ports[i] = run.origins[i].port;
    }
    code = subject_open(&run.subject, ports) ? live(&run) : EXIT_BROKEN;
    if (!subject_stop(&run.subject) && code == 0) {
        fprintf(stderr, "bench_endurance: the subject did not end as it should\n");
        code = EXIT_BROKEN;
    }
    for (int i = 0; i < SUBJECT_LINKS; i++)
        origin_stop(&run.origins[i]);
    return code;
}
