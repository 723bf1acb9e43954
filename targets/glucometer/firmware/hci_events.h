/* What the events tell the set-up. */
#ifndef HCI_EVENTS_H
#define HCI_EVENTS_H

#include <stdint.h>

void hci_credit(uint8_t count);
void hci_completed(uint16_t opcode, const uint8_t *values, uint32_t length);
/* Advertise anew, once everything else is set up. */
void hci_advertise(void);

#endif
