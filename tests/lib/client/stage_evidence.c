/* stage_evidence: what a stage's clients have written down, counted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "harness/client/seen.h"
#include "harness/evidence/evidence.h"
#include "tests/lib/client/stage.h"

/* Call `fn` for every record of this kind that `member` wrote. */
static void each(const struct stage *stage, const struct member *member, const char *kind,
                 void (*fn)(void *arg, const struct evidence *evidence, int writer,
                            const struct record *record),
                 void *arg)
{
    unsigned wanted = record_kind_find(kind);
    struct evidence *evidence;
    struct error err = {0};
    int rc = evidence_open(&evidence, stage->evidence, &err);

    assert_true(wanted != 0);
    if (rc == E_NOT_FOUND) /* nobody has written anything yet */
        return;
    if (rc != 0)
        fail_msg("%s", err.text);
    for (int i = 0; i < evidence_writer_count(evidence); i++) {
        const struct record *record;
        struct evidence_walk walk;

        if (evidence_writer(evidence, i)->client != member->number)
            continue;
        evidence_walk(&walk, evidence, i);
        while ((record = evidence_walk_next(&walk)) != NULL) {
            if (atomic_load(&record->kind) == wanted)
                fn(arg, evidence, i, record);
        }
    }
    evidence_close(evidence);
}

struct tally {
    uint64_t count;
    uint16_t flag;
};

static void count_one(void *arg, const struct evidence *evidence, int writer,
                      const struct record *record)
{
    struct tally *tally = arg;

    (void)evidence;
    (void)writer;
    if (tally->flag == 0 || (record->flags & tally->flag) != 0)
        tally->count++;
}

uint64_t stage_flagged(const struct stage *stage, const struct member *member,
                       const char *kind, uint16_t flag)
{
    struct tally tally = {.flag = flag};

    each(stage, member, kind, count_one, &tally);
    return tally.count;
}

uint64_t stage_records(const struct stage *stage, const struct member *member,
                       const char *kind)
{
    return stage_flagged(stage, member, kind, 0);
}

struct words {
    char *text;
    size_t size;
};

static void take_words(void *arg, const struct evidence *evidence, int writer,
                       const struct record *record)
{
    struct words *words = arg;
    json_t *detail = evidence_detail(evidence, writer, record->detail);
    char *text = detail != NULL ? json_dumps(detail, JSON_COMPACT) : NULL;

    if (text != NULL && words->text[0] == '\0')
        snprintf(words->text, words->size, "%s", text);
    free(text);
    json_decref(detail);
}

void stage_detail(const struct stage *stage, const struct member *member,
                  const char *kind, char *text, size_t size)
{
    struct words words = {.text = text, .size = size};

    text[0] = '\0';
    each(stage, member, kind, take_words, &words);
}

struct search {
    struct seen *seen;
    uint64_t missing;
};

static void remember(void *arg, const struct evidence *evidence, int writer,
                     const struct record *record)
{
    struct search *search = arg;

    (void)evidence;
    (void)writer;
    seen_add(search->seen, record->message);
}

static void look_up(void *arg, const struct evidence *evidence, int writer,
                    const struct record *record)
{
    struct search *search = arg;

    (void)evidence;
    (void)writer;
    if (seen_add(search->seen, record->message) != SEEN_AGAIN)
        search->missing++;
}

uint64_t stage_lost(const struct stage *stage, const struct member *publisher,
                    const struct member *reader, const char *kind)
{
    struct search search = {.seen = seen_create()};

    each(stage, reader, kind, remember, &search);
    each(stage, publisher, "acknowledged", look_up, &search);
    seen_destroy(search.seen);
    return search.missing;
}
