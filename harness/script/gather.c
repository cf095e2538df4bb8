/* gather: one wait for the answers of many. */
#include "harness/script/gather.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/script/raise.h"

struct gather {
    struct wait *wait;
    int outstanding;
    int failed;
    int rc; /* of the failure that counts */
    struct error error;
};

struct gather *gather_begin(lua_State *L, const char *word, int count)
{
    struct wait *wait = wait_begin(L, word);
    struct gather *all = calloc(1, sizeof *all);

    assert(count > 0);
    if (all == NULL) {
        wait_drop(wait);
        raise_text(L, "%s: out of memory", word);
    }
    all->wait = wait;
    all->outstanding = count;
    return all;
}

struct wait *gather_wait(const struct gather *all)
{
    return all->wait;
}

void gather_drop(struct gather *all)
{
    wait_drop(all->wait);
    free(all);
}

/* Too slow is what a machine can be; stuck is not; anything else is an error. */
static int weight(int rc)
{
    return rc == 0 ? 0 : rc == E_TIMEOUT ? 1 : rc == E_LIMIT ? 2 : 3;
}

static void keep(struct gather *all, int rc, const struct error *err)
{
    if (weight(rc) <= weight(all->rc))
        return;
    all->rc = rc;
    if (err != NULL)
        all->error = *err;
    else
        error_set(&all->error, rc, "%s", error_text(rc));
}

static void name_the_others(struct gather *all)
{
    size_t used = strlen(all->error.text);

    if (all->failed > 1)
        snprintf(all->error.text + used, sizeof all->error.text - used, " (and %d more)",
                 all->failed - 1);
}

void gather_done(void *arg, int rc, const struct error *err)
{
    struct gather *all = arg;

    assert(all->outstanding > 0);
    all->outstanding--;
    all->failed += rc != 0;
    keep(all, rc, err);
    if (all->outstanding > 0)
        return;
    name_the_others(all);
    wait_done(all->wait, all->rc, all->rc != 0 ? &all->error : NULL);
    free(all);
}

void gather_lose(struct gather *all, int missing, int rc, const struct error *err)
{
    assert(missing < all->outstanding);
    all->outstanding -= missing;
    keep(all, rc, err);
}
