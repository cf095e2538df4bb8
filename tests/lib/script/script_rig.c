/* script_rig: a scenario as text, loaded and run against the fakes. */
#include "tests/lib/script/script_rig.h"

#include <assert.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

struct script_rig *script_rig_create_seeded(uint64_t seed)
{
    struct script_rig *rig = calloc(1, sizeof *rig);
    int fd;

    assert(rig != NULL);
    uv_loop_init(&rig->loop);
    rig->fakes = fakes_create(&rig->loop, seed);
    snprintf(rig->path, sizeof rig->path, "/tmp/stormdrill-script-XXXXXX");
    fd = mkstemp(rig->path);
    assert(fd >= 0);
    close(fd);
    return rig;
}

struct script_rig *script_rig_create(void)
{
    return script_rig_create_seeded(1);
}

void script_rig_destroy(struct script_rig *rig)
{
    uv_run(&rig->loop, UV_RUN_DEFAULT);
    script_destroy(rig->script);
    fakes_destroy(rig->fakes);
    assert(uv_loop_close(&rig->loop) == 0);
    unlink(rig->path);
    free(rig);
}

int script_rig_load_bytes(struct script_rig *rig, const void *bytes, size_t size)
{
    FILE *file = fopen(rig->path, "wb");

    assert(file != NULL);
    assert(fwrite(bytes, 1, size, file) == size);
    fclose(file);
    script_destroy(rig->script);
    rig->script = NULL;
    error_clear(&rig->error);
    rig->rc = script_load(&rig->script, rig->path, &rig->error);
    return rig->rc;
}

int script_rig_load(struct script_rig *rig, const char *text)
{
    return script_rig_load_bytes(rig, text, strlen(text));
}

void script_rig_load_run(struct script_rig *rig, const char *body)
{
    size_t size = strlen(body) + 256;
    char *text = malloc(size);

    assert(text != NULL);
    snprintf(text, size,
             "scenario \"test\" { cluster = { jetstream = true }, run = function(t)\n"
             "%s\nend }\n",
             body);
    if (script_rig_load(rig, text) != 0)
        print_error("%s: %s\n", rig->error.where, rig->error.text);
    assert_int_equal(rig->rc, 0);
    free(text);
}

static void on_progress(void *arg, const char *text)
{
    struct script_rig *rig = arg;
    size_t used = strlen(rig->progress);

    snprintf(rig->progress + used, sizeof rig->progress - used, "%s\n", text);
}

static void on_done(void *arg, int rc, const struct error *err)
{
    struct script_rig *rig = arg;

    assert(!rig->done);
    rig->done = true;
    rig->rc = rc;
    if (err != NULL)
        rig->error = *err;
}

static int start(struct script_rig *rig, int at, const json_t *set)
{
    const struct script_case *which = script_case_at(rig->script, at);
    bool has_cluster = which->cluster != NULL;
    json_t *params = NULL;
    struct script_run_options options = {
        .context = &rig->fakes->context,
        .cluster = has_cluster ? rig->fakes->cluster : NULL,
        .crew = has_cluster ? rig->fakes->crew : NULL,
        .on_progress = on_progress,
        .done = on_done,
        .arg = rig,
    };

    rig->done = false;
    error_clear(&rig->error);
    rig->rc = script_params(which, set, &params, &rig->error);
    options.params = params;
    if (rig->rc == 0)
        rig->rc = script_run(rig->script, which, &options, &rig->error);
    assert_false(rig->done);
    json_decref(params);
    return rig->rc;
}

void script_rig_start(struct script_rig *rig, int at, const json_t *set)
{
    assert_int_equal(start(rig, at, set), 0);
}

int script_rig_try_start(struct script_rig *rig)
{
    return start(rig, 0, NULL);
}

void script_rig_turn(struct script_rig *rig)
{
    uv_run(&rig->loop, UV_RUN_ONCE);
}

int script_rig_finish(struct script_rig *rig)
{
    while (!rig->done)
        uv_run(&rig->loop, UV_RUN_ONCE);
    return rig->rc;
}

int script_rig_run_case(struct script_rig *rig, int at, const json_t *set)
{
    script_rig_start(rig, at, set);
    return script_rig_finish(rig);
}

int script_rig_run(struct script_rig *rig, const char *body)
{
    script_rig_load_run(rig, body);
    return script_rig_run_case(rig, 0, NULL);
}

int script_rig_line(const struct script_rig *rig)
{
    const char *colon = strrchr(rig->error.where, ':');

    return colon != NULL ? (int)strtol(colon + 1, NULL, 10) : 0;
}

bool script_rig_has(const char *lines, const char *part)
{
    return strstr(lines, part) != NULL;
}

void expect_text(const char *actual, const char *expected, const char *file, int line)
{
    if (strcmp(actual, expected) == 0)
        return;
    print_error("expected: %s\nactual:   %s\n", expected, actual);
    _fail(file, line);
}

void expect_part(const char *actual, const char *part, const char *file, int line)
{
    if (strstr(actual, part) != NULL)
        return;
    print_error("expected: ...%s...\nactual:   %s\n", part, actual);
    _fail(file, line);
}

void expect_error(const struct script_rig *rig, int at, const char *text,
                  const char *file, int line)
{
    if (rig->rc != 0 && script_rig_line(rig) == at && strcmp(rig->error.text, text) == 0)
        return;
    print_error("expected: line %d: %s\nactual:   %d %s: %s\n", at, text, rig->rc,
                rig->error.where, rig->error.text);
    _fail(file, line);
}
