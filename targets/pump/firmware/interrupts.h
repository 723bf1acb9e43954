/* Interrupt handlers, by the unit that owns them. */
#ifndef INTERRUPTS_H
#define INTERRUPTS_H

/* Set by every handler: the main loop looks at everything once more before it sleeps. */
extern volatile unsigned char interrupted;

void keypad_interrupt(void);
void clock_interrupt(void);
void link_usart_interrupt(void);
void network_usart_interrupt(void);
void console_usart_interrupt(void);
void link_received_interrupt(void);
void network_received_interrupt(void);
void link_sent_interrupt(void);
void network_sent_interrupt(void);
void console_sent_interrupt(void);

#endif
