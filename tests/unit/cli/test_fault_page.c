/* test_fault_page: links and faults of a running proxy, as a person reads them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "harness/cli/fault_page.h"

static void expect_words(const char *fault, const char *wanted)
{
    json_t *json = json_loads(fault, 0, NULL);
    char *words = fault_page_words(json);

    assert_non_null(json);
    assert_string_equal(words, wanted);
    free(words);
    json_decref(json);
}

static void test_fault_page__shows_what_somebody_chose(void **state)
{
    (void)state;
    expect_words("{\"fault\":\"latency\",\"params\":{\"base\":\"250ms\",\"jitter\":\"0\","
                 "\"probability\":1.0,\"direction\":\"both\",\"precise\":false}}",
                 "latency base=250ms");
    expect_words("{\"fault\":\"stall\",\"params\":{\"probability\":0.25,"
                 "\"direction\":\"to_client\",\"after\":\"64KiB\"}}",
                 "stall probability=0.25 direction=to_client after=64KiB");
    expect_words("{\"fault\":\"noop\",\"params\":{}}", "noop");
}

static void test_fault_page__shows_what_it_does_not_know(void **state)
{
    (void)state;
    expect_words("{\"fault\":\"from_the_future\",\"params\":{\"depth\":7,\"on\":true}}",
                 "from_the_future depth=7 on=true");
    expect_words("{\"fault\":\"stall\",\"params\":{\"colour\":\"deep blue\",\"list\":"
                 "[1,\"a\"]}}",
                 "stall colour=\"deep blue\" list=[1,\"a\"]");
}

static char *print(const char *links, const struct terminal *terminal)
{
    json_t *json = json_loads(links, 0, NULL);
    char *page = NULL;
    size_t size = 0;
    FILE *to = open_memstream(&page, &size);

    assert_non_null(json);
    fault_page_links(to, terminal, json);
    fclose(to);
    json_decref(json);
    return page;
}

static const char two_links[] =
    "[{\"name\":\"a\",\"listen\":\"127.0.0.1:1\",\"upstream\":\"127.0.0.1:2\","
    "\"enabled\":true,\"connections\":{\"open\":3,\"accepted\":1204},\"faults\":["
    "{\"name\":\"x\",\"fault\":\"stall\",\"params\":{},\"touched\":12},"
    "{\"name\":\"longer\",\"fault\":\"stall\",\"params\":{},\"touched\":0}]},"
    "{\"name\":\"orders\",\"listen\":\"127.0.0.1:3\",\"upstream\":\"127.0.0.1:4\","
    "\"enabled\":false,\"faults\":[]}]";

static void test_fault_page__stands_in_columns(void **state)
{
    const struct terminal plain = {.utf8 = true};
    char *page = print(two_links, &plain);

    (void)state;
    assert_string_equal(page, "a       127.0.0.1:1 -> 127.0.0.1:2  3 open, 1,204 "
                              "accepted\n"
                              "  x       stall  touched 12\n"
                              "  longer  stall  touched 0\n"
                              "orders  127.0.0.1:3 -> 127.0.0.1:4  disabled\n");
    free(page);
}

static void test_fault_page__folds_a_fault_at_the_terminals_width(void **state)
{
    const struct terminal narrow = {.utf8 = true, .width = 30};
    char *page = print("[{\"name\":\"a\",\"listen\":\"l\",\"upstream\":\"u\",\"faults\":["
                       "{\"name\":\"x\",\"fault\":\"stall\",\"touched\":2,\"params\":{"
                       "\"colour\":\"deep blue\",\"other\":\"123456\",\"z\":1}}]}]",
                       &narrow);

    (void)state;
    assert_string_equal(page, "a  l -> u  0 open, 0 accepted\n"
                              "  x  stall colour=\"deep blue\"\n"
                              "     other=123456 z=1  touched 2\n");
    free(page);
}

static void test_fault_page__lets_no_name_steer_the_terminal(void **state)
{
    const struct terminal plain = {.utf8 = true};
    char *page = print("[{\"name\":\"\\u001b[2Jx\",\"listen\":\"127.0.0.1:1\","
                       "\"upstream\":\"127.0.0.1:2\",\"enabled\":true,\"faults\":[]}]",
                       &plain);

    (void)state;
    assert_null(strchr(page, '\033'));
    free(page);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fault_page__shows_what_somebody_chose),
        cmocka_unit_test(test_fault_page__shows_what_it_does_not_know),
        cmocka_unit_test(test_fault_page__stands_in_columns),
        cmocka_unit_test(test_fault_page__folds_a_fault_at_the_terminals_width),
        cmocka_unit_test(test_fault_page__lets_no_name_steer_the_terminal),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
