/* corrupt: the asked share of bytes, the asked bits, and the same ones in every run. */
#include <stdlib.h>
#include <string.h>

#include "tests/lib/memory/memory.h"
#include "tests/lib/proxy/cutter.h"
#include "tests/lib/proxy/rig.h"
#include "tests/lib/proxy/stats.h"

enum { MILLION = 1000000 };

/* What came out differs from the pattern: 0 where it does not. */
static uint8_t *flips_of(const char *words, enum direction to, size_t size, uint64_t seed)
{
    struct lanes *l = lanes_create_seeded("corrupt", words, 1, seed);
    uint8_t *flips = malloc(size);
    const uint8_t *output;
    size_t output_size;

    assert_non_null(flips);
    lanes_push_pattern(l, 0, to, size);
    output = lanes_output(l, 0, to, &output_size);
    assert_int_equal(output_size, size);
    for (size_t i = 0; i < size; i++)
        flips[i] = (uint8_t)(output[i] ^ lanes_pattern(i));
    lanes_destroy(l);
    return flips;
}

static size_t count_hits(const uint8_t *flips, size_t from, size_t to)
{
    size_t hits = 0;

    for (size_t i = from; i < to; i++)
        hits += flips[i] != 0;
    return hits;
}

/* Binomial: mean 10,000, deviation 99.5; four of them each way. */
static void test_corrupt__hits_the_asked_share_of_the_bytes(void **state)
{
    uint8_t *flips = flips_of("rate=1%", TO_SERVER, MILLION, 1);

    (void)state;
    assert_in_range(count_hits(flips, 0, MILLION), 9600, 10400);
    free(flips);
    flips = flips_of("rate=0.0001", TO_CLIENT, MILLION, 2);
    assert_in_range(count_hits(flips, 0, MILLION), 60, 140);
    free(flips);
    flips = flips_of("rate=100%", TO_SERVER, 200000, 1);
    assert_int_equal(count_hits(flips, 0, 200000), 200000);
    free(flips);
    flips = flips_of("rate=0", TO_SERVER, 200000, 1);
    assert_int_equal(count_hits(flips, 0, 200000), 0);
    free(flips);
}

static double cdf_of_gaps(double gap)
{
    return 1.0 - __builtin_pow(0.99, gap); /* between whole gaps, see below */
}

/* Independent hits have geometric gaps: as many neighbours as chance has, and a long
 * tail. Whole gaps are spread over their last step, or ties would count as distance. */
static void test_corrupt__hits_each_byte_on_its_own(void **state)
{
    uint8_t *flips = flips_of("rate=1%", TO_SERVER, MILLION, 3);
    double *gaps = calloc(MILLION, sizeof *gaps);
    size_t neighbours = 0;
    size_t count = 0;
    size_t last = 0;
    struct rng rng;

    (void)state;
    rng_init(&rng, 4);
    for (size_t i = 1; i < MILLION; i++) {
        if (flips[i] == 0)
            continue;
        neighbours += i - last == 1;
        gaps[count++] = (double)(i - last) - rng_unit(&rng);
        last = i;
    }
    assert_in_range(neighbours, 60, 140);
    assert_true(stats_autocorrelation(gaps, count) < 0.05);
    assert_true(stats_autocorrelation(gaps, count) > -0.05);
    assert_true(stats_deviation(gaps, count) > 95.0);
    assert_true(stats_deviation(gaps, count) < 105.0);
    assert_true(stats_distance(gaps, count, cdf_of_gaps) < 1.63);
    free(gaps);
    free(flips);
}

