/* cli: from argv to an exit code.
 *
 * All well:         find the command -> parse its flags -> run it -> its exit code.
 * --help anywhere:  its page on standard output, exit 0.
 * Bad line:         one complaint, exit 2, nothing is started. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "harness/cli/command.h"
#include "harness/cli/complaint.h"

static enum colour_choice colour_of(const struct invocation *invocation)
{
    if (invocation_chose(invocation, "color", "always"))
        return COLOUR_ALWAYS;
    if (invocation_chose(invocation, "color", "never"))
        return COLOUR_NEVER;
    return COLOUR_AUTO;
}

/* Where we are, for child processes: `stormdrill` in argv[0] may be found in PATH only
 * from here, or not at all. */
static void find_self(char *self, size_t size)
{
    ssize_t length = readlink("/proc/self/exe", self, size - 1);

    if (length < 0)
        length = 0;
    self[length] = '\0';
}

/* Standard output is checked at the end: `run --format json > /full/r.json` must not
 * succeed silently. A reader that went away (head) is no error. */
static int flush_output(const struct terminal *terminal, int code)
{
    struct error err;

    if (fflush(stdout) == 0 && !ferror(stdout))
        return code;
    if (errno == EPIPE)
        return code;
    error_from_errno(&err, "cannot write to standard output");
    complaint_print(stderr, terminal, &err, EXIT_ENVIRONMENT);
    return exit_code_worse(code, EXIT_ENVIRONMENT);
}

static int run_command(const struct command *command, int argc, char **argv)
{
    struct invocation invocation;
    struct terminal plain;
    struct error err;
    char self[PATH_MAX];
    int code;

    terminal_init(&plain, stderr, COLOUR_AUTO);
    if (command_parse(&invocation, command, argc - 1, argv + 1, &err) != 0) {
        command_release(&invocation);
        return complaint_end(&plain, &err);
    }
    find_self(self, sizeof self);
    invocation.self = self;
    invocation.argc = argc;
    invocation.argv = argv;
    terminal_init(&invocation.out, stdout, colour_of(&invocation));
    terminal_init(&invocation.err, stderr, colour_of(&invocation));
    if (invocation_has(&invocation, "help")) {
        help_print_command(stdout, &invocation.out, command);
        code = EXIT_PASSED;
    } else {
        code = command->run(&invocation);
    }
    code = flush_output(&invocation.err, code);
    command_release(&invocation);
    return code;
}

/* No command, or one that is none. */
static int without_command(const char *word)
{
    struct terminal out, complaints;
    struct error err;

    terminal_init(&out, stdout, COLOUR_AUTO);
    terminal_init(&complaints, stderr, COLOUR_AUTO);
    if (word == NULL) {
        help_print_overview(stderr, &complaints);
        return EXIT_USAGE;
    }
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
        help_print_overview(stdout, &out);
        return flush_output(&complaints, EXIT_PASSED);
    }
    if (word[0] == '-') {
        error_set(&err, E_USAGE, "the command comes first, then its flags: '%s' is none",
                  word);
        error_hint(&err, "see: stormdrill help");
    } else {
        command_unknown(word, &err);
    }
    return complaint_end(&complaints, &err);
}

/* A shell's >&- leaves 0, 1 or 2 free: the next file we open would get that number and
 * our report would be written into it (libuv ends the process over such a number). */
static void fill_standard_fds(void)
{
    int fd;

    do
        fd = open("/dev/null", O_RDWR);
    while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd >= 0)
        close(fd);
}

int cli_main(int argc, char **argv)
{
    const char *word = argc > 1 ? argv[1] : NULL;
    const struct command *command;

    assert(argc >= 0);
    /* For every process of ours: a file as large as `ulimit -f` allows is an error to
     * report, like a full disk. Programs that we start have their signals reset. */
    signal(SIGXFSZ, SIG_IGN);
    fill_standard_fds();
    if (word != NULL && (strcmp(word, "--version") == 0 || strcmp(word, "-V") == 0))
        word = "version";
    command = word != NULL ? command_find(word) : NULL;
    if (command == NULL)
        return without_command(word);
    if (command->raw != NULL)
        return command->raw(argc - 1, argv + 1);
    return run_command(command, argc, argv);
}
