/* A request's body: whatever Toxiproxy's paths decode from it.
 *
 * Two readers look at each text: ours, which knows Go's sentences, and jansson's, which
 * decodes. What jansson takes, ours must take; what ours refuses has a sentence. And a
 * toxic that is taken is one whose fault takes the parameters. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/control/decode.h"
#include "proxy/control/syntax.h"
#include "proxy/control/toxics.h"

static void check_toxic(const json_t *body)
{
    struct toxic toxic;
    struct error err;

    if (toxic_read(&toxic, body, &err) == 0) {
        struct book_fault fault = {.params = toxic.params, .toxic = toxic.memo};
        json_t *params, *memo;
        json_t *shown = toxic_write(&fault);

        assert(json_equal(json_object_get(shown, "attributes"),
                          json_object_get(toxic.memo, "attributes")));
        if (fault_type_find(toxic.spec.type) != NULL)
            assert(fault_check(toxic.spec.type, toxic.params, &err) == 0);
        if (toxic_update(&fault, body, &params, &memo, &err) == 0) {
            json_decref(params);
            json_decref(memo);
        }
        json_decref(shown);
    } else {
        assert(err.text[0] != '\0');
    }
    toxic_release(&toxic);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    json_error_t problem;
    struct error err;
    json_t *json = json_loadb(text, size, JSON_DECODE_ANY, &problem);
    json_t *first;

    /* jansson takes a NUL behind a number for a blank. */
    if (json != NULL && memchr(text, '\0', size) == NULL)
        assert(syntax_check(text, size, &err));
    json_decref(json);
    if (decode_first(&first, text, size, &err) != 0) {
        assert(err.text[0] != '\0');
        return 0;
    }
    check_toxic(first);
    json_decref(first);
    return 0;
}
