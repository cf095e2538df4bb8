/* rig: faults on a virtual clock, without sockets.
 *
 * A chain of one direction (rig_create: to_server) or of both (rig_create_both), whose
 * ends are texts: what has come out so far. An end shows as "<FIN>", "<CLOSE>" or
 * "<RST>", what a fault abandons as "<GONE client>" or "<GONE server>" in the text of
 * the direction in which it said so. Faults are given as users write them; `after` in
 * bytes, `direction` (in both) and the ranges hold; `probability`, `after` in time, `on`
 * and `off` are the link's business and not the rig's.
 * What a fault remembers of the connection is the same in both directions and in the
 * connection's events, as in a link. */
#ifndef STORMDRILL_TESTS_PROXY_RIG_H
#define STORMDRILL_TESTS_PROXY_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proxy/chain.h"

enum { RIG_FAULTS_MAX = 8, RIG_CONNECTIONS_MAX = 16 };

struct rig;

/* With one fault in the chain (index 0); NULL type: an empty chain. */
struct rig *rig_create(const char *type, const char *words);
struct rig *rig_create_both(const char *type, const char *words);
void rig_destroy(struct rig *rig);

/* Add a fault behind the others; gives its index. The second form takes a type that
 * only the test knows. */
int rig_add(struct rig *rig, const char *type, const char *words);
int rig_add_type(struct rig *rig, const struct fault_type *type, const char *words);
void rig_heal(struct rig *rig, int index);
void rig_change(struct rig *rig, int index, const char *words);

void rig_push(struct rig *rig, const char *text);
void rig_push_bytes(struct rig *rig, const void *bytes, size_t size);
void rig_push_end(struct rig *rig, enum chunk_end how);
void rig_advance_ms(struct rig *rig, uint64_t ms);
void rig_advance_us(struct rig *rig, uint64_t us);

/* The same for the direction `to`, in a rig of both. */
void rig_push_to(struct rig *rig, enum direction to, const char *text);
void rig_push_bytes_to(struct rig *rig, enum direction to, const void *bytes,
                       size_t size);
void rig_push_end_to(struct rig *rig, enum direction to, enum chunk_end how);

/* What came out since the start; the rig's own, good until the next call. */
const char *rig_output(const struct rig *rig);
size_t rig_output_size(const struct rig *rig);
const char *rig_output_to(const struct rig *rig, enum direction to);
size_t rig_output_size_to(const struct rig *rig, enum direction to);

const struct chain *rig_chain(const struct rig *rig);
const struct chain *rig_chain_to(const struct rig *rig, enum direction to);
uint64_t rig_now_ns(const struct rig *rig);

/* Of fault `index`: chunks it touched, delays it drew; of all: how late they ended. */
uint64_t rig_touched(const struct rig *rig, int index);
const struct histogram *rig_delays(const struct rig *rig, int index);
const struct histogram *rig_delay_errors(const struct rig *rig);

/* Connection events of fault `index`, of the connection that is in use. Number 0 is the
 * one whose bytes move; others are there for faults that count connections. */
void rig_use_connection(struct rig *rig, int number);
enum fault_answer rig_accept(struct rig *rig, int index);
enum fault_answer rig_dial(struct rig *rig, int index);
enum fault_answer rig_open_connection(struct rig *rig, int index);
void rig_close_connection(struct rig *rig, int index);

/* In how many ns it wants to be asked again, as on_accept of `index` said when it was
 * called last; FAULT_FOREVER when it did not. */
uint64_t rig_asked_in_ns(const struct rig *rig, int index);

/* Read a fault's parameters; 0 or the error, as a user would get it. */
int rig_check(const char *type, const char *words, struct error *err);

#endif
