/* bench_checks: how long does at_least_once need for ten million messages?
 *
 *   bench_checks [FOLDER] [MESSAGES]
 *
 * Makes evidence through the real writer (attempted, acknowledged, received, processed,
 * acked: five records a message) in FOLDER, default /dev/shm, judges it five times and
 * removes it. Prints the warm time and what is resident beside the mapped evidence,
 * against the goals: 1 s, 200 MB. Exit 1 when a goal is missed. */
#include <ftw.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "harness/checks/check.h"
#include "harness/evidence/writer.h"
#include "proxy/base/clock.h"

enum { ROUNDS = 5, GOAL_MS = 1000, GOAL_MB = 200, PUBLISHER = 1, CONSUMER = 2 };

static int fail(const char *what, const struct error *err)
{
    fprintf(stderr, "bench_checks: %s: %s\n", what, err->text);
    return 1;
}

static int remove_one(const char *path, const struct stat *stat, int kind,
                      struct FTW *where)
{
    (void)stat;
    (void)kind;
    (void)where;
    return remove(path);
}

static void add_client(struct writer *writer, uint32_t client, const char *name,
                       const char *workload)
{
    json_t *detail =
        json_pack("{s:s, s:s, s:{s:s, s:s, s:s}}", "name", name, "workload", workload,
                  "conf", "stream", "ORDERS", "durable", "worker", "wait_for_ack", "2s");

    writer_append(writer, &(struct record){.kind = RECORD_client_start,
                                           .message.client = client,
                                           .a = client,
                                           .detail = writer_detail(writer, detail)});
    json_decref(detail);
}

static void add_message(struct writer *writer, unsigned kind, uint64_t number)
{
    writer_append(writer,
                  &(struct record){.kind = (uint16_t)kind,
                                   .message = {.client = PUBLISHER, .number = number},
                                   .a = number + 1});
}

static int write_messages(struct evidence_home *home, uint64_t messages,
                          struct error *err)
{
    struct timespec nap = {.tv_nsec = 10 * NS_PER_MS};
    struct writer *publisher;
    struct writer *consumer;
    uint64_t i;
    int rc = writer_open(&publisher, home, "c1.0.load", PUBLISHER, 0, err);

    if (rc == 0)
        rc = writer_open(&consumer, home, "c2.0.load", CONSUMER, 0, err);
    if (rc != 0)
        return rc;
    for (i = 0; i < messages; i++) {
        /* A writer never waits for room; whoever writes in a loop leaves it some time. */
        if (i % 16384 == 0)
            nanosleep(&nap, NULL);
        add_message(publisher, RECORD_attempted, i);
        add_message(publisher, RECORD_acknowledged, i);
        add_message(consumer, RECORD_received, i);
        add_message(consumer, RECORD_processed, i);
        add_message(consumer, RECORD_acked, i);
    }
    if (writer_lost(publisher) + writer_lost(consumer) > 0)
        rc = error_set(err, E_NOSPACE, "not enough room for the evidence");
    writer_close(publisher);
    writer_close(consumer);
    return rc;
}

static int write_evidence(const char *folder, uint64_t messages, struct error *err)
{
    struct evidence_home_options options = {.folder = folder};
    struct evidence_home *home;
    struct writer *writer;
    int rc = evidence_home_create(&home, &options, err);

    if (rc == 0)
        rc = writer_open(&writer, home, "main", 0, 0, err);
    if (rc != 0)
        return rc;
    add_client(writer, PUBLISHER, "producer", "publisher");
    add_client(writer, CONSUMER, "worker", "consumer");
    rc = write_messages(home, messages, err);
    writer_append(writer, &(struct record){.kind = RECORD_drained,
                                           .message.client = PUBLISHER,
                                           .a = PUBLISHER,
                                           .flags = EVIDENCE_HELD});
    writer_append(writer, &(struct record){.kind = RECORD_caught_up,
                                           .message.client = CONSUMER,
                                           .a = CONSUMER,
                                           .flags = EVIDENCE_HELD});
    writer_close(writer);
    evidence_home_close(home);
    return rc == 0 ? evidence_collect(folder, err) : rc;
}

