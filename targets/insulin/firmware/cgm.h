/* The glucose monitor: session, samples, alerts. */
#ifndef CGM_H
#define CGM_H

#include <stdint.h>

#include "att.h"
#include "racp.h"
#include "text.h"

struct cgm_session {
    uint32_t started_ms, next_ms;
    uint16_t calibrations;
    uint8_t stopped;
};

/* The session that runs or was stopped; none before the first start. */
extern struct cgm_session *cgm_session;
extern uint8_t cgm_running, cgm_stopped_status, cgm_interval;
extern uint32_t cgm_samples;
extern const struct records cgm_records;

/* Minutes since the session's start. */
uint32_t cgm_offset(void);
/* 0 when a session runs already. */
int cgm_start(void);
int cgm_stop(void);
void cgm_set_interval(uint32_t minutes);
int cgm_below_alert(void);
int cgm_above_alert(void);
void cgm_task(void);
enum att cgm_feature_read(struct text *value);
enum att cgm_status_read(struct text *value);
enum att cgm_start_time_read(struct text *value);
enum att cgm_start_time_write(const uint8_t *data, uint32_t length);
enum att cgm_run_time_read(struct text *value);

#endif
