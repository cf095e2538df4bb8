/* test_proxy_flags: command lines of the proxy become links and an API, or are refused.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "harness/cli/proxy_flags.h"

extern const struct command command_proxy;

enum { WORDS_MAX = 32 };

/* A command line, and what it asks for. Words are divided by '|'. */
struct line {
    struct invocation in;
    struct proxy_wishes wishes;
    struct error err;
    char text[1024];
    char *words[WORDS_MAX];
    int rc;
};

static void read_line(struct line *line, const char *text)
{
    char *rest = line->text;
    int count = 0;

    memset(line, 0, sizeof *line);
    snprintf(line->text, sizeof line->text, "proxy%s%s", text[0] != '\0' ? "|" : "",
             text);
    for (char *word; (word = strsep(&rest, "|")) != NULL;)
        line->words[count++] = word;
    line->rc = command_parse(&line->in, &command_proxy, count, line->words, &line->err);
    assert_int_equal(line->rc, 0);
    line->rc = proxy_flags_read(&line->wishes, &line->in, &line->err);
}

static void release_line(struct line *line)
{
    proxy_flags_release(&line->wishes);
    command_release(&line->in);
}

static void expect_refused(const char *text, const char *words)
{
    struct line line;

    read_line(&line, text);
    assert_int_equal(line.rc, E_USAGE);
    assert_int_equal(line.err.code, E_USAGE);
    if (strstr(line.err.text, words) == NULL)
        fail_msg("'%s' is not in: %s", words, line.err.text);
    release_line(&line);
}

static void expect_api(const char *text, const char *api, bool by_default)
{
    struct line line;

    read_line(&line, text);
    if (line.rc != 0)
        fail_msg("%s: %s", text, line.err.text);
    assert_string_equal(line.wishes.api, api);
    assert_int_equal(line.wishes.api_by_default, by_default);
    release_line(&line);
}

/* A file with this text; its name is good until the next call. */
static const char *write_file(char *path, const char *text)
{
    int fd;

    snprintf(path, 64, "/tmp/test_proxy_flags.XXXXXX");
    fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
    return path;
}

static void test_proxy_flags__give_a_link_with_its_faults(void **state)
{
    struct line line;
    json_t *wanted =
        json_loads("[{\"name\":\"orders\",\"listen\":\"127.0.0.1:0\",\"upstream\":"
                   "\"localhost:4222\","
                   "\"faults\":[{\"fault\":\"latency\",\"params\":{\"base\":\"1s\"}},"
                   "{\"fault\":\"stall\",\"params\":{}}],\"dial_timeout\":\"2s\","
                   "\"buffer\":\"512MiB\"}]",
                   0, NULL);

    (void)state;
    read_line(&line, "-u|localhost:4222|--name|orders|-f|latency base=1s|-f|stall|"
                     "--dial-timeout|2s|--buffer|512MiB");
    assert_int_equal(line.rc, 0);
    assert_true(line.wishes.has_own_link);
    assert_true(json_equal(line.wishes.links, wanted));
    json_decref(wanted);
    release_line(&line);
}

static void test_proxy_flags__have_an_api_unless_a_link_is_all(void **state)
{
    (void)state;
    expect_api("", "127.0.0.1:8474", true);
    expect_api("-u|127.0.0.1:1", "none", false);
    expect_api("-u|127.0.0.1:1|--api|127.0.0.1:0", "127.0.0.1:0", false);
    expect_api("--api|:9000", "127.0.0.1:9000", false);
    expect_api("--api|[::1]:0", "[::1]:0", false);
    expect_api("--api|unix:/run/x.sock", "unix:/run/x.sock", false);
    expect_refused("--api|none", "no link and no API");
}

