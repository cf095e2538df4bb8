/* ledger_words: a ledger's columns and sums as they are printed. */
#ifndef STORMDRILL_CHECKS_LEDGER_WORDS_H
#define STORMDRILL_CHECKS_LEDGER_WORDS_H

#include "harness/checks/check.h"
#include "harness/checks/tally.h"

struct ledger_print_input { /* what is printed */
    const struct check_input *input;
    const struct audience *audience;
    const struct tally *total;
    const struct tally_share *shares; /* one per group */
    enum level level;
};

/* One member per column. */
json_t *ledger_columns_json(const struct tally *tally);

/* All figures, the sums in sentences (with one for each of several receivers), expected
 * and measured. */
void ledger_print(struct verdict *verdict, const struct ledger_print_input *page);

#endif
