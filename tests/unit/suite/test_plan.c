/* test_plan: from files and flags to the cases that will run; with real scripts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "harness/suite/plan.h"
#include "tests/lib/memory/memory.h"
#include "tests/lib/suite/scratch.h"

static const char fine[] = "scenario \"fine weather\" {\n"
                           "  tags = { \"core\", \"release\" },\n"
                           "  timeout = \"20s\",\n"
                           "  params = { down = param(\"1s\", \"how long\") },\n"
                           "  cases = { trap = { n = 1, mode = \"fast\" }, remedy = { n "
                           "= 2, mode = \"slow\" } },\n"
                           "  run = function(t) end,\n"
                           "}\n";
static const char two[] =
    "scenario \"one\" { run = function(t) end }\n"
    "scenario \"two\" { exclusive = true, run = function(t) end }\n";

struct rig {
    struct plan *plan;
    struct plan_options options;
    struct error err;
    char script_errors[2048];
    int rc;
};

static void on_error(void *arg, const struct error *err)
{
    struct rig *rig = arg;
    size_t used = strlen(rig->script_errors);

    snprintf(rig->script_errors + used, sizeof rig->script_errors - used, "%s %s\n",
             err->where, err->text);
}

/* Plan the one path; `options` was prepared by the test. */
static void make(struct rig *rig, const char *path)
{
    char *const paths[] = {(char *)path};

    rig->options.paths = paths;
    rig->options.path_count = 1;
    rig->options.on_error = on_error;
    rig->options.arg = rig;
    rig->plan = NULL;
    rig->rc = plan_create(&rig->plan, &rig->options, &rig->err);
    json_decref(rig->options.set);
    rig->options.set = NULL;
}

static void expect_made(struct rig *rig, const char *path, int count)
{
    make(rig, path);
    if (rig->rc != 0)
        fail_msg("%s", rig->err.text);
    assert_int_equal(rig->plan->count, count);
}

static void expect_error(struct rig *rig, const char *path, int code, const char *words)
{
    make(rig, path);
    assert_int_equal(rig->rc, code);
    assert_null(rig->plan);
    if (strstr(rig->err.text, words) == NULL)
        fail_msg("'%s' is not in: %s", words, rig->err.text);
}

static void test_plan__makes_one_entry_per_case(void **state)
{
    struct rig rig = {.options = {.seed = 7}};

    (void)state;
    scratch_write("fine.lua", fine);
    expect_made(&rig, "fine.lua", 2);
    assert_string_equal(rig.plan->cases[0].which->id, "fine weather [remedy]");
    assert_string_equal(rig.plan->cases[0].slug, "fine-weather-remedy");
    assert_int_equal(rig.plan->cases[0].seed, 7);
    assert_int_equal(rig.plan->cases[0].repeat, 1);
    assert_true(rig.plan->cases[0].timeout_ns == 20000000000);
    assert_false(plan_needs_broker(rig.plan));
    plan_destroy(rig.plan);
}

static void test_plan__tells_how_to_run_each_case_again(void **state)
{
    struct rig rig = {.options = {.seed = 7,
                                  .broker = "/opt/my broker",
                                  .timeout = "5s",
                                  .timeout_ns = 5000000000}};

    (void)state;
    scratch_write("fine.lua", fine);
    scratch_write("it's two.lua", two);
    rig.options.set = json_pack("{s:s}", "down", "2s");
    expect_made(&rig, "fine.lua", 2);
    assert_string_equal(rig.plan->cases[1].reproduce,
                        "stormdrill run fine.lua --case trap --set down=2s "
                        "--broker '/opt/my broker' --timeout 5s --seed 7");
    assert_true(rig.plan->cases[0].timeout_ns == 5000000000);
    plan_destroy(rig.plan);

    /* Two scenarios in a file: their names tell them apart. */
    rig.options = (struct plan_options){.seed = 7};
    expect_made(&rig, "it's two.lua", 2);
    assert_string_equal(rig.plan->cases[0].reproduce,
                        "stormdrill run 'it'\\''s two.lua' --case one --seed 7");
    plan_destroy(rig.plan);
}

static void test_plan__draws_the_seeds_of_repeats_from_one(void **state)
{
    struct rig rig = {.options = {.seed = 7, .repeat = 3, .case_name = "trap"}};

    (void)state;
    scratch_write("fine.lua", fine);
    expect_made(&rig, "fine.lua", 3);
    assert_int_equal(rig.plan->cases[0].seed, 7);
    assert_string_equal(rig.plan->cases[2].slug, "fine-weather-trap-r3");
    for (int r = 1; r <= 3; r++) {
        const struct plan_case *one = &rig.plan->cases[r - 1];
        char seed[40];

        assert_int_equal(one->repeat, r);
        assert_true(one->seed == plan_seed(7, r));
        assert_true(r == 1 || one->seed != 7);
        /* What is said to reproduce it names its own seed. */
        snprintf(seed, sizeof seed, "--seed %llu", (unsigned long long)one->seed);
        assert_non_null(strstr(one->reproduce, seed));
    }
    assert_true(plan_seed(7, 2) != plan_seed(7, 3));
    assert_true(plan_seed(7, 2) != plan_seed(8, 2));
    plan_destroy(rig.plan);
}