/* "RssAnon" is what we allocated, "VmHWM" would count the evidence too. */
static long anonymous_kb(void)
{
    FILE *file = fopen("/proc/self/status", "r");
    char line[256];
    long kb = 0;

    while (file != NULL && fgets(line, sizeof line, file) != NULL)
        if (sscanf(line, "RssAnon: %ld kB", &kb) == 1)
            break;
    if (file != NULL)
        fclose(file);
    return kb;
}

struct watch { /* samples our own memory while the check runs: it frees all it takes */
    pthread_t thread;
    _Atomic bool over;
    long most_kb;
};

static void *watch_memory(void *arg)
{
    struct watch *watch = arg;
    struct timespec nap = {.tv_nsec = 5 * NS_PER_MS};

    while (!watch->over) {
        long kb = anonymous_kb();

        watch->most_kb = kb > watch->most_kb ? kb : watch->most_kb;
        nanosleep(&nap, NULL);
    }
    return NULL;
}

static double judge_once(const struct check *check, const struct evidence *evidence,
                         const struct cast *cast, struct verdict *verdict)
{
    uint64_t begin_ns = clock_now(clock_real());

    check_judge(check, evidence, cast, verdict);
    return (double)(clock_now(clock_real()) - begin_ns) / NS_PER_MS;
}

static int measure(const char *folder, uint64_t messages, struct error *err)
{
    double best_ms = 1e12;
    double last_ms = 0;
    struct evidence *evidence;
    struct cast *cast;
    struct check *check;
    struct verdict verdict;
    struct watch watch = {.over = false};
    long before_kb;
    long beside_mb;
    int i;

    if (evidence_open(&evidence, folder, err) != 0)
        return fail("open", err);
    if (cast_create(&cast, evidence, err) != 0 ||
        check_create(&check, "at_least_once", NULL, "bench", err) != 0)
        return fail("prepare", err);
    before_kb = anonymous_kb();
    if (pthread_create(&watch.thread, NULL, watch_memory, &watch) != 0)
        return fail("watch", err);
    for (i = 0; i < ROUNDS; i++) {
        clock_t cpu = clock();

        last_ms = judge_once(check, evidence, cast, &verdict);
        best_ms = last_ms < best_ms ? last_ms : best_ms;
        printf("round %d: %.0f ms (%.0f ms of CPU), %s: %s\n", i + 1, last_ms,
               (double)(clock() - cpu) * 1000 / CLOCKS_PER_SEC,
               verdict_value_name(verdict.value), verdict.text);
        if (i + 1 < ROUNDS)
            verdict_release(&verdict);
    }
    watch.over = true;
    pthread_join(watch.thread, NULL);
    beside_mb = (watch.most_kb - before_kb) / 1024;
    printf("%llu messages, %llu records: best of %d %.0f ms (goal %d ms), beside the "
           "evidence %ld MB (goal %d MB)\n",
           (unsigned long long)messages, (unsigned long long)messages * 5, ROUNDS,
           best_ms, GOAL_MS, beside_mb, GOAL_MB);
    i = verdict.value != VERDICT_PASSED || best_ms > GOAL_MS || beside_mb > GOAL_MB;
    verdict_release(&verdict);
    check_destroy(check);
    cast_destroy(cast);
    evidence_close(evidence);
    return i;
}

int main(int argc, char **argv)
{
    uint64_t messages = argc > 2 ? strtoull(argv[2], NULL, 10) : 10000000;
    char root[256];
    char folder[300];
    struct error err;
    int rc;

    snprintf(root, sizeof root, "%s/bench-checks-XXXXXX",
             argc > 1 ? argv[1] : "/dev/shm");
    if (mkdtemp(root) == NULL) {
        perror(root);
        return 1;
    }
    snprintf(folder, sizeof folder, "%s/evidence", root);
    rc = write_evidence(folder, messages, &err) != 0 ? fail("write", &err)
                                                     : measure(folder, messages, &err);
    nftw(root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    return rc;
}
