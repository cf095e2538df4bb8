/* fault_page: one line for each link, one for each of its faults.
 *
 *   orders    127.0.0.1:4333 -> 127.0.0.1:4222    3 open, 12 accepted
 *     slow       latency base=100ms jitter=10ms    touched 1,204
 *
 * Parameters at their default are left out: what stands there is what somebody chose,
 * in words that `fault add` takes again. */
#include "harness/cli/fault_page.h"

#include <stdlib.h>
#include <string.h>

#include "proxy/plane.h"
#include "reports/text.h"

enum { VALUE_BYTES = 512, COUNT_BYTES = 32 };

static const char *text_of(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));

    return text != NULL ? text : "";
}

/* A value as a word of the command line; quoted where it has blanks. */
static void print_value(FILE *to, const json_t *value)
{
    const char *text = json_string_value(value);
    char *dump;

    if (text != NULL && text[strcspn(text, " \t")] == '\0' && text[0] != '\0') {
        fputs(text, to);
    } else if (text != NULL) {
        fprintf(to, "\"%s\"", text);
    } else {
        dump = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(6));
        fputs(dump != NULL ? dump : "?", to);
        free(dump);
    }
}

static const struct param *find_param(const char *fault, const char *name)
{
    const struct fault_type *type = fault_type_find(fault);
    const struct param *param = NULL;

    if (type != NULL)
        param = param_find(fault_type_params(type), name);
    return param != NULL ? param : param_find(fault_common_params(), name);
}

/* 1, 1.0 and "1" are one. A proxy of another version may have parameters that we do not
 * know: those are shown. */
static bool is_default(const char *fault, const char *name, const json_t *value)
{
    const struct param *param = find_param(fault, name);
    const char *text = json_string_value(value);
    char number[VALUE_BYTES];

    if (param == NULL || param->fallback == NULL)
        return false;
    if (json_is_boolean(value))
        text = json_is_true(value) ? "true" : "false";
    if (text == NULL) {
        snprintf(number, sizeof number, "%.10g", json_number_value(value));
        text = number;
    }
    return strcmp(text, param->fallback) == 0;
}

char *fault_page_words(const json_t *fault)
{
    char *words = NULL;
    size_t size = 0;
    FILE *to = open_memstream(&words, &size);
    const char *type = text_of(fault, "fault");
    const char *name;
    json_t *value;

    if (to == NULL)
        return NULL;
    fputs(type, to);
    json_object_foreach(json_object_get(fault, "params"), name, value) {
        if (is_default(type, name, value))
            continue;
        fprintf(to, " %s=", name);
        print_value(to, value);
    }
    if (fclose(to) != 0) {
        free(words);
        return NULL;
    }
    return words;
}

static uint64_t count_of(const json_t *object, const char *group, const char *name)
{
    if (group != NULL)
        object = json_object_get(object, group);
    return (uint64_t)json_integer_value(json_object_get(object, name));
}

static const char *paint(const struct terminal *terminal, const char *code)
{
    return terminal->colour ? code : "";
}

static void print_link(FILE *to, const struct terminal *terminal, const json_t *link,
                       int width)
{
    char accepted[COUNT_BYTES];

    fputs(paint(terminal, "\033[1m"), to);
    text_put_padded(to, text_of(link, "name"), width, terminal->utf8);
    fprintf(to, "%s  %s -> ", paint(terminal, "\033[0m"), text_of(link, "listen"));
    text_put(to, text_of(link, "upstream"), terminal->utf8);
    if (json_is_false(json_object_get(link, "enabled")))
        fprintf(to, "  %sdisabled%s", paint(terminal, "\033[33m"),
                paint(terminal, "\033[0m"));
    else
        fprintf(to, "  %llu open, %s accepted",
                (unsigned long long)count_of(link, "connections", "open"),
                text_count(accepted, sizeof accepted,
                           count_of(link, "connections", "accepted")));
    fputc('\n', to);
}

/* The first word of `words`: to a blank that is in no quotes. */
static size_t word_size(const char *words)
{
    bool quoted = false;
    size_t size = 0;

    for (; words[size] != '\0' && (quoted || words[size] != ' '); size++)
        quoted = quoted != (words[size] == '"');
    return size;
}

/* Word by word from column `indent` on; what would be too wide stands below the first. */
static void put_folded(FILE *to, const struct terminal *terminal, const char *words,
                       int indent)
{
    int column = indent;

    while (*words != '\0') {
        size_t size = word_size(words);
        char *word = strndup(words, size);
        int width = word != NULL ? text_width(word, terminal->utf8) : 0;

        if (column > indent && terminal->width > 0 &&
            column + 1 + width > terminal->width) {
            fprintf(to, "\n%*s", indent, "");
            column = indent;
        } else if (column > indent) {
            fputc(' ', to);
            column++;
        }
        if (word != NULL)
            text_put(to, word, terminal->utf8);
        column += width;
        words += size + (words[size] == ' ');
        free(word);
    }
}

static void print_fault(FILE *to, const struct terminal *terminal, const json_t *fault,
                        int width)
{
    char *words = fault_page_words(fault);
    char touched[COUNT_BYTES];

    fputs("  ", to);
    text_put_padded(to, text_of(fault, "name"), width, terminal->utf8);
    fputs("  ", to);
    put_folded(to, terminal, words != NULL ? words : "", width + 4);
    fprintf(to, "  %stouched %s%s\n", paint(terminal, "\033[2m"),
            text_count(touched, sizeof touched, count_of(fault, NULL, "touched")),
            paint(terminal, "\033[0m"));
    free(words);
}

/* The widest name of a list, so that what follows stands in a column. */
static int widest(const json_t *list, const struct terminal *terminal)
{
    const json_t *member;
    int width = 0;
    size_t i;

    json_array_foreach((json_t *)list, i, member) {
        int own = text_width(text_of(member, "name"), terminal->utf8);

        if (own > width)
            width = own;
    }
    return width;
}

void fault_page_links(FILE *to, const struct terminal *terminal, const json_t *links)
{
    int width = widest(links, terminal);
    const json_t *link;
    size_t l;

    json_array_foreach((json_t *)links, l, link) {
        const json_t *faults = json_object_get(link, "faults");
        const json_t *fault;
        size_t f;

        print_link(to, terminal, link, width);
        json_array_foreach((json_t *)faults, f, fault)
            print_fault(to, terminal, fault, widest(faults, terminal));
    }
}
