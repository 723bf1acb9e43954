/* The status characteristics of Insulin Delivery. */
#ifndef IDD_STATUS_H
#define IDD_STATUS_H

#include <stdint.h>

#include "att.h"
#include "text.h"

enum att idd_status_read(struct text *value);
enum att idd_features_read(struct text *value);
/* The collector has seen these changes. */
void idd_status_reset(uint32_t flags);
/* Indicates the status when it has changed. */
void idd_status_task(void);

#endif
