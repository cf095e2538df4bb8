/* names: the list of the language and what is bound must be the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "harness/script/names.h"
#include "harness/script/noun.h"
#include "harness/script/sandbox.h"
#include "tests/lib/script/script_rig.h"

static bool is_listed(const char *noun, const char *name)
{
    for (int i = 0; name_at(i) != NULL; i++) {
        if (strcmp(name_at(i)->noun, noun) == 0 && strcmp(name_at(i)->name, name) == 0)
            return true;
    }
    return false;
}

static const struct noun *find_noun(const char *name)
{
    for (int i = 0; noun_at(i) != NULL; i++) {
        if (strcmp(noun_at(i)->name, name) == 0)
            return noun_at(i);
    }
    return NULL;
}

static bool has_member(const struct noun *noun, const char *name)
{
    for (const struct method *m = noun->methods; m->name != NULL; m++) {
        if (strcmp(m->name, name) == 0)
            return true;
    }
    for (int i = 0; noun->fields != NULL && noun->fields[i] != NULL; i++) {
        if (strcmp(noun->fields[i], name) == 0)
            return true;
    }
    return false;
}

static void test_names__lists_every_method_and_field(void **state)
{
    (void)state;
    for (int i = 0; noun_at(i) != NULL; i++) {
        const struct noun *noun = noun_at(i);

        for (const struct method *m = noun->methods; m->name != NULL; m++) {
            if (!is_listed(noun->name, m->name))
                fail_msg("%s:%s is not in names.def", noun->name, m->name);
        }
        for (int f = 0; noun->fields != NULL && noun->fields[f] != NULL; f++) {
            if (!is_listed(noun->name, noun->fields[f]))
                fail_msg("%s.%s is not in names.def", noun->name, noun->fields[f]);
        }
    }
}

static void test_names__lists_nothing_that_is_not_there(void **state)
{
    struct script_rig *rig = script_rig_create();

    (void)state;
    script_rig_load(rig, "scenario \"s\" { run = function(t) end }");
    sandbox_push_words(rig->script->L);
    for (int i = 0; name_at(i) != NULL; i++) {
        const struct name *name = name_at(i);

        if (name->noun[0] == '\0') {
            lua_pushstring(rig->script->L, name->name);
            if (lua_rawget(rig->script->L, -2) == LUA_TNIL)
                fail_msg("the word %s is not bound", name->name);
            lua_pop(rig->script->L, 1);
        } else if (strcmp(name->noun, "t") != 0 &&
                   !has_member(find_noun(name->noun), name->name)) {
            fail_msg("%s has no %s", name->noun, name->name);
        }
    }
    lua_pop(rig->script->L, 1);
    script_rig_destroy(rig);
}

static void test_names__gives_a_signature_for_each(void **state)
{
    const char *const *signatures = script_names();
    int count = 0;

    (void)state;
    for (; signatures[count] != NULL; count++) {
        assert_non_null(strstr(signatures[count], name_at(count)->name));
        EXPECT_TEXT(signatures[count], name_at(count)->signature);
    }
    assert_null(name_at(count));
    assert_null(name_at(-1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names__lists_every_method_and_field),
        cmocka_unit_test(test_names__lists_nothing_that_is_not_there),
        cmocka_unit_test(test_names__gives_a_signature_for_each),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
