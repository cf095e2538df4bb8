/* bench_evidence: how fast records are appended, and how long one append can take.
 *
 *   bench_evidence [RECORDS] [ROUNDS] [FOLDER] [LOOPS]      default 10000000 5 /tmp 0
 *
 * Each round alone, and beside a process that writes and fdatasyncs as fast as it can:
 * flat out without looking at the clock (rate), flat out with a look around every append
 * (worst append), then paced at 10 million a second, which leaves the cores some room.
 * The same paced loop without an append says what the machine itself takes away (other
 * programs, on few cores); a worst append near that is as good as it gets there, and
 * "not preempted" leaves out each thousand of appends in which another thread took the
 * core; a wait is one in which the thread gave its core up itself. LOOPS endless loops
 * run beside everything: with one per core the scheduler decides how long an append
 * takes, and only "not preempted", the waits and the CPU time say something of ours.
 * Goals: 10 million appends a second, no paced append above 10 ms. Exit code 1 when a
 * median misses. */
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "harness/evidence/evidence.h"
#include "harness/evidence/writer.h"

enum {
    PACE_NS = 100,
    BATCH_RECORDS = 1000,
    ROUNDS_MAX = 99,
    LOOPS_MAX = 64,
    BUSY_BYTES = 1 << 20,
    BUSY_BLOCKS = 512
};

static const double RATE_GOAL = 10e6, WORST_GOAL_MS = 10;

struct bench {
    uint64_t records;
    int rounds;
    const char *root;
    int loops;
    char folder[300];
};

struct round {
    double rate;     /* appends a second */
    double cpu_ns;   /* of the appending thread, per append */
    double worst_ms; /* of one append, flat out */
    double paced_ms; /* of one append, at PACE_NS each */
    double own_ms;   /* the same, where no other thread took our core meanwhile */
    double noise_ms; /* of the paced loop without an append */
    double moved;    /* bytes a second, from the first append to all being home */
    double lost;
    double read_ms; /* opening the evidence */
    double walk_ns; /* per record, second walk */
    double faults;  /* page faults of the paced loop: 0 while the stocker keeps up */
    double waits;   /* times it gave up its core */
};

static uint64_t now_ns(void)
{
    return clock_now(clock_real());
}

static uint64_t cpu_ns(void)
{
    struct timespec used;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
    return (uint64_t)used.tv_sec * NS_PER_S + (uint64_t)used.tv_nsec;
}

static int remove_entry(const char *path, const struct stat *st, int type,
                        struct FTW *where)
{
    (void)st, (void)type, (void)where;
    return remove(path);
}

static void die(const char *what)
{
    perror(what);
    _exit(2);
}

/* Keep the disk busy until killed, or until the parent is gone. */
static pid_t start_busy(const struct bench *bench)
{
    static char block[BUSY_BYTES];
    char path[320];
    pid_t pid = fork();
    int fd;

    if (pid != 0)
        return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    snprintf(path, sizeof path, "%s/busy", bench->root);
    fd = open(path, O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, 0600);
    if (fd == -1)
        die(path);
    unlink(path);
    for (unsigned i = 0;; i++) {
        if (pwrite(fd, block, sizeof block, (off_t)(i % BUSY_BLOCKS) * BUSY_BYTES) < 0)
            die(path);
        if (i % 8 == 7)
            fdatasync(fd);
    }
}

static pid_t start_loop(void)
{
    pid_t pid = fork();

    if (pid != 0)
        return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (volatile unsigned i = 0;; i++)
        ;
}

