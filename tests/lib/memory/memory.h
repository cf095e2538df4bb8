/* memory: the n-th allocation fails, for tests (STYLE C18).
 *
 * Linked into every unit test with ld's --wrap, so the layers' own calls of malloc,
 * calloc, realloc and strdup pass through here; those inside shared libraries do not
 * (jansson's do, after memory_fail_at, through its own hook).
 *
 *   for (unsigned n = 1; ; n++) {
 *       memory_fail_at(n);
 *       rc = the_thing();
 *       if (!memory_failed())
 *           break;            // a run got through: every allocation has failed once
 *       assert rc == E_NOMEM and that nothing has changed
 *   }
 *   memory_fail_at(0);
 *
 * Thread: one thread arms it; allocations may come from any. */
#ifndef STORMDRILL_TESTS_MEMORY_H
#define STORMDRILL_TESTS_MEMORY_H

#include <stdbool.h>

/* From now on the n-th allocation fails, once; 0: none does. */
void memory_fail_at(unsigned n);

/* Has the armed allocation been reached and failed? */
bool memory_failed(void);

#endif
