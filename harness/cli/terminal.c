/* terminal: what a stream can show.
 *
 * Each stream is asked for itself: `stormdrill run > file` has colour in the progress on
 * standard error and none in the file. */
#include "harness/cli/terminal.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <unistd.h>

static bool is_set(const char *value)
{
    return value != NULL && value[0] != '\0';
}

/* The two "force" variables count as unset when empty or "0". */
static bool is_forced(const char *value)
{
    return is_set(value) && strcmp(value, "0") != 0;
}

bool terminal_wants_colour(enum colour_choice choice, bool tty, environment_fn *env,
                           void *arg)
{
    const char *term = env(arg, "TERM");

    if (choice != COLOUR_AUTO)
        return choice == COLOUR_ALWAYS;
    if (is_set(env(arg, "NO_COLOR")))
        return false;
    if (is_forced(env(arg, "CLICOLOR_FORCE")) || is_forced(env(arg, "FORCE_COLOR")))
        return true;
    if (is_set(env(arg, "GITHUB_ACTIONS")) || is_set(env(arg, "GITLAB_CI")))
        return true;
    return tty && is_set(term) && strcmp(term, "dumb") != 0;
}

bool terminal_has_utf8(environment_fn *env, void *arg)
{
    static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *value = env(arg, names[i]);

        /* The first that is set decides, as setlocale does it. */
        if (is_set(value))
            return strcasestr(value, "utf-8") != NULL ||
                   strcasestr(value, "utf8") != NULL;
    }
    return false;
}

static const char *from_environment(void *arg, const char *name)
{
    (void)arg;
    return getenv(name);
}

void terminal_init(struct terminal *terminal, FILE *stream, enum colour_choice choice)
{
    struct winsize size = {.ws_col = 0};
    int fd = fileno(stream);

    assert(terminal != NULL);
    terminal->tty = fd >= 0 && isatty(fd);
    terminal->colour =
        terminal_wants_colour(choice, terminal->tty, from_environment, NULL);
    terminal->utf8 = terminal_has_utf8(from_environment, NULL);
    terminal->width = 0;
    if (terminal->tty && ioctl(fd, TIOCGWINSZ, &size) == 0)
        terminal->width = size.ws_col;
}
