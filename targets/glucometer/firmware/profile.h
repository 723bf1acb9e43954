/* The device's profile: every number that a maker would tune. The build moves the ones in the first block. */
#ifndef PROFILE_H
#define PROFILE_H

#ifndef SERVER_MTU
#define SERVER_MTU 104u /* the largest ATT PDU, and what the reassembly takes */
#endif
#ifndef PREPARE_SIZE
#define PREPARE_SIZE 128u /* the value that prepared writes put together */
#endif
#ifndef MATCHES_MAX
#define MATCHES_MAX 2u /* in one Find By Type Value Response */
#endif
#ifndef RECORDS
#define RECORDS 12u /* measurements kept */
#endif

#define UART_HCI UART_2

#define MANUFACTURER "Northmere"
#define MODEL "GM-3"
#define SERIAL "SN-0031209"
#define FIRMWARE_REVISION "2.0.1"
#define PATIENT_IDENTIFIER "PAT-0031"
#define PATIENT_NAME "ZZ-CANARY-DOE"
#define CLOCK_AT_BOOT 820000000u /* s since 2000-01-01 */

#define CONTROL_PERIOD_US 100000u
#define HCI_PATIENCE_US 1000000u  /* for the answer to a command */
#define REPORT_PERIOD_US 20000u   /* one record a connection interval */
#define CONFIRM_PATIENCE_MS 30000u /* ATT transaction, Core vol 3 part F 3.3.3 */

#define MTU_MIN 23u
#define SIGNALLING_MTU 23u
#define NAME_MAX 20u
#define VALUE_MAX 64u
#define KEY_MIN 7u
#define KEY_MAX 16u
#define FRAMES 8u /* that wait to be sent */

#endif
