/* What the pump says of itself: identity, battery, the probe, the event log. */
#ifndef IDENTITY_H
#define IDENTITY_H

#include "att.h"
#include "text.h"

enum att manufacturer_read(struct text *value);
enum att model_read(struct text *value);
enum att serial_read(struct text *value);
enum att revision_read(struct text *value);
enum att battery_read(struct text *value);
enum att pump_status_read(struct text *value);
enum att log_value_read(struct text *value);
void battery_task(void);

#endif
