/* merge: all writers' records as one story in the order of time.
 *
 * A heap of one lane per writer, by the time of its next record, then by writer. A
 * writer may write a record later than one that it stamped after it (an act is stamped
 * before and recorded behind it); such a writer's lane is gathered and sorted first,
 * stable, all others are read where they lie. */
#include <stdlib.h>

#include "harness/evidence/store.h"

struct lane {
    int writer;
    const struct record *head; /* the next to give; NULL: empty */
    struct evidence_walk walk;
    const struct record **sorted; /* NULL: follow the walk */
    size_t sorted_at;
    size_t sorted_count;
};

enum { KIND_WORDS = 65536 / 64 };

struct evidence_merge {
    uint64_t *wanted; /* one bit per kind; NULL: all */
    struct lane *lanes;
    struct lane **heap;
    int heap_count;
    int lane_count;
};

static bool is_wanted(const struct evidence_merge *merge, const struct record *record)
{
    unsigned kind = record_kind(record);

    return merge->wanted == NULL || (merge->wanted[kind / 64] >> (kind % 64) & 1) != 0;
}

static const struct record *walk_wanted(const struct evidence_merge *merge,
                                        struct evidence_walk *walk)
{
    const struct record *record;

    do {
        record = evidence_walk_next(walk);
    } while (record != NULL && !is_wanted(merge, record));
    return record;
}

static bool lane_is_before(const struct lane *a, const struct lane *b)
{
    if (a->head->time_ns != b->head->time_ns)
        return a->head->time_ns < b->head->time_ns;
    return a->writer < b->writer;
}

static void sift_down(struct evidence_merge *merge, int at)
{
    for (;;) {
        int least = at;

        for (int child = 2 * at + 1; child <= 2 * at + 2; child++) {
            if (child < merge->heap_count &&
                lane_is_before(merge->heap[child], merge->heap[least]))
                least = child;
        }
        if (least == at)
            return;
        struct lane *swap = merge->heap[at];
        merge->heap[at] = merge->heap[least];
        merge->heap[least] = swap;
        at = least;
    }
}

static void merge_halves(const struct record **list, const struct record **room,
                         size_t middle, size_t count)
{
    size_t left = 0, right = middle;

    for (size_t i = 0; i < count; i++) {
        if (right == count ||
            (left < middle && list[left]->time_ns <= list[right]->time_ns))
            room[i] = list[left++];
        else
            room[i] = list[right++];
    }
    for (size_t i = 0; i < count; i++)
        list[i] = room[i];
}

/* Merge sort, since qsort is not stable and written order must break ties. */
static void sort_by_time(const struct record **list, const struct record **room,
                         size_t count)
{
    size_t middle = count / 2;

    if (count < 2)
        return;
    sort_by_time(list, room, middle);
    sort_by_time(list + middle, room, count - middle);
    if (list[middle - 1]->time_ns > list[middle]->time_ns)
        merge_halves(list, room, middle, count);
}

static bool lane_gather(const struct evidence_merge *merge, struct lane *lane)
{
    struct evidence_walk count_walk = lane->walk;
    const struct record **room;
    size_t count = 0;

    while (walk_wanted(merge, &count_walk) != NULL)
        count++;
    lane->sorted = calloc(count + 1, sizeof *lane->sorted);
    room = calloc(count + 1, sizeof *room);
    if (lane->sorted == NULL || room == NULL) {
        free(room);
        return false;
    }
    /* A live segment may have grown since it was counted: never more than `count`. */
    while (lane->sorted_count < count) {
        const struct record *record = walk_wanted(merge, &lane->walk);

        if (record == NULL)
            break;
        lane->sorted[lane->sorted_count++] = record;
    }
    sort_by_time(lane->sorted, room, lane->sorted_count);
    free(room);
    return true;
}

static void lane_advance(const struct evidence_merge *merge, struct lane *lane)
{
    if (lane->sorted == NULL)
        lane->head = walk_wanted(merge, &lane->walk);
    else if (lane->sorted_at < lane->sorted_count)
        lane->head = lane->sorted[lane->sorted_at++];
    else
        lane->head = NULL;
}

static bool open_lanes(struct evidence_merge *merge, const struct evidence *evidence)
{
    for (int i = 0; i < evidence->source_count; i++) {
        struct lane *lane = &merge->lanes[i];

        lane->writer = i;
        merge->lane_count++;
        evidence_walk(&lane->walk, evidence, i);
        if (evidence->sources[i]->unordered && !lane_gather(merge, lane))
            return false;
        lane_advance(merge, lane);
        if (lane->head != NULL)
            merge->heap[merge->heap_count++] = lane;
    }
    for (int i = merge->heap_count / 2 - 1; i >= 0; i--)
        sift_down(merge, i);
    return true;
}

static bool set_wanted(struct evidence_merge *merge, const unsigned *kinds,
                       int kind_count)
{
    if (kinds == NULL)
        return true;
    merge->wanted = calloc(KIND_WORDS, sizeof *merge->wanted);
    if (merge->wanted == NULL)
        return false;
    for (int i = 0; i < kind_count; i++) {
        assert(kinds[i] <= UINT16_MAX);
        merge->wanted[kinds[i] / 64] |= (uint64_t)1 << (kinds[i] % 64);
    }
    return true;
}

struct evidence_merge *evidence_merge_create(const struct evidence *evidence,
                                             const unsigned *kinds, int kind_count)
{
    struct evidence_merge *merge = calloc(1, sizeof *merge);
    size_t count = (size_t)evidence->source_count + 1;

    if (merge == NULL)
        return NULL;
    merge->lanes = calloc(count, sizeof *merge->lanes);
    merge->heap = calloc(count, sizeof(struct lane *));
    if (merge->lanes == NULL || merge->heap == NULL ||
        !set_wanted(merge, kinds, kind_count) || !open_lanes(merge, evidence)) {
        evidence_merge_destroy(merge);
        return NULL;
    }
    return merge;
}

const struct record *evidence_merge_next(struct evidence_merge *merge, int *writer)
{
    const struct record *record;
    struct lane *lane;

    if (merge->heap_count == 0)
        return NULL;
    lane = merge->heap[0];
    record = lane->head;
    if (writer != NULL)
        *writer = lane->writer;
    lane_advance(merge, lane);
    if (lane->head == NULL)
        merge->heap[0] = merge->heap[--merge->heap_count];
    sift_down(merge, 0);
    return record;
}

void evidence_merge_destroy(struct evidence_merge *merge)
{
    if (merge == NULL)
        return;
    for (int i = 0; i < merge->lane_count; i++)
        free(merge->lanes[i].sorted);
    free(merge->lanes);
    free(merge->heap);
    free(merge->wanted);
    free(merge);
}
