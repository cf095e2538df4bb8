/* cases: from a scenario's table to the cases that can be run.
 *
 * Named cases come sorted by name. A matrix gives every combination, its names sorted and
 * its values in the order in which they stand, so that ids are the same on every machine.
 * A scenario with neither is one case without a name. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/script/case_checks.h"
#include "harness/script/declare.h"
#include "harness/script/raise.h"
#include "harness/script/values.h"

enum { NAMES_MAX = 1024, AXES_MAX = 16, ID_BYTES = 512 };

void cases_check_cluster(lua_State *L, const json_t *cluster)
{
    struct cluster_conf conf;
    struct error err;
    int rc;

    if (json_is_array(cluster))
        raise_text(L, "cluster takes names: cluster = { nodes = 1 }");
    rc = param_read(cluster_params, &conf, cluster, "cluster", &err);
    if (rc != 0)
        raise_error(L, &err);
    rc = cluster_check(&conf, &err);
    param_release(cluster_params, &conf);
    if (rc != 0)
        raise_error(L, &err);
}

static void case_free(struct declared_case *one)
{
    if (one == NULL)
        return;
    json_decref(one->shown.tags);
    json_decref(one->shown.needs);
    json_decref(one->shown.values);
    json_decref(one->shown.expect);
    json_decref(one->shown.params);
    json_decref(one->shown.cluster);
    free(one->shown.checks);
    free(one->name);
    free(one->id);
    free(one->scenario);
    free(one);
}

void cases_free(struct script *script)
{
    for (int i = 0; i < script->case_count; i++)
        case_free(script->cases[i]);
    free(script->cases);
    script->cases = NULL;
    script->case_count = 0;
}

/* A new, empty case at the end of the list: from now on it is freed with the script. */
static struct declared_case *append(lua_State *L)
{
    struct script *script = script_of(L);
    size_t count = (size_t)script->case_count + 1;
    struct declared_case **grown;
    struct declared_case *one;

    if (count > CASES_MAX)
        raise_text(L, "more than %d cases in one file", CASES_MAX);
    grown = realloc(script->cases, count * sizeof *grown);
    if (grown == NULL)
        raise_text(L, "out of memory for another case");
    script->cases = grown;
    one = calloc(1, sizeof *one);
    if (one == NULL)
        raise_text(L, "out of memory for another case");
    one->script = script;
    grown[script->case_count++] = one;
    return one;
}

static void set_names(lua_State *L, struct declared_case *one, const char *scenario,
                      const char *name)
{
    char id[ID_BYTES];

    snprintf(id, sizeof id, name[0] != '\0' ? "%s [%s]" : "%s%s", scenario, name);
    one->scenario = strdup(scenario);
    one->name = strdup(name);
    one->id = strdup(id);
    if (one->scenario == NULL || one->name == NULL || one->id == NULL)
        raise_text(L, "out of memory for another case");
    one->shown.scenario = one->scenario;
    one->shown.name = one->name;
    one->shown.id = one->id;
    one->shown.file = script_of(L)->path;
}

/* cluster = function(case) … end, asked once for each case. */
static json_t *ask_cluster(lua_State *L, int function, const json_t *values)
{
    json_t *cluster;

    lua_pushvalue(L, function);
    value_push(L, values);
    lua_call(L, 1, 1);
    if (!lua_istable(L, -1))
        raise_text(L, "the cluster function gave a %s instead of a table",
                   luaL_typename(L, -1));
    cluster = value_take(L, -1, "cluster");
    cases_check_cluster(L, cluster);
    return cluster;
}

/* Add one case. `values` and `expect` (may be NULL) are borrowed. */
static void add(lua_State *L, const struct body *body, const char *name, json_t *values,
                json_t *expect)
{
    struct declared_case *one = append(L); /* first: whatever raises, it is freed */
    int top = lua_gettop(L);
    json_t *cluster = body->cluster;

    luaL_checkstack(L, 8, "case");
    set_names(L, one, body->name, name);
    one->shown.line = body->line;
    one->shown.tags = json_incref(body->tags);
    one->shown.needs = json_incref(body->needs);
    one->shown.params = json_incref(body->params);
    one->shown.values = json_incref(values);
    one->shown.expect = json_incref(expect);
    one->shown.exclusive = body->exclusive;
    one->shown.timeout_ns = body->timeout_ns;
    if (body->cluster_index > 0)
        cluster = ask_cluster(L, body->cluster_index, values);
    one->shown.cluster = json_incref(cluster);
    case_checks_set(L, one, body->checks_index); /* once its expect is there */
    lua_pushvalue(L, body->run_index);
    one->run_ref = luaL_ref(L, LUA_REGISTRYINDEX);
    lua_settop(L, top);
}

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The names of `object`, sorted; gives how many. */
static int sorted_names(lua_State *L, json_t *object, const char **names, int room,
                        const char *what)
{
    const char *name;
    json_t *member;
    int count = 0;

    json_object_foreach(object, name, member) {
        if (count == room)
            raise_text(L, "%s: more than %d names", what, room);
        names[count++] = name;
    }
    qsort(names, (size_t)count, sizeof *names, compare_texts);
    return count;
}

