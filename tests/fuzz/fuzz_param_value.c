/* fuzz_param_value: every value that is taken is written so that it reads back the same.
 *
 * The first byte chooses a kind, the rest is the text of one value. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/base/param.h"

union field {
    uint64_t whole;
    double number;
    int64_t integer;
    bool flag;
    int choice;
};

struct conf {
    union field field;
};

static const char *const choices[] = {"uniform", "normal", "pareto", NULL};

static const unsigned kinds[] = {
    PARAM_DURATION, PARAM_BYTES,   PARAM_RATE,   PARAM_BYTE_RATE, PARAM_PERCENT,
    PARAM_FRACTION, PARAM_INTEGER, PARAM_NUMBER, PARAM_BOOL,      PARAM_ENUM,
};

enum { KIND_COUNT = sizeof kinds / sizeof kinds[0] };

static void check_read_back(const struct param *table, const struct conf *conf)
{
    struct error err;
    struct conf back = {.field = {.whole = 0}};
    json_t *written = param_write(table, conf);

    assert(written != NULL);
    assert(json_object_size(written) == 1);
    if (param_read(table, &back, written, "value", &err) != 0)
        abort();
    /* Zeros of either sign are one number; everything else is equal to the last bit. */
    if (table->kinds == PARAM_NUMBER || table->kinds == PARAM_FRACTION)
        assert(back.field.number == conf->field.number);
    else
        assert(memcmp(&back, conf, sizeof back) == 0);
    json_decref(written);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct param table[] = {
        {.name = "x", .offset = offsetof(struct conf, field), .choices = choices},
        {.name = NULL},
    };
    struct conf conf;
    struct error err;
    json_t *object, *text;
    int rc;

    if (size < 1)
        return 0;
    table[0].kinds = kinds[data[0] % KIND_COUNT];
    text = json_stringn((const char *)data + 1, size - 1);
    if (text == NULL) /* not UTF-8: it could not come from JSON */
        return 0;
    object = json_object();
    json_object_set_new(object, "x", text);
    memset(&conf, 0, sizeof conf);
    error_clear(&err);
    rc = param_read(table, &conf, object, "value", &err);
    assert((rc == 0) == (err.text[0] == '\0'));
    if (rc == 0)
        check_read_back(table, &conf);
    json_decref(object);
    return 0;
}
