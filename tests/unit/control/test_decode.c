/* decode: members by Go's rules. */
#include "proxy/control/decode.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static json_t *read_first(const char *text)
{
    struct error err;
    json_t *json;

    if (decode_first(&json, text, strlen(text), &err) != 0)
        fail_msg("%s: %s", text, err.text);
    return json;
}

static void test_decode__keys_match_in_any_case_and_the_last_counts(void **state)
{
    json_t *json = read_first("{\"name\":\"a\",\"NAME\":\"b\",\"Name\":null}rest");
    const char *name = "default";
    struct error err;

    (void)state;
    assert_int_equal(decode_text(json, "Proxy", "name", &name, &err), 0);
    assert_string_equal(name, "b");
    json_decref(json);
}

static void test_decode__what_is_absent_or_null_keeps_its_default(void **state)
{
    json_t *json = read_first("{\"a\":null}");
    const char *text = "default";
    bool flag = true;
    int64_t integer = 7;
    double number = 0.5;
    struct error err;

    (void)state;
    assert_int_equal(decode_text(json, "X", "a", &text, &err), 0);
    assert_int_equal(decode_bool(json, "X", "a", &flag, &err), 0);
    assert_int_equal(decode_integer(json, "X", "attributes.a", &integer, &err), 0);
    assert_int_equal(decode_number(json, "X", "b", &number, &err), 0);
    assert_string_equal(text, "default");
    assert_true(flag);
    assert_int_equal(integer, 7);
    assert_true(number == 0.5);
    json_decref(json);
}

static void test_decode__a_wrong_type_is_named_as_go_names_it(void **state)
{
    json_t *json = read_first("{\"s\":1,\"b\":\"x\",\"i\":2.5,\"j\":\"2\",\"n\":{}}");
    const char *text;
    bool flag;
    int64_t integer;
    double number;
    struct error err;

    (void)state;
#define GO "json: cannot unmarshal "
    assert_int_equal(decode_text(json, "P", "s", &text, &err), E_FORMAT);
    assert_string_equal(err.text, GO "number into Go struct field P.s of type string");
    assert_int_equal(decode_bool(json, "P", "b", &flag, &err), E_FORMAT);
    assert_string_equal(err.text, GO "string into Go struct field P.b of type bool");
    assert_int_equal(decode_integer(json, "T", "attributes.i", &integer, &err), E_FORMAT);
    assert_string_equal(err.text, GO
                        "number 2.5 into Go struct field T.attributes.i of type int64");
    assert_int_equal(decode_integer(json, "T", "j", &integer, &err), E_FORMAT);
    assert_string_equal(err.text, GO "string into Go struct field T.j of type int64");
    assert_int_equal(decode_number(json, "T", "n", &number, &err), E_FORMAT);
    assert_string_equal(err.text, GO "object into Go struct field T.n of type float32");
    json_decref(json);
}

static void test_decode__null_is_an_empty_object_and_an_empty_array(void **state)
{
    json_t *json = read_first("null");
    struct error err;

    (void)state;
    assert_int_equal(decode_object(json, "P", &err), 0);
    assert_int_equal(decode_array(json, "[]P", &err), 0);
    assert_null(decode_member(json, "name"));
    json_decref(json);
    json = read_first("true");
    assert_int_equal(decode_object(json, "P", &err), E_FORMAT);
    assert_string_equal(err.text, GO "bool into Go value of type P");
    json_decref(json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_decode__keys_match_in_any_case_and_the_last_counts),
        cmocka_unit_test(test_decode__what_is_absent_or_null_keeps_its_default),
        cmocka_unit_test(test_decode__a_wrong_type_is_named_as_go_names_it),
        cmocka_unit_test(test_decode__null_is_an_empty_object_and_an_empty_array),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