/* A name that --case can spell and that a folder can be called by. */
static void check_case_name(lua_State *L, const char *name)
{
    static const char legal[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                "0123456789_.-";

    if (name[0] == '\0' || strlen(name) > SCRIPT_NAME_BYTES_MAX ||
        strspn(name, legal) != strlen(name))
        raise_text(L, "case '%.64s': a name has letters, digits, '_', '-' and '.'", name);
}

static void add_named(lua_State *L, const struct body *body)
{
    const char *names[NAMES_MAX];
    int count = sorted_names(L, body->cases, names, NAMES_MAX, "cases");

    if (count == 0)
        raise_text(L, "cases is empty: leave it out, or name one");
    for (int i = 0; i < count; i++) {
        json_t *one = json_object_get(body->cases, names[i]);
        json_t *values;

        check_case_name(L, names[i]);
        if (!json_is_object(one))
            raise_text(L, "case %s takes a table of values: %s = { name = value }",
                       names[i], names[i]);
        values = json_copy(one);
        value_own(L, values);
        json_object_del(values, "expect");
        add(L, body, names[i], values, json_object_get(one, "expect"));
        lua_pop(L, 1);
    }
}

/* ---- the matrix ---- */

static void check_axis(lua_State *L, const char *name, const json_t *axis)
{
    check_case_name(L, name);
    if (!json_is_array(axis) || json_array_size(axis) == 0)
        raise_text(L, "matrix.%s takes a list of values: %s = { 1, 3 }", name, name);
    for (size_t i = 0; i < json_array_size(axis); i++) {
        const json_t *value = json_array_get(axis, i);

        if (json_is_object(value) || json_is_array(value))
            raise_text(L, "matrix.%s: value %zu is a table; it takes plain values", name,
                       i + 1);
    }
}

/* "replicas=3,sync=always" of this combination; the values into `values`. */
static void combine(const struct body *body, const char **names, const size_t *at,
                    int count, json_t *values, char *id, size_t size)
{
    size_t used = 0;

    id[0] = '\0';
    for (int i = 0; i < count; i++) {
        json_t *value = json_array_get(json_object_get(body->matrix, names[i]), at[i]);
        char *dumped = json_dumps(value, JSON_ENCODE_ANY | JSON_REAL_PRECISION(6));
        const char *text = json_is_string(value) ? json_string_value(value) : dumped;

        json_object_set(values, names[i], value);
        if (used < size)
            used += (size_t)snprintf(id + used, size - used, "%s%s=%s", i > 0 ? "," : "",
                                     names[i], text != NULL ? text : "?");
        free(dumped);
    }
}

/* The next combination; false after the last. The last name turns fastest. */
static bool turn(const struct body *body, const char **names, size_t *at, int count)
{
    for (int i = count - 1; i >= 0; i--) {
        if (++at[i] < json_array_size(json_object_get(body->matrix, names[i])))
            return true;
        at[i] = 0;
    }
    return false;
}

static void add_matrix(lua_State *L, const struct body *body)
{
    const char *names[AXES_MAX];
    size_t at[AXES_MAX] = {0};
    int count = sorted_names(L, body->matrix, names, AXES_MAX, "matrix");

    if (count == 0)
        raise_text(L, "matrix is empty: leave it out, or name one");
    for (int i = 0; i < count; i++)
        check_axis(L, names[i], json_object_get(body->matrix, names[i]));
    do {
        json_t *values = json_object();
        char id[ID_BYTES / 2];

        value_own(L, values);
        combine(body, names, at, count, values, id, sizeof id);
        add(L, body, id, values, NULL);
        lua_pop(L, 1);
    } while (turn(body, names, at, count));
}

static void add_all(lua_State *L, const struct body *body)
{
    json_t *values;

    if (body->cases != NULL) {
        add_named(L, body);
    } else if (body->matrix != NULL) {
        add_matrix(L, body);
    } else {
        values = json_object();
        value_own(L, values);
        add(L, body, "", values, NULL);
        lua_pop(L, 1);
    }
}

/* A function of t may read what only another case has: all cases stand before it is
 * asked for the first. */
void cases_add(lua_State *L, const struct body *body)
{
    struct script *script = script_of(L);
    int first = script->case_count;

    add_all(L, body);
    for (int i = first; i < script->case_count; i++)
        case_checks_settle(L, script->cases[i]);
}
