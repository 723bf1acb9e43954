/* The device's profile: every number that a maker would tune. The build moves the ones in the first block. */
#ifndef PROFILE_H
#define PROFILE_H

#ifndef CALIBRATION_SIZE
#define CALIBRATION_SIZE 16u /* the calibration that waits for its record number */
#endif
#ifndef UPLOAD_SIZE
#define UPLOAD_SIZE 96u /* what one upload may hold */
#endif
#ifndef PIN_FIELD_SIZE
#define PIN_FIELD_SIZE 9u /* with the terminator */
#endif
#ifndef HISTORY_SIZE
#define HISTORY_SIZE 24u /* events kept */
#endif
#ifndef BASAL_DEFAULT
#define BASAL_DEFAULT 80u /* 0.01 U/h, every hour */
#endif
#ifndef BOLUS_DEFAULT
#define BOLUS_DEFAULT 1500u /* 0.01 U, the configured maximum */
#endif

#define UART_MAILBOX UART_2

#define MANUFACTURER "Northmere"
#define MODEL "IP-7"
#define SERIAL "SN-0007741"
#define FIRMWARE_REVISION "1.4.2"
#define PATIENT_IDENTIFIER "PAT-0007"
#define PATIENT_NAME "ZZ-CANARY-ROE"
#define PATIENT_WEIGHT 645u /* 0.1 kg */
#define PATIENT_BORN 1979u
#define DEFAULT_PIN "73918425"
#define LOGIN_KEY_1 "IP7-LOGIN-KEY-01"
#define LOGIN_KEY_2 "IP7-LOGIN-KEY-02"
#define CLOCK_AT_BOOT 820000000u /* s since 2000-01-01 */

#define CONTROL_PERIOD_US 250000u
#define INTER_FRAME_SILENCE_US 20000u
#define SESSION_TIMEOUT_MS 120000u
#define LOCK_MS 60000u
#define WRONG_PROOFS_MAX 5u
#define INDICATION_TIMEOUT_MS 30000u /* ATT transaction, Core Vol 3 Part F 3.3.3 */
#define RECORD_PERIOD_US 20000u      /* one stored record a connection interval */
#define SELF_TEST_TICKS 4u

#define PIN_MIN 4u
#define PIN_MAX 8u
#define NAME_MAX 16u
#define BONDS_MAX 4u
#define VALUE_MAX 512u

#define BOLUS_CEILING_MU 30000u
#define BASAL_CEILING_MU_H 30000u
#define BOLUS_MIN_MU 50u
#define BOLUSES_MAX 3u
#define FAST_BOLUS_MU_H 90000u /* 1.5 U a minute */
#define BOLUS_DURATION_MAX 1440u /* minutes */
#define TEMP_BASAL_MAX 1440u     /* minutes */
#define PRIMING_MAX_MU 25000u

#define ALERT_LOW_MIN 60u
#define ALERT_LOW_MAX 100u
#define ALERT_HIGH_MIN 120u
#define ALERT_HIGH_MAX 400u
#define GLUCOSE_MIN 40u
#define GLUCOSE_MAX 400u
#define INTERVAL_DEFAULT 5u /* minutes */
#define CGM_RUN_HOURS 240u
#define GLUCOSE_RECORDS 64u

#define RESERVOIR_EMPTY 10u  /* 0.1 U */
#define RESERVOIR_LOW 200u   /* 0.1 U */
#define BATTERY_EMPTY 3u     /* per cent */
#define BATTERY_LOW 15u      /* per cent */
#define OCCLUSION_LIMIT 100u /* 0.1 psi */

#define SETTINGS_SECTOR 10u
#define SETTINGS_ADDRESS 0x080C0000u
#define LOG_SECTOR 11u
#define LOG_ADDRESS 0x080E0000u
#define SECTOR_SIZE 0x20000u

#endif
