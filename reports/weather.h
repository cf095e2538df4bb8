/* weather: what a case disturbed, one line per disturbance. */
#ifndef STORMDRILL_REPORTS_WEATHER_H
#define STORMDRILL_REPORTS_WEATHER_H

#include "reports/page.h"

/* "latency on publisher->n1  1.047 to 3.9 s  touched 1,204 chunks" for each fault and
 * action of a result; the same on many links of one client is one line. */
void weather_print(const struct page *page, const json_t *result);

#endif
