/* scratch: a folder of its own for a test, entered, and removed with all that is in it.
 */
#ifndef STORMDRILL_TESTS_LIB_SUITE_SCRATCH_H
#define STORMDRILL_TESTS_LIB_SUITE_SCRATCH_H

/* Setup and teardown of cmocka. */
int scratch_enter(void **state);
int scratch_leave(void **state);

/* Write a file, with the folders above it. */
void scratch_write(const char *path, const char *text);

#endif