static void test_proxy_flags__keep_to_loopback_unless_told_otherwise(void **state)
{
    (void)state;
    expect_refused("-u|127.0.0.1:1|-l|0.0.0.0:0", "--listen 0.0.0.0:0 is no loopback");
    expect_refused("-u|127.0.0.1:1|-l|127.evil.example:0", "is no loopback");
    expect_refused("--api|10.0.0.1:1", "--api 10.0.0.1:1 is no loopback");
    expect_refused("--api|10.0.0.1:1|--allow-any-listen", "there is no token");
    expect_api("-u|127.0.0.1:1|-l|0.0.0.0:0|--allow-any-listen", "none", false);
    expect_api("-u|127.0.0.1:1|-l|:0", "none", false);
    expect_api("-u|127.0.0.1:1|-l|127.3.2.1:0", "none", false);
}

static void
test_proxy_flags__take_a_token_from_a_file_before_the_environment(void **state)
{
    char path[64];
    char text[128];
    struct line line;

    (void)state;
    snprintf(text, sizeof text, "--api|0.0.0.0:1|--allow-any-listen|--api-token-file|%s",
             write_file(path, "  s3cret\n"));
    setenv("STORMDRILL_API_TOKEN", "other", 1);
    read_line(&line, text);
    assert_int_equal(line.rc, 0);
    assert_string_equal(line.wishes.token, "s3cret");
    release_line(&line);
    read_line(&line, "--api|127.0.0.1:0");
    assert_string_equal(line.wishes.token, "other");
    release_line(&line);
    setenv("STORMDRILL_API_TOKEN", "caf\xc3\xa9", 1);
    expect_refused("--api|127.0.0.1:0", "may have printable ASCII only");
    unsetenv("STORMDRILL_API_TOKEN");
    unlink(path);
}

static void test_proxy_flags__refuse_what_belongs_to_a_link_without_one(void **state)
{
    (void)state;
    expect_refused("--listen|127.0.0.1:0", "--listen needs --upstream");
    expect_refused("--fault|stall", "--fault needs --upstream");
    expect_refused("--name|x", "--name needs --upstream");
    expect_refused("--dial-timeout|1s", "--dial-timeout needs --upstream");
    expect_refused("--buffer|1MiB", "--buffer needs --upstream");
    expect_refused("-u|127.0.0.1:1|--buffer|1KiB", "--buffer is 1KiB; allowed: 4KiB to");
    expect_refused("-u|127.0.0.1:1|--buffer|12x", "--buffer");
    expect_refused("-u|127.0.0.1:1|--api-token-file|x", "--api-token-file needs an API");
    expect_refused("-u|[::1", "--upstream '[::1': that is no host and port");
    expect_refused("-u|1.2.3.4:70000", "a port is at most 65535");
    expect_refused("-u|127.0.0.1:1|-f|latency base=1", "--fault 'latency base=1'");
}

static void test_proxy_flags__add_a_link_to_those_of_a_configuration(void **state)
{
    char path[64];
    char text[256];
    struct line line;

    (void)state;
    write_file(path, "[{\"Name\":\"a\",\"UPSTREAM\":\"127.0.0.1:1\",\"toxics\":null}]");
    snprintf(text, sizeof text, "-c|%s|-u|127.0.0.1:2", path);
    read_line(&line, text);
    assert_int_equal(line.rc, 0);
    assert_int_equal(json_array_size(line.wishes.links), 2);
    assert_string_equal(line.wishes.config, path);
    release_line(&line);
    snprintf(text, sizeof text, "-c|%s|-u|127.0.0.1:2|--name|a", path);
    expect_refused(text, "has a link 'a' already");
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_proxy_flags__give_a_link_with_its_faults),
        cmocka_unit_test(test_proxy_flags__have_an_api_unless_a_link_is_all),
        cmocka_unit_test(test_proxy_flags__keep_to_loopback_unless_told_otherwise),
        cmocka_unit_test(
            test_proxy_flags__take_a_token_from_a_file_before_the_environment),
        cmocka_unit_test(test_proxy_flags__refuse_what_belongs_to_a_link_without_one),
        cmocka_unit_test(test_proxy_flags__add_a_link_to_those_of_a_configuration),
    };

    unsetenv("STORMDRILL_API_TOKEN");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
