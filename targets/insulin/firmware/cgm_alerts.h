/* Glucose alert thresholds. */
#ifndef CGM_ALERTS_H
#define CGM_ALERTS_H

#include <stdint.h>

enum cgm_alert { ALERT_HIGH, ALERT_LOW, ALERT_HYPO, ALERT_HYPER, ALERT_DECREASE, ALERT_INCREASE, ALERT_COUNT };

/* mg/dl, and mg/dl a minute. */
extern uint32_t alert_high, alert_low, alert_hypo, alert_hyper, alert_decrease, alert_increase;

/* The two of the settings take effect. */
void cgm_alerts_load(void);
/* `raw` is an SFLOAT; 0 when it is out of the alert's range. */
int cgm_alert_set(enum cgm_alert alert, uint16_t raw);
uint16_t cgm_alert_get(enum cgm_alert alert);

#endif
