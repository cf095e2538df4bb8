/* help: the pages of help, from the table. */
#include "harness/cli/command.h"

#include <string.h>

#include "harness/cli/complaint.h"

enum { COLUMN = 26, PAGE = 88 };

static const char *bold(const struct terminal *terminal)
{
    return terminal->colour ? "\033[1m" : "";
}

static const char *plain(const struct terminal *terminal)
{
    return terminal->colour ? "\033[0m" : "";
}

/* `text` from column COLUMN on, wrapped between words. */
static void print_wrapped(FILE *to, const char *text, int column)
{
    while (*text != '\0') {
        size_t word = strcspn(text, " ");

        if (column > COLUMN && column + (int)word > PAGE) {
            fprintf(to, "\n%*s", COLUMN, "");
            column = COLUMN;
        }
        column += fprintf(to, "%.*s", (int)word, text);
        text += word;
        if (*text == ' ') {
            text++;
            if (column + 1 + (int)strcspn(text, " ") <= PAGE)
                column += fprintf(to, " ");
            else
                column = PAGE + 1;
        }
    }
    fputc('\n', to);
}

static void print_flag(FILE *to, const struct flag *flag)
{
    char head[80];
    char help[512];
    size_t used;

    if (flag->letter != 0)
        snprintf(head, sizeof head, "  -%c, --%s", flag->letter, flag->name);
    else
        snprintf(head, sizeof head, "      --%s", flag->name);
    used = strlen(head);
    if (flag->kind != VALUE_NONE)
        snprintf(head + used, sizeof head - used, " %s", flag->value);
    snprintf(help, sizeof help, "%s%s", flag->help,
             flag->repeats && flag->kind != VALUE_NONE ? " (repeatable)" : "");
    if (strlen(head) + 2 > COLUMN)
        fprintf(to, "%s\n%*s", head, COLUMN, "");
    else
        fprintf(to, "%-*s", COLUMN, head);
    print_wrapped(to, help, COLUMN);
}

void help_print_command(FILE *to, const struct terminal *terminal,
                        const struct command *command)
{
    fprintf(to, "%susage:%s stormdrill %s [flags]%s%s\n\n", bold(terminal),
            plain(terminal), command->name, command->arguments[0] ? " " : "",
            command->arguments);
    fprintf(to, "%s.\n", command->summary);
    if (command->details != NULL)
        fprintf(to, "\n%s\n", command->details);
    fprintf(to, "\n%sflags:%s\n", bold(terminal), plain(terminal));
    for (const struct flag *f = command->flags; f != NULL && f->name != NULL; f++)
        print_flag(to, f);
    for (const struct flag *f = common_flags; f->name != NULL; f++)
        print_flag(to, f);
    if (command->examples != NULL)
        fprintf(to, "\n%sexamples:%s\n%s\n", bold(terminal), plain(terminal),
                command->examples);
}

void help_print_overview(FILE *to, const struct terminal *terminal)
{
    const struct command *command;

    fprintf(to,
            "stormdrill %s: a rehearsal for the storm. Scripts the weather between NATS\n"
            "clients and nats-server, and says from evidence whether promises were kept."
            "\n\n%susage:%s stormdrill COMMAND [flags] [arguments]\n\n%scommands:%s\n",
            STORMDRILL_VERSION, bold(terminal), plain(terminal), bold(terminal),
            plain(terminal));
    for (int i = 0; (command = command_at(i)) != NULL; i++) {
        if (command->raw == NULL)
            fprintf(to, "  %-10s %s\n", command->name, command->summary);
    }
    fprintf(
        to,
        "\n%sexit codes:%s 0 passed, 1 a check failed, 2 bad command line, 3 scenario "
        "error,\n  4 environment, 5 nothing ran, 6 inconclusive, 70 a bug of ours, "
        "130/143 interrupted\n\n"
        "More of a command: stormdrill help COMMAND, or stormdrill COMMAND --help\n",
        bold(terminal), plain(terminal));
}

static int run_help(struct invocation *invocation)
{
    const struct command *command;
    struct error err;

    if (invocation->argument_count == 0) {
        help_print_overview(stdout, &invocation->out);
        return EXIT_PASSED;
    }
    command = command_find(invocation->arguments[0]);
    if (command == NULL || command->raw != NULL) {
        command_unknown(invocation->arguments[0], &err);
        return complaint_end(&invocation->err, &err);
    }
    help_print_command(stdout, &invocation->out, command);
    return EXIT_PASSED;
}

extern const struct command command_help;
const struct command command_help = {
    .name = "help",
    .summary = "show what there is, or all of one command",
    .arguments = "[COMMAND]",
    .arguments_max = 1,
    .run = run_help,
};
