/* select: a recursive descent over `-k EXPR`.
 *
 *   or   := and { "or" and }
 *   and  := not { "and" not }
 *   not  := "not" not | "(" or ")" | WORD | "quoted words"
 * Nodes lie in one array and name each other by index. Depth and size are bounded: an
 * expression comes from a person, or from a CI script gone wrong. */
#include "harness/suite/select.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { NODES_MAX = 256, DEPTH_MAX = 64, WORD_BYTES = 128 };

enum node_kind { NODE_WORD, NODE_NOT, NODE_AND, NODE_OR };

struct node {
    enum node_kind kind;
    int left, right;
    char word[WORD_BYTES];
};

struct selector {
    struct node nodes[NODES_MAX];
    int count;
    int root;
};

enum token_kind {
    TOKEN_END,
    TOKEN_WORD,
    TOKEN_NOT,
    TOKEN_AND,
    TOKEN_OR,
    TOKEN_OPEN,
    TOKEN_CLOSE
};

struct parser {
    struct selector *selector;
    const char *expression;
    const char *at;     /* behind the token */
    const char *before; /* where the token begins */
    enum token_kind token;
    char word[WORD_BYTES];
    int depth;
    struct error *err;
};

static int fail(struct parser *p, const char *what)
{
    error_set(p->err, E_USAGE, "-k '%.200s': %s at column %d", p->expression, what,
              (int)(p->before - p->expression) + 1);
    error_hint(p->err, "write words with and, or, not and parentheses; quote words that "
                       "belong together: -k 'release and not \"slow consumer\"'");
    return -1;
}

static int take_word(struct parser *p, const char *from, size_t size)
{
    if (size == 0)
        return fail(p, "an empty word");
    if (size >= WORD_BYTES)
        return fail(p, "a word that is too long");
    memcpy(p->word, from, size);
    p->word[size] = '\0';
    p->token = TOKEN_WORD;
    return 0;
}

static int take_quoted(struct parser *p)
{
    char quote = *p->at++;
    const char *end = strchr(p->at, quote);
    const char *from = p->at;

    if (end == NULL)
        return fail(p, "a quote that is not closed");
    p->at = end + 1;
    return take_word(p, from, (size_t)(end - from));
}

/* Move to the next token. */
static int advance(struct parser *p)
{
    static const struct {
        const char *word;
        enum token_kind token;
    } keywords[] = {{"not", TOKEN_NOT}, {"and", TOKEN_AND}, {"or", TOKEN_OR}};
    size_t size;
    int rc;

    p->at += strspn(p->at, " \t\n");
    p->before = p->at;
    if (*p->at == '\0') {
        p->token = TOKEN_END;
        return 0;
    }
    if (*p->at == '(' || *p->at == ')') {
        p->token = *p->at++ == '(' ? TOKEN_OPEN : TOKEN_CLOSE;
        return 0;
    }
    if (*p->at == '"' || *p->at == '\'')
        return take_quoted(p);
    size = strcspn(p->at, " \t\n()\"'");
    rc = take_word(p, p->at, size);
    p->at += size;
    for (size_t i = 0; rc == 0 && i < sizeof keywords / sizeof *keywords; i++) {
        if (strcasecmp(p->word, keywords[i].word) == 0)
            p->token = keywords[i].token;
    }
    return rc;
}

static int add_node(struct parser *p, enum node_kind kind, int left, int right)
{
    struct selector *selector = p->selector;
    struct node *node;

    if (selector->count == NODES_MAX)
        return fail(p, "more words than anybody means");
    node = &selector->nodes[selector->count];
    node->kind = kind;
    node->left = left;
    node->right = right;
    if (kind == NODE_WORD)
        memcpy(node->word, p->word, sizeof node->word);
    return selector->count++;
}

static int parse_or(struct parser *p);

static int parse_group(struct parser *p)
{
    int inner;

    if (advance(p) != 0)
        return -1;
    inner = parse_or(p);
    if (inner < 0)
        return -1;
    if (p->token != TOKEN_CLOSE)
        return fail(p, p->token == TOKEN_END ? "a parenthesis that is not closed"
                                             : "')' or an operator is missing");
    return advance(p) == 0 ? inner : -1;
}