/* 125,000 hits at `bits` each: every bit as often as the others, within 1 %. */
static void test_corrupt__flips_so_many_different_bits_of_a_hit(void **state)
{
    (void)state;
    for (int bits = 1; bits <= 8; bits++) {
        size_t of_bit[8] = {0};
        char words[64];
        uint8_t *flips;

        snprintf(words, sizeof words, "rate=100%% bits=%d", bits);
        flips = flips_of(words, TO_SERVER, MILLION / 8, (uint64_t)bits);
        for (size_t i = 0; i < MILLION / 8; i++) {
            assert_int_equal(__builtin_popcount(flips[i]), bits);
            for (int bit = 0; bit < 8; bit++)
                of_bit[bit] += (flips[i] >> bit) & 1;
        }
        for (int bit = 0; bit < 8; bit++)
            assert_in_range(of_bit[bit], (size_t)bits * (MILLION / 64) - 500,
                            (size_t)bits * (MILLION / 64) + 500);
        free(flips);
    }
}

static void test_corrupt__gives_the_same_bytes_however_they_are_cut(void **state)
{
    const char *const words[] = {"rate=1%", "rate=0.01%", "rate=50% bits=3",
                                 "rate=1% after=100001B"};

    (void)state;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        size_t size;
        uint8_t *bytes =
            cutter_compare("corrupt", words[i], 200000, CUTTER_SAME_TIMES, &size);

        assert_int_equal(size, 200000);
        free(bytes);
    }
}

/* What it hits is a matter of the place, not of when the fault came. */
static void test_corrupt__hits_the_same_places_whenever_it_begins(void **state)
{
    uint8_t *early = flips_of("rate=1%", TO_SERVER, 300000, 5);
    uint8_t *late = flips_of("rate=1% after=123457B", TO_SERVER, 300000, 5);

    (void)state;
    assert_int_equal(count_hits(late, 0, 123457), 0);
    assert_true(count_hits(early, 0, 123457) > 1000);
    assert_memory_equal(early + 123457, late + 123457, 300000 - 123457);
    free(early);
    free(late);
}

static void test_corrupt__hits_other_places_in_other_streams(void **state)
{
    uint8_t *flips = flips_of("rate=1%", TO_SERVER, MILLION, 6);
    uint8_t *again = flips_of("rate=1%", TO_SERVER, MILLION, 6);
    uint8_t *back = flips_of("rate=1%", TO_CLIENT, MILLION, 6);
    uint8_t *other = flips_of("rate=1%", TO_SERVER, MILLION, 7);
    size_t shared_back = 0;
    size_t shared_other = 0;

    (void)state;
    assert_memory_equal(flips, again, MILLION);
    for (size_t i = 0; i < MILLION; i++) {
        shared_back += flips[i] != 0 && back[i] != 0;
        shared_other += flips[i] != 0 && other[i] != 0;
    }
    /* Of 10,000 hits one in a hundred meets another by chance. */
    assert_in_range(shared_back, 60, 140);
    assert_in_range(shared_other, 60, 140);
    free(flips);
    free(again);
    free(back);
    free(other);
}

static void test_corrupt__changes_from_the_next_byte_on(void **state)
{
    struct lanes *l = lanes_create("corrupt", "rate=0", 1);
    const uint8_t *output;
    size_t size;

    (void)state;
    lanes_push_pattern(l, 0, TO_SERVER, 1000);
    assert_int_equal(lanes_touched(l), 0);
    lanes_change(l, "rate=1 bits=8");
    lanes_push_pattern(l, 0, TO_SERVER, 1000);
    assert_int_equal(lanes_touched(l), 1);
    lanes_heal(l);
    lanes_push_pattern(l, 0, TO_SERVER, 1000);
    lanes_push_end(l, 0, TO_SERVER, CHUNK_FIN);
    output = lanes_output(l, 0, TO_SERVER, &size);
    assert_int_equal(size, 3000);
    for (size_t i = 0; i < size; i++)
        assert_int_equal((uint8_t)(output[i] ^ lanes_pattern(i)),
                         i >= 1000 && i < 2000 ? 0xff : 0);
    assert_int_equal(lanes_end(l, 0, TO_SERVER), CHUNK_FIN);
    lanes_destroy(l);
}