static void stop_busy(pid_t pid)
{
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

static void append_rate(const struct bench *bench, struct writer *writer,
                        struct round *round)
{
    struct record record = {.kind = RECORD_attempted, .message = {.client = 1}};
    uint64_t start = now_ns(), cpu = cpu_ns();

    for (uint64_t i = 0; i < bench->records; i++) {
        record.message.number = i;
        record.time_ns = start + i;
        writer_append(writer, &record);
    }
    round->rate = (double)bench->records * 1e9 / (double)(now_ns() - start);
    round->cpu_ns = (double)(cpu_ns() - cpu) / (double)bench->records;
}

static struct rusage usage_now(void)
{
    struct rusage usage;

    getrusage(RUSAGE_THREAD, &usage);
    return usage;
}

/* How often the core was taken from this thread. */
static long preemptions(void)
{
    return usage_now().ru_nivcsw;
}

struct worst {
    double any_ms;
    double own_ms; /* in batches without a preemption */
    double faults;
    double waits;
};

/* The worst time that one append took; `writer` NULL: that an empty loop took. `pace_ns`
 * 0: flat out. */
static struct worst append_worst(const struct bench *bench, struct writer *writer,
                                 uint64_t pace_ns)
{
    struct record record = {.kind = RECORD_attempted, .message = {.client = 1}};
    uint64_t any = 0, own = 0, start = now_ns();
    struct rusage usage = usage_now();

    for (uint64_t i = 0; i < bench->records;) {
        long taken = preemptions();
        uint64_t batch = 0, before = now_ns();

        while (before < start + i * pace_ns)
            before = now_ns();
        for (int n = 0; n < BATCH_RECORDS; n++) {
            uint64_t after;

            record.message.number = i++;
            record.time_ns = before;
            if (writer != NULL)
                writer_append(writer, &record);
            after = now_ns();
            if (after - before > batch)
                batch = after - before;
            before = after;
        }
        any = batch > any ? batch : any;
        own = batch > own && preemptions() == taken ? batch : own;
    }
    return (struct worst){.any_ms = (double)any / 1e6,
                          .own_ms = (double)own / 1e6,
                          .faults = (double)(usage_now().ru_minflt - usage.ru_minflt),
                          .waits = (double)(usage_now().ru_nvcsw - usage.ru_nvcsw)};
}

static void measure_reading(const struct bench *bench, struct round *round)
{
    struct evidence *evidence;
    struct evidence_walk walk;
    const struct record *record;
    uint64_t start = now_ns(), sum = 0;

    if (evidence_open(&evidence, bench->folder, NULL) != 0)
        die("read");
    round->read_ms = (double)(now_ns() - start) / 1e6;
    start = now_ns();
    evidence_walk(&walk, evidence, 0);
    while ((record = evidence_walk_next(&walk)) != NULL)
        sum += record->message.number;
    round->walk_ns = (double)(now_ns() - start) / (double)bench->records;
    if (sum == 0)
        die("sum");
    evidence_close(evidence);
}

enum way { FLAT_OUT, FLAT_OUT_TIMED, PACED };

/* One home with one writer. */
static void run_home(const struct bench *bench, struct round *round, enum way way)
{
    struct evidence_home_options options = {.folder = bench->folder};
    struct evidence_home *home;
    struct writer *writer;
    struct worst worst = {.any_ms = 0};
    struct error err;
    uint64_t start;

    if (evidence_home_create(&home, &options, &err) != 0 ||
        writer_open(&writer, home, "bench", 1, 0, &err) != 0) {
        fprintf(stderr, "%s\n", err.text);
        _exit(2);
    }
    start = now_ns();
    if (way == FLAT_OUT)
        append_rate(bench, writer, round);
    else if (way == FLAT_OUT_TIMED)
        round->worst_ms = append_worst(bench, writer, 0).any_ms;
    else
        worst = append_worst(bench, writer, PACE_NS);
    round->lost += (double)writer_lost(writer);
    writer_close(writer);
    evidence_home_close(home);
    if (way == PACED) {
        round->paced_ms = worst.any_ms;
        round->own_ms = worst.own_ms;
        round->faults = worst.faults;
        round->waits = worst.waits;
    }
    if (way == FLAT_OUT) {
        round->moved = (double)(bench->records * sizeof(struct record)) * 1e9 /
                       (double)(now_ns() - start);
        measure_reading(bench, round);
    }
    evidence_collect(bench->folder, NULL);
    nftw(bench->folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

static void run_round(const struct bench *bench, struct round *round, bool busy)
{
    pid_t pid = busy ? start_busy(bench) : 0;

    *round = (struct round){.lost = 0};
    run_home(bench, round, FLAT_OUT);
    run_home(bench, round, FLAT_OUT_TIMED);
    run_home(bench, round, PACED);
    round->noise_ms = append_worst(bench, NULL, PACE_NS).any_ms;
    if (busy)
        stop_busy(pid);
}

static int by_size(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;

    return left < right ? -1 : left > right;
}

/* Median of the field at `offset`; `extreme`: its largest too. */
static double median(const struct round *rounds, int count, size_t offset,
                     double *extreme)
{
    double values[ROUNDS_MAX];

    for (int i = 0; i < count; i++)
        memcpy(&values[i], (const char *)&rounds[i] + offset, sizeof values[i]);
    qsort(values, (size_t)count, sizeof values[0], by_size);
    *extreme = values[count - 1];
    return values[count / 2];
}

static bool report(const char *title, const struct round *rounds, int count)
{
    double most, rate, worst;

    printf("%s (median of %d rounds, largest in brackets)\n", title, count);
#define FIELD(field) median(rounds, count, offsetof(struct round, field), &most)
    rate = FIELD(rate);
    printf("  appends/s            %12.0f  [%.0f]\n", rate, most);
    printf("  CPU, ns/append       %12.1f", FIELD(cpu_ns));
    printf("  [%.1f]\n", most);
    printf("  worst, flat out, ms  %12.3f", FIELD(worst_ms));
    printf("  [%.3f]\n", most);
    worst = FIELD(paced_ms);
    printf("  worst at 10 M/s, ms  %12.3f  [%.3f]\n", worst, most);
    printf("   .. not preempted    %12.3f", FIELD(own_ms));
    printf("  [%.3f]\n", most);
    printf("  worst empty loop, ms %12.3f", FIELD(noise_ms));
    printf("  [%.3f]\n", most);
    printf("  moved home, MB/s     %12.0f", FIELD(moved) / 1e6);
    printf("  [%.0f]\n", most / 1e6);
    printf("  records lost         %12.0f", FIELD(lost));
    printf("  [%.0f]\n", most);
    printf("  open evidence, ms    %12.1f", FIELD(read_ms));
    printf("  [%.1f]\n", most);
    printf("  walk, ns/record      %12.2f", FIELD(walk_ns));
    printf("  [%.2f]\n", most);
    printf("  page faults, writer  %12.0f", FIELD(faults));
    printf("  [%.0f]\n", most);
    printf("  waits, writer        %12.0f", FIELD(waits));
    printf("  [%.0f]\n", most);
#undef FIELD
    return rate >= RATE_GOAL && worst < WORST_GOAL_MS;
}

int main(int argc, char **argv)
{
    struct bench bench = {.records = 10000000, .rounds = 5, .root = "/tmp"};
    struct round alone[ROUNDS_MAX], beside[ROUNDS_MAX];
    pid_t loops[LOOPS_MAX];
    bool good;

    if (argc > 1)
        bench.records = strtoull(argv[1], NULL, 10);
    if (argc > 2)
        bench.rounds = (int)strtol(argv[2], NULL, 10);
    if (argc > 3)
        bench.root = argv[3];
    if (argc > 4)
        bench.loops = (int)strtol(argv[4], NULL, 10);
    if (bench.records == 0 || bench.rounds < 1 || bench.rounds > ROUNDS_MAX) {
        fprintf(stderr,
                "usage: bench_evidence [RECORDS] [ROUNDS 1..99] [FOLDER] [LOOPS]\n");
        return 2;
    }
    snprintf(bench.folder, sizeof bench.folder, "%s/stormdrill-bench-%ld", bench.root,
             (long)getpid());
    for (int i = 0; i < bench.loops && i < LOOPS_MAX; i++)
        loops[i] = start_loop();
    for (int i = 0; i < bench.rounds; i++) {
        run_round(&bench, &alone[i], false);
        run_round(&bench, &beside[i], true);
    }
    for (int i = 0; i < bench.loops && i < LOOPS_MAX; i++)
        stop_busy(loops[i]);
    good = report("alone", alone, bench.rounds);
    good =
        report("beside a writer that keeps the disk busy", beside, bench.rounds) && good;
    printf("goals: %.0f appends/s or more, worst append under %.0f ms: %s\n", RATE_GOAL,
           WORST_GOAL_MS, good ? "met" : "MISSED");
    return good ? 0 : 1;
}
