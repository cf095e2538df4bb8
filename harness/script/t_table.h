/* t_table: the t of run(t) and of checks(t). */
#ifndef STORMDRILL_SCRIPT_T_TABLE_H
#define STORMDRILL_SCRIPT_T_TABLE_H

#include "harness/script/state.h"

/* Push { cluster, params, case } for this case; without a cluster reading it is an error.
 * `params` is of script_params. */
void t_table_push(lua_State *L, const struct script_case *which, const json_t *params,
                  bool has_cluster);

#endif
