/* script_rig: a scenario as text, loaded and run against the fakes. */
#ifndef STORMDRILL_TESTS_SCRIPT_RIG_H
#define STORMDRILL_TESTS_SCRIPT_RIG_H

#include "harness/script/script.h"
#include "tests/lib/script/fakes.h"

struct script_rig {
    uv_loop_t loop;
    struct fakes *fakes;
    struct script *script;
    char path[256]; /* of the file */
    char progress[FAKE_TEXT_BYTES];
    bool done;
    int rc;
    struct error error;
};

struct script_rig *script_rig_create(void);
struct script_rig *script_rig_create_seeded(uint64_t seed);
void script_rig_destroy(struct script_rig *rig);

/* Load this text; the error of it in rig->error, its code in rig->rc. */
int script_rig_load(struct script_rig *rig, const char *text);
int script_rig_load_bytes(struct script_rig *rig, const void *bytes, size_t size);

/* Load `scenario "test" { cluster = { jetstream = true }, run = function(t)\n…`: the
 * given lines are the body of run, its first is line 2. */
void script_rig_load_run(struct script_rig *rig, const char *body);

/* Run case `at` until it is done and the loop is empty; gives rig->rc. */
int script_rig_run_case(struct script_rig *rig, int at, const json_t *set);

/* script_rig_load_run, then the only case. */
int script_rig_run(struct script_rig *rig, const char *body);

/* Start it only; script_rig_turn runs the loop once, script_rig_finish to its end. */
void script_rig_start(struct script_rig *rig, int at, const json_t *set);
int script_rig_try_start(struct script_rig *rig); /* the first case; it may refuse */
void script_rig_turn(struct script_rig *rig);
int script_rig_finish(struct script_rig *rig);

/* The number behind the last ':' of rig->error.where; 0 when there is none. */
int script_rig_line(const struct script_rig *rig);

/* Is this line (or part of one) among the deeds, records, progress? */
bool script_rig_has(const char *lines, const char *part);

/* Did it fail with exactly this sentence, at this line of the file? */
void expect_error(const struct script_rig *rig, int at, const char *text,
                  const char *file, int line);
#define EXPECT_ERROR(rig, at, text) expect_error(rig, at, text, __FILE__, __LINE__)

/* Assert on text with the whole of it in the message. */
void expect_text(const char *actual, const char *expected, const char *file, int line);
void expect_part(const char *actual, const char *part, const char *file, int line);
#define EXPECT_TEXT(actual, expected) expect_text(actual, expected, __FILE__, __LINE__)
#define EXPECT_PART(actual, part) expect_part(actual, part, __FILE__, __LINE__)

#endif