static void test_corrupt__lets_every_end_pass(void **state)
{
    const enum chunk_end ends[] = {CHUNK_FIN, CHUNK_RST, CHUNK_CLOSE};

    (void)state;
    for (int i = 0; i < 3; i++) {
        struct lanes *l = lanes_create("corrupt", "rate=1", 1);

        lanes_push_pattern(l, 0, TO_SERVER, 10);
        lanes_push_end(l, 0, TO_SERVER, ends[i]);
        assert_int_equal(lanes_size(l, 0, TO_SERVER), 10);
        assert_int_equal(lanes_end(l, 0, TO_SERVER), ends[i]);
        lanes_destroy(l);
    }
}

static struct chunk *view(struct buffer *buffer)
{
    struct chunk *chunk = chunk_view(buffer, 0, buffer->capacity);

    assert_non_null(chunk);
    return chunk;
}

/* Somebody else may look at the same bytes: what is recorded must stay what was sent. */
static void test_corrupt__copies_before_it_writes_and_only_then(void **state)
{
    struct buffer *buffer = buffer_create(64);
    struct lanes *l = lanes_create("corrupt", "rate=0", 1);
    struct chunk *chunk = view(buffer);
    const uint8_t zeros[64] = {0};
    size_t size;

    (void)state;
    memset(buffer->bytes, 0, 64);
    lanes_push(l, 0, TO_SERVER, "x", 1); /* the lanes have their memory now */
    lanes_change(l, "rate=0");
    memory_fail_at(1);
    lanes_push_chunk(l, 0, TO_SERVER, chunk);
    assert_false(memory_failed());
    memory_fail_at(0);
    lanes_change(l, "rate=1");
    lanes_push_chunk(l, 0, TO_SERVER, view(buffer));
    assert_memory_equal(buffer->bytes, zeros, 64);
    assert_memory_not_equal(lanes_output(l, 0, TO_SERVER, &size) + 65, zeros, 64);
    assert_int_equal(size, 129);
    lanes_destroy(l);
    buffer_unref(buffer);
}

static void test_corrupt__resets_when_there_is_no_memory_for_a_copy(void **state)
{
    struct buffer *buffer = buffer_create(64);
    struct lanes *l = lanes_create("corrupt", "rate=1", 1);
    struct chunk *chunk = view(buffer);

    (void)state;
    lanes_push(l, 0, TO_SERVER, "x", 1);
    memory_fail_at(1);
    lanes_push_chunk(l, 0, TO_SERVER, chunk);
    assert_true(memory_failed());
    memory_fail_at(0);
    assert_int_equal(lanes_size(l, 0, TO_SERVER), 1);
    assert_int_equal(lanes_end(l, 0, TO_SERVER), CHUNK_RST);
    lanes_destroy(l);
    buffer_unref(buffer);
}

static void test_corrupt__refuses_parameters_out_of_range(void **state)
{
    const char *const bad[] = {"rate=1.5", "rate=101%", "rate=-1%", "rate=often",
                               "bits=0",   "bits=9",    "bits=1.5"};
    struct error err;

    (void)state;
    assert_int_equal(rig_check("corrupt", "", &err), 0);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(rig_check("corrupt", bad[i], &err), E_PARAM);
        assert_non_null(strstr(err.text, bad[i][0] == 'r' ? "rate" : "bits"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_corrupt__hits_the_asked_share_of_the_bytes),
        cmocka_unit_test(test_corrupt__hits_each_byte_on_its_own),
        cmocka_unit_test(test_corrupt__flips_so_many_different_bits_of_a_hit),
        cmocka_unit_test(test_corrupt__gives_the_same_bytes_however_they_are_cut),
        cmocka_unit_test(test_corrupt__hits_the_same_places_whenever_it_begins),
        cmocka_unit_test(test_corrupt__hits_other_places_in_other_streams),
        cmocka_unit_test(test_corrupt__changes_from_the_next_byte_on),
        cmocka_unit_test(test_corrupt__lets_every_end_pass),
        cmocka_unit_test(test_corrupt__copies_before_it_writes_and_only_then),
        cmocka_unit_test(test_corrupt__resets_when_there_is_no_memory_for_a_copy),
        cmocka_unit_test(test_corrupt__refuses_parameters_out_of_range),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
