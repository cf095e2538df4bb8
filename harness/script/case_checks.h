/* case_checks: the checks of a case: a list, or a function of t that gives one. */
#ifndef STORMDRILL_SCRIPT_CASE_CHECKS_H
#define STORMDRILL_SCRIPT_CASE_CHECKS_H

#include "harness/script/state.h"

/* Push what `checks` of the scenario's table at `body` is: a list of checks, made sure
 * of, or a function. */
void case_checks_take(lua_State *L, int body);

/* Give a case what case_checks_take left at `index`. */
void case_checks_set(lua_State *L, struct declared_case *one, int index);

/* Once every case of the scenario stands: ask for its checks with the defaults of its
 * parameters, and look whether `expect` names them. */
void case_checks_settle(lua_State *L, struct declared_case *one);

/* Ask again, with these parameters; the checks of the case are replaced. When it fails
 * they stay as they were. Not under protection. */
int case_checks_renew(struct declared_case *one, const json_t *params, struct error *err);

#endif
