/* client_start: from { rate = "500/s", count = 3 } to clients that are ready.
 *
 *   one       count absent or 1: the client, with the name it was given
 *   several   name-1, name-2, … (or names made by the workload), started side by side;
 *             the group is returned when the last is ready. A consumer's durable gets the
 *             number too: each of them reads the whole stream.
 *   refused   before the first was started: an error at once; later, when those that were
 *             started have answered */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "harness/script/client_noun.h"
#include "harness/script/gather.h"
#include "harness/script/journal.h"
#include "harness/script/raise.h"
#include "harness/script/values.h"

static int return_top(lua_State *L)
{
    (void)L;
    return 1;
}

/* Take `count` out of the options. */
static int take_count(lua_State *L, json_t *conf, const char *word)
{
    const json_t *value = json_object_get(conf, "count");
    json_int_t count = json_integer_value(value);

    if (value == NULL)
        return 1;
    if (!json_is_integer(value) || count < 1 || count > GROUP_CLIENTS_MAX)
        raise_hint(L, "each is a process of its own; messages = N ends a load after N",
                   "%s: count takes a whole number from 1 to %d", word,
                   GROUP_CLIENTS_MAX);
    json_object_del(conf, "count");
    return (int)count;
}

/* member = "text-2" where the member is a text. */
static void number_text(json_t *conf, const char *member, int number)
{
    const char *text = json_string_value(json_object_get(conf, member));

    if (text != NULL)
        json_object_set_new(conf, member, json_sprintf("%s-%d", text, number));
}

/* The options of each, as a list under the stack's care. */
static json_t *spread(lua_State *L, const json_t *conf, int count)
{
    json_t *list = json_array();

    value_own(L, list);
    for (int i = 1; i <= count; i++) {
        json_t *one = json_copy((json_t *)conf);

        if (count > 1) {
            number_text(one, "name", i);
            number_text(one, "durable", i);
        }
        if (one == NULL || json_array_append_new(list, one) != 0)
            raise_text(L, "out of memory for %d clients", count);
    }
    return list;
}

static void name_box(struct box *box, const json_t *conf, const struct client *first,
                     const struct client *last)
{
    const char *name = json_string_value(json_object_get(conf, "name"));

    box->number = client_number(first);
    if (first == last)
        snprintf(box->name, sizeof box->name, "%s", client_name(first));
    else if (name != NULL)
        snprintf(box->name, sizeof box->name, "%s", name);
    else
        snprintf(box->name, sizeof box->name, "%.60s to %.60s", client_name(first),
                 client_name(last));
}

/* Create them all; the number of those that were, and why no more. They get numbers in a
 * row, since nothing else can run meanwhile. */
static int create_all(lua_State *L, const char *workload, const json_t *list,
                      struct clients *made, struct gather *all, struct error *err)
{
    struct crew *crew = client_noun_crew(L);
    int rc = 0;

    made->count = 0;
    for (size_t i = 0; rc == 0 && i < json_array_size(list); i++) {
        struct client **at = &made->at[made->count];

        rc = client_create(at, crew, workload, json_array_get(list, i), gather_done, all,
                           err);
        if (rc != 0)
            break;
        assert(client_number(*at) == client_number(made->at[0]) + (uint32_t)i);
        journal_say(script_of(L)->run, "client %s", client_name(*at));
        made->count++;
    }
    return rc;
}

/* The box comes first and gets its number later: nothing may raise between asking for
 * the clients and waiting for them. */
static int start(lua_State *L, const char *workload, const json_t *conf, int count)
{
    json_t *list = spread(L, conf, count);
    struct box *box = noun_push(L, count > 1 ? &noun_group : &noun_client, 0, 0, NULL);
    struct gather *all = gather_begin(L, workload, count);
    struct clients made;
    struct error err;
    int rc = create_all(L, workload, list, &made, all, &err);

    if (made.count == 0) {
        gather_drop(all);
        raise_error(L, &err);
    }
    if (rc != 0)
        gather_lose(all, count - made.count, rc, &err);
    box->count = (uint32_t)count;
    name_box(box, conf, made.at[0], made.at[made.count - 1]);
    return wait_end_then(L, gather_wait(all), return_top);
}

int client_noun_start(lua_State *L, const char *workload, const json_t *conf,
                      const char *word)
{
    json_t *own = conf != NULL ? json_copy((json_t *)conf) : json_object();
    int count = 1;

    value_own(L, own);
    client_noun_crew(L);
    if (strcmp(workload, "connector") != 0)
        count = take_count(L, own, word);
    return start(L, workload, own, count);
}