static void test_plan__chooses_by_words_names_and_values(void **state)
{
    static const struct {
        const char *expression, *case_name;
        int count;
    } choices[] = {
        {"release and trap", NULL, 1},
        {"not trap", NULL, 1},
        {"fine", NULL, 2},
        {NULL, "trap", 1},
        {NULL, "n=2", 1},
        {NULL, "n=1,mode=fast", 1},
        {NULL, "fine weather [trap]", 1},
    };

    (void)state;
    scratch_write("fine.lua", fine);
    for (size_t i = 0; i < sizeof choices / sizeof *choices; i++) {
        struct rig rig = {.options = {.expression = choices[i].expression,
                                      .case_name = choices[i].case_name}};

        expect_made(&rig, "fine.lua", choices[i].count);
        plan_destroy(rig.plan);
    }
}

static void test_plan__says_what_there_is_when_nothing_is_meant(void **state)
{
    struct rig rig = {.options = {.expression = "releaze"}};

    (void)state;
    scratch_write("fine.lua", fine);
    scratch_write("two.lua", two);
    expect_error(&rig, "fine.lua", E_NOTHING, "tags here: core, release");
    assert_string_equal(rig.err.hint, "did you mean -k release?");
    expect_error(&rig, "two.lua", E_NOTHING, "scenarios here: one, two");
    rig.options = (struct plan_options){.case_name = "tarp"};
    expect_error(&rig, "fine.lua", E_NOTHING, "did you mean 'trap'?");
    rig.options = (struct plan_options){.case_name = "n=1,mode=slow"};
    expect_error(&rig, "fine.lua", E_NOTHING, "no case is called 'n=1,mode=slow'");
    rig.options = (struct plan_options){.expression = "(("};
    expect_error(&rig, "fine.lua", E_USAGE, "a word is missing");
}

static void test_plan__gives_each_case_the_parameters_that_it_knows(void **state)
{
    struct rig rig = {.options = {.seed = 1}};

    (void)state;
    scratch_write("all/fine.lua", fine);
    scratch_write("all/two.lua", two);
    rig.options.set = json_pack("{s:s}", "down", "2s");
    expect_made(&rig, "all", 4);
    for (int i = 0; i < 4; i++) {
        bool knows = strncmp(rig.plan->cases[i].which->id, "fine", 4) == 0;

        assert_int_equal(json_object_size(rig.plan->cases[i].set), knows);
    }
    plan_destroy(rig.plan);
    rig.options.set = json_pack("{s:s}", "dwon", "2s");
    expect_error(&rig, "all", E_USAGE, "did you mean 'down'?");
    rig.options.set = json_pack("{s:s}", "down", "2");
    expect_error(&rig, "all", E_USAGE, "needs a unit");
}

static void test_plan__tells_every_script_that_does_not_load(void **state)
{
    struct rig rig = {.options = {.seed = 1}};

    (void)state;
    scratch_write("all/a.lua", "scenario(\n");
    scratch_write("all/b.lua", "");
    scratch_write("all/fine.lua", fine);
    expect_error(&rig, "all", E_SCRIPT, "2 of 3 scenario files did not load");
    assert_non_null(strstr(rig.script_errors, "all/a.lua"));
    assert_non_null(strstr(rig.script_errors, "all/b.lua declares no scenario"));
    /* A single file speaks for itself. */
    rig.script_errors[0] = '\0';
    expect_error(&rig, "all/b.lua", E_SCRIPT, "declares no scenario");
    assert_string_equal(rig.script_errors, "");
}

static void test_plan__is_written_for_run_json(void **state)
{
    struct rig rig = {.options = {.seed = 7, .case_name = "trap"}};
    json_t *entry;

    (void)state;
    scratch_write("fine.lua", fine);
    expect_made(&rig, "fine.lua", 1);
    entry = plan_case_write(&rig.plan->cases[0]);
    assert_string_equal(json_string_value(json_object_get(entry, "id")),
                        "fine weather [trap]");
    assert_string_equal(json_string_value(json_object_get(entry, "folder")),
                        "cases/fine-weather-trap");
    assert_int_equal(json_integer_value(json_object_get(entry, "seed")), 7);
    assert_int_equal(json_array_size(json_object_get(entry, "tags")), 2);
    json_decref(entry);
    plan_destroy(rig.plan);
}

/* An allocation of Lua's own may be forgiven by a collection of its garbage; every other
 * failure is said, and nothing is lost. */
static void test_plan__survives_every_failing_allocation(void **state)
{
    struct error err;

    (void)state;
    scratch_write("fine.lua", fine);
    for (unsigned n = 1;; n++) {
        char *const paths[] = {(char *)"fine.lua"};
        struct plan_options options = {.paths = paths, .path_count = 1, .seed = 7};
        struct plan *plan = NULL;
        int rc;

        memory_fail_at(n);
        rc = plan_create(&plan, &options, &err);
        if (rc == 0)
            plan_destroy(plan);
        else
            assert_true(strlen(err.text) > 0);
        if (!memory_failed()) {
            assert_int_equal(rc, 0);
            break;
        }
    }
    memory_fail_at(0);
}

int main(void)
{
#define IN_SCRATCH(test)                                                                 \
    cmocka_unit_test_setup_teardown(test, scratch_enter, scratch_leave)
    const struct CMUnitTest tests[] = {
        IN_SCRATCH(test_plan__makes_one_entry_per_case),
        IN_SCRATCH(test_plan__tells_how_to_run_each_case_again),
        IN_SCRATCH(test_plan__draws_the_seeds_of_repeats_from_one),
        IN_SCRATCH(test_plan__chooses_by_words_names_and_values),
        IN_SCRATCH(test_plan__says_what_there_is_when_nothing_is_meant),
        IN_SCRATCH(test_plan__gives_each_case_the_parameters_that_it_knows),
        IN_SCRATCH(test_plan__tells_every_script_that_does_not_load),
        IN_SCRATCH(test_plan__is_written_for_run_json),
        IN_SCRATCH(test_plan__survives_every_failing_allocation),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
