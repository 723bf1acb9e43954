/* HCI (Core 5.4 vol 4 part E): one command at a time, events, and what the controller is set up with. */
#ifndef HCI_H
#define HCI_H

#include <stdint.h>

/* Reset the controller and set it up anew; the connection, if any, is lost. */
void hci_restart(void);
void hci_event(const uint8_t *event, uint32_t length);
void hci_task(void);
/* When hci_task() has something to do, us. */
uint64_t hci_due(void);
/* The answer to a request for the key of the connection; 0 for no key. */
void hci_reply_key(const uint8_t *key);

extern uint8_t advertising;
/* Our own address, least significant byte first, and its type: 0 public, 1 random. */
extern uint8_t own_address[6], own_address_type;

#endif
