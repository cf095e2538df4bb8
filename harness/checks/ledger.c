/* ledger: one pass over the evidence, at most two threads.
 *
 * All well:   two lanes take writers, largest first, and mark each record's message on
 *             sheets of their own (ledger_lane.c) -> the second lane's sheets are laid
 *             over the first's -> sorted, constant.
 * No memory:  E_NOMEM for the whole. */
#include "harness/checks/ledger.h"

#include <pthread.h>
#include <stdlib.h>

#include "harness/checks/ledger_lane.h"

enum { LANES = 2 };

static int compare(uint32_t a, uint32_t b)
{
    return a < b ? -1 : a > b;
}

static int by_sheet(const void *left, const void *right)
{
    const struct ledger_sheet *a = left;
    const struct ledger_sheet *b = right;
    int order = compare(a->receiver, b->receiver);

    if (order == 0)
        order = compare(a->client, b->client);
    return order != 0 ? order : compare(a->incarnation, b->incarnation);
}

static int by_life(const void *left, const void *right)
{
    const struct ledger_life *a = left;
    const struct ledger_life *b = right;
    int order = compare(a->client, b->client);

    return order != 0 ? order : compare(a->incarnation, b->incarnation);
}

static void release_sheets(struct ledger *ledger)
{
    uint32_t p;
    int i;

    for (i = 0; i < ledger->sheet_count; i++) {
        for (p = 0; p < ledger->sheets[i].page_count; p++)
            free(ledger->sheets[i].pages[p]);
        free(ledger->sheets[i].pages);
    }
    free(ledger->sheets);
    free(ledger->lives);
}

/* Run the lanes; the second one's thread is a luxury, so it may fail to start. */
static void run_lanes(struct lane lanes[LANES])
{
    pthread_t thread;
    bool threaded = pthread_create(&thread, NULL, lane_run, &lanes[1]) == 0;

    lane_run(&lanes[0]);
    if (threaded)
        pthread_join(thread, NULL);
}

struct weighed {
    int writer;
    uint64_t records;
};

static int by_weight(const void *left, const void *right)
{
    const struct weighed *a = left;
    const struct weighed *b = right;

    if (a->records != b->records)
        return a->records > b->records ? -1 : 1;
    return a->writer - b->writer;
}

static int *weigh_writers(const struct evidence *evidence, int count)
{
    struct weighed *weighed = calloc((size_t)count + 1, sizeof *weighed);
    int *writers = calloc((size_t)count + 1, sizeof *writers);
    int i;

    if (weighed == NULL || writers == NULL) {
        free(weighed);
        free(writers);
        return NULL;
    }
    for (i = 0; i < count; i++)
        weighed[i] = (struct weighed){.writer = i,
                                      .records = evidence_writer(evidence, i)->records};
    qsort(weighed, (size_t)count, sizeof *weighed, by_weight);
    for (i = 0; i < count; i++)
        writers[i] = weighed[i].writer;
    free(weighed);
    return writers;
}

int ledger_create(struct ledger **out, const struct evidence *evidence, uint64_t from_ns,
                  uint64_t to_ns, struct error *err)
{
    int count = evidence_writer_count(evidence);
    int *writers = weigh_writers(evidence, count);
    struct ledger_job job = {.evidence = evidence,
                             .from_ns = from_ns,
                             .to_ns = to_ns,
                             .writers = writers,
                             .writer_count = count};
    struct lane lanes[LANES] = {{.job = &job}, {.job = &job}};
    struct ledger *ledger = calloc(1, sizeof *ledger);
    bool whole = false;

    if (writers != NULL && ledger != NULL) {
        run_lanes(lanes);
        whole = lane_lay_over(&lanes[0], &lanes[1]);
    }
    release_sheets(&lanes[1].ledger);
    free(writers);
    if (!whole) {
        release_sheets(&lanes[0].ledger);
        free(ledger);
        return error_set(err, E_NOMEM, "the ledger of all messages");
    }
    *ledger = lanes[0].ledger;
    if (ledger->sheet_count > 0)
        qsort(ledger->sheets, (size_t)ledger->sheet_count, sizeof *ledger->sheets,
              by_sheet);
    if (ledger->life_count > 0)
        qsort(ledger->lives, (size_t)ledger->life_count, sizeof *ledger->lives, by_life);
    *out = ledger;
    return 0;
}

void ledger_destroy(struct ledger *ledger)
{
    if (ledger == NULL)
        return;
    release_sheets(ledger);
    free(ledger);
}

const struct ledger_sheet *ledger_sheet(const struct ledger *ledger, uint32_t receiver,
                                        uint32_t client, uint32_t incarnation)
{
    struct ledger_sheet key = {
        .receiver = receiver, .client = client, .incarnation = incarnation};

    if (ledger->sheet_count == 0)
        return NULL;
    return bsearch(&key, ledger->sheets, (size_t)ledger->sheet_count, sizeof key,
                   by_sheet);
}

const struct ledger_life *ledger_life(const struct ledger *ledger, uint32_t client,
                                      uint32_t incarnation)
{
    struct ledger_life key = {.client = client, .incarnation = incarnation};

    if (ledger->life_count == 0)
        return NULL;
    return bsearch(&key, ledger->lives, (size_t)ledger->life_count, sizeof key, by_life);
}
