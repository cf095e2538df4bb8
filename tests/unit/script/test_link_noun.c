/* link_noun: the methods of a link: every fault there is, and what `reset` means. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/lib/memory/memory.h"
#include "tests/lib/script/script_rig.h"

#define PUBLISHER "local p = t.cluster:publisher { subject = 'x', name = 'p' }\n"

/* The word is an action and a fault: the table tells them apart. */
static void test_link_noun__reset_with_a_table_is_a_fault_that_lasts(void **state)
{
    struct script_rig *rig = script_rig_create();

    (void)state;
    script_rig_run(rig, PUBLISHER "assert(p.link:reset() == nil)\n"
                                  "local f = p.link:reset { after = '3s' }\n"
                                  "note('%s, %s', f, f.text)\n"
                                  "f:change { after = '1s', trigger = 'data' }\n"
                                  "f:heal()\n"
                                  "f = p:link_to('n2'):reset {}\n");
    EXPECT_TEXT(rig->error.text, "");
    EXPECT_TEXT(rig->fakes->deeds,
                "client publisher {\"name\": \"p\", \"subject\": \"x\"}\n"
                "reset link 11\nreset link 12\n"
                "add reset link 11 fault 1 {\"after\": \"3s\"}\n"
                "add reset link 12 fault 2 {\"after\": \"3s\"}\n"
                "change fault 1 {\"after\": \"1s\", \"trigger\": \"data\"}\n"
                "change fault 2 {\"after\": \"1s\", \"trigger\": \"data\"}\n"
                "heal fault 1\nheal fault 2\n"
                "add reset link 12 fault 3 {}\n"
                "heal fault 3\n");
    EXPECT_PART(rig->progress, "note fault reset after=3s on p, reset after=3s on p\n");
    script_rig_destroy(rig);
}

static void test_link_noun__lists_what_there_is_when_nothing_is_near(void **state)
{
    struct script_rig *rig = script_rig_create();

    (void)state;
    script_rig_run(rig, PUBLISHER "p.link:teleport()");
    EXPECT_ERROR(rig, 3, "link has no 'teleport'");
    EXPECT_PART(rig->error.hint, "it has: reset, ");
    for (int i = 0; fault_type_at(i) != NULL; i++)
        EXPECT_PART(rig->error.hint, fault_type_name(fault_type_at(i)));
    assert_null(strstr(strstr(rig->error.hint, "reset") + 1, " reset"));
    script_rig_destroy(rig);
}

static void test_link_noun__leaves_nothing_behind_when_an_allocation_fails(void **state)
{
    bool failed = true;

    (void)state;
    for (unsigned n = 1; failed; n++) {
        struct script_rig *rig = script_rig_create();

        script_rig_load_run(rig, PUBLISHER "local f = p.link:reset { wait = '3s' }\n"
                                           "p.link:reset()\n");
        memory_fail_at(n);
        if (script_rig_try_start(rig) == 0)
            script_rig_finish(rig);
        failed = memory_failed();
        memory_fail_at(0);
        if (!failed) {
            assert_int_equal(rig->rc, 0);
            EXPECT_PART(rig->fakes->deeds, "heal fault 1\nheal fault 2\n");
        }
        script_rig_destroy(rig);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_link_noun__reset_with_a_table_is_a_fault_that_lasts),
        cmocka_unit_test(test_link_noun__lists_what_there_is_when_nothing_is_near),
        cmocka_unit_test(test_link_noun__leaves_nothing_behind_when_an_allocation_fails),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
