/* test_reference: everything that the program knows stands in the reference, and the
 * committed one is what the program says (STYLE C20). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "harness/checks/check.h"
#include "harness/cli/reference.h"
#include "harness/client/workload.h"
#include "harness/script/names.h"
#include "proxy/plane.h"

/* The page that `name` gives; NULL: all of them; "markdown": the document. */
static char *page_of(const char *name)
{
    struct reference *reference = reference_create();
    char *page = NULL;
    size_t size = 0;
    FILE *to = open_memstream(&page, &size);

    if (name == NULL)
        reference_print_list(reference, to);
    else if (strcmp(name, "markdown") == 0)
        reference_print_markdown(reference, to);
    else if (!reference_print_one(reference, name, to))
        fail_msg("there is no '%s'", name);
    fclose(to);
    reference_destroy(reference);
    return page;
}

static void expect_on(const char *name, const char *text)
{
    char *page = page_of(name);

    if (strstr(page, text) == NULL)
        fail_msg("'%s' is not in:\n%s", text, page);
    free(page);
}

static void test_reference__has_every_parameter_of_every_family(void **state)
{
    struct reference *reference = reference_create();
    const struct reference_entry *entry;
    int faults = 0, checks = 0, clients = 0;

    (void)state;
    for (int i = 0; (entry = reference_at(reference, i)) != NULL; i++) {
        faults += strcmp(entry->group, "faults") == 0;
        checks += strcmp(entry->group, "checks") == 0;
        clients += strcmp(entry->group, "clients") == 0;
        for (int t = 0; t < REFERENCE_TABLES && entry->tables[t] != NULL; t++) {
            for (const struct param *p = entry->tables[t]; p->name != NULL; p++) {
                char line[96];

                snprintf(line, sizeof line, "\n    %s  ", p->name);
                expect_on(entry->name, line);
                expect_on("markdown", line);
            }
        }
    }
    for (int i = 0; fault_type_at(i) != NULL; i++)
        faults--;
    for (int i = 0; check_type_at(i) != NULL; i++)
        checks--;
    for (int i = 0; workload_at(i) != NULL; i++)
        clients--;
    assert_int_equal(faults, 0);
    assert_int_equal(checks, 0);
    assert_int_equal(clients, 0);
    reference_destroy(reference);
}

static void test_reference__lists_every_name_of_the_language(void **state)
{
    struct reference *reference = reference_create();
    const struct name *name;
    char *list = page_of(NULL);
    char *document = page_of("markdown");

    (void)state;
    for (int i = 0; (name = name_at(i)) != NULL; i++) {
        char head[64];

        /* Long signatures are wrapped: their beginning is enough. */
        snprintf(head, sizeof head, "%.*s", (int)strcspn(name->signature, " "),
                 name->signature);
        if (strstr(list, head) == NULL || strstr(document, head) == NULL)
            fail_msg("'%s' is missing", head);
    }
    free(document);
    free(list);
    reference_destroy(reference);
}

static void test_reference__finds_things_whole_alone_and_by_their_noun(void **state)
{
    (void)state;
    expect_on("link:latency", "base  duration, 0 to 1h");
    expect_on("latency", "as every fault:");
    expect_on("check.backoff", "first  duration, required");
    expect_on("check.backoff", "fails as: first, factor");
    expect_on("check.backoff", "inconclusive as: no_disconnect");
    expect_on("check:backoff", "as every check");
    expect_on("publisher", "as every client:");
    expect_on("stream", "duplicate_window");
    expect_on("stream", "stream:await_caught_up");
    expect_on("node", "node:pause() -> Fault");
    expect_on("link", "link:reset()");
    expect_on("link", "link:stall");
}

static void test_reference__suggests_what_was_meant(void **state)
{
    struct reference *reference = reference_create();
    struct error err;

    (void)state;
    assert_int_equal(reference_unknown(reference, "lateny", &err), E_USAGE);
    assert_non_null(strstr(err.text, "did you mean 'latency'?"));
    assert_int_equal(reference_unknown(reference, "check.backof", &err), E_USAGE);
    assert_non_null(strstr(err.text, "did you mean 'check.backoff'?"));
    assert_int_equal(reference_unknown(reference, "zzzzzz", &err), E_USAGE);
    assert_non_null(strstr(err.hint, "stormdrill api"));
    reference_destroy(reference);
}

static void test_reference__fits_on_a_terminal(void **state)
{
    char *page = page_of("markdown");

    (void)state;
    for (const char *at = page; *at != '\0'; at += at[0] == '\n') {
        size_t width = strcspn(at, "\n");

        if (width > 100)
            fail_msg("a line of %zu columns: %.*s", width, (int)width, at);
        at += width;
    }
    free(page);
}

static void test_reference__is_committed_as_the_program_says_it(void **state)
{
    char *wanted = page_of("markdown");
    FILE *file = fopen(STORMDRILL_SOURCE_DIR "/docs/reference.md", "re");
    char *have = calloc(1, strlen(wanted) + 2);
    size_t size;

    (void)state;
    assert_non_null(file);
    assert_non_null(have);
    size = fread(have, 1, strlen(wanted) + 1, file);
    fclose(file);
    if (size != strlen(wanted) || memcmp(have, wanted, size) != 0)
        fail_msg("docs/reference.md is not what the program says; make it again:\n"
                 "  stormdrill api --markdown > docs/reference.md");
    free(have);
    free(wanted);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reference__has_every_parameter_of_every_family),
        cmocka_unit_test(test_reference__lists_every_name_of_the_language),
        cmocka_unit_test(test_reference__finds_things_whole_alone_and_by_their_noun),
        cmocka_unit_test(test_reference__suggests_what_was_meant),
        cmocka_unit_test(test_reference__fits_on_a_terminal),
        cmocka_unit_test(test_reference__is_committed_as_the_program_says_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
