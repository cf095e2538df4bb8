/* param_words: `latency base=100ms jitter=10ms` into one JSON object of strings.
 *
 * A word ends at a blank outside of quotes. Quotes may stand anywhere in a word and keep
 * blanks together; a backslash in quotes takes the next character as it is. All values
 * are strings: the table that reads them knows what they mean. */
#include "proxy/base/param.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/base/param_problem.h"

enum { WORDS_BYTES_MAX = 64 * 1024, SHOWN_BYTES = 64 };

struct scanner {
    const char *at;
    char *word;        /* the current word, unquoted; as large as the whole text */
    size_t size;       /* of the word */
    size_t equal_sign; /* the first '=' outside of quotes, SIZE_MAX: none */
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* The next word into s->word. 1: there is one, 0: the end, else an error. */
static int next_word(struct scanner *s, struct error *err)
{
    bool in_quotes = false;

    while (is_blank(*s->at))
        s->at++;
    if (*s->at == '\0')
        return 0;
    s->size = 0;
    s->equal_sign = SIZE_MAX;
    for (; *s->at != '\0' && (in_quotes || !is_blank(*s->at)); s->at++) {
        if (*s->at == '"') {
            in_quotes = !in_quotes;
            continue;
        }
        if (in_quotes && *s->at == '\\' && s->at[1] != '\0')
            s->at++;
        else if (!in_quotes && *s->at == '=' && s->equal_sign == SIZE_MAX)
            s->equal_sign = s->size;
        s->word[s->size++] = *s->at;
    }
    s->word[s->size] = '\0';
    if (in_quotes)
        return error_set(err, E_PARAM, "a quote is opened and never closed");
    return 1;
}

static int add_pair(const struct scanner *s, json_t *object, struct error *err)
{
    const char *text;
    char shown[SHOWN_BYTES];
    json_t *value;

    param_problem_show(s->word, shown, sizeof shown);
    if (s->equal_sign == SIZE_MAX)
        return error_set(err, E_PARAM,
                         "'%s' has no name: write name=value, as in base=100ms", shown);
    if (s->equal_sign == 0)
        return error_set(err, E_PARAM, "'%s' has no name in front of the '='", shown);
    s->word[s->equal_sign] = '\0';
    text = s->word + s->equal_sign + 1;
    param_problem_show(s->word, shown, sizeof shown);
    if (json_object_get(object, s->word) != NULL)
        return error_set(err, E_PARAM, "'%s' is given twice", shown);
    if (!param_problem_is_utf8(s->word) || !param_problem_is_utf8(text))
        return error_set(err, E_PARAM, "the option '%s' is not valid UTF-8", shown);
    value = json_string(text);
    if (value == NULL || json_object_set_new(object, s->word, value) != 0)
        return error_set(err, E_NOMEM, "the option '%s'", shown);
    return 0;
}

static int take_name(const struct scanner *s, char *name, size_t name_size,
                     struct error *err)
{
    char shown[SHOWN_BYTES];

    if (s->size < name_size) {
        memcpy(name, s->word, s->size + 1);
        return 0;
    }
    param_problem_show(s->word, shown, sizeof shown);
    return error_set(err, E_PARAM, "'%s' is too long for a name", shown);
}

static int read_words(struct scanner *s, char *name, size_t name_size, json_t *object,
                      struct error *err)
{
    bool first = true;
    int rc;

    while ((rc = next_word(s, err)) == 1) {
        if (first && name != NULL && s->equal_sign == SIZE_MAX)
            rc = take_name(s, name, name_size, err);
        else
            rc = add_pair(s, object, err);
        if (rc != 0)
            return rc;
        first = false;
    }
    return rc;
}

int param_words(const char *words, char *name, size_t name_size, json_t **out,
                struct error *err)
{
    struct scanner s = {.at = words};
    size_t length = strnlen(words, WORDS_BYTES_MAX + 1);
    json_t *object;
    int rc;

    assert(name == NULL || name_size > 0);
    *out = NULL;
    if (name != NULL)
        name[0] = '\0';
    if (length > WORDS_BYTES_MAX)
        return error_set(err, E_LIMIT, "options of more than %d bytes", WORDS_BYTES_MAX);
    object = json_object();
    s.word = malloc(length + 1);
    if (object == NULL || s.word == NULL) {
        rc = error_set(err, E_NOMEM, "options");
        goto fail_release;
    }
    rc = read_words(&s, name, name_size, object, err);
    if (rc != 0)
        goto fail_release;
    free(s.word);
    *out = object;
    return 0;

fail_release:
    free(s.word);
    json_decref(object);
    return rc;
}
