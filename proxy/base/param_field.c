/* param_field: the other half of param_value: fields of a conf, and the way back to JSON.
 *
 * A parameter of one kind has a plain field of that C type, one of several kinds a
 * struct param_value. Fields are reached through memcpy, so no two types alias. */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "proxy/base/param_value.h"
#include "proxy/base/quantity.h"

static size_t field_size(unsigned kinds)
{
    if ((kinds & (kinds - 1)) != 0)
        return sizeof(struct param_value);
    switch ((enum param_kind)kinds) {
    case PARAM_DURATION:
    case PARAM_BYTES:
        return sizeof(uint64_t);
    case PARAM_RATE:
    case PARAM_BYTE_RATE:
    case PARAM_PERCENT:
    case PARAM_FRACTION:
    case PARAM_NUMBER:
        return sizeof(double);
    case PARAM_INTEGER:
        return sizeof(int64_t);
    case PARAM_BOOL:
        return sizeof(bool);
    case PARAM_ENUM:
        return sizeof(int);
    case PARAM_TEXT:
        return sizeof(char *);
    case PARAM_JSON:
        return sizeof(json_t *);
    }
    assert(false); /* a kind without a field */
    return 0;
}

/* All members of the union in param_value start at one address, so the bytes of a field
 * can go to any of them. */
struct param_value param_value_load(const struct param *p, const void *conf)
{
    const char *field = (const char *)conf + p->offset;
    struct param_value value = {.kind = 0};

    if (param_is_union(p)) {
        memcpy(&value, field, sizeof value);
        return value;
    }
    value.kind = (enum param_kind)p->kinds;
    memcpy(&value.bytes, field, field_size(p->kinds));
    return value;
}

void param_value_store(const struct param *p, void *conf, const struct param_value *value)
{
    char *field = (char *)conf + p->offset;

    if (param_is_union(p)) {
        memcpy(field, value, sizeof *value);
        return;
    }
    assert(value->kind == 0 || (unsigned)value->kind == p->kinds);
    memcpy(field, &value->bytes, field_size(p->kinds));
}

static json_t *string_of(void (*write)(double, char *, size_t), double number)
{
    char text[QUANTITY_TEXT_MAX];

    write(number, text, sizeof text);
    return json_string(text);
}

json_t *param_value_write(const struct param *p, const struct param_value *value)
{
    char text[QUANTITY_TEXT_MAX];

    switch (value->kind) {
    case PARAM_DURATION:
        quantity_duration_text(value->ns, text, sizeof text);
        return json_string(text);
    case PARAM_BYTES:
        quantity_bytes_text(value->bytes, text, sizeof text);
        return json_string(text);
    case PARAM_RATE:
        return string_of(quantity_rate_text, value->number);
    case PARAM_BYTE_RATE:
        return string_of(quantity_byte_rate_text, value->number);
    case PARAM_PERCENT:
        return string_of(quantity_percent_text, value->number);
    case PARAM_FRACTION:
    case PARAM_NUMBER:
        return json_real(value->number);
    case PARAM_INTEGER:
        return json_integer(value->integer);
    case PARAM_BOOL:
        return json_boolean(value->flag);
    case PARAM_ENUM:
        return json_string(p->choices[value->choice]);
    case PARAM_TEXT:
        return value->text == NULL ? NULL : json_string(value->text);
    case PARAM_JSON:
        return value->json == NULL ? NULL : json_deep_copy(value->json);
    }
    return NULL; /* a union that holds nothing */
}