static int parse_not(struct parser *p)
{
    int inner = -1;

    if (++p->depth > DEPTH_MAX)
        return fail(p, "nested too deeply");
    if (p->token == TOKEN_NOT) {
        if (advance(p) != 0)
            return -1;
        inner = parse_not(p);
        inner = inner < 0 ? -1 : add_node(p, NODE_NOT, inner, -1);
    } else if (p->token == TOKEN_OPEN) {
        inner = parse_group(p);
    } else if (p->token == TOKEN_WORD) {
        inner = add_node(p, NODE_WORD, -1, -1);
        if (inner >= 0 && advance(p) != 0)
            return -1;
    } else {
        return fail(p, "a word is missing");
    }
    p->depth--;
    return inner;
}

static int parse_chain(struct parser *p, enum token_kind token, enum node_kind kind,
                       int (*operand)(struct parser *p))
{
    int left = operand(p);

    while (left >= 0 && p->token == token) {
        int right;

        if (advance(p) != 0)
            return -1;
        right = operand(p);
        left = right < 0 ? -1 : add_node(p, kind, left, right);
    }
    return left;
}

static int parse_and(struct parser *p)
{
    return parse_chain(p, TOKEN_AND, NODE_AND, parse_not);
}

static int parse_or(struct parser *p)
{
    return parse_chain(p, TOKEN_OR, NODE_OR, parse_and);
}

int selector_create(struct selector **out, const char *expression, struct error *err)
{
    struct selector *selector = calloc(1, sizeof *selector);
    struct parser parser = {
        .selector = selector, .expression = expression, .at = expression, .err = err};

    if (selector == NULL)
        return error_set(err, E_NOMEM, "-k");
    selector->root = advance(&parser) == 0 ? parse_or(&parser) : -1;
    if (selector->root >= 0 && parser.token != TOKEN_END) {
        fail(&parser, parser.token == TOKEN_CLOSE ? "a ')' without its '('"
                                                  : "two words without 'and' or 'or'");
        selector->root = -1;
    }
    if (selector->root < 0) {
        free(selector);
        return E_USAGE;
    }
    *out = selector;
    return 0;
}

void selector_destroy(struct selector *selector)
{
    free(selector);
}

bool selector_word_matches(const char *word, const struct selector_subject *subject)
{
    const char *slash = strrchr(subject->file, '/');
    const json_t *tag;
    size_t i;

    if (strcasestr(subject->id, word) != NULL)
        return true;
    if (strcasestr(slash != NULL ? slash + 1 : subject->file, word) != NULL)
        return true;
    json_array_foreach(subject->tags, i, tag) {
        if (json_is_string(tag) && strcasecmp(json_string_value(tag), word) == 0)
            return true;
    }
    return false;
}

/* As deep as the expression, which is bounded by NODES_MAX. */
static bool evaluate(const struct selector *selector, int at,
                     const struct selector_subject *subject)
{
    const struct node *node = &selector->nodes[at];

    assert(at >= 0);
    assert(at < selector->count);
    switch (node->kind) {
    case NODE_WORD:
        return selector_word_matches(node->word, subject);
    case NODE_NOT:
        return !evaluate(selector, node->left, subject);
    case NODE_AND:
        return evaluate(selector, node->left, subject) &&
               evaluate(selector, node->right, subject);
    case NODE_OR:
        return evaluate(selector, node->left, subject) ||
               evaluate(selector, node->right, subject);
    }
    return false;
}

bool selector_matches(const struct selector *selector,
                      const struct selector_subject *subject)
{
    return evaluate(selector, selector->root, subject);
}

const char *selector_word(const struct selector *selector, int at)
{
    for (int i = 0; i < selector->count; i++) {
        if (selector->nodes[i].kind == NODE_WORD && at-- == 0)
            return selector->nodes[i].word;
    }
    return NULL;
}
