/* rig: faults on a virtual clock, without sockets.
 *
 * A chain of one direction whose end is a text: what has come out so far. An end shows
 * as "<FIN>" or "<RST>". Faults are given as users write them. */
#ifndef STORMDRILL_TESTS_PROXY_RIG_H
#define STORMDRILL_TESTS_PROXY_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proxy/chain.h"

enum { RIG_FAULTS_MAX = 8 };

struct rig;

/* With one fault in the chain (index 0); NULL type: an empty chain. */
struct rig *rig_create(const char *type, const char *words);
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

/* What came out since the start; the rig's own, good until the next call. */
const char *rig_output(const struct rig *rig);
size_t rig_output_size(const struct rig *rig);

const struct chain *rig_chain(const struct rig *rig);
uint64_t rig_touched(const struct rig *rig, int index);

/* Connection events of fault `index`. */
enum fault_answer rig_accept(struct rig *rig, int index);
enum fault_answer rig_open_connection(struct rig *rig, int index);

/* Read a fault's parameters; 0 or the error, as a user would get it. */
int rig_check(const char *type, const char *words, struct error *err);

#endif
