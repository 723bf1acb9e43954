/* Interrupt handlers, by the unit that owns them. */
#ifndef INTERRUPTS_H
#define INTERRUPTS_H

/* Set by every handler: the main loop looks at everything once more before it sleeps. */
extern volatile unsigned char interrupted;

/* EXTI lines 0 to 3: the device's, where it has keys. */
void pins_interrupt(void);
void clock_interrupt(void);
void usart1_interrupt(void);
void usart2_interrupt(void);
void usart3_interrupt(void);
void usart1_received_interrupt(void);
void usart2_received_interrupt(void);
void usart1_sent_interrupt(void);
void usart2_sent_interrupt(void);
void usart3_sent_interrupt(void);

#endif
