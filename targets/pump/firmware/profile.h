/* The device's profile: every number that a maker would tune. The build moves the ones in the first block. */
#ifndef PROFILE_H
#define PROFILE_H

#ifndef PEER_SIZE
#define PEER_SIZE 16 /* longest name of a session's peer */
#endif
#ifndef LABEL_SIZE
#define LABEL_SIZE 24 /* the display line that shows the device name */
#endif
#ifndef DRUG_NAME_SIZE
#define DRUG_NAME_SIZE 13 /* with the terminator */
#endif
#ifndef ECHO_SIZE
#define ECHO_SIZE 64
#endif
#ifndef CONTROL_ID_SIZE
#define CONTROL_ID_SIZE 21 /* with the terminator */
#endif
#ifndef PATIENT_LINE_SIZE
#define PATIENT_LINE_SIZE 33 /* the display line that shows the patient's name, with the terminator */
#endif
#ifndef DRUG_CONCENTRATION
#define DRUG_CONCENTRATION 1000u /* morphine, ug/ml */
#endif

#define UART_LINK UART_1
#define UART_NETWORK UART_2

#define MODEL "MP-405"
#define SERIAL "SN-0004711"
#define FIRMWARE_VERSION 0x0202u
#define SERVICE_KEY "MP405-SERVICEKEY"
#define PATIENT_IDENTIFIER "PAT-0001"
#define PATIENT_NAME "ZZ-CANARY-DOE"
#define PATIENT_WEIGHT 702u
#define READ_REASONS 3u /* care, service, audit */
#define SERVICE_PIN "PIN-739184"
#define CLOCK_AT_BOOT 820000000u /* s since 2000-01-01 */

#define CONTROL_PERIOD_US 250000u
#ifndef INTER_BYTE_TIMEOUT_US
#define INTER_BYTE_TIMEOUT_US 20000u
#endif
#define BYTE_US 87u /* on the wire, 115200 8N1 */
#define SESSION_TIMEOUT_MS 30000u
#define SELF_TEST_TICKS 4u

#define FRAME_BODY_MAX 300u
#define MLLP_MAX 1024u
#define NAME_MAX 16u
#define LOG_READ_MAX 16u
#define DRUGS_MAX 8u

#define RATE_MIN_UL_H 100u
#define RATE_MAX_UL_H 999000u
#define VOLUME_MIN_UL 100u
#define VOLUME_MAX_UL 9999000u
#define HOURLY_MAX_UL 250000u
#define PATIENT_BOLUS_UL 500u
#define PATIENT_BOLUS_S 60u
#define BOLUS_DURATION_MAX_S 3600u
#define CONCENTRATION_MAX 4000u

#define RESERVOIR_EMPTY 1u   /* 0.1 ml */
#define RESERVOIR_LOW 10u    /* 0.1 ml */
#define BATTERY_LOW 15u      /* minutes */
#define BATTERY_DEPLETED 5u  /* minutes */
#define TEMPERATURE_MAX 450u /* 0.1 degree C */
#define SILENCE_MAX_S 120u
#define UNDER_INFUSION_MS (15u * 60u * 1000u)

#define IMAGE_MAX 1024u
#define CHUNK_MAX 256u

#define SETTINGS_SECTOR 10u
#define SETTINGS_ADDRESS 0x080C0000u
#define LOG_SECTOR 11u
#define LOG_ADDRESS 0x080E0000u
#define SECTOR_SIZE 0x20000u

#endif
