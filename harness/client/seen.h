/* seen: which messages were here before: one bit per message, in pages.
 *
 * Numbers come from received bytes, so memory is bounded whatever they claim: past
 * SEEN_PAGES_MAX pages (each 32,768 messages) a new page is not remembered, and
 * seen_add says SEEN_UNKNOWN. Thread: any; it has a lock of its own. */
#ifndef STORMDRILL_CLIENT_SEEN_H
#define STORMDRILL_CLIENT_SEEN_H

#include "harness/evidence/record.h"

enum { SEEN_PAGES_MAX = 16384, SEEN_PAGE_MESSAGES = 32768 };

enum seen_answer { SEEN_NEW, SEEN_AGAIN, SEEN_UNKNOWN };

struct seen;

struct seen *seen_create(void); /* NULL: no memory */
void seen_destroy(struct seen *seen);

/* Remember `id`; was it new? */
enum seen_answer seen_add(struct seen *seen, struct message_id id);

/* Forget `id`, so that the next seen_add calls it new. */
void seen_remove(struct seen *seen, struct message_id id);

#endif
